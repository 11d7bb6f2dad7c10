package profile

import (
	"bufio"
	"cmp"
	"errors"
	"fmt"
	"io"
	"slices"
)

// Change is a function that takes another number of instructions of a call
// than it did, on one of the tasks.
type Change struct {
	Function string
	User     bool
	Task     string
	Old, New uint64
}

// By is how many instructions more.
func (c Change) By() int64 { return int64(c.New) - int64(c.Old) }

// Difference is what changed between two profiles of a row.
type Difference struct {
	Old, New *Profile
	Changes  []Change // greatest first
	Same     int      // functions, by task, that take as many as before
	Warnings []error  // why the two may differ for another reason
}

// ErrCompare says that two profiles have nothing to do with each other.
var ErrCompare = errors.New("these profiles do not compare")

// Compare finds which functions grew or shrank. It is exact: each number is
// that of one call.
func Compare(o, n *Profile) (*Difference, error) {
	if o.Name != n.Name || o.Arch != n.Arch {
		return nil, fmt.Errorf("%w: one is of %s, the other of %s", ErrCompare, o.Title(), n.Title())
	}
	d := &Difference{Old: o, New: n}
	for _, f := range []struct{ what, o, n string }{{"QEMU", o.QEMU, n.QEMU}, {"seed", o.Seed, n.Seed}} {
		if f.o != f.n {
			d.Warnings = append(d.Warnings, fmt.Errorf("%s differs: %s and %s; what a call takes depends on it", f.what, f.o, f.n))
		}
	}
	type key struct {
		name string
		user bool
		task string
	}
	counts := map[key][2]uint64{}
	for i, p := range []*Profile{o, n} {
		for _, c := range p.functions() {
			for task, insns := range c.call {
				k := key{c.name, c.user, task}
				v := counts[k]
				v[i] = insns
				counts[k] = v
			}
		}
	}
	for k, v := range counts {
		switch {
		case v[0] != v[1]:
			d.Changes = append(d.Changes, Change{k.name, k.user, k.task, v[0], v[1]})
		case v[0] != 0:
			d.Same++
		}
	}
	slices.SortFunc(d.Changes, func(a, b Change) int {
		return cmp.Or(cmp.Compare(max(b.By(), -b.By()), max(a.By(), -a.By())),
			cmp.Compare(a.Function, b.Function), cmp.Compare(a.Task, b.Task))
	})
	return d, nil
}

// Text writes the difference as a table.
func (d *Difference) Text(w io.Writer) error {
	out := bufio.NewWriter(w)
	fmt.Fprintf(out, "%s\n", d.New.Title())
	for _, p := range []struct {
		when string
		*Profile
	}{{"old", d.Old}, {"new", d.New}} {
		fmt.Fprintf(out, "%s: Linux %s (%.12s): %d instructions, mean %.1f\n", p.when, p.Kernel, p.Image, p.Median, p.mean())
	}
	fmt.Fprintln(out)
	if len(d.Changes) > 0 {
		fmt.Fprintf(out, "%7s %7s %7s  %-10s  %s\n", "old", "new", "change", "task", "function")
		number := func(n uint64) string {
			if n == 0 {
				return "."
			}
			return fmt.Sprint(n)
		}
		for _, c := range d.Changes {
			fmt.Fprintf(out, "%7s %7s %+7d  %-10s  %s\n", number(c.Old), number(c.New), c.By(), c.Task, (&cost{name: c.Function, user: c.User}).title())
		}
		fmt.Fprintf(out, "%7d %7d %+7d  %-10s  %s\n", d.Old.Median, d.New.Median, int64(d.New.Median)-int64(d.Old.Median), "", "all")
	}
	switch n := len(d.Changes); n {
	case 0:
		fmt.Fprintf(out, "no function changed: all %d take as many instructions as before\n", d.Same)
	default:
		fmt.Fprintf(out, "%d others take as many as before\n", d.Same)
	}
	return out.Flush()
}
