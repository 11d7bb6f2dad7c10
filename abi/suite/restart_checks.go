package suite

import (
	"encoding/binary"
	"os"

	"golang.org/x/sys/unix"

	"unotify-bench/abi"
	"unotify-bench/internal/notify"
)

// wide is a value whose low half is what a call looks at, of an int or unsigned
// int: the rest of the register is the caller's alone.
func wide(i int, low uint32) uint64 { return callerArg(i)&^0xffff_ffff | uint64(low) }

// otherWide is what a supervisor puts in its place.
func otherWide(i int, low uint32) uint64 { return otherArg(i)&^0xffff_ffff | uint64(low) }

// sleepers are calls that block, each as its caller makes it and as it is
// redirected. They restart in different ways once they are stopped.
var sleepers = []struct {
	name  string
	nr    int
	how   string // the kernel's code for it
	order func(nr int) order
	args  func() (mask uint32, args [6]uint64)
}{
	{"accept4", unix.SYS_ACCEPT4, "ERESTARTSYS",
		func(nr int) order {
			return call(nr, wide(0, firstFile), 0, 0, wide(3, 0), callerArg(4), callerArg(5))
		},
		func() (uint32, [6]uint64) {
			return 63 &^ 6, [6]uint64{otherWide(0, firstFile), 0, 0, otherWide(3, unix.SOCK_CLOEXEC), otherArg(4), otherArg(5)}
		}},
	{"rt-sigsuspend", unix.SYS_RT_SIGSUSPEND, "ERESTARTNOHAND",
		func(nr int) order {
			o := call(nr, 0, 8, callerArg(2), callerArg(3), callerArg(4), callerArg(5))
			o.Data[0] = make([]byte, 8)
			return o
		},
		func() (uint32, [6]uint64) {
			return 63 &^ 3, [6]uint64{0, 0, otherArg(2), otherArg(3), otherArg(4), otherArg(5)}
		}},
	{"futex", unix.SYS_FUTEX, "ERESTARTSYS",
		func(nr int) order {
			o := call(nr, 0, wide(1, 128), wide(2, 0), 0, callerArg(4), wide(5, 0)) // FUTEX_WAIT_PRIVATE
			o.Data[0] = make([]byte, 8)
			return o
		},
		func() (uint32, [6]uint64) {
			return 63 &^ 9, [6]uint64{0, otherWide(1, 128), otherWide(2, 0), 0, otherArg(4), otherWide(5, 1)}
		}},
	{"futex-timeout", unix.SYS_FUTEX, restartBlock,
		func(nr int) order {
			o := call(nr, 0, wide(1, 128), wide(2, 0), 0, callerArg(4), wide(5, 0))
			o.Data[0], o.Data[3] = make([]byte, 8), longTime()
			return o
		},
		func() (uint32, [6]uint64) {
			return 63 &^ 9, [6]uint64{0, otherWide(1, 128), otherWide(2, 0), 0, otherArg(4), otherWide(5, 1)}
		}},
	{"clock-nanosleep", unix.SYS_CLOCK_NANOSLEEP, restartBlock,
		func(nr int) order {
			o := call(nr, wide(0, unix.CLOCK_MONOTONIC), wide(1, 0), 0, 0, callerArg(4), callerArg(5))
			o.Data[2] = longTime()
			return o
		},
		func() (uint32, [6]uint64) {
			return 63 &^ 12, [6]uint64{otherWide(0, unix.CLOCK_BOOTTIME), otherWide(1, 0), 0, 0, otherArg(4), otherArg(5)}
		}},
}

const restartBlock = "ERESTART_RESTARTBLOCK"

// longTime is a struct timespec of a day.
func longTime() []byte {
	return append(binary.NativeEndian.AppendUint64(nil, 86400), make([]byte, 8)...)
}

var _ = later(restartChecks)

func restartChecks() struct{} {
	for _, s := range sleepers {
		add(Check{ID: "redirect.restart-" + s.name, Level: Must, Source: srcDragons + "; " + s.how + " in kernel/signal.c and each architecture's signal.c", Needs: needsRedirect,
			Doc: "a redirected " + s.name + " that is stopped and continued, twice, traps each time with the caller's own arguments",
			run: func(t *T) {
				// The target's runtime sleeps, too, but not with this argument.
				c := t.start(t.listening())
				c.filter(filterSpec{Nr: s.nr, Action: abi.SECCOMP_RET_USER_NOTIF, Flags: notifyFlag | redirectFlag, OfArg: true, Arg: 4, Value: uint32(callerArg(4))})
				o := s.order(s.nr)
				n := c.trap(o)
				first := n.Data
				mask, args := s.args()
				if s.how != restartBlock { // the control; the others go on, untrapped
					c.resume(n.ID)
					c.sleeps()
					n = c.stopped()
				}
				for range 2 {
					t.must(c.SendRedirect(&abi.NotifRespRedirect{ID: n.ID, Flags: abi.SECCOMP_REDIRECT_FLAG_CONTINUE, ArgsMask: mask, Args: args}), "SEND_REDIRECT")
					c.sleeps()
					n = c.stopped()
					if n.Data != first {
						t.Errorf("the call traps again as %+v, it was %+v", n.Data, first)
					}
				}
				t.must(c.send(abi.NotifResp{ID: n.ID, Val: 4}), "SEND")
				rep := c.report()
				t.preserved(s.name, &rep.Call, substitutes{mask &^ 1, args})
				if got := resultOf(rep); got != 4 {
					t.Errorf("the call returned %d, the answer was 4", got)
				}
			}})
	}
	return struct{}{}
}

// stopped stops the target in a call that sleeps, continues it, and receives
// the notification of the call that is made anew.
func (c *caller) stopped() abi.Notif {
	c.signal(unix.SIGSTOP)
	c.t.becomes(c.TID, 'T')
	c.signal(unix.SIGCONT)
	c.sleeps() // in its call, or trapped again
	fds := []unix.PollFd{{Fd: int32(c.FD), Events: unix.POLLIN}}
	if m, err := unix.Poll(fds, 0); m != 1 || err != nil {
		c.t.Fatalf("the call goes on, untrapped (%v)", err)
	}
	return c.next()
}

// listening is a socket to which nobody connects.
func (t *T) listening() *os.File {
	fd, err := unix.Socket(unix.AF_UNIX, unix.SOCK_STREAM|unix.SOCK_CLOEXEC, 0)
	t.ok(err, "make a socket")
	t.ok(unix.Bind(fd, &unix.SockaddrUnix{Name: t.dir + "/listening"}), "bind it")
	t.ok(unix.Listen(fd, 1), "listen")
	return os.NewFile(uintptr(fd), "listening")
}

var _ = add(
	Check{ID: "redirect.restart-frame", Level: Must, Source: srcDragons + "; arm64 and riscv64 reload argument 0 before the frame is made", Needs: needsRedirect,
		Doc: "the frame of a signal after which a redirected read is made anew holds the caller's arguments, argument 0 too, and no substitute",
		run: func(t *T) {
			for _, redirect := range []bool{false, true} { // the control is CONTINUE
				r1, r2, _ := t.pipes()
				c := t.notified(unix.SYS_READ, redirectFlag, r1, r2)
				o := call(unix.SYS_READ, wide(0, firstFile), 0, 1, callerArg(3), callerArg(4), callerArg(5))
				o.Data[1] = make([]byte, 8)
				args := [6]uint64{otherWide(0, firstFile+1), 0, 2, otherArg(3), otherArg(4), otherArg(5)}
				n := c.trap(o)
				if redirect {
					t.must(c.SendRedirect(&abi.NotifRespRedirect{ID: n.ID, Flags: abi.SECCOMP_REDIRECT_FLAG_CONTINUE, ArgsMask: 63 &^ 2, Args: args}), "SEND_REDIRECT")
				} else {
					c.resume(n.ID)
				}
				c.sleeps()
				tr := c.traced()
				c.signal(unix.SIGWINCH)
				ev := c.stops(tr, notify.StopSignal, false)
				t.must(tr.ContSyscall(c.TID, ev.Signal), "PTRACE_SYSCALL")
				c.stopsAtReturn(tr)
				frame := t.frame(tr, c)
				for _, i := range []int{0, 3, 4, 5} {
					if !frame[o.Args[i]] {
						t.Errorf("redirected %v: the frame does not hold %#x, the caller's argument %d", redirect, o.Args[i], i)
					}
					if frame[args[i]] {
						t.Errorf("redirected %v: the frame holds %#x, the substitute of argument %d: a leak", redirect, args[i], i)
					}
				}
				t.must(tr.Detach(c.TID), "PTRACE_DETACH")
				n = c.next()
				want := o.Args
				if want[1] = c.slot(1); n.Data.Args != want {
					t.Errorf("redirected %v: the call traps again with %#x, the caller's are %#x", redirect, n.Data.Args, want)
				}
				t.must(c.send(abi.NotifResp{ID: n.ID, Val: 1}), "SEND")
				rep := c.report()
				t.preserved("read", &rep.Call, substitutes{63 &^ 6, args})
			}
		}},
	Check{ID: "redirect.killed", Level: Must, Source: srcDragons, Needs: needsRedirect,
		Doc: "a target that is killed in a redirected call that sleeps dies, and its listener hangs up",
		run: func(t *T) {
			r1, r2, _ := t.pipes()
			c := t.notified(unix.SYS_READ, redirectFlag, r1, r2)
			t.blockedRead(c)
			c.Kill()
			if err := c.Wait(); err == nil || err.Error() != "signal: killed" {
				t.Errorf("the target ended with %v, want SIGKILL", err)
			}
			if ev := c.polled(); ev&unix.POLLHUP == 0 {
				t.Errorf("poll gives %#x, want POLLHUP", ev)
			}
		}},
)

// frames are calls that a handler ends without the kernel's thinking of a
// restart, or after it has thought of one of its own kind.
var frames = []struct {
	name, how string
	nr        int
	order     order
	mask      uint32
	args      [6]uint64
}{
	{"rt-sigtimedwait", "EINTR", unix.SYS_RT_SIGTIMEDWAIT, func() order {
		o := call(unix.SYS_RT_SIGTIMEDWAIT, 0, 0, 0, 8, callerArg(4), callerArg(5))
		o.Data[0] = sigset(unix.SIGUSR2)
		return o
	}(), 3 << 4, [6]uint64{0, 0, 0, 0, otherArg(4), otherArg(5)}},
	{"nanosleep", restartBlock, unix.SYS_NANOSLEEP, func() order {
		o := call(unix.SYS_NANOSLEEP, 0, 0, callerArg(2), callerArg(3), callerArg(4), callerArg(5))
		o.Data[0] = longTime()
		return o
	}(), 63 &^ 3, [6]uint64{0, 0, otherArg(2), otherArg(3), otherArg(4), otherArg(5)}},
}

var _ = later(frameChecks)

func frameChecks() struct{} {
	for _, f := range frames {
		add(Check{ID: "redirect.frame-" + f.name, Level: Must, Source: srcDragons + "; " + f.how + " of this call", Needs: needsRedirect,
			Doc: "the frame of a signal that ends a redirected " + f.name + " holds the caller's arguments, and no substitute",
			run: func(t *T) {
				for _, redirect := range []bool{false, true} { // the control is CONTINUE
					c := t.start()
					c.filter(filterSpec{Nr: f.nr, Action: abi.SECCOMP_RET_USER_NOTIF, Flags: notifyFlag | redirectFlag, OfArg: true, Arg: 4, Value: uint32(callerArg(4))})
					n := c.trap(f.order)
					if redirect {
						t.must(c.SendRedirect(&abi.NotifRespRedirect{ID: n.ID, Flags: abi.SECCOMP_REDIRECT_FLAG_CONTINUE, ArgsMask: f.mask, Args: f.args}), "SEND_REDIRECT")
					} else {
						c.resume(n.ID)
					}
					c.sleeps()
					tr := c.traced()
					c.signal(unix.SIGWINCH)
					ev := c.stops(tr, notify.StopSignal, false)
					t.must(tr.ContSyscall(c.TID, ev.Signal), "PTRACE_SYSCALL")
					c.stopsAtReturn(tr)
					frame := t.frame(tr, c)
					for i := range 6 {
						if i > 3 && !frame[f.order.Args[i]] {
							t.Errorf("redirected %v: the frame does not hold %#x, the caller's argument %d", redirect, f.order.Args[i], i)
						}
						if f.args[i] != 0 && frame[f.args[i]] {
							t.Errorf("redirected %v: the frame holds %#x, the substitute of argument %d: a leak", redirect, f.args[i], i)
						}
					}
					t.must(tr.Detach(c.TID), "PTRACE_DETACH")
					rep := c.ended()
					t.preserved(f.name, &rep.Call, substitutes{f.mask, f.args})
					if got := resultOf(rep); got != -int64(unix.EINTR) {
						t.Errorf("redirected %v: the call returned %d, want -EINTR", redirect, got)
					}
				}
			}})
	}
	return struct{}{}
}

// stopsAtReturn lets a traced target run into the rt_sigreturn of its handler.
func (c *caller) stopsAtReturn(tr *notify.Tracer) {
	for {
		c.stops(tr, notify.StopSyscall, true)
		if nr, _, e := tr.Syscall(c.TID); e == 0 && nr == unix.SYS_RT_SIGRETURN {
			return
		}
		c.t.must(tr.ContSyscall(c.TID, 0), "PTRACE_SYSCALL")
	}
}
