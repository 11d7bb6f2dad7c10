package suite

import (
	"os"
	"unsafe"

	"golang.org/x/sys/unix"

	"unotify-bench/abi"
	"unotify-bench/internal/notify"
)

const srcTests = "tools/testing/selftests/seccomp/seccomp_bpf.c, user_notification_*"

var _ = add(
	Check{ID: "notify.basic", Level: Must, Source: srcTests,
		Doc: "a notification shows the thread, the call, its architecture and all six arguments in full",
		run: func(t *T) {
			c := t.notified(unix.SYS_GETPPID, 0)
			args := six(callerArg)
			n := c.trap(order{Op: opCall, Nr: unix.SYS_GETPPID, Args: args})
			want := abi.Notif{ID: n.ID, PID: uint32(c.TID), Data: abi.Data{
				Nr: unix.SYS_GETPPID, Arch: notify.Native.AuditArch, InstructionPointer: n.Data.InstructionPointer, Args: args}}
			if n != want || n.Data.InstructionPointer == 0 {
				t.Errorf("the notification is %+v, want %+v and an instruction pointer", n, want)
			}
			c.answer(n.ID, 1)
		}},
	Check{ID: "notify.recv-dirty", Level: Must, Source: srcStock,
		Doc: "RECV into memory that is not zero is EINVAL, to an address that nobody has EFAULT, and the notification stays",
		run: func(t *T) {
			c := t.notified(unix.SYS_GETPPID, 0)
			c.tell(call(unix.SYS_GETPPID))
			c.polled()
			dirty := abi.Notif{Flags: 1}
			t.errno("RECV into dirt", c.raw(abi.SECCOMP_IOCTL_NOTIF_RECV, unsafe.Pointer(&dirty)), unix.EINVAL)
			t.errno("RECV to nowhere", c.raw(abi.SECCOMP_IOCTL_NOTIF_RECV, nil), unix.EFAULT)
			c.answer(c.next().ID, 1)
		}},
	Check{ID: "notify.recv-fault", Level: Must, Source: srcTests + "; seccomp_notify_recv puts it back to INIT",
		Doc: "a RECV whose memory turns out to be read-only is EFAULT, and the next RECV gets the same notification",
		run: func(t *T) {
			c := t.notified(unix.SYS_GETPPID, 0)
			c.tell(call(unix.SYS_GETPPID))
			c.polled()
			mem, err := unix.Mmap(-1, 0, os.Getpagesize(), unix.PROT_READ, unix.MAP_PRIVATE|unix.MAP_ANONYMOUS)
			t.ok(err, "map memory")
			t.errno("RECV into memory that is read-only", c.raw(abi.SECCOMP_IOCTL_NOTIF_RECV, unsafe.Pointer(&mem[0])), unix.EFAULT)
			c.answer(c.next().ID, 2)
		}},
	Check{ID: "notify.send-errors", Level: Must, Source: srcStock,
		Doc: "SEND for another id is ENOENT, with unknown flags, or CONTINUE with a value or an error, EINVAL; the notification stays",
		run: func(t *T) {
			c := t.notified(unix.SYS_GETPPID, 0)
			id := c.trap(call(unix.SYS_GETPPID)).ID
			for _, bad := range []struct {
				what string
				r    abi.NotifResp
				want unix.Errno
			}{
				{"another id", abi.NotifResp{ID: id + 1000}, unix.ENOENT},
				{"an unknown flag", abi.NotifResp{ID: id, Flags: 1 << 31}, unix.EINVAL},
				{"an unknown flag beside CONTINUE", abi.NotifResp{ID: id, Flags: flagContinue | 1<<30}, unix.EINVAL},
				{"CONTINUE with a value", abi.NotifResp{ID: id, Flags: flagContinue, Val: 1}, unix.EINVAL},
				{"CONTINUE with an error", abi.NotifResp{ID: id, Flags: flagContinue, Error: -1}, unix.EINVAL},
			} {
				t.errno(bad.what, c.send(bad.r), bad.want)
				c.pends(id, bad.what)
			}
			t.errno("SEND from nowhere", c.raw(abi.SECCOMP_IOCTL_NOTIF_SEND, nil), unix.EFAULT)
			c.answer(id, 3)
			t.errno("a second answer", c.send(abi.NotifResp{ID: id}), unix.ENOENT)
		}},
	Check{ID: "notify.not-received", Level: Must, Source: srcStock,
		Doc: "SEND and ADDFD before RECV are EINPROGRESS; ids count up and are not used again",
		run: func(t *T) {
			c := t.notified(unix.SYS_GETPPID, 0)
			first := c.trap(call(unix.SYS_GETPPID)).ID
			c.answer(first, 1)
			c.tell(call(unix.SYS_GETPPID))
			c.polled()
			t.errno("SEND before RECV", c.send(abi.NotifResp{ID: first + 1}), unix.EINPROGRESS)
			_, e := c.AddFD(&abi.NotifAddFD{ID: first + 1})
			t.errno("ADDFD before RECV", e, unix.EINPROGRESS)
			n := c.next()
			if n.ID != first+1 {
				t.Errorf("after id %#x came %#x", first, n.ID)
			}
			c.answer(n.ID, 2)
		}},
	Check{ID: "notify.id-valid", Level: Must, Source: srcStock,
		Doc: "ID_VALID is 0 while the notification waits, by both numbers, and ENOENT before and after",
		run: func(t *T) {
			c := t.notified(unix.SYS_GETPPID, 0)
			id := c.trap(call(unix.SYS_GETPPID)).ID
			other := id + 1
			t.errno("ID_VALID", c.IDValid(&id), 0)
			t.errno("its old number", c.raw(abi.SECCOMP_IOCTL_NOTIF_ID_VALID_WRONG_DIR, unsafe.Pointer(&id)), 0)
			t.errno("of an id that was never given", c.IDValid(&other), unix.ENOENT)
			c.answer(id, 1)
			t.errno("after the answer", c.IDValid(&id), unix.ENOENT)
		}},
	Check{ID: "notify.second-listener", Level: Must, Source: srcTests,
		Doc: "a second listener in a task's filter chain is EBUSY",
		run: func(t *T) {
			c := t.notified(unix.SYS_GETPPID, 0)
			_, e := c.tryFilter(filterSpec{Nr: unix.SYS_GETPID, Action: abi.SECCOMP_RET_USER_NOTIF, Flags: notifyFlag})
			t.errno("a second listener", e, unix.EBUSY)
			c.answer(c.trap(call(unix.SYS_GETPPID)).ID, 1)
		}},
	Check{ID: "notify.closed-listener", Level: Must, Source: srcTests + "closed",
		Doc: "when the listener is closed a waiting call, and every later one, is ENOSYS",
		run: func(t *T) {
			c := t.notified(unix.SYS_GETPPID, 0)
			c.trap(call(unix.SYS_GETPPID))
			t.ok(unix.Close(c.FD), "close the listener")
			for _, when := range []string{"the waiting call", "a later call"} {
				if got := c.result(); got != -int64(unix.ENOSYS) {
					t.Errorf("%s returned %d, want -ENOSYS", when, got)
				}
				c.tell(call(unix.SYS_GETPPID))
			}
		}},
	Check{ID: "notify.killed", Level: Must, Source: srcTests + "kill_in_middle",
		Doc: "when the target is killed in its call, ID_VALID and SEND are ENOENT and the listener hangs up",
		run: func(t *T) {
			c := t.notified(unix.SYS_GETPPID, 0)
			id := c.trap(call(unix.SYS_GETPPID)).ID
			c.Kill()
			_ = c.Wait() // killed
			t.errno("ID_VALID", c.IDValid(&id), unix.ENOENT)
			t.errno("SEND", c.send(abi.NotifResp{ID: id}), unix.ENOENT)
			if ev := c.polled(); ev&unix.POLLHUP == 0 {
				t.Errorf("poll gives %#x, want POLLHUP", ev)
			}
		}},
	Check{ID: "notify.poll", Level: Must, Source: "kernel/seccomp.c, seccomp_notify_poll",
		Doc: "the listener is readable while a notification is to be received, and writable while one is to be answered",
		run: func(t *T) {
			c := t.notified(unix.SYS_GETPPID, 0)
			now := func() int16 {
				fds := []unix.PollFd{{Fd: int32(c.FD), Events: unix.POLLIN | unix.POLLOUT}}
				_, err := unix.Poll(fds, 0)
				t.ok(err, "poll")
				return fds[0].Revents
			}
			if got := now(); got != 0 {
				t.Errorf("nothing is trapped, and poll gives %#x", got)
			}
			c.tell(call(unix.SYS_GETPPID))
			if got := c.polled(); got != unix.POLLIN {
				t.Errorf("before RECV poll gives %#x, want POLLIN", got)
			}
			n := c.next()
			if got := now(); got != unix.POLLOUT {
				t.Errorf("before SEND poll gives %#x, want POLLOUT", got)
			}
			c.answer(n.ID, 1)
			if got := now(); got != 0 {
				t.Errorf("after SEND poll gives %#x", got)
			}
		}},
	Check{ID: "notify.set-flags", Level: Must, Source: srcStock + " (since 6.6)",
		Doc: "SET_FLAGS takes SYNC_WAKE_UP, by value, refuses every other bit, and calls are answered as before",
		run: func(t *T) {
			c := t.notified(unix.SYS_GETPPID, 0)
			const sync = abi.SECCOMP_USER_NOTIF_FD_SYNC_WAKE_UP
			if c.SetFlags(0) == unix.EINVAL {
				t.Absent("SECCOMP_IOCTL_NOTIF_SET_FLAGS")
			}
			for _, try := range []struct {
				flags uint64
				want  unix.Errno
			}{{sync, 0}, {sync | 2, unix.EINVAL}, {1 << 63, unix.EINVAL}, {0, 0}, {sync, 0}} {
				t.errno("SET_FLAGS", c.SetFlags(try.flags), try.want)
			}
			for i := range int64(5) {
				c.answer(c.trap(call(unix.SYS_GETPPID)).ID, i)
			}
		}},
	Check{ID: "notify.killable-alone", Level: Must, Source: "kernel/seccomp.c, seccomp_set_mode_filter",
		Doc: "WAIT_KILLABLE_RECV without NEW_LISTENER, and an unknown flag, are EINVAL",
		run: func(t *T) {
			c := t.start()
			_, e := c.tryFilter(filterSpec{Nr: unix.SYS_GETPPID, Action: abi.SECCOMP_RET_ALLOW, Flags: abi.SECCOMP_FILTER_FLAG_WAIT_KILLABLE_RECV})
			t.errno("WAIT_KILLABLE_RECV alone", e, unix.EINVAL)
			_, e = c.tryFilter(filterSpec{Nr: unix.SYS_GETPPID, Action: abi.SECCOMP_RET_USER_NOTIF, Flags: notifyFlag | 1<<20})
			t.errno("an unknown flag", e, unix.EINVAL)
		}},
	Check{ID: "notify.empty", Level: Must, Source: srcTests + "filter_empty",
		Doc: "the listener hangs up when the last task with the filter has gone",
		run: func(t *T) {
			c := t.notified(unix.SYS_GETPPID, 0)
			c.answer(c.trap(call(unix.SYS_GETPPID)).ID, 1)
			c.Kill()
			_ = c.Wait() // killed
			if ev := c.polled(); ev&unix.POLLHUP == 0 {
				t.Errorf("poll gives %#x, want POLLHUP", ev)
			}
		}},
	Check{ID: "continue.runs-it", Level: Must, Source: srcTests + "continue",
		Doc: "CONTINUE lets the call run as the caller made it",
		run: func(t *T) {
			c := t.notified(unix.SYS_GETPPID, 0)
			n := c.trap(call(unix.SYS_GETPPID))
			c.resume(n.ID)
			if got := c.result(); got != int64(os.Getpid()) {
				t.Errorf("getppid returned %d, want %d", got, os.Getpid())
			}
		}},
	Check{ID: "reply.values", Level: Must, Source: srcStock,
		Doc: "a value or an error of the answer, of any sign and all 64 bits, is what the call returns",
		run: func(t *T) {
			c := t.notified(unix.SYS_GETPPID, 0)
			for _, v := range []int64{0, 1, -1, 1 << 40, -1 << 63, 1<<63 - 1, -4095} {
				c.answer(c.trap(call(unix.SYS_GETPPID)).ID, v)
			}
			for _, e := range []unix.Errno{unix.EPERM, unix.EXDEV, unix.ENOSYS, 4095} {
				n := c.trap(call(unix.SYS_GETPPID))
				t.must(c.send(abi.NotifResp{ID: n.ID, Error: -int32(e)}), "SEND")
				if got := c.result(); got != -int64(e) {
					t.Errorf("the call returned %d, want %d", got, -int64(e))
				}
			}
		}},
)
