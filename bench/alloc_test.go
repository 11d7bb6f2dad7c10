package bench

import (
	"runtime"
	"strconv"
	"testing"

	"golang.org/x/sys/unix"

	"unotify-bench/internal/leak"
)

// counted are copies of the mechanisms with a supervisor, which report how
// often it allocated, in the place of the stopped threads.
var counted = func() map[string]*Mechanism {
	ms := map[string]*Mechanism{}
	for _, m := range product() {
		if m.Serve == nil {
			continue
		}
		c := *m
		c.Name, c.Rank = "test-counted-"+m.Name, testRank
		c.Serve = func(s *supervisor) error {
			var before, after runtime.MemStats
			runtime.ReadMemStats(&before)
			err := m.Serve(s)
			runtime.ReadMemStats(&after)
			s.stopped = int(after.Mallocs - before.Mallocs)
			return err
		}
		ms[m.Name] = register(&c)
	}
	return ms
}()

// TestSupervisorAllocatesNothing: hundreds of calls more make no allocation
// more. What else goes on in the process (a timer, a thread that starts) may
// make a few, now and then more: what a call allocates is there every time.
func TestSupervisorAllocatesNothing(t *testing.T) {
	const noise, tries = 20, 3
	for _, name := range []string{
		"reply", "continue", "continue-read", "addfd", "inject", "target-call", "target-call-send", "redirect", "redirect-cold",
		"ptrace-seccomp", "ptrace-syscall", "ptrace-freeze",
	} {
		m := counted[name]
		if m == nil {
			t.Errorf("%s has no supervisor", name)
			continue
		}
		c := cellOf(m.Name, "openat")
		if lacks := lacking(t, c); lacks != "" {
			t.Logf("%s: this kernel has no %s", name, lacks)
			continue
		}
		mallocs := func(calls int) int {
			cfg := few
			cfg.Calls = calls
			r := rows(t, cfg, c)[0]
			if r.Err != "" || r.NA != "" {
				t.Fatalf("%s: %s%s", name, r.Err, r.NA)
			}
			return r.Stopped
		}
		base := 1000
		if testing.Short() {
			// A row with peers has a quarter of the calls.
			base = chunk * max(1, m.Peers)
		}
		var once, twice int
		for range tries {
			once, twice = mallocs(base), mallocs(2*base)
			t.Logf("%s: %d allocations in %d calls, %d in %d", name, once, base, twice, 2*base)
			if twice < once+noise {
				break
			}
		}
		if twice >= once+noise {
			t.Errorf("%s: %d allocations in %d calls, %d in %d", name, once, base, twice, 2*base)
		}
	}
}

// TestTargetAllocatesNothing runs the target's side here, without a filter.
func TestTargetAllocatesNothing(t *testing.T) {
	clk, err := newClock(UnitNanoseconds)
	if err != nil {
		t.Fatal(err)
	}
	for _, cs := range Cases() {
		if cs.Execs || cs.Bytes > 4096 {
			continue // the calls come from elsewhere; the same, but slower
		}
		done := make(chan error, 1)
		var allocs float64
		go func() {
			done <- func() error {
				runtime.LockOSThread()
				// A target's objects end with it; here they would stay.
				before, err := leak.Descriptors()
				if err != nil {
					return err
				}
				defer func() {
					after, _ := leak.Descriptors() // as before
					for fd := range after {
						if n, err := strconv.Atoi(fd); err == nil && before[fd] == "" {
							unix.Close(n)
						}
					}
				}()
				s, err := newScene(t.TempDir(), 64<<10)
				if err != nil {
					return err
				}
				defer s.close()
				s.counter = clk.counter
				script, err := cs.prepare(s)
				if err != nil {
					return err
				}
				out := make([]uint64, chunk)
				st := &stretch{spec: &targetSpec{Calls: chunk, Warmup: 10, Chunk: chunk, Batch: 1, Counter: clk.counter}, script: script, out: out}
				if err := st.init(false); err != nil {
					return err
				}
				allocs = testing.AllocsPerRun(10, func() {
					st.at = 0
					if e := st.run(); e != nil {
						err = e
					}
				})
				return err
			}()
		}()
		if err := <-done; err != nil {
			t.Errorf("%s: %v", cs.Syscall, err)
		}
		if allocs != 0 {
			t.Errorf("%s: %v allocations in a stretch of %d calls", cs.Syscall, allocs, chunk)
		}
	}
}
