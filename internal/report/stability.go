package report

import (
	"cmp"
	"errors"
	"fmt"
	"math"
	"slices"
	"strings"

	"golang.org/x/perf/benchfmt"
	"golang.org/x/perf/benchmath"
)

// A Stability is how well the runs of one place repeat, in instructions: to the
// digit if kernel, QEMU and program are the same, and how far apart rows are over
// seeds and over builds.
type Stability struct {
	Where  string   `json:"where"` // architecture
	Builds []Build  `json:"builds"`
	Rows   []Steady `json:"rows"` // that each build has
}

// A Build is a kernel, a QEMU and a program that measures.
type Build struct {
	Kernel  string   `json:"kernel"` // release
	Image   string   `json:"kernel-sha256"`
	QEMU    string   `json:"qemu"`
	Program string   `json:"program"` // its SHA-256; in older files the version
	Fault   string   `json:"fault,omitempty"`
	Runs    []string `json:"runs"`   // files
	Hashes  int      `json:"hashes"` // of samples, compared with those of an earlier run
	Differ  []string `json:"differ"` // of these, "FILE seed N"

	seen map[string]string // hashes, by seed and number of rows
	rows map[string]unitValues
	// order is that of the first run.
	order []string
}

// unitValues is a row: its runs, by unit.
type unitValues map[string][]float64

// A Steady is how far one row is from itself. A spread is the largest less the
// smallest, over the median; nil if there are no such figures.
type Steady struct {
	Name   string  `json:"name"`
	Label  string  `json:"label"`  // shorter
	Median float64 `json:"median"` // insns/op, of the first build
	Exact  bool    `json:"exact"`  // one median in each seed of each build
	// Over seeds: the spread of the median, the mean and the 99th percentile of
	// the calls, the largest of any build.
	Seeds *float64 `json:"seeds"`
	Mean  *float64 `json:"mean"`
	P99   *float64 `json:"p99"`
	// Over is the spread over builds of the median over seeds.
	Over *float64 `json:"builds"`
	// Alarm is the largest difference between two builds that compare takes for
	// one, over the smaller median; 0 if it takes none.
	Alarm float64 `json:"alarm"`
	// Finds is how many instructions more in each call of any build compare
	// finds when it is held against any other. 0 is with one build, or too few
	// seeds for any difference to be one.
	Finds float64 `json:"finds"`
}

// NewStabilities holds runs against each other. Warnings are of what is left
// out.
func NewStabilities(files []*File) ([]Stability, []error, error) {
	var all []*Stability
	var warnings []error
	for _, f := range files {
		runs, bad := f.insnsRuns()
		warnings = append(warnings, bad...)
		if len(runs) == 0 {
			warnings = append(warnings, fmt.Errorf("%s: left out: no row of it counts instructions", f.Name))
		}
		for _, r := range runs {
			i := slices.IndexFunc(all, func(s *Stability) bool { return s.Where == r.where })
			if i < 0 {
				i = len(all)
				all = append(all, &Stability{Where: r.where})
			}
			all[i].take(r)
		}
	}
	var out []Stability
	for _, s := range all {
		warnings = append(warnings, s.judge()...)
		if len(s.Rows) == 0 {
			return nil, warnings, fmt.Errorf("%s: no row is in each build: measure each with the same --mech and --syscall", s.Where)
		}
		out = append(out, *s)
	}
	if out == nil {
		return nil, warnings, errors.New("nothing to compare: no file has rows that count instructions")
	}
	return out, warnings, nil
}

// An insnsRun is what one file has of one place and build.
type insnsRun struct {
	where string
	Build
	name string
}

// insnsRuns takes a file apart.
func (f *File) insnsRuns() ([]*insnsRun, []error) {
	var runs []*insnsRun
	var warnings []error
	for _, r := range f.Results {
		v, ok := r.Value("insns/op")
		switch {
		case r.GetConfig("clock") != "insns" || !ok:
			continue
		case v < minHeadline:
			warnings = append(warnings, fmt.Errorf("%s: %s is left out: %v insns/op is no call", f.Name, clean(string(r.Name)), v))
			continue
		}
		b := Build{
			Kernel: clean(r.GetConfig("kernel")), Image: clean(r.GetConfig("kernel-sha256")), QEMU: clean(r.GetConfig("qemu")),
			Program: clean(r.GetConfig("unotify-bench")), Fault: clean(r.GetConfig("fault")),
		}
		where := clean(r.GetConfig("goarch"))
		i := slices.IndexFunc(runs, func(x *insnsRun) bool { return x.where == where && x.Build.same(&b) })
		if i < 0 {
			i = len(runs)
			b.seen, b.rows = make(map[string]string), make(map[string]unitValues)
			runs = append(runs, &insnsRun{where, b, clean(f.Name)})
		}
		runs[i].add(r)
	}
	for _, run := range runs {
		alone := !slices.ContainsFunc(runs, func(x *insnsRun) bool { return x != run && x.where == run.where })
		if alone { // else nobody knows of which build a hash is
			run.hashes(f.Samples)
		}
	}
	return runs, warnings
}

// hashes takes those of the samples in, if they name the program: with another
// one, other samples are no wonder. A run with --profile has several of a seed.
func (r *insnsRun) hashes(samples []Sample) {
	sums := make(map[string][]string)
	for _, s := range samples {
		if clean(s.Goarch) == r.where && s.Program != "" {
			r.Program = clean(s.Program)
			key := clean(s.Seed) + " " + clean(s.Rows)
			sums[key] = append(sums[key], s.SHA256)
		}
	}
	for key, all := range sums {
		slices.Sort(all)
		r.seen[key] = strings.Join(all, " ")
	}
}

func (b *Build) add(r *benchfmt.Result) {
	name := string(r.Name)
	if b.rows[name] == nil {
		b.rows[name] = make(unitValues)
		b.order = append(b.order, name)
	}
	for _, v := range r.Values {
		b.rows[name][v.Unit] = append(b.rows[name][v.Unit], v.Value)
	}
}

// same reports whether two runs of b and o must have the same samples.
func (b *Build) same(o *Build) bool {
	return b.Image == o.Image && b.QEMU == o.QEMU && b.Program == o.Program && b.Fault == o.Fault && b.Kernel == o.Kernel
}

// take adds a run to the builds.
func (s *Stability) take(run *insnsRun) {
	i := slices.IndexFunc(s.Builds, func(b Build) bool { return b.same(&run.Build) })
	if i < 0 {
		run.Runs, run.Differ = []string{run.name}, []string{}
		s.Builds = append(s.Builds, run.Build)
		return
	}
	b := &s.Builds[i]
	b.Runs = append(b.Runs, run.name)
	for _, key := range sortedKeys(run.seen) {
		switch {
		case b.seen[key] == "":
			b.seen[key] = run.seen[key]
		case b.seen[key] != run.seen[key]:
			seed, _, _ := strings.Cut(key, " ")
			b.Differ = append(b.Differ, fmt.Sprintf("%s seed %s", run.name, seed))
			b.Hashes++
		default:
			b.Hashes++
		}
	}
	// Figures are of the run that has most of them.
	for _, name := range run.order {
		switch old := b.rows[name]; {
		case old == nil:
			b.order = append(b.order, name)
			b.rows[name] = run.rows[name]
		case len(run.rows[name][insns]) > len(old[insns]):
			b.rows[name] = run.rows[name]
		}
	}
}

const (
	insns     = "insns/op"
	meanInsns = "mean-insns/op"
	p99Insns  = "p99-insns/op"
)

// judge fills in the rows.
func (s *Stability) judge() []error {
	var warnings []error
	var names []string
	for _, name := range s.Builds[0].order {
		if slices.ContainsFunc(s.Builds, func(b Build) bool { return b.rows[name] == nil }) {
			warnings = append(warnings, fmt.Errorf("%s: %s is left out: not each build has it", s.Where, clean(name)))
			continue
		}
		names = append(names, name)
	}
	labels := shortNames(names)
	for i, name := range names {
		s.Rows = append(s.Rows, s.steady(name, labels[i]))
	}
	return warnings
}

func (s *Stability) steady(name, label string) Steady {
	var builds []unitValues
	var centers, all []float64
	row := Steady{Name: clean(name), Label: cmp.Or(clean(label), clean(name))}
	for _, b := range s.Builds {
		r := b.rows[name]
		builds = append(builds, r)
		centers = append(centers, center(r[insns]))
		all = append(all, r[insns]...)
		row.Seeds = largest(row.Seeds, spread(r[insns]))
		row.Mean = largest(row.Mean, spread(r[meanInsns]))
		row.P99 = largest(row.P99, spread(r[p99Insns]))
	}
	row.Median = centers[0]
	if len(centers) > 1 {
		row.Over = spread(centers)
	}
	row.Exact = slices.Min(all) == slices.Max(all)
	row.Alarm = alarm(builds)
	row.Finds = finds(builds)
	return row
}

// held is what compare says of two builds of a row, its headline.
func held(before, after unitValues) *Pair {
	r := rowMatch{values: [2]map[string][]float64{before, after}}
	return r.pair(insns, true, judge{how: benchmath.AssumeNothing, better: -1, exact: true})
}

// alarm is the largest relative difference that compare finds between two builds.
func alarm(builds []unitValues) float64 {
	var most float64
	for i, a := range builds {
		for _, b := range builds[i+1:] {
			if p := held(a, b); p.Verdict == Slower || p.Verdict == Faster {
				most = max(most, math.Abs(p.Diff())/min(p.Old.Center, p.New.Center))
			}
		}
	}
	return most
}

// plus is a row that takes more in each call.
func (v unitValues) plus(more float64) unitValues {
	out := make(unitValues, len(v))
	for unit, values := range v {
		out[unit] = slices.Clone(values)
		for i := range out[unit] {
			if unit == insns || unit == meanInsns {
				out[unit][i] += more
			}
		}
	}
	return out
}

// finds is how much each call of a build must take more for compare to call it
// slower than any other: a whole number, 0 if nothing is enough.
func finds(builds []unitValues) float64 {
	found := func(more float64) bool {
		for j, b := range builds {
			slow := b.plus(more)
			for i, a := range builds {
				if i != j && held(a, slow).Verdict != Slower {
					return false
				}
			}
		}
		return true
	}
	if len(builds) < 2 {
		return 0
	}
	limit := 1.0
	for _, b := range builds {
		limit = max(limit, 4*slices.Max(b[insns]))
	}
	most := 1.0
	for ; !found(most); most *= 2 {
		if most > limit {
			return 0
		}
	}
	least := math.Floor(most / 2) // not found, or 0
	for most-least > 1 {
		if middle := math.Floor((least + most) / 2); found(middle) {
			most = middle
		} else {
			least = middle
		}
	}
	return most
}

func center(values []float64) float64 {
	return benchmath.AssumeNothing.Summary(benchmath.NewSample(slices.Clone(values), &benchmath.DefaultThresholds), confidence).Center
}

// spread is the largest less the smallest, over the median.
func spread(values []float64) *float64 {
	if len(values) == 0 {
		return nil
	}
	var s float64
	if c := center(values); c > 0 {
		s = (slices.Max(values) - slices.Min(values)) / c
	}
	return &s
}

// largest is the larger of two figures of which either may be missing.
func largest(a, b *float64) *float64 {
	if a == nil || b != nil && *b > *a {
		return b
	}
	return a
}

// runs is how many there are of all builds.
func (s *Stability) runs() int {
	n := 0
	for _, b := range s.Builds {
		n += len(b.Runs)
	}
	return n
}

// Hashes is how many hashes of samples there were to compare with those of
// another run of the same build, and which differ.
func (s *Stability) Hashes() (n int, differ []string) {
	for _, b := range s.Builds {
		n += b.Hashes
		differ = append(differ, b.Differ...)
	}
	return n, differ
}

// check is of what another program may have written.
func (s *Stability) check() error {
	line := func(v *string) { *v = clean(cut(*v, 200)) }
	if s.Where == "" || len(s.Builds) == 0 || len(s.Rows) == 0 {
		return errors.New("a study without place, builds or rows")
	}
	line(&s.Where)
	for i := range s.Builds {
		b := &s.Builds[i]
		for _, v := range []*string{&b.Kernel, &b.Image, &b.QEMU, &b.Program, &b.Fault} {
			line(v)
		}
		for j := range b.Runs {
			line(&b.Runs[j])
		}
		for j := range b.Differ {
			line(&b.Differ[j])
		}
		if b.Hashes < len(b.Differ) {
			return fmt.Errorf("a study in which %d of %d hashes differ", len(b.Differ), b.Hashes)
		}
	}
	for i := range s.Rows {
		if err := s.Rows[i].check(); err != nil {
			return err
		}
	}
	return nil
}

func (r *Steady) check() error {
	r.Name = clean(cut(r.Name, 200))
	r.Label = cmp.Or(clean(cut(r.Label, 200)), r.Name)
	figures := []float64{r.Median, r.Alarm, r.Finds}
	for _, p := range []*float64{r.Seeds, r.Mean, r.P99, r.Over} {
		if p != nil {
			figures = append(figures, *p)
		}
	}
	for _, v := range figures {
		if v < 0 || v > maxFigure {
			return fmt.Errorf("row %s of a study: %v is no figure", r.Name, v)
		}
	}
	if r.Median < minHeadline || r.Finds != math.Trunc(r.Finds) {
		return fmt.Errorf("row %s of a study: %v insns/op, of which %v are found, is no call", r.Name, r.Median, r.Finds)
	}
	return nil
}

// maxFigure is more than any call takes.
const maxFigure = 1e15
