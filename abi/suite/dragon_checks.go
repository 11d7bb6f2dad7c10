package suite

import (
	"encoding/binary"
	"fmt"
	"os"

	"golang.org/x/sys/unix"

	"unotify-bench/abi"
	"unotify-bench/asmstubs"
	"unotify-bench/internal/notify"
)

const srcDragons = srcRedirect + `, "whatever way the syscall ended"; conformance.md, D`

// pipes are two empty pipes; the target has the ends to read from.
func (t *T) pipes() (caller, other *os.File, fill *os.File) {
	r1, _, err := os.Pipe()
	t.ok(err, "make a pipe")
	r2, w2, err := os.Pipe()
	t.ok(err, "make a pipe")
	return r1, r2, w2
}

// blockedRead has a target read from a pipe in which nothing ever is, and
// redirects it to another, equally empty: it sleeps there when this returns.
func (t *T) blockedRead(c *caller) (o order, r abi.NotifRespRedirect) {
	o, r = t.ordersRead(c)
	t.redirectRead(c, &r)
	return o, r
}

// ordersRead orders the read, and leaves it to be redirected.
func (t *T) ordersRead(c *caller) (o order, r abi.NotifRespRedirect) {
	o = call(unix.SYS_READ, firstFile, 0, 1, callerArg(3), callerArg(4), callerArg(5))
	o.Data[1] = make([]byte, 8)
	r = abi.NotifRespRedirect{Flags: abi.SECCOMP_REDIRECT_FLAG_CONTINUE, ArgsMask: 63 &^ 2}
	r.Args = [6]uint64{firstFile + 1, 0, 2, otherArg(3), otherArg(4), otherArg(5)}
	c.tell(o)
	return o, r
}

func (t *T) redirectRead(c *caller, r *abi.NotifRespRedirect) abi.Notif {
	n := c.next()
	r.ID = n.ID
	t.must(c.SendRedirect(r), "SEND_REDIRECT")
	c.sleeps()
	return n
}

// originals wants a notification to have the caller's arguments.
func (t *T) originals(when string, n abi.Notif, c *caller, o order) {
	want := o.Args
	want[1] = c.slot(1)
	if n.Data.Args != want {
		t.Errorf("%s the call traps with arguments %#x, the caller's are %#x", when, n.Data.Args, want)
	}
}

var _ = add(
	Check{ID: "redirect.restart", Level: Must, Source: srcDragons, Needs: needsRedirect,
		Doc: "a redirected read that a signal restarts, twice, traps each time with the caller's own arguments",
		run: func(t *T) {
			r1, r2, w2 := t.pipes()
			c := t.notified(unix.SYS_READ, redirectFlag, r1, r2)
			o, r := t.blockedRead(c)
			for _, when := range []string{"restarted", "restarted twice"} {
				c.signal(unix.SIGWINCH)
				n := t.redirectRead(c, &r)
				t.originals(when, n, c, o)
			}
			_, err := w2.WriteString("ab")
			t.ok(err, "fill the pipe")
			rep := c.report()
			t.preserved("read", &rep.Call, substitutes{r.ArgsMask, r.Args})
			if got := resultOf(rep); got != 2 {
				t.Errorf("read returned %d, want the 2 bytes of the other pipe", got)
			}
		}},
	Check{ID: "redirect.interrupted", Level: Must, Source: srcDragons, Needs: needsRedirect,
		Doc: "a redirected read that a signal without SA_RESTART ends is EINTR, and leaves every register",
		run: func(t *T) {
			r1, r2, _ := t.pipes()
			c := t.notified(unix.SYS_READ, redirectFlag, r1, r2)
			c.interrupting()
			_, r := t.blockedRead(c)
			c.signal(unix.SIGWINCH)
			rep := c.report()
			t.preserved("read", &rep.Call, substitutes{r.ArgsMask, r.Args})
			if got := resultOf(rep); got != -int64(unix.EINTR) {
				t.Errorf("read returned %d, want -EINTR", got)
			}
		}},
	Check{ID: "redirect.restartblock", Level: Must, Source: srcDragons + "; restart_syscall(2) would not trap", Needs: needsRedirect,
		Doc: "a redirected nanosleep that is stopped and continued traps again with the caller's own arguments",
		run: func(t *T) {
			c := t.notified(unix.SYS_NANOSLEEP, redirectFlag)
			o := call(unix.SYS_NANOSLEEP, 0, callerArg(1), callerArg(2), callerArg(3), callerArg(4), callerArg(5))
			o.Data[0] = append(binary.NativeEndian.AppendUint64(nil, 100000), make([]byte, 8)...)
			args := six(otherArg)
			args[1] = 0
			c.tell(o)
			n := c.next()
			t.must(c.SendRedirect(&abi.NotifRespRedirect{ID: n.ID, Flags: abi.SECCOMP_REDIRECT_FLAG_CONTINUE, ArgsMask: 63 &^ 1, Args: args}), "SEND_REDIRECT")
			c.sleeps()
			c.signal(unix.SIGSTOP)
			t.becomes(c.TID, 'T')
			c.signal(unix.SIGCONT)
			c.sleeps() // in its call, or trapped again
			fds := []unix.PollFd{{Fd: int32(c.FD), Events: unix.POLLIN}}
			if m, err := unix.Poll(fds, 0); m != 1 || err != nil {
				t.Fatalf("the sleep goes on, untrapped (%v)", err)
			}
			again := c.next()
			if again.Data != n.Data {
				t.Errorf("the call traps again as %+v, it was %+v", again.Data, n.Data)
			}
			t.must(c.send(abi.NotifResp{ID: again.ID, Val: 4}), "SEND")
			rep := c.report()
			t.preserved("nanosleep", &rep.Call, substitutes{63 &^ 1, args})
		}},
	Check{ID: "redirect.sigreturn", Level: Must, Source: srcDragons, Needs: needsRedirect,
		Doc: "a redirected rt_sigreturn puts back the registers of its frame, all of them",
		run: func(t *T) {
			r1, r2, _ := t.pipes()
			c := t.start(r1, r2)
			c.interrupting()
			c.filter(filterSpec{Nr: unix.SYS_RT_SIGRETURN, Action: abi.SECCOMP_RET_USER_NOTIF, Flags: notifyFlag | redirectFlag})
			args := six(otherArg)
			for _, mask := range []uint32{0, 1, 2, 63} {
				o := call(unix.SYS_READ, firstFile, 0, 1, callerArg(3), callerArg(4), callerArg(5))
				o.Data[1] = make([]byte, 8)
				c.tell(o)
				c.sleepsIn(unix.SYS_READ)
				c.signal(unix.SIGWINCH)
				n := c.next()
				t.must(c.SendRedirect(&abi.NotifRespRedirect{ID: n.ID, Flags: abi.SECCOMP_REDIRECT_FLAG_CONTINUE, ArgsMask: mask, Args: args}), "SEND_REDIRECT")
				rep := c.report()
				t.preserved(fmt.Sprintf("read, mask %#x", mask), &rep.Call, substitutes{mask, args})
				if got := resultOf(rep); got != -int64(unix.EINTR) {
					t.Errorf("read returned %d, want -EINTR", got)
				}
			}
		}},
	Check{ID: "redirect.exit-group", Level: Must, Source: srcDragons, Needs: needsRedirect,
		Doc: "a redirected exit_group exits, with the status that was put in",
		run: func(t *T) {
			c := t.notified(unix.SYS_EXIT_GROUP, redirectFlag)
			n := c.trap(call(unix.SYS_EXIT_GROUP, 7))
			r := abi.NotifRespRedirect{ID: n.ID, Flags: abi.SECCOMP_REDIRECT_FLAG_CONTINUE, ArgsMask: 1}
			r.Args[0] = 23
			t.must(c.SendRedirect(&r), "SEND_REDIRECT")
			if err := c.Wait(); err == nil || err.Error() != "exit status 23" {
				t.Errorf("the target ended with %v, want exit status 23", err)
			}
		}},
	Check{ID: "redirect.fork-child", Level: Must, Source: srcDragons, Needs: needsRedirect,
		Doc: "the child of a redirected fork finds the caller's registers, as its parent does",
		run: forks(forking(), 63&^(1<<0|1<<1))},
	Check{ID: "redirect.fork-child-stack", Level: Must, Source: srcDragons, Needs: needsRedirect,
		Doc: "the child of a fork whose stack argument was replaced by none finds the caller's value of it",
		run: forks(func() order { o := forking(); o.Args[1] = callerArg(1); return o }(), 63&^1)},
	Check{ID: "redirect.fork-child-flags", Level: Must, Source: srcDragons, Needs: needsRedirect,
		Doc: "the child of a fork whose flags were replaced finds no flags in a register, but its result",
		run: forks(func() order { o := forking(); o.Args[0] = 0; return o }(), 1)},
	Check{ID: "redirect.vfork-child", Level: Must, Source: srcDragons, Needs: needsRedirect,
		Doc: "the child of a redirected clone with CLONE_VFORK finds the caller's registers, as its parent does",
		run: forks(func() order { o := forking(); o.Args[0] |= unix.CLONE_VFORK; return o }(), 63&^(1<<0|1<<1))},
	Check{ID: "redirect.clone3-child", Level: Must, Source: srcDragons, Needs: needsRedirect,
		Doc: "the child of a redirected clone3 finds the caller's registers, as its parent does",
		run: forks(clone3ing(), 63&^(1<<0|1<<1))},
	Check{ID: "target-call.send-storm", Level: Must, Source: srcCall + ", FLAG_SEND: nothing is written twice", Needs: needsCall,
		Doc: "with FLAG_SEND, under a signal to each of 300 trapped writes, every byte is written exactly once",
		run: func(t *T) {
			path := t.file("out", "")
			f, err := os.OpenFile(path, os.O_RDWR|os.O_APPEND, 0)
			t.ok(err, "open a file")
			c := t.notified(unix.SYS_WRITE, 0, f)
			buf := []byte("x")
			const writes = 300
			for i := range writes {
				c.tell(call(unix.SYS_WRITE, firstFile, 0, 1))
				n := c.next()
				// Before the call, in every third round: it can be lost, and
				// then the write traps again.
				if i%3 == 0 {
					c.signal(unix.SIGWINCH)
				}
				for {
					r := abi.NotifTargetCall{ID: n.ID, Flags: flagSend, Nr: unix.SYS_WRITE, Args: [6]uint64{firstFile, addressOf(buf), 1}}
					e := c.TargetCall(&r)
					if e == 0 {
						break
					}
					if e != unix.ENOENT {
						t.Fatalf("TARGET_CALL: %s, want success or ENOENT", errName(e))
					}
					n = c.next()
				}
				if got := c.result(); got != 1 {
					t.Errorf("write returned %d, want 1", got)
				}
			}
			if got := len(t.content(path)); got != writes {
				t.Errorf("%d bytes were written, want %d", got, writes)
			}
		}},
)

// clone3ing is an order to fork by clone3.
func clone3ing() order {
	// struct clone_args of <linux/sched.h>: exit_signal is the fifth field.
	args := make([]byte, 64)
	binary.NativeEndian.PutUint64(args[32:], uint64(unix.SIGCHLD))
	o := order{Op: opFork, Nr: notify.Native.Syscalls["clone3"]}
	o.Data[0], o.Args[1] = args, uint64(len(args))
	return o
}

// forks redirects a call that makes a child, each argument of mask by itself and
// all at once. Arguments that such a call does not use are replaced by anything.
func forks(o order, mask uint32) func(*T) {
	return func(t *T) {
		c := t.start()
		for i := range 6 {
			if i > 1 {
				o.Args[i] = callerArg(i)
			}
		}
		args := six(otherArg)
		args[0], args[1] = uint64(unix.SIGCHLD), 0
		check := func(what string, r report, s substitutes) {
			if got := resultOf(r); got <= 0 {
				t.Fatalf("%s: the call returned %d, want a child", what, got)
			}
			t.preserved(what+", parent", &r.Call, s)
			if r.Child.In != r.Call.In {
				t.Unclear("%s: the child did not say what it found", what)
			}
			t.preserved(what+", child", &r.Child, s)
			if got := r.Child.Out[asmstubs.ResultReg]; got != 0 {
				t.Errorf("%s: the child's result is %d", what, got)
			}
		}
		// What does not work without is put in for the control.
		control := o
		for i := range 2 {
			if mask&(1<<i) != 0 {
				control.Args[i] = args[i]
			}
		}
		c.tell(control)
		check("native", c.report(), substitutes{})
		c.filter(filterSpec{Nr: o.Nr, Action: abi.SECCOMP_RET_USER_NOTIF, Flags: notifyFlag | redirectFlag})
		for i := range 7 {
			m := mask
			if i < 6 {
				m &= 1<<i | 1<<0 | 1<<1 // without these two it may not work
			}
			what := fmt.Sprintf("mask %#x", m)
			check(what, c.redirected(o, abi.NotifRespRedirect{ArgsMask: m, Args: args}), substitutes{m, args})
		}
	}
}
