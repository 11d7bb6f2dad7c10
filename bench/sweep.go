package bench

import (
	"fmt"
	"slices"
	"strings"
)

// Sweep measures one mechanism and syscall many times, with one dimension
// varied and the rest as in the headline.
type Sweep struct {
	Name string
	Doc  string // one line, for --help
	// Mechs and Syscalls are what is swept where nobody asks for others.
	Mechs, Syscalls []string
	// steps are the cells of one mechanism and case, whose headline is given.
	steps func(headline Cell) []Cell
}

// Names of sweeps that vary what other cells do not have: Cell.Sweep.
const (
	sweepPeers   = "peers"
	sweepFilters = "filters"
	sweepTargets = "targets"
)

// acting are the mechanisms whose supervisor acts on what it has read.
var acting = []string{"addfd", "inject", "target-call", "target-call-send", "redirect"}

var sweeps = []*Sweep{
	{
		Name: "payload", Doc: "write, 1 byte to 1 MiB",
		Mechs:    []string{"continue", "continue-read", "inject", "target-call", "redirect"},
		Syscalls: []string{"write"},
		steps:    func(c Cell) []Cell { return []Cell{c} }, // a payload is a case of its own
	},
	{
		Name: sweepPeers, Doc: "0 to 64 threads beside the caller",
		Mechs:    slices.Concat([]string{"continue", "continue-read"}, acting, []string{"redirect-cold", "ptrace-seccomp", "ptrace-freeze"}),
		Syscalls: []string{"openat"},
		steps: varied([]int{0, 1, 4, 16, 64}, func(c *Cell, n int) {
			c.Peers, c.Sweep = n, sweepPeers
		}),
	},
	{
		Name: sweepFilters, Doc: "0 to 32 filters that allow the call, under the mechanism's own",
		Mechs:    slices.Concat([]string{"allow", "errno", "continue", "continue-read"}, acting, []string{"ptrace-seccomp"}),
		Syscalls: []string{"openat"},
		steps: varied([]int{0, 1, 2, 4, 8, 16, 32}, func(c *Cell, n int) {
			c.Filters, c.Sweep = n, sweepFilters
		}),
	},
	{
		Name: sweepTargets, Doc: "1 to 64 processes on a listener with 1 to 4 supervisor threads: calls a second",
		Mechs:    slices.Concat([]string{"continue", "continue-read"}, acting),
		Syscalls: []string{"openat"},
		steps:    manyTargets,
	},
}

// manyTargets are steps of two dimensions. Where all CPUs are free, several
// supervisors can help; a waker that has more to do does not go to sleep.
func manyTargets(c Cell) []Cell {
	c.Sweep = sweepTargets
	var cells []Cell
	for _, c.Targets = range []int{1, 4, 16, maxCrowd} {
		for _, c.Supervisors = range []int{1, 2, 4} {
			same, free := c, c
			if free.CPUs = "free"; free.Wake != "" {
				free.Wake = "async"
			}
			cells = append(cells, same, free)
		}
	}
	return cells
}

// varied are the steps that set gives for each of values.
func varied(values []int, set func(*Cell, int)) func(Cell) []Cell {
	return func(c Cell) []Cell {
		var cells []Cell
		for _, n := range values {
			step := c
			set(&step, n)
			cells = append(cells, step)
		}
		return cells
	}
}

// Sweeps lists all.
func Sweeps() []*Sweep { return sweeps }

// SelectSweeps returns those named, "all" for all, in their order. An unknown
// name is an error that lists the known ones.
func SelectSweeps(names []string) ([]*Sweep, error) {
	var known []string
	for _, s := range sweeps {
		known = append(known, s.Name)
	}
	for _, n := range names {
		if n != "all" && !slices.Contains(known, n) {
			return nil, fmt.Errorf("unknown sweep %q; known: %s, all", n, strings.Join(known, ", "))
		}
	}
	var out []*Sweep
	for _, s := range sweeps {
		if slices.Contains(names, s.Name) || slices.Contains(names, "all") {
			out = append(out, s)
		}
	}
	return out, nil
}

// Cells lists the steps of the named mechanisms and syscalls, in table order;
// where none are named, of those that the sweep is about.
func (s *Sweep) Cells(mechs, syscalls []string) ([]Cell, error) {
	if len(mechs) == 0 {
		mechs = s.Mechs
	}
	if len(syscalls) == 0 {
		syscalls = s.Syscalls
	}
	ms, err := SelectMechanisms(mechs)
	if err != nil {
		return nil, err
	}
	cases, err := SelectCases(syscalls)
	if err != nil {
		return nil, err
	}
	var cells []Cell
	for _, cs := range cases {
		if payload := s.Name == "payload"; cs.SweepOnly && !payload || payload && cs.Bytes == 0 {
			continue
		}
		for _, m := range ms {
			c := Cell{Mech: m.Name, Syscall: cs.Syscall, Addr: cs.Addr, Bytes: cs.Bytes, Peers: m.Peers, CPUs: "same"}
			c.Wake = m.wakes()[0]
			cells = append(cells, s.steps(c)...)
		}
	}
	return cells, nil
}

// peers is how many threads the target keeps beside the caller.
func (c Cell) peers(m *Mechanism) int {
	if c.Sweep == sweepPeers {
		return c.Peers
	}
	return m.Peers
}
