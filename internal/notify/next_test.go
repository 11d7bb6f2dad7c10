package notify

import (
	"os"
	"sync/atomic"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"unotify-bench/abi"
)

// nextOn runs Next on a thread of its own.
func nextOn(l Listener, n *abi.Notif, stop *uint32) (tid int, done <-chan unix.Errno) {
	tids, end := make(chan int), make(chan unix.Errno, 1)
	go func() {
		_ = LockThread()
		tids <- unix.Gettid()
		end <- l.Next(n, stop)
	}()
	return <-tids, end
}

// TestNextStops: with stop set, a signal ends the wait; the caller lives.
func TestNextStops(t *testing.T) {
	if err := InterruptBy(unix.SIGWINCH); err != nil {
		t.Fatal(err)
	}
	c := startNotified(t)
	var n abi.Notif
	var stop uint32
	tid, done := nextOn(c.Listener, &n, &stop)
	atomic.StoreUint32(&stop, 1)
	for {
		if err := unix.Tgkill(os.Getpid(), tid, unix.SIGWINCH); err != nil && err != unix.ESRCH {
			t.Fatal(err)
		}
		select {
		case e := <-done:
			if e != unix.EINTR {
				t.Errorf("Next returned %v, want EINTR", e)
			}
			return
		case <-time.After(time.Millisecond):
		}
	}
}

// TestNextSignalled: without stop, signals to the supervisor change nothing.
func TestNextSignalled(t *testing.T) {
	if err := InterruptBy(unix.SIGWINCH); err != nil {
		t.Fatal(err)
	}
	c := startNotified(t)
	var n abi.Notif
	var stop uint32
	tid, done := nextOn(c.Listener, &n, &stop)
	for range 50 {
		if err := unix.Tgkill(os.Getpid(), tid, unix.SIGWINCH); err != nil {
			t.Fatal(err)
		}
		time.Sleep(100 * time.Microsecond)
	}
	c.getppid(t)
	if e := <-done; e != 0 {
		t.Fatalf("Next: %v", e)
	}
	c.answer(t, n.ID, 7)
}

// TestTargetKilled: what a supervisor sees of a target that dies while it
// waits for an answer, and while the supervisor waits for it.
func TestTargetKilled(t *testing.T) {
	c := startNotified(t)
	if c.HungUp() {
		t.Error("HungUp while the target lives")
	}
	c.getppid(t)
	n := c.next(t)
	c.Kill()
	_ = c.Wait()
	if e := c.IDValid(&n.ID); e != unix.ENOENT {
		t.Errorf("IDValid of a dead target: %v, want ENOENT", e)
	}
	if e := c.Listener.Send(&abi.NotifResp{ID: n.ID}); e != unix.ENOENT {
		t.Errorf("Send to a dead target: %v, want ENOENT", e)
	}
	if _, e := c.AddFD(&abi.NotifAddFD{ID: n.ID, SrcFD: 0}); e != unix.ENOENT {
		t.Errorf("AddFD to a dead target: %v, want ENOENT", e)
	}
	if !c.HungUp() {
		t.Error("not HungUp after the target's death")
	}
	if e := c.Next(&n, nil); e != unix.ENOENT {
		t.Errorf("Next after the target's death: %v, want ENOENT", e)
	}
}

func TestKilledWhileNextWaits(t *testing.T) {
	c := startNotified(t)
	var n abi.Notif
	_, done := nextOn(c.Listener, &n, nil)
	c.Kill()
	if e := <-done; e != unix.ENOENT {
		t.Errorf("Next: %v, want ENOENT", e)
	}
}

// TestSignalledTarget: a signal that the target takes ends the notification,
// and the restarted call traps again under a new id.
func TestSignalledTarget(t *testing.T) {
	const listen = abi.SECCOMP_FILTER_FLAG_NEW_LISTENER
	for _, tt := range []struct {
		name    string
		flags   uint
		open    bool
		restart bool // each signal ends a notification
	}{
		{"SIGURG blocked", listen, false, false},
		{"SIGURG open", listen, true, true},
		// Since 5.19: only a fatal signal ends a received notification.
		{"WAIT_KILLABLE_RECV", listen | abi.SECCOMP_FILTER_FLAG_WAIT_KILLABLE_RECV, true, false},
	} {
		t.Run(tt.name, func(t *testing.T) {
			c := startCaller(t, armSpec{Nr: unix.SYS_GETPPID, Action: abi.SECCOMP_RET_USER_NOTIF, Flags: tt.flags, OpenSIGURG: tt.open})
			c.getppid(t)
			ids := map[uint64]bool{}
			for range 10 {
				n := c.next(t)
				ids[n.ID] = true
				if err := unix.Tgkill(c.PID(), c.TID, unix.SIGURG); err != nil {
					t.Fatal(err)
				}
				if !tt.restart {
					time.Sleep(time.Millisecond) // long enough to leave the wait, if it does
					if e := c.IDValid(&n.ID); e != 0 {
						t.Fatalf("the signal ended the notification: %v", e)
					}
					c.answer(t, n.ID, 5)
					c.getppid(t)
					continue
				}
				for c.IDValid(&n.ID) == 0 {
					time.Sleep(10 * time.Microsecond)
				}
				if e := c.Listener.Send(&abi.NotifResp{ID: n.ID}); e != unix.ENOENT {
					t.Fatalf("Send after the signal: %v, want ENOENT", e)
				}
			}
			if len(ids) != 10 {
				t.Errorf("10 notifications had %d ids", len(ids))
			}
			c.answer(t, c.next(t).ID, 6)
		})
	}
}

// TestStorm answers many calls of a target that another thread signals all
// the time, until enough has happened. Every call gets its answer in the end.
func TestStorm(t *testing.T) {
	const batch, signals, late = 200, 100, 5
	for _, tt := range []struct {
		name     string
		flags    uint
		killable bool
	}{
		{"interruptible", abi.SECCOMP_FILTER_FLAG_NEW_LISTENER, false},
		{"killable", abi.SECCOMP_FILTER_FLAG_NEW_LISTENER | abi.SECCOMP_FILTER_FLAG_WAIT_KILLABLE_RECV, true},
	} {
		t.Run(tt.name, func(t *testing.T) {
			c := startCaller(t, armSpec{Nr: unix.SYS_GETPPID, Action: abi.SECCOMP_RET_USER_NOTIF, Flags: tt.flags, OpenSIGURG: true})
			var sent, answers atomic.Int64
			stop, stopped := make(chan struct{}), make(chan struct{})
			go func() {
				defer close(stopped)
				// A storm that is faster than the supervisor would be all that
				// happens: as long as no answer comes through, it slows down.
				pause, seen := time.Duration(0), int64(0)
				for {
					select {
					case <-stop:
						return
					default:
						_ = unix.Tgkill(c.PID(), c.TID, unix.SIGURG)
						sent.Add(1)
						pause += 20 * time.Microsecond
						if n := answers.Load(); n != seen {
							pause, seen = 20*time.Microsecond, n
						}
						time.Sleep(pause)
					}
				}
			}()
			defer func() { close(stop); <-stopped }()
			calls, lost := 0, 0
			for sent.Load() < signals || !tt.killable && lost < late {
				c.call(t, callSpec{Nr: unix.SYS_GETPPID, Times: batch})
				// SEND may succeed and the answer be lost all the same: a target
				// that a signal has woken looks at nothing else when it gets the
				// lock (interrupted in seccomp_do_user_notification). So only
				// the target knows when it has had enough.
				for answered := 0; c.traps(t); {
					n := c.next(t)
					if answered%20 == 0 {
						time.Sleep(100 * time.Microsecond)
					}
					switch e := c.Listener.Send(&abi.NotifResp{ID: n.ID, Val: 9}); {
					case e == 0:
						answered++
						answers.Add(1)
					case e == unix.ENOENT && !tt.killable:
						lost++
					default:
						t.Fatalf("Send: %v", e)
					}
				}
				if got := c.result(t); got != 9 {
					t.Fatalf("the last call returned %d, want 9", got)
				}
				calls += batch
				if n := answers.Load(); n < int64(calls) {
					t.Fatalf("%d answers made %d calls return", n, calls)
				}
			}
			t.Logf("%d calls, %d signals, %d answers that came too late, %d that were lost", calls, sent.Load(), lost, answers.Load()-int64(calls))
		})
	}
}
