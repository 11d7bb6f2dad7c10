package suite

import (
	"encoding/binary"
	"runtime"

	"golang.org/x/sys/unix"

	"unotify-bench/abi"
	"unotify-bench/asmstubs"
	"unotify-bench/internal/notify"
)

// regset checks what a tracer sees of the caller's registers at a stop: no
// substitute anywhere, and each register that is the caller's own as it was
// loaded. Where a stop hides one (arm64 shows entry or exit in x7), or the
// result stands in it, it is left out.
func (t *T) regset(when string, tr *notify.Tracer, tid int, o order, s substitutes, atSyscall bool) {
	t.must(tr.GetRegs(tid), "PTRACE_GETREGSET")
	in := asmstubs.Frame{}
	load(&in, &o)
	for i, name := range asmstubs.RegNames {
		reg, ok := notify.Native.Reg(name)
		if !ok {
			continue
		}
		got := tr.Reg(reg.Offset)
		if is := substituted(got, s); is != "" {
			t.Errorf("%s a tracer sees %s = %#x%s", when, name, got, is)
		}
		hidden := atSyscall && notify.Native.Has(abi.QuirkArgHiddenAtStop) && name == "x7"
		if !asmstubs.Loadable(i) || hidden || i == asmstubs.ResultReg || reg.Role == abi.Clobbered || reg.Role == abi.Result {
			continue
		}
		if got != in.In[i] {
			t.Errorf("%s a tracer sees %s = %#x, the caller loaded %#x", when, name, got, in.In[i])
		}
	}
}

// traced attaches to the thread that calls.
func (c *caller) traced() *notify.Tracer {
	runtime.LockOSThread()
	tr := &notify.Tracer{}
	if err := tr.Attach(c.TID); err != nil {
		c.t.Unclear("%v", err)
	}
	return tr
}

// stops waits for a stop of this kind and lets others pass.
func (c *caller) stops(tr *notify.Tracer, want notify.Stop, syscalls bool) notify.Event {
	var ev notify.Event
	for {
		c.t.must(tr.Wait(c.TID, &ev), "wait for a stop")
		switch ev.Stop {
		case want:
			return ev
		case notify.StopGone, notify.StopExit:
			c.t.Fatalf("the target ended")
		}
		tr.Pass(&ev, syscalls)
	}
}

var _ = add(
	Check{ID: "redirect.ptrace-exit-stop", Level: Must, Source: srcDragons, Needs: needsRedirect,
		Doc: "at the exit stop of a redirected call a tracer sees the caller's registers",
		run: func(t *T) {
			c := t.notified(unix.SYS_GETPPID, redirectFlag)
			o := order{Op: opCall, Nr: unix.SYS_GETPPID, Args: six(callerArg)}
			s := substitutes{63, six(otherArg)}
			c.trap(o)
			// The interrupt ends the wait, and the call is made anew, traced.
			tr := c.traced()
			t.must(tr.Interrupt(c.TID), "PTRACE_INTERRUPT")
			c.stops(tr, notify.StopGroup, false)
			t.must(tr.ContSyscall(c.TID, 0), "PTRACE_SYSCALL")
			c.stops(tr, notify.StopSyscall, true) // entry
			t.must(tr.ContSyscall(c.TID, 0), "PTRACE_SYSCALL")
			n := c.next()
			t.must(c.SendRedirect(&abi.NotifRespRedirect{ID: n.ID, Flags: abi.SECCOMP_REDIRECT_FLAG_CONTINUE, ArgsMask: s.mask, Args: s.args}), "SEND_REDIRECT")
			c.stops(tr, notify.StopSyscall, true)
			t.regset("at the exit stop", tr, c.TID, o, s, true)
			tr.Detach(c.TID)
			r := c.report()
			t.preserved("getppid", &r.Call, s)
		}},
	Check{ID: "redirect.ptrace-signal-stop", Level: Must, Source: srcDragons, Needs: needsRedirect,
		Doc: "when a signal comes into a redirected call, a tracer sees the caller's registers before the handler gets its frame",
		run: func(t *T) {
			r1, r2, _ := t.pipes()
			c := t.notified(unix.SYS_READ, redirectFlag, r1, r2)
			c.interrupting()
			o, r := t.blockedRead(c)
			o.Args[1] = c.slot(1)
			s := substitutes{r.ArgsMask, r.Args}
			s.mask &^= 1<<0 | 1<<2 // small numbers, which registers may hold anyway
			tr := c.traced()
			c.signal(unix.SIGWINCH)
			ev := c.stops(tr, notify.StopSignal, false)
			t.regset("at the signal", tr, c.TID, o, s, false)
			t.must(tr.Cont(c.TID, ev.Signal), "PTRACE_CONT")
			rep := c.report()
			t.preserved("read", &rep.Call, substitutes{r.ArgsMask, r.Args})
			if got := resultOf(rep); got != -int64(unix.EINTR) {
				t.Errorf("read returned %d, want -EINTR", got)
			}
		}},
	Check{ID: "redirect.signal-frame", Level: Must, Source: srcDragons + "; the frame of each architecture's signal.c", Needs: needsRedirect,
		Doc: "the frame of a signal that comes into a redirected call holds the caller's arguments, and no substitute",
		run: func(t *T) {
			for _, redirect := range []bool{false, true} { // the control is CONTINUE
				r1, r2, _ := t.pipes()
				c := t.notified(unix.SYS_READ, redirectFlag, r1, r2)
				c.interrupting()
				o, r := t.ordersRead(c)
				if redirect {
					t.redirectRead(c, &r)
				} else {
					c.resume(c.next().ID)
					c.sleeps()
				}
				tr := c.traced()
				c.signal(unix.SIGWINCH)
				ev := c.stops(tr, notify.StopSignal, false)
				t.must(tr.ContSyscall(c.TID, ev.Signal), "PTRACE_SYSCALL")
				c.stopsAtReturn(tr)
				frame := t.frame(tr, c)
				for i := 3; i < 6; i++ {
					if !frame[o.Args[i]] {
						t.Errorf("redirected %v: the frame does not hold %#x, the caller's argument %d", redirect, o.Args[i], i)
					}
					if frame[r.Args[i]] {
						t.Errorf("redirected %v: the frame holds %#x, the substitute of argument %d: a leak", redirect, r.Args[i], i)
					}
				}
				tr.Detach(c.TID)
				if got := c.result(); got != -int64(unix.EINTR) {
					t.Errorf("redirected %v: read returned %d, want -EINTR", redirect, got)
				}
			}
		}},
)

// frame is the set of words in the signal frame, where rt_sigreturn finds it:
// at the stack pointer. It has all general registers within its first kilobyte,
// wherever the architecture puts each.
func (t *T) frame(tr *notify.Tracer, c *caller) map[uint64]bool {
	t.must(tr.GetRegs(c.TID), "PTRACE_GETREGSET")
	sp, _ := notify.Native.Reg(notify.Native.SP)
	words := map[uint64]bool{}
	b := c.peek(tr.Reg(sp.Offset), 1024)
	for ; len(b) > 0; b = b[8:] {
		words[binary.NativeEndian.Uint64(b)] = true
	}
	return words
}
