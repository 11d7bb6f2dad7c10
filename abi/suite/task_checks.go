package suite

import (
	"encoding/binary"
	"os"
	"runtime"
	"unsafe"

	"golang.org/x/sys/unix"

	"unotify-bench/abi"
	"unotify-bench/internal/notify"
)

// More than one task, and more than one who looks.

// traps has child i of the target make a call beside it, and waits until that is
// trapped. It returns the child's id.
func (c *caller) traps(i int, flags uint64, nr int) int {
	c.tell(c.beside(i, flags, nr, callerArg(0), callerArg(1)))
	tid := int(c.result())
	if tid <= 0 {
		c.t.Unclear("the target cannot make a child: %d", tid)
	}
	c.t.waitsIn(tid, nr)
	return tid
}

// finishes waits until child i has made its call, and returns the result.
func (c *caller) finishes(i int) int64 {
	for {
		if got, done := c.did(i); done {
			return got
		}
		// Who yields lets a target run that has one CPU with us.
		runtime.Gosched()
	}
}

// inNamespace makes a child in a pid namespace of its own, by the flags of
// clone. To be root suffices, or where users may have namespaces, one of those.
func (c *caller) inNamespace(i int, nr int, args ...uint64) int {
	const flags = unix.CLONE_VM | unix.CLONE_FILES | unix.CLONE_NEWPID | uint64(unix.SIGCHLD)
	for _, more := range []uint64{0, unix.CLONE_NEWUSER} {
		c.tell(c.beside(i, flags|more, nr, args...))
		switch got := c.result(); {
		case got > 0:
			return int(got)
		case got != -int64(unix.EPERM):
			c.t.Unclear("make a child in a pid namespace: %s", errName(unix.Errno(-got)))
		}
	}
	c.t.Unclear("make a child in a pid namespace: EPERM; this check needs root, or user namespaces")
	return 0
}

var _ = add(
	Check{ID: "notify.thread-pid", Level: Must, Source: srcStock + "; seccomp(2): filters are inherited",
		Doc: "a thread and a child inherit the filter, and a notification has the id of the very thread",
		run: func(t *T) {
			c := t.notified(unix.SYS_GETPPID, 0)
			for i, flags := range []uint64{asThread, uint64(unix.CLONE_VM | unix.SIGCHLD)} {
				tid := c.traps(i, flags, unix.SYS_GETPPID)
				n := c.next()
				if int(n.PID) != tid {
					t.Errorf("the notification is of %d, the call is made by %d", n.PID, tid)
				}
				t.must(c.send(abi.NotifResp{ID: n.ID, Val: 42}), "SEND")
				if got := c.finishes(i); got != 42 {
					t.Errorf("the call returned %d, the answer was 42", got)
				}
			}
			c.answer(c.trap(call(unix.SYS_GETPPID)).ID, 1)
		}},
	Check{ID: "notify.fifo", Level: Must, Source: srcTests + "fifo",
		Doc: "notifications of several threads are received in the order in which their calls were trapped",
		run: func(t *T) {
			c := t.notified(unix.SYS_GETPPID, 0)
			var tids []int
			for i := range 8 {
				tids = append(tids, c.traps(i, asThread, unix.SYS_GETPPID))
			}
			var ids []uint64
			for i, tid := range tids {
				n := c.next()
				if int(n.PID) != tid {
					t.Errorf("the notification received as number %d is of thread %d, that call is made by %d", i, n.PID, tid)
				}
				ids = append(ids, n.ID)
			}
			// In any order each gets its own answer.
			for _, i := range []int{3, 0, 7, 1, 6, 2, 5, 4} {
				t.must(c.send(abi.NotifResp{ID: ids[i], Val: int64(100 + i)}), "SEND")
				if got := c.finishes(i); got != int64(100+i) {
					t.Errorf("the call of thread %d returned %d, its answer was %d", i, got, 100+i)
				}
			}
		}},
	Check{ID: "notify.precedence", Level: Must, Source: "seccomp(2), on several filters: the first in the order of precedence",
		Doc: "another filter's ERRNO is stronger than a notification, and its TRACE, LOG and ALLOW are weaker, whichever filter is older",
		run: func(t *T) {
			for action, trapped := range map[uint32]bool{
				abi.SECCOMP_RET_ERRNO | uint32(unix.EXDEV): false,
				abi.SECCOMP_RET_TRACE:                      true,
				abi.SECCOMP_RET_LOG:                        true,
				abi.SECCOMP_RET_ALLOW:                      true,
			} {
				for _, older := range []bool{false, true} {
					c := t.start()
					other := filterSpec{Nr: unix.SYS_GETPPID, Action: action}
					if older {
						c.filter(other)
					}
					c.filter(filterSpec{Nr: unix.SYS_GETPPID, Action: abi.SECCOMP_RET_USER_NOTIF, Flags: notifyFlag})
					if !older {
						c.filter(other)
					}
					if trapped {
						c.answer(c.trap(call(unix.SYS_GETPPID)).ID, 5)
					} else if got := c.do(unix.SYS_GETPPID); got != -int64(unix.EXDEV) {
						t.Errorf("beside a filter of action %#x the call returned %d, want -EXDEV", action, got)
					}
					c.Kill()
				}
			}
		}},
	Check{ID: "notify.recv-interrupted", Level: Must, Source: "kernel/seccomp.c, seccomp_notify_recv and recv_wait_event",
		Doc: "a RECV that waits and is interrupted by a signal is EINTR, and no notification is lost",
		run: func(t *T) {
			c := t.notified(unix.SYS_GETPPID, 0)
			t.ok(notify.InterruptBy(unix.SIGWINCH), "make a signal interrupt")
			tid, got := make(chan int), make(chan unix.Errno)
			go func() {
				runtime.LockOSThread() // for good: it ends with us
				tid <- unix.Gettid()
				var n abi.Notif
				got <- c.Recv(&n)
			}()
			receiver := <-tid
			t.waitsIn(receiver, unix.SYS_IOCTL)
			t.ok(unix.Tgkill(os.Getpid(), receiver, unix.SIGWINCH), "send a signal")
			t.errno("RECV", <-got, unix.EINTR)
			c.answer(c.trap(call(unix.SYS_GETPPID)).ID, 1)
		}},
	Check{ID: "notify.pid-namespace", Level: Must, Source: srcTests + "child_pid_ns",
		Doc: "of a target in a pid namespace below, the supervisor sees the id that it has in its own",
		run: func(t *T) {
			c := t.notified(unix.SYS_GETPPID, 0)
			pid := c.inNamespace(0, unix.SYS_GETPPID)
			n := c.next()
			if int(n.PID) != pid {
				t.Errorf("the notification is of %d, want %d", n.PID, pid)
			}
			t.must(c.send(abi.NotifResp{ID: n.ID, Flags: flagContinue}), "SEND with CONTINUE")
			if got := c.finishes(0); got != 0 {
				t.Errorf("there getppid returned %d: it is in no namespace of its own", got)
			}
		}},
	Check{ID: "notify.pid-hidden", Level: Must, Source: srcTests + "sibling_pid_ns",
		Doc: "a supervisor in a pid namespace that does not have the target sees the id 0",
		run: func(t *T) {
			c := t.notified(unix.SYS_GETPPID, 0)
			fd, err := unix.FcntlInt(uintptr(c.FD), unix.F_DUPFD_CLOEXEC, 0)
			t.ok(err, "duplicate the listener")
			// Another target plays the supervisor, in memory of its own.
			s := t.start(os.NewFile(uintptr(fd), "listener"))
			s.inNamespace(0, unix.SYS_IOCTL, firstFile, abi.SECCOMP_IOCTL_NOTIF_RECV, s.slot(1))
			c.tell(call(unix.SYS_GETPPID))
			if got := s.finishes(0); got != 0 {
				t.Fatalf("there RECV is %d", got)
			}
			var n abi.Notif
			b := s.peek(s.slot(1), int(unsafe.Sizeof(n)))
			if n.ID = binary.NativeEndian.Uint64(b); b[8]|b[9]|b[10]|b[11] != 0 {
				t.Errorf("the notification is of %d, want 0", binary.NativeEndian.Uint32(b[8:]))
			}
			c.answer(n.ID, 3)
		}},
	Check{ID: "notify.listener-elsewhere", Level: Must, Source: "seccomp_unotify(2): the descriptor can be passed on",
		Doc: "a listener that another process has received works there, and the supervisor's own goes on to",
		run: func(t *T) {
			c := t.notified(unix.SYS_GETPPID, 0)
			fd, err := unix.FcntlInt(uintptr(c.FD), unix.F_DUPFD_CLOEXEC, 0)
			t.ok(err, "duplicate the listener")
			s := t.start(os.NewFile(uintptr(fd), "listener"))
			n := c.trap(call(unix.SYS_GETPPID))
			// struct seccomp_notif_resp: id, val, error, flags.
			o := call(unix.SYS_IOCTL, firstFile, abi.SECCOMP_IOCTL_NOTIF_SEND)
			o.Data[2] = append(binary.NativeEndian.AppendUint64(binary.NativeEndian.AppendUint64(nil, n.ID), 77), make([]byte, 8)...)
			s.tell(o)
			if got := s.result(); got != 0 {
				t.Errorf("there SEND is %d", got)
			}
			if got := c.result(); got != 77 {
				t.Errorf("the call returned %d, the answer was 77", got)
			}
			s.Kill()
			_ = s.Wait() // killed
			c.answer(c.trap(call(unix.SYS_GETPPID)).ID, 1)
		}},
)
