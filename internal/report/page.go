package report

import (
	"cmp"
	"errors"
	"fmt"
	"html/template"
	"slices"
	"strings"

	"golang.org/x/perf/benchfmt"

	"unotify-bench/internal/figure"
)

// A Page shows all that some files hold: as HTML, or as the pictures alone.
type Page struct {
	Title    string
	Facts    []string // what was measured on
	Sections []*Section
	// Asides are what was read and is not shown, and why.
	Asides   []string
	warnings []error
}

// A Section is a part of the page. It may have parts, too.
type Section struct {
	ID, Title string
	Commands  []string // that give what is in it
	Text      []template.HTML
	Pictures  []figure.Picture
	Tables    []*PageTable
	Notes     []string
	Parts     []*Section
	Folded    bool // to be opened by who wants to see it
	Open      bool // is folded, and open at first
}

// PageOptions say what is not in the files.
type PageOptions struct {
	Footprints []Footprint
	// Spare are directories that are worth a word where no footprint touches
	// them, and where one does.
	Spare []string
}

// ErrNothing is what NewPage says where nothing is to be shown.
var ErrNothing = errors.New("nothing to show in it: no row was measured, no race run, no check made, no study of stability")

// NewPage arranges inputs. It keeps of them what it shows.
func NewPage(inputs []*Input, o PageOptions) (*Page, error) {
	d, err := newDigest(inputs, o)
	if err != nil {
		return nil, err
	}
	p := &Page{Title: "Seccomp user notification: fast, and right?"}
	add := func(s *Section) {
		if s != nil {
			p.Sections = append(p.Sections, s)
		}
	}
	add(d.summary())
	for _, g := range d.groups {
		add(g.latency())
	}
	for _, g := range d.groups {
		add(g.distribution())
	}
	for _, g := range d.groups {
		add(g.sweepSection())
	}
	for _, g := range d.groups {
		add(g.workloadSection())
	}
	add(d.raceSection())
	add(d.checkSection())
	add(d.faultSection())
	add(d.studySection())
	add(d.footprintSection())
	add(d.sources())
	for _, g := range d.groups {
		p.Facts = append(p.Facts, g.facts()...)
	}
	p.Asides, p.warnings = d.asides(), d.warnings
	return p, nil
}

// Warnings are doubts about what the page shows.
func (p *Page) Warnings() []error { return p.warnings }

// Pictures are all of the page, in its order.
func (p *Page) Pictures() []figure.Picture {
	var all []figure.Picture
	var add func([]*Section)
	add = func(sections []*Section) {
		for _, s := range sections {
			all = append(all, s.Pictures...)
			add(s.Parts)
		}
	}
	add(p.Sections)
	return all
}

// A digest is what a page is made from.
type digest struct {
	PageOptions
	inputs   []*Input
	groups   []*group
	races    []Race
	checks   []Check
	faults   []*Faults
	studies  []Stability
	older    []older
	warnings []error
}

// older is a lane that is not shown, as there is a later one.
type older struct{ where, file, instead string }

// A machine is a lane of one kernel image.
type machine struct {
	Lane
	image   string // hash of the kernel
	program string // version of what measured, which sorts by time
	file    string
}

func newDigest(inputs []*Input, o PageOptions) (*digest, error) {
	d := &digest{PageOptions: o, inputs: inputs}
	for _, in := range inputs {
		d.warnings = append(d.warnings, in.Warnings...)
		d.races = append(d.races, in.Races...)
		d.checks = append(d.checks, in.Checks...)
		d.studies = append(d.studies, in.Studies...)
		if in.Faults != nil {
			d.faults = append(d.faults, in.Faults)
		}
	}
	shown := d.machines()
	for _, in := range inputs {
		if in.File != nil {
			d.take(in.File, shown)
		}
	}
	slices.SortStableFunc(d.groups, func(a, b *group) int { return cmp.Compare(a.clock, b.clock) })
	for _, g := range d.groups {
		d.warnings = append(d.warnings, g.grid.Warnings()...)
		d.warnings = append(d.warnings, g.programs.Warnings()...)
	}
	if len(d.groups)+len(d.races)+len(d.checks)+len(d.faults)+len(d.studies) == 0 {
		return nil, ErrNothing
	}
	return d, nil
}

// machines picks of each lane the kernel that was measured last: rows of two
// kernels are no repetition of each other, even if both have one name.
func (d *digest) machines() map[Lane]machine {
	shown := map[Lane]machine{}
	var all []machine
	for _, in := range d.inputs {
		if in.File == nil {
			continue
		}
		for _, r := range in.File.Results {
			m := machineOf(r, in.Name)
			if len(all) > 0 && all[len(all)-1] == m {
				continue
			}
			all = append(all, m)
			if old, ok := shown[m.Lane]; !ok || cmp.Compare(m.program, old.program) >= 0 && m.image != old.image {
				shown[m.Lane] = m
			}
		}
	}
	for _, m := range all {
		last := shown[m.Lane]
		o := older{m.Where(), m.file, last.file}
		if m.image != last.image && !slices.Contains(d.older, o) {
			d.older = append(d.older, o)
		}
	}
	return shown
}

func machineOf(r *benchfmt.Result, file string) machine {
	return machine{resultLane(r), r.GetConfig("kernel-sha256"), r.GetConfig("unotify-bench"), file}
}

// resultLane is the lane of a result that need not be taken apart.
func resultLane(r *benchfmt.Result) Lane {
	return Lane{r.GetConfig("goarch"), r.GetConfig("accel"), r.GetConfig("kernel"), r.GetConfig("clock")}
}

// take sorts a file's rows into the groups of their clocks.
func (d *digest) take(f *File, shown map[Lane]machine) {
	fresh := slices.DeleteFunc(slices.Clone(f.Results), func(r *benchfmt.Result) bool {
		m := machineOf(r, f.Name)
		return m.image != shown[m.Lane].image
	})
	grid, steps := splitSweeps(fresh)
	places := map[string]bool{}
	add := func(r *benchfmt.Result, set func(*group) *Set) {
		g := d.group(resultLane(r))
		err := set(g).Add(r)
		if err == nil && len(set(g).columns) > maxPlaces {
			set(g).columns = set(g).columns[:maxPlaces]
			err = fmt.Errorf("a page has room for %d places", maxPlaces)
		}
		if err != nil {
			_, line := r.Pos()
			d.warnings = append(d.warnings, fmt.Errorf("%s:%d: left out: %w", f.Name, line, err))
		}
	}
	for _, r := range grid {
		places[resultLane(r).Where()] = true
		if string(r.Name.Base()) == workloadBase {
			add(r, func(g *group) *Set { return &g.programs })
			continue
		}
		add(r, func(g *group) *Set { return &g.grid })
	}
	for _, key := range sweepKeys {
		for _, r := range steps[key] {
			add(r, func(g *group) *Set { return g.sweepSet(key) })
		}
	}
	for _, na := range f.NAs {
		if na.Where != "" && !places[na.Where] {
			continue
		}
		for _, g := range d.groups {
			set := &g.grid
			if base, _, _ := splitName(na.Name); base == workloadBase {
				set = &g.programs
			}
			_ = set.AddNA(na) // Read has checked it
		}
	}
}

func (d *digest) group(l Lane) *group {
	c := clockOf(l)
	for _, g := range d.groups {
		if g.clock == c {
			return g
		}
	}
	g := &group{clock: c, sweeps: map[string]*Set{}}
	d.groups = append(d.groups, g)
	return g
}

// list joins words as a sentence does.
func list(words []string) string {
	if len(words) < 2 {
		return strings.Join(words, "")
	}
	return strings.Join(words[:len(words)-1], ", ") + " and " + words[len(words)-1]
}
