package report

import (
	"fmt"
	"html/template"
	"io"
	"slices"
	"strconv"
	"strings"
)

// StabilitiesText writes studies for a terminal, 80 wide unless names are long.
func StabilitiesText(w io.Writer, studies []Stability) error {
	var out strings.Builder
	for i := range studies {
		studies[i].text(&out)
		out.WriteByte('\n')
	}
	out.WriteString(wrap("", stabilityLegend, stabilityWidth))
	_, err := io.WriteString(w, out.String())
	return err
}

const stabilityWidth = 80

const stabilityLegend = "seeds, mean, p99: how far the medians of a row lie apart over seeds, and so the means " +
	"and 99th percentiles of its calls (the largest less the smallest, over the median; of the build where that is most). " +
	"builds: the same of medians over seeds, over builds. finds: how many instructions more in each call compare finds between any two of the builds. " +
	"=: one median in each seed of each build."

func (s *Stability) text(out *strings.Builder) {
	out.WriteString(s.Sentences() + "\n")
	table := [][]string{stabilityHead}
	for _, r := range s.Rows {
		table = append(table, r.cells())
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

// Sentences are what is above the table.
func (s *Stability) Sentences() string {
	var out strings.Builder
	var facts []string
	for _, of := range []struct {
		prefix string
		get    func(Build) string
	}{{"", func(b Build) string { return b.Kernel }}, {"QEMU ", func(b Build) string { return b.QEMU }}} {
		var values []string
		for _, b := range s.Builds {
			if v := of.get(b); v != "" && !slices.Contains(values, v) {
				values = append(values, v)
			}
		}
		if values != nil {
			facts = append(facts, of.prefix+strings.Join(values, " and "))
		}
	}
	facts = append(facts, plural(s.runs(), "run"), plural(len(s.Builds), "build"), plural(len(s.Rows), "row"))
	out.WriteString(wrap(s.Where+": ", strings.Join(facts, ", "), stabilityWidth))
	for _, line := range s.lines() {
		out.WriteString(wrap("  ", line, stabilityWidth))
	}
	return out.String()
}

var stabilityHead = []string{"row", "insns/op", "seeds", "mean", "p99", "builds", "finds", ""}

// cells are the figures of a row, as text.
func (r Steady) cells() []string {
	name := r.Label
	if r.Exact {
		name += " ="
	}
	finds, of := "–", ""
	if r.Finds > 0 {
		finds, of = fmt.Sprintf("+%.0f", r.Finds), share(r.least())
	}
	return []string{name, strconv.FormatFloat(r.Median, 'f', -1, 64), shareOf(r.Seeds), shareOf(r.Mean), shareOf(r.P99), shareOf(r.Over), finds, of}
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

// shareOf is share, or a dash for what is not known.
func shareOf(v *float64) string {
	if v == nil {
		return "–"
	}
	return share(*v)
}

// known is a figure, 0 if there is none.
func known(v *float64) float64 {
	if v == nil {
		return 0
	}
	return *v
}

// maxNames bounds the names in a sentence.
const maxNames = 5

// lines say what comes out of a study, in sentences.
func (s *Stability) lines() []string {
	lines := []string{s.repeats(), s.exact()}
	if len(s.Builds) < 2 {
		return append(lines, "There is one build: what another one changes is not known.")
	}
	over := func(r Steady) float64 { return known(r.Over) }
	worst := s.worst(over)
	lines = append(lines, fmt.Sprintf("Over %d builds, medians lie up to %s apart (%s).", len(s.Builds), share(over(worst)), worst.Label))
	return append(lines, s.found()...)
}

// repeats says whether runs of one build have the same samples.
func (s *Stability) repeats() string {
	n, differ := s.Hashes()
	switch {
	case n == 0:
		return "No hash of samples could be compared: that takes two runs of one kernel, QEMU and program."
	case len(differ) == 0:
		return fmt.Sprintf("Samples repeat: %d of %d hashes are those of another run of the same kernel, QEMU and program.", n, n)
	}
	names := differ[:min(len(differ), maxNames)]
	if len(differ) > maxNames {
		names = append(slices.Clone(names), "…")
	}
	return fmt.Sprintf("Samples do not repeat: %d of %d hashes are not those of another run of the same kernel, QEMU and program: %s. Figures below are of one run of each build.",
		len(differ), n, strings.Join(names, ", "))
}

// exact says how many rows are.
func (s *Stability) exact() string {
	n := 0
	for _, r := range s.Rows {
		if r.Exact {
			n++
		}
	}
	text := fmt.Sprintf("%d of %s have one median in each seed of each build (=)", n, plural(len(s.Rows), "row"))
	over := func(r Steady) float64 { return known(r.Seeds) }
	if worst := s.worst(over); over(worst) > 0 {
		text += fmt.Sprintf("; over seeds, medians lie up to %s apart (%s)", share(over(worst)), worst.Label)
	}
	return text + "."
}

// found says what compare makes of the builds.
func (s *Stability) found() []string {
	var least []float64
	for _, r := range s.Rows {
		if r.Finds > 0 {
			least = append(least, r.least())
		}
	}
	if few := len(s.Rows) - len(least); few > 0 {
		return []string{fmt.Sprintf("Too few seeds for compare to find anything in %d of %s: measure with --count 5.", few, plural(len(s.Rows), "row"))}
	}
	var lines []string
	if alarm := s.worst(func(r Steady) float64 { return r.Alarm }); alarm.Alarm == 0 {
		lines = append(lines, "Between no two of them does compare find a difference.")
	} else {
		lines = append(lines, fmt.Sprintf("Of that compare takes up to %s for a difference (%s): if the builds change nothing that is measured, a --gate below may close for nothing.", share(alarm.Alarm), alarm.Label))
	}
	slices.Sort(least)
	worst := s.worst(Steady.least)
	return append(lines, fmt.Sprintf("Between any two of them compare finds a call that takes %s more in half of the rows, and %s more in each (%s: %+.0f instructions).",
		share(least[(len(least)-1)/2]), share(worst.least()), worst.Label, worst.Finds))
}

// worst is the row of which a figure is largest.
func (s *Stability) worst(figure func(Steady) float64) Steady {
	worst := s.Rows[0]
	for _, r := range s.Rows[1:] {
		if figure(r) > figure(worst) {
			worst = r
		}
	}
	return worst
}

// studySection shows how well runs repeat, nil if nobody looked.
func (d *digest) studySection() *Section {
	if len(d.studies) == 0 {
		return nil
	}
	s := &Section{ID: "stability", Title: "How well runs repeat", Commands: []string{"unotify-bench stability FILE..."}, Text: []template.HTML{stabilityLegend}}
	for i := range d.studies {
		study := &d.studies[i]
		t := &PageTable{Caption: "how well runs repeat on " + study.Where, Head: slices.Clone(stabilityHead), Text: 1}
		t.Head[len(t.Head)-1] = "of it"
		for _, r := range study.Rows {
			t.Rows = append(t.Rows, PageRow{Cells: words(r.cells()...)})
		}
		s.Parts = append(s.Parts, &Section{
			ID: fmt.Sprintf("stability-%d-%s", i+1, slug(study.Where)), Title: study.Where,
			Notes: study.lines(), Tables: []*PageTable{t}, Folded: true,
		})
	}
	return s
}
