package report

import (
	"errors"
	"fmt"
	"math"
	"slices"

	"golang.org/x/perf/benchfmt"
	"golang.org/x/perf/benchmath"
)

// A Stability is how well the runs of one place repeat: to the instruction if
// kernel, QEMU and program are the same, and how far apart their rows are over
// seeds, and over builds that change nothing of what is measured.
type Stability struct {
	Where  string   `json:"where"`  // architecture
	Kernel string   `json:"kernel"` // release, of the first run
	QEMU   string   `json:"qemu"`
	Builds []Build  `json:"builds"` // the first is that of the first run
	Rows   []Steady `json:"rows"`   // that each build has
}

// A Build is a kernel with a program that measures it.
type Build struct {
	Kernel  string   `json:"kernel-sha256"`
	Program string   `json:"program"` // hash, or version in older files
	Runs    []string `json:"runs"`    // files
	Hashes  int      `json:"hashes"`  // of samples, compared with those of its first run
	Differ  []string `json:"differ"`  // of these, "FILE seed N"

	qemu  string
	seeds map[string]string // hashes of the first run
	rows  map[string]*steadyRow
	order []string
}

// A Steady is how far one row is from itself. Spreads are of the largest over
// the smallest, relative to the median, and the largest of any build.
type Steady struct {
	Name   string  `json:"name"`
	Label  string  `json:"label"`
	Median float64 `json:"median"` // insns/op, median over the seeds of the first build
	Exact  bool    `json:"exact"`  // the same median in each seed of each build
	// The spread over seeds of the median, the mean and the 99th percentile.
	OverSeeds     float64 `json:"median-over-seeds"`
	MeanOverSeeds float64 `json:"mean-over-seeds"`
	P99OverSeeds  float64 `json:"p99-over-seeds"`
	// OverBuilds is the spread over builds of the median over seeds.
	OverBuilds float64 `json:"over-builds"`
	// Alarm is the largest relative difference between two builds that compare
	// takes for one: a gate below it may close for nothing.
	Alarm float64 `json:"alarm"`
	// Finds is how many instructions more in each call of one build compare
	// finds when it is held against any other. 0 is with a single build, or
	// too few seeds for any difference to be one.
	Finds float64 `json:"finds"`
}

// steadyRow is the seeds of a row in one build.
type steadyRow struct{ median, mean, p99 []float64 }

// NewStabilities holds runs against each other. Warnings are of what is left
// out.
func NewStabilities(files []*File) ([]Stability, []error, error) {
	var all []*Stability
	var warnings []error
	for _, f := range files {
		lanes := 0
		for _, arch := range f.arches() {
			only := f.of(arch)
			if only.Results[0].GetConfig("clock") != "insns" {
				continue
			}
			lanes++
			i := slices.IndexFunc(all, func(s *Stability) bool { return s.Where == arch })
			if i < 0 {
				i = len(all)
				all = append(all, &Stability{Where: arch, Kernel: clean(only.Results[0].GetConfig("kernel"))})
			}
			all[i].take(only, arch)
		}
		if lanes == 0 {
			warnings = append(warnings, fmt.Errorf("%s: left out: no row of it counts instructions", f.Name))
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

// take adds the run of one file.
func (s *Stability) take(f *File, arch string) {
	r := f.Results[0]
	hashes := make(map[string]string)
	program := r.GetConfig("unotify-bench")
	for _, sum := range f.Samples {
		if sum.Goarch != arch {
			continue
		}
		hashes[sum.Seed] = sum.SHA256
		if sum.Program != "" {
			program = sum.Program
		}
	}
	now := newBuild(f, hashes)
	now.Kernel, now.Program, now.qemu = clean(r.GetConfig("kernel-sha256")), clean(program), clean(r.GetConfig("qemu"))
	name := clean(f.Name)
	for i := range s.Builds {
		b := &s.Builds[i]
		if b.Kernel != now.Kernel || b.Program != now.Program || b.qemu != now.qemu || !slices.Equal(b.order, now.order) {
			continue
		}
		b.Runs = append(b.Runs, name)
		for _, seed := range sortedKeys(hashes) {
			if b.seeds[seed] == "" {
				b.seeds[seed] = hashes[seed]
				continue
			}
			b.Hashes++
			if b.seeds[seed] != hashes[seed] {
				b.Differ = append(b.Differ, fmt.Sprintf("%s seed %s", name, clean(seed)))
			}
		}
		return
	}
	now.Runs = []string{name}
	s.Builds = append(s.Builds, now)
	s.QEMU = s.Builds[0].qemu
}

func newBuild(f *File, hashes map[string]string) Build {
	b := Build{seeds: hashes, rows: make(map[string]*steadyRow), Differ: []string{}}
	for _, r := range f.Results {
		name := string(r.Name)
		row := b.rows[name]
		if row == nil {
			row = new(steadyRow)
			b.rows[name] = row
			b.order = append(b.order, name)
		}
		row.add(r)
	}
	return b
}

func (row *steadyRow) add(r *benchfmt.Result) {
	for unit, to := range map[string]*[]float64{"insns/op": &row.median, "mean-insns/op": &row.mean, "p99-insns/op": &row.p99} {
		if v, ok := r.Value(unit); ok {
			*to = append(*to, v)
		}
	}
}

// judge fills in the rows.
func (s *Stability) judge() []error {
	var warnings []error
	var names []string
	for _, name := range s.Builds[0].order {
		if slices.ContainsFunc(s.Builds, func(b Build) bool { return b.rows[name] == nil || len(b.rows[name].median) == 0 }) {
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
	var medians [][]float64
	var centers, all []float64
	row := Steady{Name: clean(name), Label: clean(label)}
	for _, b := range s.Builds {
		r := b.rows[name]
		medians = append(medians, r.median)
		centers = append(centers, center(r.median))
		all = append(all, r.median...)
		row.OverSeeds = max(row.OverSeeds, spread(r.median))
		row.MeanOverSeeds = max(row.MeanOverSeeds, spread(r.mean))
		row.P99OverSeeds = max(row.P99OverSeeds, spread(r.p99))
	}
	row.Median, row.OverBuilds = centers[0], spread(centers)
	row.Exact = slices.Min(all) == slices.Max(all)
	row.Alarm = alarm(medians)
	row.Finds = finds(medians)
	return row
}

// insnsJudge is the judge of headlines in instructions.
var insnsJudge = judge{how: benchmath.AssumeNothing, better: -1, exact: true}

// alarm is the largest relative difference that is found between two builds.
func alarm(builds [][]float64) float64 {
	var most float64
	for i, a := range builds {
		for _, b := range builds[i+1:] {
			if p := insnsJudge.pair(a, b); p.Verdict == Slower || p.Verdict == Faster {
				most = max(most, math.Abs(p.Diff())/min(p.Old.Center, p.New.Center))
			}
		}
	}
	return most
}

// finds is how much must be added to each run of a build for it to be slower
// than any other: a whole number, 0 if none is found.
func finds(builds [][]float64) float64 {
	found := func(more float64) bool {
		for i, a := range builds {
			for j, b := range builds {
				if i == j {
					continue
				}
				slow := make([]float64, len(b))
				for k, v := range b {
					slow[k] = v + more
				}
				if insnsJudge.pair(a, slow).Verdict != Slower {
					return false
				}
			}
		}
		return true
	}
	if len(builds) < 2 {
		return 0
	}
	most := 1.0
	for limit := 4 * slices.Max(slices.Concat(builds...)); !found(most); most *= 2 {
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
	return insnsJudge.side(slices.Clone(values)).Center
}

// spread is of the largest over the smallest, relative to the median.
func spread(values []float64) float64 {
	if len(values) == 0 {
		return 0
	}
	c := center(values)
	if c == 0 {
		return 0
	}
	return (slices.Max(values) - slices.Min(values)) / c
}

// Runs is how many there are of all builds.
func (s *Stability) Runs() int {
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

// Exact is how many rows are.
func (s *Stability) Exact() int {
	n := 0
	for _, r := range s.Rows {
		if r.Exact {
			n++
		}
	}
	return n
}

// worst is the row of which a figure is largest.
func (s *Stability) worst(figure func(Steady) float64) Steady {
	return slices.MaxFunc(s.Rows, func(a, b Steady) int {
		switch fa, fb := figure(a), figure(b); {
		case fa < fb:
			return -1
		case fa > fb:
			return 1
		}
		return 0
	})
}

// smallest is Finds relative to the median.
func (r Steady) smallest() float64 { return r.Finds / r.Median }

// Check is of what another program may have written.
func (s *Stability) Check() error {
	switch {
	case s.Where == "" || len(s.Builds) == 0 || len(s.Rows) == 0:
		return errors.New("a study without place, builds or rows")
	case len(s.Rows) > maxObjects || len(s.Builds) > maxObjects:
		return errors.New("a study of too many rows or builds")
	}
	s.Where, s.Kernel, s.QEMU = short(s.Where), short(s.Kernel), short(s.QEMU)
	for i := range s.Rows {
		r := &s.Rows[i]
		for _, v := range []float64{r.Median, r.OverSeeds, r.MeanOverSeeds, r.P99OverSeeds, r.OverBuilds, r.Alarm, r.Finds} {
			if math.IsNaN(v) || math.IsInf(v, 0) || v < 0 {
				return fmt.Errorf("row %s of a study: %v is no figure", short(r.Name), v)
			}
		}
		if r.Median < minHeadline {
			return fmt.Errorf("row %s of a study: %v insns/op is no call", short(r.Name), r.Median)
		}
		r.Name, r.Label = short(r.Name), short(r.Label)
	}
	for i := range s.Builds {
		b := &s.Builds[i]
		b.Kernel, b.Program = short(b.Kernel), short(b.Program)
		for j := range b.Runs {
			b.Runs[j] = short(b.Runs[j])
		}
		for j := range b.Differ {
			b.Differ[j] = short(b.Differ[j])
		}
		if b.Hashes < len(b.Differ) {
			return fmt.Errorf("a build of a study: %d of %d hashes differ", len(b.Differ), b.Hashes)
		}
	}
	return nil
}
