package report

import (
	"fmt"
	"slices"
	"strings"
)

// A Step is one kernel of a series of patches, as it was measured. The first of
// a series has none of them.
type Step struct {
	Name   string // "01 kernel: count calls"
	File   *File  // nil if nothing was measured
	Failed []Lack // why it has no results somewhere
}

// A Lack is why a step has no results.
type Lack struct {
	Where string // an architecture, "" for each
	Why   string // "does not build"
	More  string // what the compiler, or the kernel, said

	Partly bool // it has results there, but not all
}

// A SeriesTable is what each step of a series costs.
type SeriesTable struct {
	Steps    []Step
	Warnings []error // as those of a Comparison
	lanes    []*seriesLane
}

// seriesLane is a lane with the rows of every step.
type seriesLane struct {
	Pairing // of a step with the first, for its title
	rows    []*seriesRow
	counts  []string // by step: how many rows it made slower, and so on
}

type seriesRow struct {
	name, label string
	cells       []seriesCell // by step
	changed     bool         // significantly, by a step or by all of them
	same        bool         // to the digit, in every step
}

// seriesCell is a row in one step.
type seriesCell struct {
	value, step, all string // and the changes over the step before and over the first
	verdict          Verdict
}

// CompareSeries compares each step with the one before it that has results, and
// with the first.
func CompareSeries(steps []Step, o CompareOptions) (*SeriesTable, error) {
	o.All = false // headlines are what a table of many steps has room for
	s := &SeriesTable{Steps: steps}
	if len(steps) == 0 || steps[0].File == nil {
		return nil, fmt.Errorf("comparing a series: %w: its first step has none", ErrEmpty)
	}
	for _, arch := range steps[0].File.arches() {
		if steps[0].lacks(arch) != nil {
			continue
		}
		if err := s.compare(arch, o); err != nil {
			return nil, err
		}
	}
	return s, nil
}

// arches are those of the results, in their order.
func (f *File) arches() []string {
	var out []string
	for _, r := range f.Results {
		if a := r.GetConfig("goarch"); !slices.Contains(out, a) {
			out = append(out, a)
		}
	}
	return out
}

// of is f with the results of one architecture only.
func (f *File) of(arch string) *File {
	only := *f
	only.Results = nil
	for _, r := range f.Results {
		if r.GetConfig("goarch") == arch {
			only.Results = append(only.Results, r)
		}
	}
	return &only
}

// lacks says why a step has no results of an architecture, nil if it has.
func (s Step) lacks(arch string) *Lack {
	for i, l := range s.Failed {
		if (l.Where == arch || l.Where == "") && !l.Partly {
			return &s.Failed[i]
		}
	}
	if s.File == nil { // interrupted
		return &Lack{Why: "not measured"}
	}
	return nil
}

// compare adds the lanes of one architecture.
func (s *SeriesTable) compare(arch string, o CompareOptions) error {
	first := s.Steps[0].File.of(arch)
	before, since := first, 0
	var lanes []*seriesLane
	for i, step := range s.Steps {
		if step.File == nil || step.lacks(arch) != nil {
			continue
		}
		now := step.File.of(arch)
		overAll, err := Compare(first, now, o)
		if err != nil {
			return fmt.Errorf("step %s: %w", step.Name, err)
		}
		overStep, err := Compare(before, now, o)
		if err != nil {
			return fmt.Errorf("step %s: %w", step.Name, err)
		}
		for _, w := range overAll.Warnings {
			if !slices.ContainsFunc(s.Warnings, func(e error) bool { return e.Error() == w.Error() }) {
				s.Warnings = append(s.Warnings, w)
			}
		}
		if i == 0 { // with itself: that gives the lanes and their rows
			lanes = newSeriesLanes(overAll, len(s.Steps))
			continue
		}
		suffix := ""
		if since != i-1 {
			suffix = " since " + s.Steps[since].number()
		}
		for _, l := range lanes {
			l.take(i, overStep, overAll, suffix)
		}
		before, since = now, i
	}
	for _, l := range lanes {
		l.judge()
	}
	s.lanes = append(s.lanes, lanes...)
	return nil
}

// number is the first word of a step's name.
func (s Step) number() string {
	number, _, _ := strings.Cut(s.Name, " ")
	return number
}

func newSeriesLanes(c *Comparison, steps int) []*seriesLane {
	var lanes []*seriesLane
	for _, p := range c.Pairings {
		l := &seriesLane{Pairing: *p, counts: make([]string, steps)}
		for _, q := range p.Pairs {
			row := &seriesRow{name: q.Name, label: q.Label, cells: make([]seriesCell, steps), same: p.Exact}
			row.cells[0].value = p.figures(q).New
			l.rows = append(l.rows, row)
		}
		lanes = append(lanes, l)
	}
	return lanes
}

// take takes in what a step came to.
func (l *seriesLane) take(i int, overStep, overAll *Comparison, suffix string) {
	step, all := overStep.pairing(l), overAll.pairing(l)
	if step == nil || all == nil {
		return
	}
	l.counts[i] = step.counted()
	for _, row := range l.rows {
		cell := &row.cells[i]
		if q := step.row(row.name); q != nil {
			cell.value, cell.step, cell.verdict = step.figures(q).New, step.change(q)+suffix, q.Verdict
			row.same = row.same && q.Verdict == Unchanged
			row.changed = row.changed || q.Verdict == Slower || q.Verdict == Faster
		}
		if q := all.row(row.name); q != nil {
			cell.value, cell.all = all.figures(q).New, all.change(q)
			row.changed = row.changed || q.Verdict == Slower || q.Verdict == Faster
		} else {
			cell.value, row.same = "n/a", false
		}
	}
}

// judge puts the rows that some step changed first.
func (l *seriesLane) judge() {
	for _, row := range l.rows {
		compared := func(c seriesCell) bool { return c.all != "" }
		row.same = row.same && slices.ContainsFunc(row.cells, compared)
	}
	slices.SortStableFunc(l.rows, func(a, b *seriesRow) int {
		switch {
		case a.changed == b.changed:
			return 0
		case a.changed:
			return -1
		}
		return 1
	})
}

func (c *Comparison) pairing(l *seriesLane) *Pairing {
	for _, p := range c.Pairings {
		if p.Lane == l.Lane && p.Unit == l.Unit {
			return p
		}
	}
	return nil
}

func (p *Pairing) row(name string) *Pair {
	for _, q := range p.Pairs {
		if q.Name == name {
			return q
		}
	}
	return nil
}

// change is what became of a row, in one column: "~" marks what may be chance.
func (p *Pairing) change(q *Pair) string {
	s := q.percent()
	if p.Exact {
		s = q.exactly()
	}
	if q.Verdict == Noise {
		return "~ " + s
	}
	return s
}
