package suite

import (
	"fmt"
	"os"

	"golang.org/x/sys/unix"

	"unotify-bench/abi"
	"unotify-bench/asmstubs"
	"unotify-bench/internal/notify"
)

// atEntry has a traced target make a call, and stops it at the entry of it. The
// call is made twice: a tracer that attaches to a sleeper sees no entry.
func (c *caller) atEntry(o order) *notify.Tracer {
	c.trap(o)
	tr := c.traced()
	c.t.must(tr.Interrupt(c.TID), "PTRACE_INTERRUPT")
	c.stops(tr, notify.StopGroup, false)
	c.t.must(tr.ContSyscall(c.TID, 0), "PTRACE_SYSCALL")
	c.stops(tr, notify.StopSyscall, true)
	return tr
}

// otherFilter starts a target whose calls are notified, and where a second
// filter, older or newer, has a verdict on those whose argument 1 is otherArg.
func (t *T) otherFilter(action uint32, newer bool) *caller {
	c := t.start()
	strict := filterSpec{Nr: unix.SYS_GETPPID, Action: action, OfArg: true, Arg: 1, Value: uint32(otherArg(1))}
	listener := filterSpec{Nr: unix.SYS_GETPPID, Action: abi.SECCOMP_RET_USER_NOTIF, Flags: notifyFlag | redirectFlag}
	if newer {
		strict, listener = listener, strict
	}
	c.filter(strict)
	c.filter(listener)
	return c
}

// toOther redirects a notification to otherArg, by a mask.
func (c *caller) toOther(n abi.Notif, mask uint32) substitutes {
	r := abi.NotifRespRedirect{ID: n.ID, Flags: abi.SECCOMP_REDIRECT_FLAG_CONTINUE, ArgsMask: mask, Args: six(otherArg)}
	c.t.must(c.SendRedirect(&r), "SEND_REDIRECT")
	return substitutes{mask, r.Args}
}

const srcFilters = srcRedirect + ": all other filters see the replaced arguments"

var _ = add(
	Check{ID: "redirect.other-filter-trace", Level: Ours, Source: srcFilters + "; kernel.md: a stop in the middle must not restore before the call is made", Needs: needsRedirect,
		Doc: "another filter's TRACE for the replaced argument stops the call, its tracer sees what will run, and the caller gets its own back",
		run: func(t *T) {
			for _, newer := range []bool{false, true} {
				c := t.otherFilter(abi.SECCOMP_RET_TRACE, newer)
				tr := c.traced()
				o := order{Op: opCall, Nr: unix.SYS_GETPPID, Args: six(callerArg)}
				s := c.toOther(c.trap(o), 1<<1|1<<4)
				c.stops(tr, notify.StopSeccomp, false)
				nr, args, e := tr.Syscall(c.TID)
				t.must(e, "PTRACE_GET_SYSCALL_INFO")
				want := o.Args
				want[1], want[4] = s.args[1], s.args[4]
				if nr != unix.SYS_GETPPID || *args != want {
					t.Fatalf("the tracer (newer: %v) sees call %d with %#x, want %d with %#x", newer, nr, *args, unix.SYS_GETPPID, want)
				}
				t.must(tr.Cont(c.TID, 0), "PTRACE_CONT")
				rep := c.ended()
				t.preserved("getppid", &rep.Call, s)
				if got := resultOf(rep); got != int64(os.Getpid()) {
					t.Errorf("the call returned %d, want %d", got, os.Getpid())
				}
			}
		}},
	Check{ID: "redirect.other-filter-untraced", Level: Ours, Source: srcFilters + "; seccomp(2), SECCOMP_RET_TRACE", Needs: needsRedirect,
		Doc: "another filter's TRACE for the replaced argument, where nobody traces, makes the call ENOSYS",
		run: func(t *T) {
			c := t.otherFilter(abi.SECCOMP_RET_TRACE, false)
			s := c.toOther(c.trap(order{Op: opCall, Nr: unix.SYS_GETPPID, Args: six(callerArg)}), 2)
			rep := c.ended()
			t.preserved("getppid", &rep.Call, s)
			if got := resultOf(rep); got != -int64(unix.ENOSYS) {
				t.Errorf("the call returned %d, want -ENOSYS", got)
			}
		}},
	Check{ID: "redirect.other-filter-trap", Level: Ours, Source: srcFilters + "; seccomp(2), SECCOMP_RET_TRAP", Needs: needsRedirect,
		Doc: "another filter's TRAP for the replaced argument raises SIGSYS, and finds the caller's registers",
		run: func(t *T) {
			for _, redirect := range []bool{false, true} { // the control makes that very call
				c := t.otherFilter(abi.SECCOMP_RET_TRAP, false)
				tr := c.traced()
				o := order{Op: opCall, Nr: unix.SYS_GETPPID, Args: six(callerArg)}
				var s substitutes
				if redirect {
					s = c.toOther(c.trap(o), 2)
				} else {
					o.Args[1] = otherArg(1)
					c.tell(o)
				}
				if ev := c.stops(tr, notify.StopSignal, false); ev.Signal != unix.SIGSYS {
					t.Fatalf("redirected %v: the signal is %v, want SIGSYS", redirect, ev.Signal)
				}
				t.regset("at SIGSYS", tr, c.TID, o, s, false)
				t.must(tr.Cont(c.TID, 0), "PTRACE_CONT") // without the signal
				rep := c.ended()
				t.preserved("getppid", &rep.Call, s)
			}
		}},
	Check{ID: "redirect.other-filter-each", Level: Ours, Source: srcFilters, Needs: needsRedirect,
		Doc: "another filter sees each of the six arguments that is replaced, and the caller's where one is not",
		run: func(t *T) {
			for i := range 6 {
				c := t.start()
				c.filter(filterSpec{Nr: unix.SYS_GETPPID, Action: abi.SECCOMP_RET_ERRNO | uint32(unix.EXDEV), OfArg: true, Arg: i, Value: uint32(otherArg(i))})
				c.filter(filterSpec{Nr: unix.SYS_GETPPID, Action: abi.SECCOMP_RET_USER_NOTIF, Flags: notifyFlag | redirectFlag})
				for mask, want := range map[uint32]int64{1 << i: -int64(unix.EXDEV), 63 &^ (1 << i): int64(os.Getpid())} {
					s := c.toOther(c.trap(order{Op: opCall, Nr: unix.SYS_GETPPID, Args: six(callerArg)}), mask)
					rep := c.ended()
					t.preserved("getppid", &rep.Call, s)
					if got := resultOf(rep); got != want {
						t.Errorf("argument %d is judged, mask %#x: the call returned %d, want %d", i, mask, got, want)
					}
				}
			}
		}},
	Check{ID: "redirect.ptrace-exit-write", Level: Ours, Source: srcDragons + "; kernel.md: what a tracer writes at the exit stop stays", Needs: needsRedirect,
		Doc: "what a tracer writes into an argument's register at the exit stop of a redirected call is what its caller finds",
		run: func(t *T) {
			for i := 1; i < 6; i++ { // argument 0 is the result on two architectures
				c := t.notified(unix.SYS_GETPPID, redirectFlag)
				o := order{Op: opCall, Nr: unix.SYS_GETPPID, Args: six(callerArg)}
				tr := c.atEntry(o)
				t.must(tr.ContSyscall(c.TID, 0), "PTRACE_SYSCALL")
				s := c.toOther(c.next(), 63)
				c.stops(tr, notify.StopSyscall, true)
				rep := c.rewrites(tr, i)
				t.preserved(fmt.Sprintf("getppid, argument %d rewritten", i), &rep.Call, s)
			}
		}},
	Check{ID: "redirect.ptrace-entry-write", Level: Ours, Source: srcDragons + "; the entry code asks the tracer before seccomp", Needs: needsRedirect,
		Doc: "an argument that a tracer rewrites at the entry stop is what the notification shows, and what the caller finds after a redirect",
		run: func(t *T) {
			for i := 1; i < 6; i++ {
				c := t.notified(unix.SYS_GETPPID, redirectFlag)
				o := order{Op: opCall, Nr: unix.SYS_GETPPID, Args: six(callerArg)}
				tr := c.atEntry(o)
				c.rewrite(tr, i)
				t.must(tr.ContSyscall(c.TID, 0), "PTRACE_SYSCALL")
				n := c.next()
				want := o.Args
				want[i] = rewritten
				if n.Data.Args != want {
					t.Errorf("the notification shows %#x, want %#x", n.Data.Args, want)
				}
				s := c.toOther(n, 63)
				c.stops(tr, notify.StopSyscall, true)
				t.must(tr.Detach(c.TID), "PTRACE_DETACH")
				rep := c.ended()
				rep.Call.In[asmstubs.ArgRegs[i]] = rewritten
				t.preserved(fmt.Sprintf("getppid, argument %d rewritten", i), &rep.Call, s)
			}
		}},
	Check{ID: "redirect.exec-fresh", Level: Must, Source: srcRedirect + ": a successful execve's fresh registers are left alone", Needs: needsRedirect,
		Doc: "after a redirected execve the new image's registers hold no substitute, nor what is the old image's where the kernel clears that",
		run: func(t *T) {
			c := t.notified(unix.SYS_EXECVE, redirectFlag)
			o := c.execing(self)
			n := c.trap(o)
			tr := c.traced()
			s := c.toOther(n, 7<<3)
			c.stops(tr, notify.StopExec, false)
			t.must(tr.ContSyscall(c.TID, 0), "PTRACE_SYSCALL")
			c.stops(tr, notify.StopSyscall, true) // the exit of execve
			t.must(tr.GetRegs(c.TID), "PTRACE_GETREGSET")
			for _, reg := range notify.Native.Regs {
				v := tr.Reg(reg.Offset)
				if is := substituted(v, s); is != "" {
					t.Errorf("the new image finds %s = %#x%s", reg.Name, v, is)
				}
				if is := substituted(v, substitutes{7 << 3, o.Args}); is != "" && !notify.Native.Has(abi.QuirkExecKeepsRegs) {
					t.Errorf("the new image finds %s = %#x, which the old one had there", reg.Name, v)
				}
			}
			t.must(tr.Detach(c.TID), "PTRACE_DETACH")
			c.reborn()
		}},
)

// rewritten is what a tracer writes.
const rewritten = 0x7ace_d000_0000_0777

// rewrite has a tracer write to the register of argument i.
func (c *caller) rewrite(tr *notify.Tracer, i int) {
	c.t.must(tr.GetRegs(c.TID), "PTRACE_GETREGSET")
	at, ok := notify.ArgOffset(i)
	if !ok {
		c.t.Unclear("argument %d cannot be rewritten here", i)
	}
	tr.SetReg(at, rewritten)
	c.t.must(tr.SetRegs(c.TID), "PTRACE_SETREGSET")
}

// rewrites does so at an exit stop, lets go, and expects it of the report.
func (c *caller) rewrites(tr *notify.Tracer, i int) report {
	c.rewrite(tr, i)
	c.t.must(tr.Detach(c.TID), "PTRACE_DETACH")
	rep := c.ended()
	rep.Call.In[asmstubs.ArgRegs[i]] = rewritten
	return rep
}
