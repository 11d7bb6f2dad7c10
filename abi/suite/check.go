package suite

import (
	"fmt"
	"regexp"
	"slices"
	"strings"
	"sync"

	"unotify-bench/internal/notify"
)

// Level says what a difference means.
type Level string

const (
	// Must is stock behaviour, or posted: every kernel that has the mechanism
	// keeps it.
	Must Level = "must"
	// Ours goes beyond what was posted. A foreign kernel that differs is
	// divergent, not wrong.
	Ours Level = "ours"
	// Info is recorded, whatever it is.
	Info Level = "info"
)

// Check is one thing that must hold.
type Check struct {
	// ID is "mechanism.case". It never changes, and is never used again.
	ID     string
	Doc    string // one sentence that says what must hold
	Source string
	Level  Level
	Needs  []notify.Feature
	run    func(*T)
}

// Mech is the mechanism that the check is about, the first part of its ID.
func (c *Check) Mech() string {
	mech, _, _ := strings.Cut(c.ID, ".")
	return mech
}

// entered is what the catalogue is made of, in its order.
var entered []entry

// entry is checks, or what adds more of them.
type entry struct {
	checks []Check
	more   func() struct{}
}

// add enters checks into the catalogue. Every process of the program does this at
// its start, so what checks must be is left to a test.
func add(checks ...Check) struct{} {
	entered = append(entered, entry{checks: checks})
	return struct{}{}
}

// later has checks added once somebody asks for the catalogue: who only makes calls
// needs none of them.
func later(more func() struct{}) struct{} {
	entered = append(entered, entry{more: more})
	return struct{}{}
}

var catalogue = sync.OnceValue(func() (all []*Check) {
	for _, e := range entered {
		own := []entry{e}
		if e.more != nil {
			entered = nil
			e.more()
			own = entered
		}
		for _, e := range own {
			for i := range e.checks {
				all = append(all, &e.checks[i])
			}
		}
	}
	return all
})

// Catalogue lists all checks, those of a mechanism together.
func Catalogue() []*Check {
	all := slices.Clone(catalogue())
	slices.SortStableFunc(all, func(a, b *Check) int {
		return slices.Index(mechanisms, a.Mech()) - slices.Index(mechanisms, b.Mech())
	})
	return all
}

// mechanisms is their order in reports: what is simple first.
var mechanisms = []string{
	"wire", "native", "allow", "errno", "notify", "reply", "continue", "addfd",
	"inject", "target-call", "pin", "redirect", "exec-event",
}

// Mechanisms lists what --mech can name.
func Mechanisms() []string { return slices.Clone(mechanisms) }

// Find returns the check of that ID, or nil.
func Find(id string) *Check {
	for _, c := range catalogue() {
		if c.ID == id {
			return c
		}
	}
	return nil
}

// Select lists the checks of the mechanisms named, all if none is, whose ID
// matches.
func Select(mechs []string, match *regexp.Regexp) ([]*Check, error) {
	for _, m := range mechs {
		if !slices.Contains(mechanisms, m) {
			return nil, fmt.Errorf("unknown mechanism %q; known: %s", m, strings.Join(mechanisms, ", "))
		}
	}
	var out []*Check
	for _, c := range Catalogue() {
		if (len(mechs) == 0 || slices.Contains(mechs, c.Mech())) && match.MatchString(c.ID) {
			out = append(out, c)
		}
	}
	return out, nil
}
