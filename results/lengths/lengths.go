// Package lengths is how long each conformance check took when it was measured, on
// our patched kernel of each architecture: what checks are dealt out to machines by.
// ../README.md has the command that made checks.tsv.
package lengths

import (
	_ "embed" // for checks.tsv
	"fmt"
	"math"
	"strconv"
	"strings"
	"time"
)

//go:embed checks.tsv
var committed string

// Table is what was measured.
type Table struct {
	Arches []string
	Boot   []time.Duration            // by architecture: until a machine begins its first check
	Checks map[string][]time.Duration // by ID, then by architecture
	IDs    []string                   // of Checks, in the catalogue's order
}

// Read reads the committed table.
func Read() (*Table, error) { return parse(committed) }

// parse reads a head, and then in each line a name and microseconds.
func parse(text string) (*Table, error) {
	t := &Table{Checks: map[string][]time.Duration{}}
	n := 0
	for line := range strings.Lines(text) {
		n++
		cols := strings.Split(strings.TrimSuffix(line, "\n"), "\t")
		name, cols := cols[0], cols[1:]
		if n == 1 {
			t.Arches = cols
			continue
		}
		if len(cols) != len(t.Arches) || name == "" || t.Checks[name] != nil || (name == "boot") != (n == 2) {
			return nil, fmt.Errorf("lengths of checks: line %d: %q is not the boot, or one more check, and a number for each of %q", n, line, t.Arches)
		}
		took := make([]time.Duration, len(cols))
		for i, c := range cols {
			us, err := strconv.ParseUint(c, 10, 40)
			if err != nil || us == 0 {
				return nil, fmt.Errorf("lengths of checks: line %d: %q is no number of microseconds", n, c)
			}
			took[i] = time.Duration(us) * time.Microsecond
		}
		if name == "boot" {
			t.Boot = took
		} else {
			t.Checks[name] = took
			t.IDs = append(t.IDs, name)
		}
	}
	return t, nil
}

// Mean is a check's length in seconds, over the architectures: NaN if it has none.
func (t *Table) Mean(id string) float64 {
	took := t.Checks[id]
	if took == nil {
		return math.NaN()
	}
	sum := 0.0
	for _, d := range took {
		sum += d.Seconds()
	}
	return sum / float64(len(took))
}

// Format writes the table as Read reads it, the checks in the order of ids.
func (t *Table) Format(ids []string) string {
	var out strings.Builder
	row := func(name string, took []time.Duration) {
		out.WriteString(name)
		for _, d := range took {
			fmt.Fprintf(&out, "\t%d", d.Round(time.Microsecond).Microseconds())
		}
		out.WriteString("\n")
	}
	out.WriteString("check\t" + strings.Join(t.Arches, "\t") + "\n")
	row("boot", t.Boot)
	for _, id := range ids {
		if t.Checks[id] != nil {
			row(id, t.Checks[id])
		}
	}
	return out.String()
}
