package bench

import (
	"errors"
	"fmt"
	"os"
	"strings"
	"testing"

	"golang.org/x/sys/unix"

	"unotify-bench/abi"
	"unotify-bench/asmstubs"
	"unotify-bench/internal/notify"
)

// crowdOf starts a crowd of this process, whose children end with the test.
func crowdOf(t *testing.T, steps []asmstubs.Step, n, each int) *crowd {
	t.Helper()
	counters := asmstubs.Counters()
	c, err := newCrowd(steps, n, each, counters[len(counters)-1]) // the one that is open everywhere
	if err != nil {
		t.Fatal(err)
	}
	started := make(chan error)
	done := make(chan struct{})
	t.Cleanup(func() {
		c.end()
		close(done)
	})
	// The children die with the thread that made them.
	go func() {
		err := notify.LockThread()
		if err == nil {
			err = c.start(-1)
		}
		started <- err
		<-done
	}()
	if err := <-started; err != nil {
		t.Fatal(err)
	}
	return c
}

func TestCrowd(t *testing.T) {
	ours := uint64(os.Getpid())
	for _, n := range []int{1, 3, maxCrowd} {
		c := crowdOf(t, []asmstubs.Step{step("getppid", ours), step("getppid", ours)}, n, 10)
		const rounds = 5
		deltas := make([]uint64, rounds)
		for range 2 {
			made, err := c.run(rounds*n*10, deltas)
			if made != rounds*n*10 || err != nil {
				t.Errorf("%d children made %d calls, want %d: %v", n, made, rounds*n*10, err)
			}
			for i, d := range deltas {
				if d == 0 || d == ^uint64(0) {
					t.Errorf("%d children: round %d took %d ticks", n, i, d)
				}
			}
		}
		if len(c.pids) != n {
			t.Errorf("%d children, want %d", len(c.pids), n)
		}
		if _, switches := c.used(); switches == 0 {
			t.Errorf("%d children have waited and not switched", n)
		}
	}
}

// TestCrowdFails: a wrong result and a death end the round with an error.
func TestCrowdFails(t *testing.T) {
	ours := uint64(os.Getpid())
	c := crowdOf(t, []asmstubs.Step{step("getppid", ours), step("getppid", 42)}, 3, 10)
	deltas := make([]uint64, 1)
	want := fmt.Sprintf("round 0: step 1 (syscall %d) returned %d, want 42", nr("getppid"), ours)
	if _, err := c.run(30, deltas); err == nil || !strings.Contains(err.Error(), want) {
		t.Errorf("a wrong result: %v, want %q", err, want)
	}
	c.end()

	c = crowdOf(t, []asmstubs.Step{step("getppid", ours)}, 3, 10)
	if err := unix.Kill(c.pids[1], unix.SIGKILL); err != nil {
		t.Fatal(err)
	}
	if _, err := c.run(30, deltas); err == nil || !strings.Contains(err.Error(), "a child of 3 died") {
		t.Errorf("a child was killed: %v", err)
	}
}

// deniesOne is a supervisor of which one thread says no, in the middle.
var deniesOne = register(&Mechanism{
	Name: "test-denies-one", Rank: testRank, Replaces: true,
	Verdict: abi.SECCOMP_RET_USER_NOTIF,
	Serve: func(s *supervisor) error {
		return s.answer(func(_ *abi.Notif, r *abi.NotifResp) error {
			if s.conn == nil && s.served == 5 {
				return errors.New("a helper says no")
			}
			r.Error = -ReplacedErrno
			return nil
		})
	},
})

// TestManyTargets measures several processes on one listener with one and
// several supervisors; what goes wrong in one of those is said.
func TestManyTargets(t *testing.T) {
	cell := func(mech, syscall string, targets, supervisors int) Cell {
		c := cellOf(mech, syscall)
		c.Targets, c.Supervisors, c.CPUs, c.Sweep = targets, supervisors, "free", sweepTargets
		return c
	}
	cells := []Cell{
		cell("reply", "getppid", 4, 2), cell("continue", "openat", 1, 1), cell("continue-read", "openat", 16, 4),
		cell("addfd", "openat", 16, 2), cell("continue", "getppid", 4, 1), cell("redirect", "openat", 16, 4), cell("redirect-cold", "openat", 4, 2),
		cell(deniesOne.Name, "openat", 16, 4), cell(killsTarget.Name, "openat", 4, 2), cell("reply", "openat", 1, 1),
	}
	for _, r := range rows(t, few, cells...) {
		switch {
		case r.Cell.Mech == deniesOne.Name:
			checkFailed(t, r, "a helper says no")
		case r.Cell.Mech == killsTarget.Name:
			checkFailed(t, r, "target", "gone")
		case lacking(t, r.Cell) != "":
			if r.NA != "this kernel has no "+lacking(t, r.Cell) {
				t.Errorf("%s: n/a %q", r.Cell.Name(), r.NA)
			}
		default:
			checkRow(t, r, few)
			if want := r.Cell.Targets * max(chunk/r.Cell.Targets, chunk/10); r.Batch != want || r.Calls < 4*roundsInChunk*want {
				t.Errorf("%s: %d calls in batches of %d, want %d", r.Cell.Name(), r.Calls, r.Batch, want)
			}
		}
	}
	awaitNone(t)
	for _, tt := range []struct {
		cell Cell
		why  string
	}{
		{cell("ptrace-seccomp", "openat", 4, 1), "share a listener"},
		{cell("allow", "openat", 4, 1), "share a listener"},
		{cell("continue", "write", 4, 1), "at once"},
	} {
		if why := tt.cell.Unable(); !strings.Contains(why, tt.why) {
			t.Errorf("%s: unable %q, want %q", tt.cell.Name(), why, tt.why)
		}
	}
}
