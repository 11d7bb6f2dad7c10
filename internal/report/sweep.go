package report

import (
	"cmp"
	"slices"
	"strconv"
	"strings"

	"golang.org/x/perf/benchfmt"
)

// sweepKeys are the keys of which a sweep has many values, in the order of a
// page's sections.
var sweepKeys = []string{"bytes", "peers", "filters", "targets"}

// A sweep is what one file measured for many values of one key.
type sweep struct {
	key   string
	block string // what the target does
	lines []*sweepLine
}

// A sweepLine is one mechanism's steps.
type sweepLine struct {
	mech    string
	variant string // of what else varies: "2 supervisors"
	steps   map[int]*cell
}

// minSteps make a sweep: two kinds of a thing are just that.
const minSteps = 3

// splitSweeps tells the steps of sweeps from rows that stand for themselves.
func splitSweeps(results []*benchfmt.Result) (grid []*benchfmt.Result, steps map[string][]*benchfmt.Result) {
	values := map[string]map[string]bool{}
	id := func(keys map[string]string, key string) string {
		parts := []string{key}
		for _, k := range sortedKeys(keys) {
			if k != key {
				parts = append(parts, k+"="+keys[k])
			}
		}
		return strings.Join(parts, "/")
	}
	for _, r := range results {
		_, keys, _ := splitName(string(r.Name))
		for _, key := range sweepKeys {
			if v, ok := keys[key]; ok {
				group := id(keys, key)
				if values[group] == nil {
					values[group] = map[string]bool{}
				}
				values[group][v] = true
			}
		}
	}
	steps = map[string][]*benchfmt.Result{}
	for _, r := range results {
		_, keys, _ := splitName(string(r.Name))
		swept := ""
		for _, key := range sweepKeys {
			if _, err := strconv.Atoi(keys[key]); err == nil && len(values[id(keys, key)]) >= minSteps {
				swept = key
			}
		}
		if swept == "" {
			grid = append(grid, r)
			continue
		}
		steps[swept] = append(steps[swept], r)
	}
	return grid, steps
}

// sweeps arranges a column's cells as sweeps of key.
func (c *column) sweeps(key string) []*sweep {
	c.sort()
	var all []*sweep
	for _, cl := range c.order {
		n, err := strconv.Atoi(cl.keys[key])
		if err != nil {
			continue
		}
		base, keys, _ := splitName(cl.lines[0].Name)
		delete(keys, key)
		block := blockOf(base, keys)
		i := slices.IndexFunc(all, func(s *sweep) bool { return s.block == block })
		if i < 0 {
			i = len(all)
			all = append(all, &sweep{key: key, block: block})
		}
		s := all[i]
		var variant []string
		for _, k := range countKeys {
			if k != key && keys[k] != "" {
				variant = append(variant, k+"="+keys[k])
			}
		}
		if odd := oddityOf(keys); odd != "" {
			variant = append(variant, odd)
		}
		j := slices.IndexFunc(s.lines, func(l *sweepLine) bool {
			return l.mech == cl.mech && l.variant == strings.Join(variant, " ")
		})
		if j < 0 {
			j = len(s.lines)
			s.lines = append(s.lines, &sweepLine{mech: cl.mech, variant: strings.Join(variant, " "), steps: map[int]*cell{}})
		}
		s.lines[j].steps[n] = cl
	}
	for _, s := range all {
		slices.SortStableFunc(s.lines, func(a, b *sweepLine) int {
			return cmp.Or(cmp.Compare(mechRank(a.mech), mechRank(b.mech)), cmp.Compare(a.mech, b.mech), cmp.Compare(a.variant, b.variant))
		})
	}
	return all
}

// oddityOf is the oddity of wake and cpus alone.
func oddityOf(keys map[string]string) string {
	var parts []string
	for _, k := range []string{"wake", "cpus"} {
		if v, ok := keys[k]; ok && v != usualValue[k] {
			parts = append(parts, v)
		}
	}
	return strings.Join(parts, " ")
}

// values are the steps, ascending.
func (s *sweep) values() []int {
	var out []int
	for _, l := range s.lines {
		for n := range l.steps {
			out = append(out, n)
		}
	}
	slices.Sort(out)
	return slices.Compact(out)
}

// name is what a line is called.
func (l *sweepLine) name() string { return clean(strings.TrimSpace(l.mech + " " + l.variant)) }
