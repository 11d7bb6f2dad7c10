package report

import (
	"fmt"
	"maps"
	"slices"
	"strings"

	"golang.org/x/perf/benchfmt"
)

// A Set collects results by lane, in the order in which lanes and rows come.
// The zero Set is empty and ready. It is not safe for concurrent use.
type Set struct {
	lanes []*lane
	nas   []NA
}

// A lane holds what was measured in one Lane.
type lane struct {
	Lane
	cells   map[cellKey]*cell
	configs map[string][]string // distinct values of each file key, as they came
}

// A cell is one row of one lane: the lines that differ in nothing but the
// seed or repetition.
type cell struct {
	cellKey
	lines []Row
}

// cellKey places a cell in a table.
type cellKey struct {
	block   string // base name, syscall and its parameters: what the target does
	mech    string
	variant string // how it was arranged: "wake=sync cpus=same", see variantKeys
	procs   int
}

// variantKeys are the keys that vary a mechanism and not what the target
// does, in the order in which a variant spells them.
var variantKeys = []string{"wake", "cpus", "peers"}

func newCellKey(name string) cellKey {
	base, keys, procs := splitName(name)
	k := cellKey{mech: keys["mech"], procs: procs}
	var variant []string
	for _, key := range variantKeys {
		if v, ok := keys[key]; ok {
			variant = append(variant, key+"="+v)
		}
	}
	k.variant = strings.Join(variant, " ")

	var block []string
	if base != "Notify" {
		block = append(block, base)
	}
	if v, ok := keys["syscall"]; ok {
		block = append(block, v)
	}
	for _, key := range slices.Sorted(maps.Keys(keys)) {
		if key == "mech" || key == "syscall" || slices.Contains(variantKeys, key) {
			continue
		}
		block = append(block, key+"="+keys[key])
	}
	k.block = strings.Join(block, " ")
	return k
}

// Add takes one result in. It refuses what check does, and what lacks the
// headline metric of its clock. The Set keeps nothing of r.
func (s *Set) Add(r *benchfmt.Result) error {
	if err := check(r); err != nil {
		return err
	}
	row := NewRow(r)
	key := laneOf(row)
	if _, ok := row.Metrics[key.headline()]; !ok {
		return fmt.Errorf("%s: no %s, the headline of clock %q", row.Name, key.headline(), key.Clock)
	}
	l := s.lane(key)
	for k, v := range row.Config {
		if !slices.Contains(l.configs[k], v) {
			l.configs[k] = append(l.configs[k], v)
		}
	}
	ck := newCellKey(row.Name)
	c := l.cells[ck]
	if c == nil {
		c = &cell{cellKey: ck}
		l.cells[ck] = c
	}
	c.lines = append(c.lines, row)
	return nil
}

// AddNA takes in that a row cannot exist.
func (s *Set) AddNA(na NA) error {
	if err := checkNA(na); err != nil {
		return err
	}
	if !slices.Contains(s.nas, na) {
		s.nas = append(s.nas, na)
	}
	return nil
}

// AddFile takes a whole file in.
func (s *Set) AddFile(f *File) error {
	for _, r := range f.Results {
		if err := s.Add(r); err != nil {
			file, line := r.Pos()
			return fmt.Errorf("%s:%d: %w", file, line, err)
		}
	}
	for _, na := range f.NAs {
		if err := s.AddNA(na); err != nil {
			return fmt.Errorf("%s: %w", f.Name, err)
		}
	}
	return nil
}

// Lanes are the lanes in the order in which they came.
func (s *Set) Lanes() []Lane {
	var lanes []Lane
	for _, l := range s.lanes {
		lanes = append(lanes, l.Lane)
	}
	return lanes
}

func (s *Set) lane(key Lane) *lane {
	for _, l := range s.lanes {
		if l.Lane == key {
			return l
		}
	}
	l := &lane{Lane: key, cells: make(map[cellKey]*cell), configs: make(map[string][]string)}
	s.lanes = append(s.lanes, l)
	return l
}

// mustAgree are the file keys that no two results of a lane may differ in
// without a word: what was measured would not be one thing.
var mustAgree = []string{"qemu", "cpu", "machine", "unotify-bench"}

// Warnings are doubts about merging what the Set holds.
func (s *Set) Warnings() []error {
	var warnings []error
	for _, l := range s.lanes {
		for _, key := range mustAgree {
			if v := l.configs[key]; len(v) > 1 {
				warnings = append(warnings, fmt.Errorf("%s (%s): one column holds results that differ in %s: %s",
					l.Where(), l.Kernel, key, strings.Join(v, ", ")))
			}
		}
	}
	return warnings
}
