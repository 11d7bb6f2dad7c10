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
	columns []*column
	nas     []exclusion
}

// A column holds what was measured in one lane.
type column struct {
	Lane
	cells   map[cellKey]*cell
	order   []*cell             // cells as a table needs them, see sort
	configs map[string][]string // distinct values of each file key, as they came
}

// A cell is one row of one column: the lines that differ in nothing but the
// seed or repetition.
type cell struct {
	cellKey
	keys  map[string]string
	lines []Row
}

// cellKey places a cell in a table.
type cellKey struct {
	block   string // what the target does: base name and every key that is no other part
	mech    string
	variant string // how it was arranged: "wake=sync cpus=same"
	procs   int
}

// variantKeys are the keys that vary a mechanism and not what the target
// does, in the order in which a variant spells them.
var variantKeys = []string{"wake", "cpus", "peers", "filters", "targets", "supervisors"}

func newCellKey(name string) cellKey {
	base, keys, procs := splitName(name)
	return cellKey{block: blockOf(base, keys), mech: keys["mech"], variant: variantOf(keys), procs: procs}
}

func variantOf(keys map[string]string) string {
	var parts []string
	for _, key := range variantKeys {
		if v, ok := keys[key]; ok {
			parts = append(parts, key+"="+v)
		}
	}
	return strings.Join(parts, " ")
}

func blockOf(base string, keys map[string]string) string {
	parts := []string{base}
	for _, key := range slices.Sorted(maps.Keys(keys)) {
		if key != "mech" && !slices.Contains(variantKeys, key) {
			parts = append(parts, key+"="+keys[key])
		}
	}
	return strings.Join(parts, "/")
}

// minHeadline is below anything that a call can take.
const minHeadline = 1e-3

// Add takes one result in. It refuses what check does, and what lacks the
// headline metric of its clock. The Set keeps nothing of r.
func (s *Set) Add(r *benchfmt.Result) error {
	if err := check(r); err != nil {
		return err
	}
	row := NewRow(r)
	lane := laneOf(row)
	switch v, ok := row.Metrics[lane.headline()]; {
	case !ok:
		return fmt.Errorf("%s: no %s, the headline of clock %q", row.Name, lane.headline(), lane.Clock)
	case v < minHeadline:
		return fmt.Errorf("%s: %v %s, which is no call", row.Name, v, lane.headline())
	}
	col := s.column(lane)
	for k, v := range row.Config {
		if !slices.Contains(col.configs[k], v) {
			col.configs[k] = append(col.configs[k], v)
		}
	}
	key := newCellKey(row.Name)
	if col.cells[key] == nil {
		col.cells[key] = &cell{cellKey: key, keys: row.Keys}
	}
	c := col.cells[key]
	c.lines = append(c.lines, row)
	return nil
}

// AddNA takes in that a row cannot exist.
func (s *Set) AddNA(na NA) error {
	if err := checkNA(na); err != nil {
		return err
	}
	if !slices.ContainsFunc(s.nas, func(x exclusion) bool { return x.NA == na }) {
		x := exclusion{NA: na}
		x.base, x.keys, _ = splitName(na.Name)
		s.nas = append(s.nas, x)
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
	for _, c := range s.columns {
		lanes = append(lanes, c.Lane)
	}
	return lanes
}

func (s *Set) column(lane Lane) *column {
	for _, c := range s.columns {
		if c.Lane == lane {
			return c
		}
	}
	c := &column{Lane: lane, cells: make(map[cellKey]*cell), configs: make(map[string][]string)}
	s.columns = append(s.columns, c)
	return c
}

// mustAgree are the file keys that no two results of a lane may differ in
// without a word: what was measured would not be one thing.
var mustAgree = []string{"qemu", "cpu", "machine", "unotify-bench"}

// Warnings are doubts about merging what the Set holds.
func (s *Set) Warnings() []error {
	var warnings []error
	for _, c := range s.columns {
		for _, key := range mustAgree {
			if v := c.configs[key]; len(v) > 1 {
				warnings = append(warnings, fmt.Errorf("%s (%s): one column holds results that differ in %s: %s",
					c.Where(), c.Kernel, key, strings.Join(v, ", ")))
			}
		}
	}
	return warnings
}
