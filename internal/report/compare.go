package report

import (
	"fmt"
	"regexp"
	"slices"
	"strings"

	"golang.org/x/perf/benchmath"
	"golang.org/x/perf/benchunit"
)

// CompareOptions say what of two files is compared.
type CompareOptions struct {
	All      bool           // every unit, not only the headline of each clock
	Run      *regexp.Regexp // rows whose name it matches, nil for all
	Mechs    []string       // rows of these mechanisms, none for all
	Syscalls []string       // rows of these syscalls, none for all
}

// A Comparison is what a new results file says against an old one.
//
// Its figures are benchmath's, those that benchstat prints; what it adds is
// that it knows lanes, exact units and rows with two modes.
type Comparison struct {
	Names    [2]string // of the files, old and new
	Pairings []*Pairing
	Gate     *Gate   // nil if none was asked for
	Warnings []error // what beside the kernel is not the same in both
}

// A Pairing compares the rows of one place, clock and unit. The lane has no
// kernel: that may differ, and mostly does.
type Pairing struct {
	Lane
	Unit     string // as benchfmt tidies it: sec/op, not ns/op
	Headline bool   // what gates look at
	Exact    bool   // values repeat to the digit, so any difference is one
	Kernels  [2]string
	Runs     [2]int // of the row that has most
	Pairs    []*Pair
	Only     [2][]Absent // rows that the other file has not
}

// A Pair is one row in both files.
type Pair struct {
	Name  string // the benchmark's, in full
	Label string // shorter, and unique in its Pairing
	Old   Side
	New   Side
	benchmath.Comparison
	Verdict Verdict
	Shifted bool  // every run differs by the same, in an exact unit
	Floor   *Pair // by the tenth percentile, if that tells what the median does not
	Mean    *Pair // by the mean, if the calls of the row cluster at two values
}

// A Side is the runs of a row in one file.
type Side struct {
	*benchmath.Sample
	benchmath.Summary
}

// An Absent is a row that one file lacks.
type Absent struct {
	Name, Label string
	Why         string // as its n/a says, else ""
}

// A Verdict is what comes out of a Pair.
type Verdict int

const (
	Noise     Verdict = iota // no significant difference
	Unchanged                // the same values, in an exact unit
	Slower
	Faster
	Changed // significantly, in a unit of which neither end is known to be good
)

func (v Verdict) String() string {
	return [...]string{"within noise", "unchanged", "slower", "faster", "changed"}[v]
}

// confidence of the intervals, as benchstat's.
const confidence = 0.95

// Compare pairs the rows of two files. An error says that they do not compare
// at all, and what to do about it.
func Compare(before, after *File, o CompareOptions) (*Comparison, error) {
	c := &Comparison{Names: [2]string{before.Name, after.Name}}
	m, err := match(before, after, o)
	if err != nil {
		return nil, err
	}
	units := mergeUnits(before.Units, after.Units)
	for _, l := range m.lanes {
		c.Warnings = append(c.Warnings, l.residueWarnings()...)
		for _, unit := range l.unitsToShow(o.All) {
			p := &Pairing{
				Lane: l.Lane, Unit: unit, Headline: unit == l.tidy(),
				Kernels: [2]string{l.kernel(0), l.kernel(1)},
			}
			how := units.GetAssumption(unit)
			p.Exact = l.Clock == "insns" && strings.HasSuffix(unit, "insns/op") || how == benchmath.AssumeExact
			better := units.GetBetter(unit)
			if p.Headline {
				better = -1 // it is what a call costs
			}
			p.pair(l, judge{how, better, p.Exact})
			p.absent(l, [2]*File{before, after})
			if len(p.Pairs)+len(p.Only[0])+len(p.Only[1]) > 0 {
				c.Pairings = append(c.Pairings, p)
			}
		}
	}
	return c, nil
}

// tidy is the lane's headline as benchfmt's reader names it.
func (l Lane) tidy() string {
	_, unit := benchunit.Tidy(1, l.headline())
	return unit
}

// title says what a Pairing is about.
func (p *Pairing) title() string {
	kind := "time"
	switch {
	case p.Clock == "insns":
		kind = "instructions"
	case p.Emulated():
		kind = "emulated time, which tells nothing of a CPU"
	case p.Accel == "kvm":
		kind = "time, KVM"
	}
	return clean(fmt.Sprintf("%s, %s: %s", p.Where(), p.Unit, kind))
}

// Counts is how many pairs have each verdict.
func (p *Pairing) Counts() map[Verdict]int {
	counts := make(map[Verdict]int)
	for _, q := range p.Pairs {
		counts[q.Verdict]++
	}
	return counts
}

// counted spells Counts, the verdicts that matter first.
func (p *Pairing) counted() string {
	counts := p.Counts()
	var parts []string
	for _, v := range []Verdict{Slower, Faster, Changed, Noise, Unchanged} {
		if n := counts[v]; n > 0 {
			parts = append(parts, fmt.Sprintf("%d %s", n, v))
		}
	}
	if len(p.Pairs) == 1 {
		return "1 row: " + parts[0][2:]
	}
	return fmt.Sprintf("%d rows: %s", len(p.Pairs), strings.Join(parts, ", "))
}

// absent lists what only one file has. What has no headline there is no row
// of the other units either, so those list nothing.
func (p *Pairing) absent(l *laneMatch, files [2]*File) {
	if !p.Headline {
		return
	}
	for _, r := range l.rows {
		for side := range 2 {
			other := 1 - side
			if len(r.values[side][p.Unit]) == 0 || len(r.values[other][p.Unit]) > 0 {
				continue
			}
			p.Only[side] = append(p.Only[side], Absent{r.name, r.label, files[other].whyNot(l.Lane, r.name)})
		}
	}
}

// whyNot is the reason that f gives for having no row of that name.
func (f *File) whyNot(l Lane, name string) string {
	base, keys, _ := splitName(name)
	for _, na := range f.NAs {
		x := exclusion{NA: na}
		x.base, x.keys, _ = splitName(na.Name)
		if na.Where != "" && na.Where != l.Where() || x.base != "" && x.base != base {
			continue
		}
		if !slices.ContainsFunc(sortedKeys(x.keys), func(k string) bool { return x.keys[k] != keys[k] }) {
			return na.Why
		}
	}
	return ""
}
