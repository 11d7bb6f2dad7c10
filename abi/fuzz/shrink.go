package fuzz

import (
	"errors"
	"slices"
)

// tries is how often a program without some of its steps gets a chance to show
// what it is about: a race does not show it each time.
const tries = 3

// shrink takes away what a finding does not need: halves of the program, quarters,
// and so on down to single steps, and then one of two operations that race. What
// it then shows is a finding of the same kind.
func (r *runner) shrink(filter Filter, p Program, f *Finding) (*Finding, error) {
	if f.What == Hangs {
		// Each try takes as long as nothing happens.
		defer r.tools.watch.patience(r.tools.watch.patience(r.tools.patient / 8))
	}
	return r.shorten(p, f, func(q Program) (*Finding, error) {
		for range tries {
			r.leave() // each in a world of its own, as whoever repeats it has it
			got, err := r.try(filter, q)
			if err != nil {
				return nil, err
			}
			if got != nil && got.What == f.What || !q.races() {
				return got, nil
			}
		}
		return nil, nil //nolint:nilnil // it does not show it
	})
}

// shorten takes away, from a program with a finding, what that does not need: shows is what
// a program shows, nil if nothing.
func (r *runner) shorten(p Program, f *Finding, shows func(Program) (*Finding, error)) (*Finding, error) {
	without := func(q Program) (bool, error) {
		got, err := shows(q)
		if err := errors.Join(err, r.tellNowAndThen()); err != nil {
			return false, err
		}
		if got == nil || f != nil && got.What != f.What {
			return false, nil
		}
		p, f = q, got
		return true, r.tell()
	}
	for size := (len(p) + 1) / 2; size > 0; size /= 2 {
		for at := 0; at+size <= len(p) && len(p) > size; {
			gone, err := without(slices.Concat(p[:at], p[at+size:]))
			if err != nil {
				return nil, err
			}
			if !gone {
				at += size
			}
		}
	}
	for at := 0; at < len(p); at++ {
		for i := 0; i < len(p[at]) && len(p[at]) > 1; i++ {
			q := slices.Clone(p)
			q[at] = slices.Delete(slices.Clone(p[at]), i, i+1)
			if _, err := without(q); err != nil {
				return nil, err
			}
		}
	}
	return f, nil
}

// Times is how often the program is to be done again: a race does not show each time, nor
// does what is lost.
func (f *Finding) Times() int {
	if p, err := Parse(f.Program); err == nil && p.races() {
		return 100
	}
	if f.What == Leaks {
		return leakTries
	}
	return 1
}

// races reports whether what the program does depends on chance.
func (p Program) races() bool {
	return slices.ContainsFunc(p, func(s Step) bool { return len(s) > 1 })
}
