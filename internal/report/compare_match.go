package report

import (
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"

	"golang.org/x/perf/benchfmt"
	"golang.org/x/perf/benchproc"
)

// matches is the results of both files, by lane and row.
type matches struct {
	laneBy, rowBy, residueBy *benchproc.Projection

	names [2]string
	all   bool
	lanes []*laneMatch
	byKey map[benchproc.Key]*laneMatch
}

type laneMatch struct {
	Lane
	rows    []*rowMatch // as they come, those of the old file first
	byKey   map[benchproc.Key]*rowMatch
	counts  [2]int // results
	units   []string
	kernels [2][]string
	residue [2]map[benchproc.Key]bool
}

type rowMatch struct {
	name, label string
	values      [2]map[string][]float64 // by tidied unit
}

// match sorts the rows that o selects into lanes. Lanes are told apart by
// laneKeys; kernelKeys are what is compared; whatever differs of the other
// keys is residue.
func match(before, after *File, o CompareOptions) (*matches, error) {
	const laneKeys, kernelKeys = "goarch,accel,clock", "kernel,kernel-sha256"
	m := &matches{names: [2]string{before.Name, after.Name}, all: o.All, byKey: make(map[benchproc.Key]*laneMatch)}
	var p benchproc.ProjectionParser
	var errs [3]error
	all, err := benchproc.NewFilter("*")
	if err != nil {
		return nil, fmt.Errorf("comparing: %w", err)
	}
	m.laneBy, errs[0] = p.Parse(laneKeys, all)
	m.rowBy, errs[1] = p.Parse(".fullname", all)
	_, errs[2] = p.Parse(kernelKeys, all)
	m.residueBy = p.Residue()
	if err := errors.Join(errs[:]...); err != nil {
		return nil, fmt.Errorf("comparing: %w", err)
	}
	s := newSelection(o)
	for side, f := range []*File{before, after} {
		for _, r := range f.Results {
			if s.selects(string(r.Name)) {
				m.add(side, r)
			}
		}
	}
	if err := s.check(m.names); err != nil {
		return nil, err
	}
	for _, l := range m.lanes {
		l.name()
	}
	return m, m.check()
}

func (m *matches) add(side int, r *benchfmt.Result) {
	key := m.laneBy.Project(r)
	l := m.byKey[key]
	if l == nil {
		l = &laneMatch{byKey: make(map[benchproc.Key]*rowMatch)}
		l.residue = [2]map[benchproc.Key]bool{{}, {}}
		for _, f := range m.laneBy.FlattenedFields() {
			*map[string]*string{"goarch": &l.Goarch, "accel": &l.Accel, "clock": &l.Clock}[f.Name] = key.Get(f)
		}
		m.byKey[key] = l
		m.lanes = append(m.lanes, l)
	}
	l.counts[side]++
	l.residue[side][m.residueBy.Project(r)] = true
	if k := kernelOf(r); k != "" && !slices.Contains(l.kernels[side], k) {
		l.kernels[side] = append(l.kernels[side], k)
	}

	key = m.rowBy.Project(r)
	row := l.byKey[key]
	if row == nil {
		row = &rowMatch{name: string(r.Name)}
		row.values = [2]map[string][]float64{{}, {}}
		l.byKey[key] = row
		l.rows = append(l.rows, row)
	}
	unit := l.tidy()
	needed := []string{unit, "p10-" + unit, "mean-" + unit, "mode1-" + unit, "mode2-" + unit, modesUnit}
	for _, v := range r.Values {
		if !m.all && !slices.Contains(needed, v.Unit) {
			continue
		}
		row.values[side][v.Unit] = append(row.values[side][v.Unit], v.Value)
		if !slices.Contains(l.units, v.Unit) {
			l.units = append(l.units, v.Unit)
		}
	}
}

// kernelOf names the kernel of a result, with the beginning of its hash: two
// builds mostly have one name.
func kernelOf(r *benchfmt.Result) string {
	k := r.GetConfig("kernel")
	if sum := r.GetConfig("kernel-sha256"); sum != "" {
		k += " (" + sum[:min(len(sum), 12)] + ")"
	}
	return clean(strings.TrimSpace(k))
}

func (l *laneMatch) kernel(side int) string { return strings.Join(l.kernels[side], " and ") }

// unitsToShow is the headline, then with all the others as they came.
func (l *laneMatch) unitsToShow(all bool) []string {
	units := []string{l.tidy()}
	for _, u := range l.units {
		if all && u != units[0] {
			units = append(units, u)
		}
	}
	return units
}

// name labels the rows.
func (l *laneMatch) name() {
	names := make([]string, len(l.rows))
	for i, r := range l.rows {
		names[i] = r.name
	}
	for i, label := range shortNames(names) {
		l.rows[i].label = label
	}
}

// describe is how errors name a lane.
func (l *laneMatch) describe() string {
	var how []string
	for _, kv := range [][2]string{{"clock", l.Clock}, {"accel", l.Accel}} {
		if kv[1] != "" {
			how = append(how, kv[0]+" "+clean(kv[1]))
		}
	}
	return strings.TrimSpace(clean(l.Where()) + " " + strings.Join(how, ", "))
}

// check refuses files that do not compare: nothing is in both, or a place was
// measured on different clocks, or in another unit.
func (m *matches) check() error {
	var lanes [2][]string // of each file
	common := make(map[string]bool)
	apart := make(map[string][2][]string) // by place
	for _, l := range m.lanes {
		a := apart[l.Where()]
		for side := range 2 {
			if l.counts[side] > 0 {
				lanes[side] = append(lanes[side], l.describe())
				a[side] = append(a[side], l.describe())
			}
		}
		apart[l.Where()] = a
		common[l.Where()] = common[l.Where()] || l.counts[0] > 0 && l.counts[1] > 0
	}
	for _, where := range slices.Sorted(maps.Keys(apart)) {
		if a := apart[where]; !common[where] && len(a[0]) > 0 && len(a[1]) > 0 {
			return fmt.Errorf("%s is of %s, and %s of %s, which do not compare: measure both with the same --clock and --accel",
				m.names[0], strings.Join(a[0], " and "), m.names[1], strings.Join(a[1], " and "))
		}
	}
	if !slices.Contains(slices.Collect(maps.Values(common)), true) {
		return fmt.Errorf("nothing is in both files: %s is of %s, and %s of %s; measure both with the same --on",
			m.names[0], strings.Join(lanes[0], " and "), m.names[1], strings.Join(lanes[1], " and "))
	}
	for _, l := range m.lanes {
		if err := l.checkUnit(m.names, m.all); err != nil {
			return err
		}
	}
	return nil
}

// checkUnit wants the lane's headline in both files, where both have the lane,
// and a row that has it in both.
func (l *laneMatch) checkUnit(names [2]string, all bool) error {
	if l.counts[0] == 0 || l.counts[1] == 0 || all {
		return nil
	}
	var has [2]bool
	for _, r := range l.rows {
		a, b := len(r.values[0][l.tidy()]) > 0, len(r.values[1][l.tidy()]) > 0
		if a && b {
			return nil
		}
		has = [2]bool{has[0] || a, has[1] || b}
	}
	for side, name := range names {
		if !has[side] {
			return fmt.Errorf("%s has no %s, the headline of %s: it is in another unit; measure it again with unotify-bench run, or compare other units with --all",
				name, l.headline(), l.describe())
		}
	}
	return fmt.Errorf("no row of %s is in both %s and %s, as %s is in the first and %s in the second: measure both with the same --mech, --syscall and --cpus",
		l.describe(), names[0], names[1], l.first(0), l.first(1))
}

// first is the name of a row that only one file has.
func (l *laneMatch) first(side int) string {
	for _, r := range l.rows {
		if len(r.values[side]) > 0 {
			return r.name
		}
	}
	return "nothing"
}
