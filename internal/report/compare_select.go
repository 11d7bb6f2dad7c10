package report

import (
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"
)

// A selection is which rows are compared, and what there was to select from.
type selection struct {
	CompareOptions
	mechs, syscalls map[string]bool // seen
	selected        int
}

func newSelection(o CompareOptions) *selection {
	return &selection{CompareOptions: o, mechs: make(map[string]bool), syscalls: make(map[string]bool)}
}

// selects reports whether the row is asked for. A regular expression sees the
// name as run --list prints it, too: without the number of CPUs.
func (s *selection) selects(name string) bool {
	if s.Run == nil && len(s.Mechs)+len(s.Syscalls) == 0 {
		s.selected++
		return true
	}
	_, keys, procs := splitName(name)
	mech, syscall := keys["mech"], keys["syscall"]
	s.mechs[mech], s.syscalls[syscall] = true, true
	bare := strings.TrimSuffix(name, "-"+strconv.Itoa(procs))
	ok := (len(s.Mechs) == 0 || slices.Contains(s.Mechs, mech)) &&
		(len(s.Syscalls) == 0 || slices.Contains(s.Syscalls, syscall)) &&
		(s.Run == nil || s.Run.MatchString(name) || s.Run.MatchString(bare))
	if ok {
		s.selected++
	}
	return ok
}

// check refuses names that no row has, and a selection of nothing.
func (s *selection) check(names [2]string) error {
	for _, x := range []struct {
		what   string
		wanted []string
		seen   map[string]bool
	}{{"mechanism", s.Mechs, s.mechs}, {"syscall", s.Syscalls, s.syscalls}} {
		delete(x.seen, "")
		for _, w := range x.wanted {
			if !x.seen[w] {
				return fmt.Errorf("unknown %s %q; known to %s and %s: %s",
					x.what, w, names[0], names[1], clean(strings.Join(slices.Sorted(maps.Keys(x.seen)), ", ")))
			}
		}
	}
	if s.selected == 0 {
		return fmt.Errorf("no row of %s and %s is called for: see their names with unotify-bench run --list --all", names[0], names[1])
	}
	return nil
}

// shortNames shortens benchmark names to what tells rows apart: what this
// project always measures, and the number of CPUs if there is one only, go
// without saying. Names that would become one stay as they are.
func shortNames(names []string) []string {
	short := make([]string, len(names))
	count := make(map[string]int)
	procs := make(map[int]bool)
	for _, name := range names {
		_, _, n := splitName(name)
		procs[n] = true
	}
	for i, name := range names {
		short[i] = shortName(name, len(procs) > 1)
		count[short[i]]++
	}
	for i, name := range names {
		if count[short[i]] > 1 {
			short[i] = clean(name)
		}
	}
	return short
}

func shortName(name string, withProcs bool) string {
	base, keys, procs := splitName(name)
	if keys["mech"] == "" || keys["syscall"] == "" {
		return clean(name)
	}
	b := &block{base: base, keys: maps.Clone(keys)}
	maps.DeleteFunc(b.keys, func(k, _ string) bool { return k == "mech" || slices.Contains(variantKeys, k) })
	parts := []string{clean(keys["mech"]), b.title()}
	if odd := oddity(keys); odd != "" {
		parts = append(parts, clean(odd))
	}
	if withProcs && procs > 0 {
		parts = append(parts, fmt.Sprintf("-%d", procs))
	}
	return strings.Join(parts, " ")
}
