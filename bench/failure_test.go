package bench

import (
	"context"
	"errors"
	"fmt"
	"os"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"unotify-bench/abi"
	"unotify-bench/internal/notify"
)

// failing registers a mechanism whose listener goes wrong at its call number
// at, counted from 0: wrong answers that one, the others get the right answer.
func failing(name string, at int, wrong func(*supervisor, *abi.Notif, *abi.NotifResp) error) *Mechanism {
	return register(&Mechanism{
		Name: name, Rank: testRank, Replaces: true,
		Verdict: abi.SECCOMP_RET_USER_NOTIF,
		Serve: func(s *supervisor) error {
			return s.answer(func(n *abi.Notif, r *abi.NotifResp) error {
				if s.served == at {
					return wrong(s, n, r)
				}
				r.Error = -ReplacedErrno
				return nil
			})
		},
	})
}

// failingTracer is the same for a tracer.
func failingTracer(name string, at int, wrong func(*supervisor, *notify.Event) error) *Mechanism {
	return register(&Mechanism{
		Name: name, Rank: testRank, Traced: true,
		Verdict: abi.SECCOMP_RET_TRACE,
		Serve: func(s *supervisor) error {
			return s.trace(false, func(ev *notify.Event) (verdict, error) {
				if ev.Stop != notify.StopSeccomp {
					return ignored, nil
				}
				if s.served == at {
					return handled, wrong(s, ev)
				}
				return handled, nil
			})
		},
	})
}

var (
	wrongAtOnce = failing("test-wrong-at-once", 0, func(_ *supervisor, _ *abi.Notif, r *abi.NotifResp) error {
		r.Val = 4242
		return nil
	})
	wrongLater = failing("test-wrong-later", 133, func(_ *supervisor, _ *abi.Notif, r *abi.NotifResp) error {
		r.Error = -int32(unix.EXDEV)
		return nil
	})
	denies = failing("test-denies", 5, func(*supervisor, *abi.Notif, *abi.NotifResp) error {
		return errors.New("the policy says no")
	})
	dies = failing("test-dies", 5, func(*supervisor, *abi.Notif, *abi.NotifResp) error {
		os.Exit(3)
		return nil
	})
	panics = failing("test-panics", 5, func(*supervisor, *abi.Notif, *abi.NotifResp) error {
		_ = os.Stderr.Close() // the stack is no news
		panic("on purpose")
	})
	killsTarget = failing("test-kills-target", 50, func(s *supervisor, _ *abi.Notif, _ *abi.NotifResp) error {
		s.kill()
		return nil
	})
	// silent never answers and never looks away.
	silent = failing("test-silent", 50, func(s *supervisor, n *abi.Notif, _ *abi.NotifResp) error {
		for s.listener.IDValid(&n.ID) == 0 {
			time.Sleep(time.Millisecond)
		}
		return nil
	})
	// stuck does not even see that the target was killed.
	stuck = failing("test-stuck", 50, func(*supervisor, *abi.Notif, *abi.NotifResp) error {
		select {}
	})
	// deaf leaves its listener alone.
	deaf = register(&Mechanism{
		Name: "test-deaf", Rank: testRank, Replaces: true, Verdict: abi.SECCOMP_RET_USER_NOTIF,
		Serve: func(s *supervisor) error {
			if err := s.begin(); err != nil {
				return err
			}
			for atomic.LoadUint32(s.stop) == 0 {
				time.Sleep(time.Millisecond)
			}
			return nil
		},
	})
	// surprised asks for an exec event and has no use for it.
	surprised = register(&Mechanism{
		Name: "test-surprised", Rank: testRank, Verdict: abi.SECCOMP_RET_USER_NOTIF, Needs: []notify.Feature{notify.FeatureExecEvent},
		Serve: func(s *supervisor) error {
			return s.answer(func(_ *abi.Notif, r *abi.NotifResp) error {
				r.Flags = abi.SECCOMP_USER_NOTIF_FLAG_CONTINUE | abi.SECCOMP_USER_NOTIF_FLAG_EXEC_EVENT
				return nil
			})
		},
	})
	tracerDenies = failingTracer("test-tracer-denies", 5, func(*supervisor, *notify.Event) error {
		return errors.New("the tracer says no")
	})
	tracerDies = failingTracer("test-tracer-dies", 5, func(*supervisor, *notify.Event) error {
		os.Exit(3)
		return nil
	})
	tracerKills = failingTracer("test-tracer-kills", 50, func(s *supervisor, _ *notify.Event) error {
		s.kill()
		return nil
	})
	tracerSilent = failingTracer("test-tracer-silent", 50, func(s *supervisor, _ *notify.Event) error {
		for atomic.LoadUint32(s.stop) == 0 {
			time.Sleep(time.Millisecond)
		}
		return nil
	})
)

// TestFailures: what goes wrong in a row is said in it, and the next row is
// as good as ever.
func TestFailures(t *testing.T) {
	nr := nr("openat")
	for _, tt := range []struct {
		mech *Mechanism
		want []string
	}{
		{wrongAtOnce, []string{"target: ", "call 0:", fmt.Sprintf("(syscall %d)", nr), "returned 4242", "want -ERESTART"}},
		// The warm-up has 10 calls, a chunk 100, the next 20 of warm-up.
		{wrongLater, []string{"call 23:", "returned -EXDEV", "want -ERESTART"}},
		{denies, []string{"the policy says no"}},
		{dies, []string{"the worker ended"}},
		{panics, []string{"the worker ended"}},
		{killsTarget, []string{"target", "gone"}},
		{tracerDenies, []string{"the tracer says no"}},
		{tracerDies, []string{"the worker ended"}},
		{tracerKills, []string{"target", "gone"}},
	} {
		t.Run(strings.TrimPrefix(tt.mech.Name, "test-"), func(t *testing.T) {
			// Calls of getppid can come in batches, those of openat do not.
			got := rows(t, few, cellOf(tt.mech.Name, "openat"), cellOf("continue"))
			checkFailed(t, got[0], tt.want...)
			checkRow(t, got[1], few)
			awaitNone(t)
		})
	}
}

// TestExecEvents: an exec event is no trap, so that it is not answered as one
// when nobody has asked for it, and not counted as one when somebody has.
func TestExecEvents(t *testing.T) {
	for _, c := range []Cell{cellOf(surprised.Name, "execve"), cellOf("redirect", "execve")} {
		r := rows(t, few, c)[0]
		switch {
		case lacking(t, c) != "":
			if r.NA != "this kernel has no "+lacking(t, c) {
				t.Errorf("%s: n/a %q", c.Name(), r.NA)
			}
		case c.Mech == surprised.Name:
			checkFailed(t, r, "an exec event came that nobody asked for")
		default:
			// One call of each relay is not measured: it starts the first program.
			if least, most := r.Calls+r.Warmup, 2*(r.Calls+r.Warmup); r.Notifications < least || r.Notifications >= most {
				t.Errorf("%d notifications, want %d and a few", r.Notifications, least)
			}
			checkRow(t, r, few)
		}
	}
	awaitNone(t)
}

func checkFailed(t *testing.T, r Row, want ...string) {
	t.Helper()
	if r.NA != "" || r.Total != (Stats{}) || r.SHA256 != "" {
		t.Errorf("a row that failed says n/a %q, %+v, %s", r.NA, r.Total, r.SHA256)
	}
	for _, w := range want {
		if !strings.Contains(r.Err, w) {
			t.Errorf("the error does not say %q: %q", w, r.Err)
		}
	}
}

// TestLimit: a row that does not end is ended.
func TestLimit(t *testing.T) {
	for _, tt := range []struct {
		mech *Mechanism
		want string
	}{
		{silent, "not done after"},
		{deaf, "not done after"},
		{tracerSilent, "not done after"},
		{stuck, "the worker"},
	} {
		t.Run(strings.TrimPrefix(tt.mech.Name, "test-"), func(t *testing.T) {
			cfg := few
			cfg.Limit = 500 * time.Millisecond
			if testing.Short() {
				cfg.Limit = 5 * time.Second // emulation takes that long to start
			}
			got := rows(t, cfg, cellOf(tt.mech.Name), cellOf("native"))
			checkFailed(t, got[0], tt.want)
			if got[1].Err != "" {
				t.Errorf("the next row: %s", got[1].Err)
			}
			awaitNone(t)
		})
	}
}

// TestCancel: a run that is cancelled ends while a supervisor waits for ever,
// and leaves nothing.
func TestCancel(t *testing.T) {
	for _, m := range []*Mechanism{silent, stuck, tracerSilent, FindMechanism("native")} {
		t.Run(m.Name, func(t *testing.T) {
			cfg := few
			cfg.Calls = 1e7 // more than it can do in the meantime
			cfg.Limit = time.Hour
			ctx, cancel := context.WithCancel(context.Background())
			started := make(chan struct{})
			go func() {
				// Once a target runs, the row is in the middle.
				for !strings.Contains(fmt.Sprint(ours()), ":target") {
					time.Sleep(time.Millisecond)
				}
				close(started)
				cancel()
			}()
			err := Run(ctx, cfg, []Cell{cellOf(m.Name), cellOf("native")}, func(r Row) error {
				t.Errorf("a row came: %s%s", r.Err, r.NA)
				return nil
			})
			<-started
			if !errors.Is(err, context.Canceled) {
				t.Errorf("Run: %v, want canceled", err)
			}
			awaitNone(t)
		})
	}
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	if err := Run(ctx, few, []Cell{cellOf("native")}, nil); !errors.Is(err, context.Canceled) {
		t.Errorf("Run that was cancelled before: %v", err)
	}
}

// TestEmitFails: the caller's error ends the run.
func TestEmitFails(t *testing.T) {
	full := errors.New("disk full")
	n := 0
	err := Run(context.Background(), few, []Cell{cellOf("native"), cellOf("native")}, func(Row) error {
		n++
		return full
	})
	if !errors.Is(err, full) || n != 1 {
		t.Errorf("%d rows, then %v; want 1, then %v", n, err, full)
	}
	awaitNone(t)
}

func TestResultText(t *testing.T) {
	for _, tt := range []struct {
		r    int64
		want string
	}{
		{0, "0"}, {7, "7"}, {-int64(unix.ENOENT), "-ENOENT"}, {-ReplacedErrno, "-ERESTART"}, {-4000, "-errno 4000"}, {-5000, "18446744073709546616"},
	} {
		if got := resultText(uint64(tt.r)); got != tt.want {
			t.Errorf("%d: %s, want %s", tt.r, got, tt.want)
		}
	}
}
