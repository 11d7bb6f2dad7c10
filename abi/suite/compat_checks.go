package suite

import (
	"fmt"
	"runtime"

	"golang.org/x/sys/unix"

	"unotify-bench/abi"
	"unotify-bench/internal/notify"
)

const srcCompat = "conformance.md, D: compat.ia32 and compat.arm; kernel.md, dragon 8"

// x32Bit is __X32_SYSCALL_BIT, arch/x86/include/uapi/asm/unistd.h:13.
const x32Bit = 1 << 30

// noticed wants the notification to say what the 32-bit task asked for, with
// arguments of 32 bits.
func (s *compatTarget) noticed(t *task32) abi.Notif {
	n := s.next()
	want := abi.Data{Nr: int32(*t.reg(s.abi, s.abi.Nr)), Arch: s.abi.AuditArch, InstructionPointer: n.Data.InstructionPointer}
	for i, name := range s.abi.Args {
		want.Args[i] = uint64(*t.reg(s.abi, name))
	}
	if n.Data != want {
		s.t.Errorf("the notification says %+v, want %+v", n.Data, want)
	}
	if ip := n.Data.InstructionPointer; ip < compatAt || ip >= taskAt {
		s.t.Errorf("the notification's instruction pointer is %#x, not in the program", ip)
	}
	return n
}

// ends wants a result, and every register else to be the caller's own.
func (s *compatTarget) ends(what string, t *task32, want int32) {
	f := s.found()
	if got := s.resultOf(f); got != want {
		s.t.Errorf("%s: the 32-bit call returned %d, want %d", what, got, want)
	}
	s.kept(what, t, f)
}

// goesOn continues a call of getppid, of which this process is the parent.
func (s *compatTarget) goesOn(what string, t *task32, id uint64) {
	s.resume(id)
	s.ends(what, t, int32(unix.Getpid()))
}

// reads wants the target to read this from a descriptor of its own.
func (s *compatTarget) reads(fd int32, want string) {
	t := s.task("read")
	s.arg(t, 0, uint32(fd))
	s.text(t, 1, "")
	s.arg(t, 2, dataSize)
	s.begin(t)
	n := s.resultOf(s.found())
	if n < 0 {
		s.t.Fatalf("read of descriptor %d: %s", fd, errName(unix.Errno(-n)))
	}
	if got := string(s.peek(dataAt+dataSize, int(n))); got != want {
		s.t.Errorf("descriptor %d gives %q, want %q", fd, got, want)
	}
}

// trappedCompat begins a call of getppid with every register loaded.
func (t *T) trappedCompat(flags uint) (*compatTarget, *task32, abi.Notif) {
	s := t.compatNotified("getppid", flags)
	task := s.task("getppid")
	s.begin(task)
	return s, task, s.noticed(task)
}

var _ = add(
	Check{ID: "allow.compat-regs", Level: Must, Source: srcCompat,
		Doc: "a 32-bit call that a filter allows leaves its caller every register but the result",
		run: func(t *T) {
			s := t.compat("getppid", abi.SECCOMP_RET_ALLOW, 0)
			task := s.task("getppid")
			s.begin(task)
			s.ends("getppid", task, int32(unix.Getpid()))
		}},
	Check{ID: "errno.compat-regs", Level: Must, Source: srcCompat,
		Doc: "an ERRNO is what a 32-bit call returns, and its caller's registers are its own",
		run: func(t *T) {
			s := t.compat("getppid", abi.SECCOMP_RET_ERRNO|uint32(unix.EXDEV), 0)
			task := s.task("getppid")
			s.begin(task)
			s.ends("getppid", task, -int32(unix.EXDEV))
		}},
	Check{ID: "reply.compat-regs", Level: Must, Source: srcCompat,
		Doc: "a 32-bit call returns what was answered, an error or the low half of a value, and its caller's registers are its own",
		run: func(t *T) {
			s := t.compatNotified("getppid", 0)
			for _, tt := range []struct {
				resp abi.NotifResp
				want int32
			}{
				{abi.NotifResp{Val: 7}, 7},
				{abi.NotifResp{Val: -1}, -1},
				{abi.NotifResp{Val: 1<<32 | 5}, 5},
				{abi.NotifResp{Error: -int32(unix.EPERM)}, -int32(unix.EPERM)},
			} {
				task := s.task("getppid")
				s.begin(task)
				tt.resp.ID = s.noticed(task).ID
				t.must(s.send(tt.resp), "SEND")
				s.ends("getppid", task, tt.want)
			}
		}},
	Check{ID: "continue.compat-regs", Level: Must, Source: srcCompat,
		Doc: "a 32-bit call that goes on leaves its caller every register but the result",
		run: func(t *T) {
			s, task, n := t.trappedCompat(0)
			s.goesOn("getppid", task, n.ID)
		}},
	Check{ID: "continue.compat-path", Level: Must, Source: srcCompat,
		Doc: "the path of a 32-bit openat can be read where its notification says, and the call opens it",
		run: func(t *T) {
			s := t.compatNotified("openat", 0)
			path := t.file("small", "opened\n")
			task := s.task("openat")
			s.text(task, 1, path)
			s.arg(task, 2, unix.O_RDONLY)
			s.begin(task)
			n := s.noticed(task)
			if got := string(s.peek(n.Data.Args[1], len(path))); got != path {
				t.Errorf("at the address of the path lies %q, want %q", got, path)
			}
			s.resume(n.ID)
			f := s.found()
			s.kept("openat", task, f)
			s.reads(s.resultOf(f), "opened\n")
		}},
	Check{ID: "addfd.compat-send", Level: Must, Source: srcCompat,
		Doc: "a 32-bit call can be answered with a descriptor",
		run: func(t *T) {
			s, task, n := t.trappedCompat(0)
			f := t.openHere("given\n")
			fd, e := s.AddFD(&abi.NotifAddFD{ID: n.ID, Flags: addSend, SrcFD: uint32(f.Fd())})
			t.must(e, "ADDFD with SEND")
			s.ends("getppid", task, int32(fd))
			s.reads(int32(fd), "given\n")
		}},
	Check{ID: "inject.compat-refused", Level: Ours, Source: srcCompat, Needs: needsInject,
		Doc: "INJECT for a 32-bit call is ESRCH with the number of the 64-bit table, EOPNOTSUPP with its own, and the call goes on as if nothing had been",
		run: func(t *T) {
			s := t.compatNotified("openat", 0)
			task := s.task("openat")
			s.text(task, 1, "/not/there")
			s.begin(task)
			n := s.noticed(task)
			buf := cstring("/dev/null")
			for nr, want := range map[uint64]unix.Errno{uint64(n.Data.Nr): unix.EOPNOTSUPP, unix.SYS_OPENAT: unix.ESRCH} {
				e := s.Inject(&abi.NotifInject{
					ID: n.ID, Nr: nr, Args: [6]uint64{atFDCWD}, ArgsInBufMask: 1 << 1,
					Buf: addressOf(buf), BufSize: uint32(len(buf)),
				})
				runtime.KeepAlive(buf)
				t.errno(fmt.Sprintf("INJECT of %d", nr), e, want)
				s.pends(n.ID, "a refused INJECT")
			}
			s.resume(n.ID)
			s.ends("openat", task, -int32(unix.ENOENT))
		}},
	Check{ID: "target-call.compat", Level: Ours, Source: srcCompat, Needs: needsCall,
		Doc: "TARGET_CALL makes a call of the 64-bit table for a 32-bit task, whose registers stay its own",
		run: func(t *T) {
			s := t.compatNotified("openat", 0)
			path := t.file("small", "called\n")
			task := s.task("openat")
			s.text(task, 1, "/not/there")
			s.begin(task)
			n := s.noticed(task)
			ours := cstring(path)
			call := abi.NotifTargetCall{ID: n.ID, Nr: unix.SYS_OPENAT, Args: [6]uint64{atFDCWD, addressOf(ours), unix.O_RDONLY}}
			t.must(s.TargetCall(&call), "TARGET_CALL")
			runtime.KeepAlive(ours)
			if call.Ret < 0 {
				t.Fatalf("the openat of TARGET_CALL is %d", call.Ret)
			}
			t.must(s.send(abi.NotifResp{ID: n.ID, Val: call.Ret}), "SEND")
			s.ends("openat", task, int32(call.Ret))
			s.reads(int32(call.Ret), "called\n")
		}},
	Check{ID: "pin.compat-address", Level: Ours, Source: srcCompat, Needs: needsPins,
		Doc: "a pin of a 32-bit task lies where the task can address it",
		run: func(t *T) {
			s, task, n := t.trappedCompat(redirectFlag)
			pin := t.newPin(1)
			pin.Write(cstring("pinned"))
			i := abi.NotifPinInstall{ID: n.ID, MemFD: uint32(pin.FD), Size: uint64(pin.Size())}
			t.must(s.InstallPin(&i), "PIN_INSTALL")
			if end := i.TargetAddr + i.Size; i.TargetAddr == 0 || end > 1<<32 {
				t.Errorf("the pin ends at %#x, want below 4 GiB", end)
			} else if got := string(s.peek(i.TargetAddr, 6)); got != "pinned" {
				t.Errorf("the pin holds %q, want %q", got, "pinned")
			}
			s.goesOn("getppid", task, n.ID)
		}},
	Check{ID: "redirect.compat-refused", Level: Ours, Source: srcCompat, Needs: needsPins,
		Doc: "a redirect of a 32-bit call is EOPNOTSUPP, and the call goes on as if nothing had been",
		run: func(t *T) {
			s, task, n := t.trappedCompat(redirectFlag)
			r := abi.NotifRespRedirect{ID: n.ID, Flags: abi.SECCOMP_REDIRECT_FLAG_CONTINUE, ArgsMask: 1, MemFD: ^uint32(0)}
			t.errno("SEND_REDIRECT", s.SendRedirect(&r), unix.EOPNOTSUPP)
			s.pends(n.ID, "a refused SEND_REDIRECT")
			s.goesOn("getppid", task, n.ID)
		}},
	Check{ID: "exec-event.compat-refused", Level: Ours, Source: srcCompat, Needs: needsEvent,
		Doc: "an exec event of a 32-bit execve is EOPNOTSUPP, and the call goes on as if nothing had been",
		run: func(t *T) {
			s := t.compatNotified("execve", redirectFlag)
			task := s.task("execve")
			s.text(task, 0, "/not/there")
			s.arg(task, 1, 0)
			s.arg(task, 2, 0)
			s.begin(task)
			n := s.noticed(task)
			t.errno("CONTINUE with EXEC_EVENT", s.send(abi.NotifResp{ID: n.ID, Flags: abi.SECCOMP_USER_NOTIF_FLAG_CONTINUE | flagEvent}), unix.EOPNOTSUPP)
			s.pends(n.ID, "a refused exec event")
			s.resume(n.ID)
			s.ends("execve", task, -int32(unix.ENOENT))
		}},
)

// trappedX32 traps a getppid whose number has bit 30.
func (t *T) trappedX32(flags uint) (*caller, abi.Notif) {
	if !notify.Native.Has(abi.QuirkX32) {
		t.Without("numbers of x32 on this architecture")
	}
	const nr = unix.SYS_GETPPID | x32Bit
	c := t.notified(nr, flags)
	n := c.trap(order{Op: opCall, Nr: nr, Args: six(callerArg)})
	if n.Data.Nr != nr || n.Data.Arch != notify.Native.AuditArch || n.Data.Args != six(callerArg) {
		t.Errorf("the notification says %+v, want number %#x and the arguments %#x", n.Data, nr, six(callerArg))
	}
	return c, n
}

// goesOnX32 wants what the call returns that nobody notices.
func (c *caller) goesOnX32(id uint64) {
	c.resume(id)
	r := c.report()
	if got := resultOf(r); got != int64(unix.Getpid()) && got != -int64(unix.ENOSYS) {
		c.t.Errorf("getppid of x32 returned %d, want %d, or -ENOSYS where there is no x32", got, unix.Getpid())
	}
	c.t.preserved("getppid of x32", &r.Call, substitutes{})
}

var _ = add(
	Check{ID: "continue.x32-number", Level: Must, Source: "arch/x86/include/uapi/asm/unistd.h:13, __X32_SYSCALL_BIT; " + srcStock,
		Doc: "a number with bit 30 is notified as it is, and is x32's, or of no syscall, when it goes on",
		run: func(t *T) {
			c, n := t.trappedX32(0)
			c.goesOnX32(n.ID)
		}},
	Check{ID: "redirect.x32-refused", Level: Ours, Source: srcCompat, Needs: needsPins,
		Doc: "a redirect of a number with bit 30 is EOPNOTSUPP, and the call goes on as if nothing had been",
		run: func(t *T) {
			c, n := t.trappedX32(redirectFlag)
			r := abi.NotifRespRedirect{ID: n.ID, Flags: abi.SECCOMP_REDIRECT_FLAG_CONTINUE, ArgsMask: 1, MemFD: ^uint32(0)}
			t.errno("SEND_REDIRECT", c.SendRedirect(&r), unix.EOPNOTSUPP)
			c.pends(n.ID, "a refused SEND_REDIRECT")
			c.goesOnX32(n.ID)
		}},
)
