package suite

import (
	"encoding/binary"
	"fmt"

	"golang.org/x/sys/unix"

	"unotify-bench/abi"
	"unotify-bench/asmstubs"
	"unotify-bench/internal/notify"
)

// asThread are the flags of a new thread; what it shares beside, it needs.
const asThread = unix.CLONE_VM | unix.CLONE_FS | unix.CLONE_FILES | unix.CLONE_SIGHAND | unix.CLONE_THREAD | unix.CLONE_SYSVSEM

// threading is an order for child i, which shares memory, by clone.
func (c *caller) threading(i int, flags uint64) order {
	return order{Op: opThread, Nr: unix.SYS_CLONE, Args: [6]uint64{flags, c.stack(i)}, Child: i}
}

// beside is the same for a child that runs on by itself, and makes a call.
func (c *caller) beside(i int, flags uint64, nr int, args ...uint64) order {
	o := c.threading(i, flags)
	o.Beside = true
	o.Then[0] = uint64(nr)
	copy(o.Then[1:], args)
	return o
}

// childKeeps checks both who return from a call that made a child.
func (t *T) childKeeps(what string, r report, s substitutes) {
	if got := resultOf(r); got <= 0 {
		t.Fatalf("%s: the call returned %d, want a child", what, got)
	}
	t.preserved(what+", parent", &r.Call, s)
	// The stack pointer it got; what else Call does not load is its parent's.
	t.preserved(what+", child", &r.Child, s)
	if got := r.Child.Out[asmstubs.ResultReg]; got != 0 {
		t.Errorf("%s: the child's result is %d", what, got)
	}
}

// threads redirects a clone whose child shares memory and has a stack of its
// own: each argument that it does not use alone, all at once, and those that it
// does use, which the caller gave wrong.
func threads(flags uint64) func(*T) {
	return func(t *T) {
		c := t.start()
		child := 0
		for _, mask := range []uint32{0, 1 << 2, 1 << 3, 1 << 4, 1 << 5, 63 &^ 3, 1 << 0, 1 << 1, 63} {
			o := c.threading(child, flags)
			args := six(otherArg)
			copy(args[:2], o.Args[:2])
			for i := 2; i < 6; i++ {
				o.Args[i] = callerArg(i)
			}
			if child == 0 { // the control
				c.tell(o)
				t.childKeeps("native", c.report(), substitutes{})
				c.filter(filterSpec{Nr: o.Nr, Action: abi.SECCOMP_RET_USER_NOTIF, Flags: notifyFlag | redirectFlag})
				child++
				o = c.threading(child, flags)
				args[1] = o.Args[1]
				for i := 2; i < 6; i++ {
					o.Args[i] = callerArg(i)
				}
			}
			for i := range 2 {
				if mask&(1<<i) != 0 {
					o.Args[i] = callerArg(i)
				}
			}
			s := substitutes{mask &^ 2, args} // the child is to find its stack
			t.childKeeps(fmt.Sprintf("mask %#x", mask), c.redirected(o, abi.NotifRespRedirect{ArgsMask: mask, Args: args}), s)
			child++
		}
	}
}

var _ = add(
	Check{ID: "redirect.thread-child", Level: Must, Source: srcDragons, Needs: needsRedirect,
		Doc: "a thread that a redirected clone makes finds the caller's registers, on its new stack, as its parent does",
		run: threads(asThread)},
	Check{ID: "redirect.vm-child", Level: Must, Source: srcDragons, Needs: needsRedirect,
		Doc: "a child that shares memory, made by a redirected clone, finds the caller's registers, on its new stack",
		run: threads(unix.CLONE_VM | uint64(unix.SIGCHLD))},
	Check{ID: "redirect.vfork-vm-child", Level: Must, Source: srcDragons, Needs: needsRedirect,
		Doc: "a child that shares memory while its parent waits, as after vfork, finds the caller's registers",
		run: threads(unix.CLONE_VM | unix.CLONE_VFORK | uint64(unix.SIGCHLD))},
	Check{ID: "redirect.clone3-thread", Level: Must, Source: srcDragons, Needs: needsRedirect,
		Doc: "a thread that a redirected clone3 makes finds the caller's registers, on its new stack",
		run: func(t *T) {
			c := t.start()
			for i, mask := range []uint32{0, 63 &^ 3} {
				// struct clone_args of <linux/sched.h>: flags, then from the
				// fifth exit_signal, stack and stack_size.
				args := make([]byte, 64)
				binary.NativeEndian.PutUint64(args, asThread)
				binary.NativeEndian.PutUint64(args[40:], c.stack(i)-uint64(stackTop))
				binary.NativeEndian.PutUint64(args[48:], uint64(stackTop))
				o := order{Op: opThread, Nr: notify.Native.Syscalls["clone3"], Child: i}
				o.Data[0], o.Args[1] = args, uint64(len(args))
				for i := 2; i < 6; i++ {
					o.Args[i] = callerArg(i)
				}
				if mask == 0 { // the control
					c.tell(o)
					t.childKeeps("native", c.report(), substitutes{})
					c.filter(filterSpec{Nr: o.Nr, Action: abi.SECCOMP_RET_USER_NOTIF, Flags: notifyFlag | redirectFlag})
					continue
				}
				s := substitutes{mask, six(otherArg)}
				t.childKeeps("clone3", c.redirected(o, abi.NotifRespRedirect{ArgsMask: s.mask, Args: s.args}), s)
			}
		}},
	Check{ID: "redirect.exit-thread", Level: Must, Source: srcDragons, Needs: needsRedirect,
		Doc: "a redirected exit ends the thread with the status that was put in, and no other",
		run: func(t *T) {
			c := t.notified(unix.SYS_EXIT, redirectFlag)
			tr := c.traced()
			n := c.trap(call(unix.SYS_EXIT, 7))
			r := abi.NotifRespRedirect{ID: n.ID, Flags: abi.SECCOMP_REDIRECT_FLAG_CONTINUE, ArgsMask: 1}
			r.Args[0] = 23
			t.must(c.SendRedirect(&r), "SEND_REDIRECT")
			var ev notify.Event
			t.must(tr.Wait(c.TID, &ev), "wait for a stop")
			if ev.Stop != notify.StopExit {
				t.Fatalf("the thread stopped otherwise than at its end: %+v", ev)
			}
			status, err := unix.PtraceGetEventMsg(c.TID)
			t.ok(err, "ask for the thread's status")
			if status != 23<<8 {
				t.Errorf("the thread ends with status %#x, want 23<<8", status)
			}
			tr.Detach(c.TID)
			if e := unix.Kill(c.PID(), 0); e != nil {
				t.Errorf("the process has ended with its thread: %v", e)
			}
		}},
)
