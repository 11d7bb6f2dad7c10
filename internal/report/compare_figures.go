package report

import (
	"fmt"
	"math"
	"path/filepath"
	"slices"
	"strings"

	"golang.org/x/perf/benchunit"
)

// figures is a Pair as text, the same in every format.
type figures struct {
	Label      string
	Old, OldCI string
	New, NewCI string
	Delta, P   string // as benchstat has them
	Exact      string // the difference to the digit, in an exact unit
	Verdict    Verdict
	Note       string // marks of the notes that concern this row only
	second     bool   // the line of a tenth percentile or a mean
}

func (p *Pairing) figures(q *Pair) figures {
	scale := benchunit.CommonScale([]float64{q.Old.Center, q.New.Center}, benchunit.ClassOf(p.Unit)).Format
	if p.Exact {
		scale = digits
	}
	f := figures{
		Label: q.Label,
		Old:   scale(q.Old.Center), OldCI: q.Old.PctRangeString(),
		New: scale(q.New.Center), NewCI: q.New.PctRangeString(),
		Delta: q.FormatDelta(q.Old.Center, q.New.Center), P: q.Comparison.String(),
		Verdict: q.Verdict,
	}
	if p.Exact {
		f.Exact = q.exactly()
	}
	return f
}

// digits formats what an exact unit counts, no digit less.
func digits(v float64) string { return benchunit.NoOpScaler.Format(thousandths(v)) }

// exactly is the difference in an exact unit: "=" for the same values, and
// "each" where every run moved by that number.
func (p *Pair) exactly() string {
	d := thousandths(p.Diff())
	switch {
	case p.Verdict == Unchanged:
		return "="
	case d == 0:
		return "±0"
	}
	s := digits(d)
	if d > 0 {
		s = "+" + s
	}
	if p.Shifted {
		s += " each"
	}
	return s + " (" + p.percent() + ")"
}

// percent is how much the center went up, significantly or not.
func (p *Pair) percent() string {
	if p.Old.Center == 0 {
		return "?"
	}
	return fmt.Sprintf("%+.2f%%", (p.New.Center/p.Old.Center-1)*100)
}

// difference is how a sentence gives a row's difference.
func (p *Pairing) difference(q *Pair) string {
	q = q.Decisive()
	if p.Exact {
		return fmt.Sprintf("%s %s, %s", q.exactly(), strings.TrimSuffix(p.Unit, "/op"), q.Comparison)
	}
	return fmt.Sprintf("%s (%s)", q.percent(), q.Comparison)
}

// lines is every row of p, that of another figure below its median, with the notes
// that benchmath has on them, those on intervals only where these are shown. A
// note on all rows marks none.
func (p *Pairing) lines(intervals bool) (lines []figures, notes []string) {
	count := make(map[string]int)
	var said []string
	remarks := func(q *Pair) []string {
		var out []string
		all := slices.Concat(q.Old.Sample.Warnings, q.New.Sample.Warnings, q.Comparison.Warnings)
		if intervals {
			all = slices.Concat(q.Old.Summary.Warnings, q.New.Summary.Warnings, all)
		}
		for _, w := range all {
			// Of an exact unit it is good news, and said with "=".
			if s := clean(w.Error()); !slices.Contains(out, s) && (!p.Exact || s != "all samples are equal") {
				out = append(out, s)
			}
		}
		return out
	}
	for _, q := range p.Pairs {
		for _, s := range remarks(q) {
			if count[s]++; count[s] == 1 {
				said = append(said, s)
			}
		}
	}
	mark := make(map[string]string)
	for _, s := range said {
		if count[s] == len(p.Pairs) {
			notes = append(notes, s)
			continue
		}
		mark[s] = fmt.Sprintf("[%d]", len(mark)+1)
		notes = append(notes, mark[s]+" "+s)
	}
	for _, q := range p.Pairs {
		f := p.figures(q)
		for _, s := range remarks(q) {
			f.Note += mark[s]
		}
		lines = append(lines, f)
		if q.Floor != nil {
			f := p.figures(q.Floor)
			f.second = true
			lines = append(lines, f)
		}
		if q.Mean != nil && (q.Verdict != Unchanged || q.Mean.Verdict != Unchanged) {
			f := p.figures(q.Mean)
			f.second = true
			lines = append(lines, f)
		}
	}
	return lines, notes
}

// geomean is the last row, of tables that have several.
func (p *Pairing) geomean() (figures, bool) {
	if len(p.Pairs) < 2 {
		return figures{}, false
	}
	scale := func(v float64) string {
		switch {
		case math.IsNaN(v):
			return ""
		case p.Exact:
			return plain(v)
		}
		return benchunit.Scale(v, benchunit.ClassOf(p.Unit))
	}
	before, after, ratio := p.geomeans()
	f := figures{Label: "geomean", Old: scale(before), New: scale(after), Delta: "?"}
	if !math.IsNaN(ratio) {
		f.Delta = fmt.Sprintf("%+.2f%%", (ratio-1)*100)
	}
	return f, true
}

// facts are a line for each file: what the rows of p were measured on.
func (c *Comparison) facts(p *Pairing) [2]string {
	var out [2]string
	for side, which := range []string{"old", "new"} {
		facts := []string{c.name(side)}
		if p.Kernels[side] != "" {
			facts = append(facts, "Linux "+p.Kernels[side])
		}
		out[side] = fmt.Sprintf("%s: %s, %s", which, strings.Join(facts, ", "), plural(p.Runs[side], "run"))
	}
	return out
}

// name is a file's in what will be pasted: without the directory, unless that
// is what tells the two apart.
func (c *Comparison) name(side int) string {
	if filepath.Base(c.Names[0]) == filepath.Base(c.Names[1]) {
		return clean(c.Names[side])
	}
	return clean(filepath.Base(c.Names[side]))
}

func plural(n int, what string) string {
	if n == 1 {
		return "1 " + what
	}
	return fmt.Sprintf("%d %ss", n, what)
}

// legend explains what of p's figures does not explain itself.
func (p *Pairing) legend() []string {
	var out []string
	if p.Exact {
		out = append(out, "=: the same values in every run. each: every run moved by that very number, which counts as significant from 4 runs on. ~: not significant by the test of benchstat, which looks at ranks.")
	}
	if slices.ContainsFunc(p.Pairs, func(q *Pair) bool { return q.Floor != nil }) {
		out = append(out, "by the tenth percentile: of the calls that nothing disturbs. It decides where the median cannot and every run moved by that very number.")
	}
	if slices.ContainsFunc(p.Pairs, func(q *Pair) bool { return q.Mean != nil }) {
		out = append(out, "by the mean: the calls of that row cluster at two values and the median can flip between them. A change of half their distance or more counts only if the mean's does.")
	}
	return out
}

// only says which rows one file has and the other has not.
func (p *Pairing) only() []string {
	var out []string
	for side, which := range []string{"missing in new: ", "only in new: "} {
		if n := len(p.Only[side]); n > 0 && len(p.Pairs) == 0 {
			out = append(out, which+"all "+plural(n, "row"))
			continue
		}
		var names []string
		for _, a := range p.Only[side] {
			if a.Why != "" {
				a.Label += " (" + clean(a.Why) + ")"
			}
			names = append(names, a.Label)
		}
		if len(names) > 0 {
			out = append(out, which+strings.Join(names, ", "))
		}
	}
	return out
}
