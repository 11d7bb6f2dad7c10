package report

import (
	"cmp"
	"fmt"
	"html/template"
	"io"
	"slices"
	"strconv"
	"strings"
)

// StabilitiesText writes studies for a terminal, at most 96 wide but for names.
func StabilitiesText(w io.Writer, studies []Stability) error {
	var out strings.Builder
	for i := range studies {
		if i > 0 {
			out.WriteByte('\n')
		}
		studies[i].text(&out)
	}
	_, err := io.WriteString(w, out.String())
	return err
}

const stabilityWidth = 96

func (s *Stability) text(out *strings.Builder) {
	fmt.Fprintf(out, "%s, %s, QEMU %s: %s, %s, %s\n", s.Where, s.Kernel, s.QEMU,
		plural(s.Runs(), "run"), plural(len(s.Builds), "build"), plural(len(s.Rows), "row"))
	for _, line := range s.Lines() {
		out.WriteString(wrap("  ", line, stabilityWidth))
	}
	out.WriteByte('\n')
	table := [][]string{stabilityHead}
	for _, r := range s.Rows {
		table = append(table, r.cells(len(s.Builds)))
	}
	widths := make([]int, len(stabilityHead))
	for _, cells := range table {
		for i, c := range cells {
			widths[i] = max(widths[i], runes(c))
		}
	}
	for _, cells := range table {
		line := "  " + left(cells[0], widths[0])
		for i, c := range cells[1:] {
			line += "  " + right(c, widths[i+1])
		}
		out.WriteString(strings.TrimRight(line, " ") + "\n")
	}
}

var stabilityHead = []string{"row", "insns/op", "seeds ±", "mean ±", "p99 ±", "builds ±", "finds", ""}

// cells are the figures of a row in so many builds, as text.
func (r Steady) cells(builds int) []string {
	name := cmp.Or(r.Label, r.Name)
	if r.Exact {
		name += " ="
	}
	finds, of, over := "–", "", "–"
	if builds > 1 {
		over = share(r.OverBuilds)
	}
	if r.Finds > 0 {
		finds, of = "+"+strconv.FormatFloat(r.Finds, 'f', -1, 64), share(r.smallest())
	}
	return []string{name, strconv.FormatFloat(r.Median, 'f', -1, 64), share(r.OverSeeds), share(r.MeanOverSeeds), share(r.P99OverSeeds), over, finds, of}
}

// share spells a share, "0" if there is none at all.
func share(v float64) string {
	switch {
	case v == 0:
		return "0"
	case v < 0.00005:
		return "<0.01%"
	}
	return strconv.FormatFloat(v*100, 'f', 2, 64) + "%"
}

// Lines say what comes out of a study, in sentences.
func (s *Stability) Lines() []string {
	var lines []string
	n, differ := s.Hashes()
	switch {
	case n == 0:
		lines = append(lines, "No two runs are of the same kernel, QEMU, program and rows: no hash of samples could be compared.")
	case len(differ) == 0:
		lines = append(lines, fmt.Sprintf("Runs of the same kernel, QEMU and program have the same samples: all %d hashes are those of the first run of their build.", n))
	default:
		lines = append(lines, fmt.Sprintf("%d of %d hashes of samples are not those of the first run of the same kernel, QEMU and program: %s.",
			len(differ), n, strings.Join(differ[:min(len(differ), maxNames)], ", ")))
	}
	seeds := s.worst(func(r Steady) float64 { return r.OverSeeds })
	lines = append(lines, fmt.Sprintf("%d of %d rows have one median, in each seed and build (=). The others' lie up to %s apart over seeds (%s).",
		s.Exact(), len(s.Rows), share(seeds.OverSeeds), seeds.Label))
	if len(s.Builds) < 2 {
		return append(lines, "There is one build only: what another one changes is not known.")
	}
	builds := s.worst(func(r Steady) float64 { return r.OverBuilds })
	lines = append(lines, fmt.Sprintf("Over %d builds that change nothing, medians lie up to %s apart (%s).", len(s.Builds), share(builds.OverBuilds), builds.Label))
	alarm := s.worst(func(r Steady) float64 { return r.Alarm })
	if alarm.Alarm == 0 {
		lines = append(lines, "compare finds no difference between any two of them.")
	} else {
		lines = append(lines, fmt.Sprintf("compare takes some of it for a difference, of %s at most (%s): a --gate below that may close for nothing.", share(alarm.Alarm), alarm.Label))
	}
	return append(lines, s.found()...)
}

// maxNames bounds the names in a sentence.
const maxNames = 5

// found says what a change must have to be found.
func (s *Stability) found() []string {
	var shares []float64
	for _, r := range s.Rows {
		if r.Finds > 0 {
			shares = append(shares, r.smallest())
		}
	}
	if len(shares) < len(s.Rows) {
		return []string{fmt.Sprintf("Of %s, %d have too few seeds for a change to be found: measure with --count 5.", plural(len(s.Rows), "row"), len(s.Rows)-len(shares))}
	}
	slices.Sort(shares)
	worst := s.worst(Steady.smallest)
	return []string{fmt.Sprintf("The smallest change that is found, whichever two of these builds are compared: %s in half of the rows, %s in each (%s: %+.0f instructions).",
		share(shares[len(shares)/2]), share(worst.smallest()), worst.Label, worst.Finds)}
}

// studySection shows how well runs repeat, nil if nobody looked.
func (d *digest) studySection() *Section {
	if len(d.studies) == 0 {
		return nil
	}
	s := &Section{ID: "stability", Title: "How well runs repeat", Commands: []string{"unotify-bench stability RUN..."}, Text: []template.HTML{
		"Runs of one kernel and program, and builds that change nothing of what is measured. Seeds, mean, p99 and builds: the largest over the smallest; " +
			"finds: how many instructions more in a call are found, whichever two of the builds are compared; = : one median in each seed and build.",
	}}
	for i := range d.studies {
		study := &d.studies[i]
		part := &Section{
			ID: "stability-" + slug(study.Where), Title: study.Where, Notes: study.Lines(), Folded: true,
			Commands: []string{"unotify-bench stability RUN..."},
		}
		t := &PageTable{Caption: "how well runs repeat on " + study.Where, Head: slices.Clone(stabilityHead), Text: 1}
		t.Head[len(t.Head)-1] = "of it"
		for _, r := range study.Rows {
			t.Rows = append(t.Rows, PageRow{Cells: words(r.cells(len(study.Builds))...)})
		}
		part.Tables = []*PageTable{t}
		s.Parts = append(s.Parts, part)
	}
	return s
}
