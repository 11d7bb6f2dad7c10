package suite

import (
	"time"

	"golang.org/x/sys/unix"

	"unotify-bench/abi"
)

var _ = add(
	Check{ID: "notify.signal-before-recv", Level: Must, Source: srcTests + "signal",
		Doc: "a signal before RECV ends the notification; with SA_RESTART the call traps again, under a new id",
		run: func(t *T) {
			c := t.notified(unix.SYS_GETPPID, 0)
			first := c.trap(call(unix.SYS_GETPPID)).ID
			c.answer(first, 1)
			c.tell(call(unix.SYS_GETPPID))
			c.polled()
			c.signal(unix.SIGWINCH)
			n := c.next()
			for n.ID == first+1 { // the signal had not come yet
				t.errno("the notification is over", c.waitGone(n.ID), unix.ENOENT)
				n = c.next()
			}
			c.answer(n.ID, 5)
		}},
	Check{ID: "notify.signal-after-recv", Level: Must, Source: srcTests + "signal",
		Doc: "a signal after RECV ends the notification: SEND is ENOENT, and the call traps again",
		run: func(t *T) {
			c := t.notified(unix.SYS_GETPPID, 0)
			n := c.trap(call(unix.SYS_GETPPID))
			c.signal(unix.SIGWINCH)
			again := c.next()
			t.errno("SEND to the old id", c.send(abi.NotifResp{ID: n.ID}), unix.ENOENT)
			if again.Data != n.Data {
				t.Errorf("the call traps again as %+v, it was %+v", again.Data, n.Data)
			}
			c.answer(again.ID, 6)
		}},
	Check{ID: "notify.signal-eintr", Level: Must, Source: srcTests + "signal",
		Doc: "a signal without SA_RESTART ends the trapped call with EINTR",
		run: func(t *T) {
			c := t.notified(unix.SYS_GETPPID, 0)
			c.interrupting()
			c.trap(call(unix.SYS_GETPPID))
			c.signal(unix.SIGWINCH)
			if got := c.result(); got != -int64(unix.EINTR) {
				t.Errorf("the call returned %d, want -EINTR", got)
			}
		}},
	Check{ID: "notify.wait-killable", Level: Must, Source: srcTests + "wait_killable (since 5.19)",
		Doc: "with WAIT_KILLABLE_RECV a signal after RECV waits until after the answer",
		run: func(t *T) {
			c := t.start()
			fd, e := c.tryFilter(filterSpec{Nr: unix.SYS_GETPPID, Action: abi.SECCOMP_RET_USER_NOTIF,
				Flags: notifyFlag | abi.SECCOMP_FILTER_FLAG_WAIT_KILLABLE_RECV})
			if e == unix.EINVAL {
				t.Absent("SECCOMP_FILTER_FLAG_WAIT_KILLABLE_RECV")
			}
			t.must(e, "install the filter")
			c.FD = fd
			c.interrupting()
			n := c.trap(call(unix.SYS_GETPPID))
			c.signal(unix.SIGWINCH)
			// Only the signal makes it look, and sleep where none wakes it.
			c.t.becomes(c.TID, 'D')
			c.pends(n.ID, "a signal")
			c.answer(n.ID, 8)
		}},
)

// waitGone waits until a notification is over.
func (c *caller) waitGone(id uint64) unix.Errno {
	for {
		if e := c.IDValid(&id); e != 0 {
			return e
		}
		time.Sleep(time.Millisecond)
	}
}

// interrupting makes SIGWINCH interrupt the target's calls.
func (c *caller) interrupting() {
	c.tell(order{Op: opInterrupt})
	c.report()
}
