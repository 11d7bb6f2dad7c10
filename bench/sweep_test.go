package bench

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func sweepCells(t *testing.T, name string, mechs, syscalls []string) []Cell {
	t.Helper()
	all, err := SelectSweeps([]string{name})
	if err != nil {
		t.Fatal(err)
	}
	var cells []Cell
	for _, s := range all {
		more, err := s.Cells(mechs, syscalls)
		if err != nil {
			t.Fatal(err)
		}
		cells = append(cells, more...)
	}
	return cells
}

// TestSweepSteps: the steps of one mechanism, by name.
func TestSweepSteps(t *testing.T) {
	for _, tt := range []struct {
		sweep, mech string
		syscalls    []string
		want        []string
	}{
		{"peers", "redirect", nil, []string{
			"syscall=openat/peers=0/wake=sync", "syscall=openat/peers=1/wake=sync", "syscall=openat/peers=4/wake=sync",
			"syscall=openat/peers=16/wake=sync", "syscall=openat/peers=64/wake=sync",
		}},
		{"peers", "ptrace-freeze", []string{"getppid"}, []string{
			"syscall=getppid/peers=0", "syscall=getppid/peers=1", "syscall=getppid/peers=4", "syscall=getppid/peers=16", "syscall=getppid/peers=64",
		}},
		{"filters", "allow", nil, []string{
			"syscall=openat/filters=0", "syscall=openat/filters=1", "syscall=openat/filters=2", "syscall=openat/filters=4",
			"syscall=openat/filters=8", "syscall=openat/filters=16", "syscall=openat/filters=32",
		}},
		{"targets", "reply", []string{"getppid"}, func() (names []string) {
			for _, targets := range []int{1, 4, 16, 64} {
				for _, sups := range []int{1, 2, 4} {
					name := fmt.Sprintf("syscall=getppid/targets=%d/supervisors=%d", targets, sups)
					names = append(names, name+"/wake=sync", name+"/wake=async/cpus=free")
				}
			}
			return names
		}()},
		{"payload", "inject", nil, []string{
			"syscall=write/bytes=1/wake=sync", "syscall=write/bytes=64/wake=sync", "syscall=write/bytes=1024/wake=sync", "syscall=write/bytes=4096/wake=sync",
			"syscall=write/bytes=16384/wake=sync", "syscall=write/bytes=65536/wake=sync", "syscall=write/bytes=262144/wake=sync", "syscall=write/bytes=1048576/wake=sync",
		}},
		{"payload", "inject", []string{"openat"}, nil},
	} {
		var got []string
		for _, c := range sweepCells(t, tt.sweep, []string{tt.mech}, tt.syscalls) {
			name := strings.TrimPrefix(c.Name(), "Notify/mech="+tt.mech+"/")
			got = append(got, strings.TrimSuffix(name, "/cpus=same"))
		}
		if d := cmp.Diff(tt.want, got); d != "" {
			t.Errorf("%s of %s (-want +got):\n%s", tt.sweep, tt.mech, d)
		}
	}
}

// TestSweepCells: every step has a name of its own, the default ones can be
// measured somewhere, and comes through the channel as it was. What is no step
// of a sweep has no name of one.
func TestSweepCells(t *testing.T) {
	seen := map[string]bool{}
	for _, c := range sweepCells(t, "all", nil, nil) {
		if seen[c.Name()] {
			t.Errorf("two steps are called %s", c.Name())
		}
		seen[c.Name()] = true
		if why := c.Unable(); why != "" {
			t.Errorf("%s: %s", c.Name(), why)
		}
		b, err := json.Marshal(c)
		if err != nil {
			t.Fatal(err)
		}
		var back Cell
		if err := json.Unmarshal(b, &back); err != nil || back != c {
			t.Errorf("%s is %s (%v) after a message", c.Name(), back.Name(), err)
		}
	}
	for _, c := range Cells(product(), Cases()) {
		for _, key := range []string{"filters=", "targets=", "supervisors="} {
			if strings.Contains(c.Name(), key) {
				t.Errorf("%s is no step of a sweep", c.Name())
			}
		}
		if (c.Peers > 0) != (c.Mech == "ptrace-freeze") || c.Sweep != "" {
			t.Errorf("%s: %+v is no step of a sweep", c.Name(), c)
		}
	}
	for _, mech := range []string{"native", "ptrace-syscall"} {
		for _, c := range sweepCells(t, "filters", []string{mech}, nil) {
			if why := c.Unable(); !strings.Contains(why, "no filter that others could stand under") {
				t.Errorf("%s: unable %q", c.Name(), why)
			}
		}
	}
}

func TestSelectSweeps(t *testing.T) {
	for _, tt := range []struct {
		ask  []string
		want string
		errs []string
	}{
		{nil, "", nil},
		{[]string{"filters", "payload"}, "payload filters", nil},
		{[]string{"peers", "peers"}, "peers", nil},
		{[]string{"all"}, strings.Join(sweepNames(sweeps), " "), nil},
		{[]string{"peers", "load"}, "", []string{`"load"`, "payload, peers", "all"}},
		{[]string{""}, "", []string{`""`, "known"}},
	} {
		got, err := SelectSweeps(tt.ask)
		if s := strings.Join(sweepNames(got), " "); s != tt.want || (err != nil) != (tt.errs != nil) {
			t.Errorf("%q: %s (%v), want %s", tt.ask, s, err, tt.want)
		}
		for _, part := range tt.errs {
			if err != nil && !strings.Contains(err.Error(), part) {
				t.Errorf("%q: the error does not say %s: %v", tt.ask, part, err)
			}
		}
	}
	for _, s := range sweeps {
		for _, bad := range [][2][]string{{{"nobody"}, nil}, {nil, {"nothing"}}} {
			if _, err := s.Cells(bad[0], bad[1]); err == nil {
				t.Errorf("%s takes %q", s.Name, bad)
			}
		}
	}
}

func sweepNames(all []*Sweep) (names []string) {
	for _, s := range all {
		names = append(names, s.Name)
	}
	return names
}

// stepOf is one step of a sweep, for the mechanism named.
func stepOf(t *testing.T, sweep, mech, part string) Cell {
	t.Helper()
	for _, c := range sweepCells(t, sweep, []string{mech}, nil) {
		if strings.Contains(c.Name(), part+"/") {
			return c
		}
	}
	t.Fatalf("%s of %s has no %s", sweep, mech, part)
	return Cell{}
}

// testSteps answers with how many threads the target has, and how many filters
// the one that is measured.
var testSteps = register(&Mechanism{
	Name: "test-steps", Rank: testRank, Replaces: true,
	Verdict: FindMechanism("reply").Verdict,
	Serve: func(s *supervisor) error {
		threads, err := os.ReadDir(fmt.Sprintf("/proc/%d/task", s.pid))
		if err != nil {
			return err
		}
		status, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", s.tid))
		if err != nil {
			return err
		}
		_, filters, ok := bytes.Cut(status, []byte("Seccomp_filters:\t")) // since 5.9
		if !ok {
			return errors.New("the status has no Seccomp_filters")
		}
		filters, _, _ = bytes.Cut(filters, []byte("\n"))
		return fmt.Errorf("threads %d, filters %s", len(threads), filters)
	},
})

// TestStepsAreTaken: the threads and filters that a step's name says are there.
func TestStepsAreTaken(t *testing.T) {
	see := func(c Cell) (threads, filters int) {
		t.Helper()
		r := rows(t, few, c)[0]
		if _, err := fmt.Sscanf(r.Err, "threads %d, filters %d", &threads, &filters); err != nil {
			t.Fatalf("%s: %v: %s%s", c.Name(), err, r.Err, r.NA)
		}
		return threads, filters
	}
	threads, filters := see(cellOf(testSteps.Name, "openat"))
	for _, n := range []int{0, 2, 32} {
		_, got := see(stepOf(t, "filters", testSteps.Name, fmt.Sprintf("filters=%d", n)))
		if got != filters+n {
			t.Errorf("%d filters more than %d: %d", n, filters, got)
		}
	}
	// The runtime has a few threads more or less each time.
	for _, n := range []int{0, 16, 64} {
		got, _ := see(stepOf(t, "peers", testSteps.Name, fmt.Sprintf("peers=%d", n)))
		if got < threads+n-5 || got > threads+n+5 {
			t.Errorf("%d threads more than %d: %d", n, threads, got)
		}
	}
}

// TestSteps measures a step of each sweep with mechanisms of each kind.
func TestSteps(t *testing.T) {
	cells := []Cell{
		stepOf(t, "payload", "continue-read", "bytes=262144"),
		stepOf(t, "peers", "continue", "peers=16"), stepOf(t, "peers", "ptrace-freeze", "peers=0"), stepOf(t, "peers", "ptrace-freeze", "peers=16"),
		stepOf(t, "filters", "allow", "filters=32"), stepOf(t, "filters", "continue-read", "filters=32"), stepOf(t, "filters", "ptrace-seccomp", "filters=4"),
		stepOf(t, "filters", "redirect", "filters=4"),
	}
	got := rows(t, few, cells...)
	for _, r := range got {
		if lacks := lacking(t, r.Cell); lacks != "" {
			if r.NA != "this kernel has no "+lacks {
				t.Errorf("%s: n/a %q", r.Cell.Name(), r.NA)
			}
			continue
		}
		checkRow(t, r, few)
	}
	freeze := slices.IndexFunc(got, func(r Row) bool { return r.Cell.Peers == 16 && r.Cell.Mech == "ptrace-freeze" })
	if n := got[freeze].Stopped; n < 16 {
		t.Errorf("ptrace-freeze stopped %d threads of more than 16", n)
	}
}
