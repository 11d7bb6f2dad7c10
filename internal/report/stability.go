package report

import (
	"errors"
	"fmt"
	"slices"
	"strings"

	"golang.org/x/perf/benchfmt"
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
