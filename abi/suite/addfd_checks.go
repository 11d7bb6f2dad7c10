package suite

import (
	"os"

	"golang.org/x/sys/unix"

	"unotify-bench/abi"
)

const (
	addSetFD = abi.SECCOMP_ADDFD_FLAG_SETFD
	addSend  = abi.SECCOMP_ADDFD_FLAG_SEND
)

// openHere opens a file in the supervisor, for a target to get.
func (t *T) openHere(content string) *os.File {
	f, err := os.Open(t.file("given", content))
	t.ok(err, "open a file")
	return f
}

var _ = add(
	Check{ID: "addfd.plain", Level: Must, Source: srcTests + "addfd",
		Doc: "ADDFD puts a copy of the descriptor into the target, at the lowest free number, and the notification stays",
		run: func(t *T) {
			c := t.notified(unix.SYS_GETPPID, 0)
			free := c.do(unix.SYS_DUP, 0)
			c.do(unix.SYS_CLOSE, uint64(free))
			f := t.openHere("given\n")
			n := c.trap(order{Op: opCall, Nr: unix.SYS_GETPPID, Args: six(callerArg)})
			fd, e := c.AddFD(&abi.NotifAddFD{ID: n.ID, SrcFD: uint32(f.Fd())})
			t.must(e, "ADDFD")
			if int64(fd) != free {
				t.Errorf("the descriptor is %d, the lowest free one %d", fd, free)
			}
			c.pends(n.ID, "ADDFD")
			t.must(c.send(abi.NotifResp{ID: n.ID, Val: int64(fd)}), "SEND")
			r := c.report()
			t.preserved("getppid", &r.Call, substitutes{})
			c.opened(resultOf(r), "given\n")
		}},
	Check{ID: "addfd.cloexec", Level: Must, Source: srcTests + "addfd",
		Doc: "newfd_flags of O_CLOEXEC make the target's descriptor close-on-exec, 0 does not",
		run: func(t *T) {
			c := t.notified(unix.SYS_GETPPID, 0)
			for _, flags := range []uint32{0, unix.O_CLOEXEC} {
				n := c.trap(call(unix.SYS_GETPPID))
				fd, e := c.AddFD(&abi.NotifAddFD{ID: n.ID, SrcFD: 2, NewFDFlags: flags})
				t.must(e, "ADDFD")
				c.answer(n.ID, 1)
				want := int64(0)
				if flags != 0 {
					want = unix.FD_CLOEXEC
				}
				if got := c.do(unix.SYS_FCNTL, uint64(fd), unix.F_GETFD); got != want {
					t.Errorf("with flags %#x the target's descriptor has flags %d, want %d", flags, got, want)
				}
			}
		}},
	Check{ID: "addfd.setfd", Level: Must, Source: srcTests + "addfd",
		Doc: "with SETFD the descriptor gets the number asked for, and takes the place of one that is there",
		run: func(t *T) {
			c := t.notified(unix.SYS_GETPPID, 0)
			f := t.openHere("given\n")
			for range 2 {
				n := c.trap(call(unix.SYS_GETPPID))
				fd, e := c.AddFD(&abi.NotifAddFD{ID: n.ID, Flags: addSetFD, SrcFD: uint32(f.Fd()), NewFD: 77})
				t.must(e, "ADDFD")
				if fd != 77 {
					t.Errorf("the descriptor is %d, want 77", fd)
				}
				c.answer(n.ID, 1)
			}
			c.opened(77, "given\n")
		}},
	Check{ID: "addfd.send", Level: Must, Source: srcTests + "addfd (since 5.14)",
		Doc: "with SEND the descriptor is the answer too, and the caller's registers are its own",
		run: func(t *T) {
			c := t.notified(unix.SYS_OPENAT, 0)
			f := t.openHere("given\n")
			n := c.trap(order{Op: opCall, Nr: unix.SYS_OPENAT, Args: six(callerArg)})
			fd, e := c.AddFD(&abi.NotifAddFD{ID: n.ID, Flags: addSend, SrcFD: uint32(f.Fd())})
			t.must(e, "ADDFD with SEND")
			r := c.report()
			t.preserved("openat", &r.Call, substitutes{})
			if got := resultOf(r); got != int64(fd) {
				t.Errorf("the call returned %d, ADDFD %d", got, fd)
			}
			t.errno("ID_VALID", c.IDValid(&n.ID), unix.ENOENT)
			c.opened(resultOf(r), "given\n")
		}},
	Check{ID: "addfd.errors", Level: Must, Source: srcStock + "; kernel/seccomp.c, seccomp_notify_addfd",
		Doc: "unknown flags, flags of the descriptor, and a number without SETFD are EINVAL; a bad descriptor EBADF; another id ENOENT",
		run: func(t *T) {
			c := t.notified(unix.SYS_GETPPID, 0)
			n := c.trap(call(unix.SYS_GETPPID))
			for _, bad := range []struct {
				what string
				a    abi.NotifAddFD
				want unix.Errno
			}{
				{"an unknown flag", abi.NotifAddFD{ID: n.ID, Flags: 1 << 2, SrcFD: 2}, unix.EINVAL},
				{"another flag of the descriptor", abi.NotifAddFD{ID: n.ID, SrcFD: 2, NewFDFlags: unix.O_APPEND}, unix.EINVAL},
				{"a number without SETFD", abi.NotifAddFD{ID: n.ID, SrcFD: 2, NewFD: 77}, unix.EINVAL},
				{"a bad descriptor", abi.NotifAddFD{ID: n.ID, SrcFD: 1 << 20}, unix.EBADF},
				{"another id", abi.NotifAddFD{ID: n.ID + 1000, SrcFD: 2}, unix.ENOENT},
			} {
				_, e := c.AddFD(&bad.a)
				t.errno(bad.what, e, bad.want)
				c.pends(n.ID, bad.what)
			}
			c.answer(n.ID, 1)
			_, e := c.AddFD(&abi.NotifAddFD{ID: n.ID, SrcFD: 2})
			t.errno("after the answer", e, unix.ENOENT)
		}},
	Check{ID: "addfd.rlimit", Level: Must, Source: srcTests + "addfd_rlimit",
		Doc: "where the target's limit allows no further descriptor ADDFD is EMFILE, with SETFD EBADF, and the notification stays",
		run: func(t *T) {
			c := t.notified(unix.SYS_GETPPID, 0)
			n := c.trap(call(unix.SYS_GETPPID))
			t.ok(unix.Prlimit(c.PID(), unix.RLIMIT_NOFILE, &unix.Rlimit{Cur: 0, Max: 0}, nil), "take the target's limit away")
			for flags, want := range map[uint32]unix.Errno{0: unix.EMFILE, addSend: unix.EMFILE, addSetFD: unix.EBADF} {
				a := abi.NotifAddFD{ID: n.ID, Flags: flags, SrcFD: 2}
				if flags == addSetFD {
					a.NewFD = 100
				}
				_, e := c.AddFD(&a)
				t.errno("ADDFD", e, want)
				c.pends(n.ID, "ADDFD over the limit")
			}
			c.answer(n.ID, 1)
		}},
)
