package suite

import (
	"encoding/binary"

	"golang.org/x/sys/unix"

	"unotify-bench/abi"
	"unotify-bench/internal/notify"
)

const (
	srcExec   = "uapi.md, Proposed 5: the exec event"
	flagEvent = abi.SECCOMP_USER_NOTIF_FLAG_EXEC_EVENT
)

var (
	needsEvent     = []notify.Feature{notify.FeatureExecEvent}
	needsEventPins = append([]notify.Feature{notify.FeatureExecEvent}, needsPins...)
)

// self is the path of this program, which becomes a target again.
const self = "/proc/self/exe"

// execing is an order to execute path as a target.
func (c *caller) execing(path string) order {
	// The name of the program stands behind the path.
	const nameAt = 256
	text := make([]byte, nameAt, 2*nameAt)
	copy(text, path)
	argv := binary.NativeEndian.AppendUint64(nil, c.slot(0)+nameAt)
	o := order{Op: opCall, Nr: unix.SYS_EXECVE}
	o.Data[0] = append(text, cstring(notify.RoleArg(roleTarget))...)
	o.Data[1] = append(argv, make([]byte, 8)...)
	o.Data[2] = make([]byte, 8) // no environment
	o.Args[3], o.Args[4], o.Args[5] = callerArg(3), callerArg(4), callerArg(5)
	return o
}

// reborn wants the new image to say hello, with no notification before that.
func (c *caller) reborn() {
	tid := c.TID
	if spoke, notified := c.either(); !spoke && notified {
		c.t.Fatalf("the new image does not come up for another notification: %+v", c.next())
	}
	c.hello = hello{}
	if _, err := c.Conn.Recv(&c.hello); err != nil || c.Err != "" {
		c.t.Fatalf("the new image does not come up: %v %s", err, c.Err)
	}
	if c.TID != tid {
		c.t.Errorf("the new image is thread %d, was %d", c.TID, tid)
	}
}

// either waits until the target says something, or is notified of.
func (c *caller) either() (spoke, notified bool) {
	fds := []unix.PollFd{{Fd: int32(c.Conn.FD()), Events: unix.POLLIN}, {Fd: int32(c.FD), Events: unix.POLLIN}}
	for {
		if _, err := unix.Poll(fds, -1); err != unix.EINTR {
			c.t.ok(err, "poll the target and its listener")
			return fds[0].Revents != 0, fds[1].Revents&unix.POLLIN != 0
		}
	}
}

// silent wants the target to have said nothing yet.
func (c *caller) silent(when string) {
	fds := []unix.PollFd{{Fd: int32(c.Conn.FD()), Events: unix.POLLIN}}
	if n, err := unix.Poll(fds, 0); n != 0 || err != nil {
		c.t.Fatalf("%s: the target runs already (%v)", when, err)
	}
}

// event receives an exec event, which must be one.
func (c *caller) event() abi.Notif { return c.eventOf(unix.SYS_EXECVE) }

func (c *caller) eventOf(nr int32) abi.Notif {
	if spoke, _ := c.either(); spoke {
		c.t.Fatalf("the target goes on, want an exec event")
	}
	n := c.next()
	if n.Flags != abi.SECCOMP_NOTIF_FLAG_EXECED || n.Data.Nr != nr || n.Data.Arch != notify.Native.AuditArch ||
		n.Data.Args != [6]uint64{} || n.Data.InstructionPointer == 0 || n.PID != uint32(c.TID) {
		c.t.Fatalf("the notification is %+v, want an exec event of execve", n)
	}
	c.silent("at the exec event")
	return n
}

var _ = add(
	Check{ID: "continue.execve", Level: Must, Source: srcStock,
		Doc: "a trapped execve that is continued executes, and the listener is the new image's too",
		run: func(t *T) {
			c := t.notified(unix.SYS_EXECVE, 0)
			n := c.trap(c.execing(self))
			c.resume(n.ID)
			c.reborn()
			n = c.trap(call(unix.SYS_EXECVE))
			c.answer(n.ID, 9)
		}},
	Check{ID: "redirect.exec-path-from-pin", Level: Must, Source: srcRedirect, Needs: needsPins,
		Doc: "an execve led to a pin executes the approved path; the control does not",
		run: func(t *T) {
			c := t.notified(unix.SYS_EXECVE, redirectFlag)
			n := c.trap(c.execing("/not/there"))
			c.resume(n.ID)
			if got := c.result(); got != -int64(unix.ENOENT) {
				t.Errorf("the control returned %d, want -ENOENT", got)
			}
			p := &pinned{caller: c, n: c.trap(c.execing("/not/there")), pin: t.newPin(1)}
			p.at = p.install(p.pin)
			p.pin.Write(cstring(self))
			r := p.toPin(0, len(self)+1)
			t.must(c.SendRedirect(&r), "SEND_REDIRECT")
			c.reborn()
		}},
	Check{ID: "redirect.exec-fail", Level: Must, Source: srcRedirect, Needs: needsPins,
		Doc: "after an execve that fails every register is the caller's again",
		run: func(t *T) {
			c := t.notified(unix.SYS_EXECVE, redirectFlag)
			p := &pinned{caller: c, n: c.trap(c.execing(self)), pin: t.newPin(1)}
			p.at = p.install(p.pin)
			p.pin.Write(cstring("/not/there"))
			r := p.toPin(0, 11)
			r.ArgsMask |= 1<<3 | 1<<4 | 1<<5
			r.Args[3], r.Args[4], r.Args[5] = otherArg(3), otherArg(4), otherArg(5)
			t.must(c.SendRedirect(&r), "SEND_REDIRECT")
			rep := c.report()
			if got := resultOf(rep); got != -int64(unix.ENOENT) {
				t.Errorf("execve returned %d, want -ENOENT", got)
			}
			t.preserved("execve", &rep.Call, substitutes{r.ArgsMask, r.Args})
		}},
	Check{ID: "pin.exec-drops", Level: Must, Source: srcPin + ": until the address space goes", Needs: needsPins,
		Doc: "after an execve the pin is not there any more, and a redirect to it EFAULT",
		run: func(t *T) {
			c := t.notified(unix.SYS_EXECVE, redirectFlag)
			p := &pinned{caller: c, n: c.trap(c.execing(self)), pin: t.newPin(1)}
			const held = "what the pin holds"
			p.pin.Write([]byte(held))
			p.at = p.install(p.pin)
			p.shows("PIN_INSTALL", held)
			c.resume(p.n.ID)
			c.reborn()
			c.gone("the pin", p.at, held)
			p.n = c.trap(call(unix.SYS_EXECVE))
			r := p.toPin(0, 1)
			t.errno("a redirect to where it was", c.SendRedirect(&r), unix.EFAULT)
			c.answer(p.n.ID, 1)
		}},
	Check{ID: "exec-event.order", Level: Ours, Source: srcExec, Needs: needsEvent,
		Doc: "with EXEC_EVENT a successful execve notifies once more, before the new image's first instruction",
		run: func(t *T) {
			c := t.notified(unix.SYS_EXECVE, 0)
			n := c.trap(c.execing(self))
			path := n.Data.Args[0]
			held := string(c.peek(path, len(self)))
			t.must(c.send(abi.NotifResp{ID: n.ID, Flags: flagContinue | flagEvent}), "SEND with EXEC_EVENT")
			n = c.event()
			c.gone("the old image's path", path, held)
			t.must(c.send(abi.NotifResp{ID: n.ID}), "SEND")
			c.reborn()
			n = c.trap(call(unix.SYS_EXECVE))
			c.answer(n.ID, 1)
		}},
	Check{ID: "exec-event.not-on-failure", Level: Ours, Source: srcExec, Needs: needsEvent,
		Doc: "an execve that fails raises no event",
		run: func(t *T) {
			c := t.notified(unix.SYS_EXECVE, 0)
			n := c.trap(c.execing("/not/there"))
			t.must(c.send(abi.NotifResp{ID: n.ID, Flags: flagContinue | flagEvent}), "SEND with EXEC_EVENT")
			// Either it returns, or it waits for an answer to its event.
			if _, notified := c.either(); notified {
				t.Fatalf("the failed execve raised a notification: %+v", c.next())
			}
			if got := c.result(); got != -int64(unix.ENOENT) {
				t.Errorf("execve returned %d, want -ENOENT", got)
			}
			if n = c.trap(call(unix.SYS_EXECVE)); n.Flags != 0 {
				t.Errorf("the next notification has flags %#x", n.Flags)
			}
			c.answer(n.ID, 1)
		}},
	Check{ID: "exec-event.errors", Level: Ours, Source: srcExec, Needs: needsEvent,
		Doc: "EXEC_EVENT for another call, or without CONTINUE, is EINVAL; an event ends with a plain SEND and nothing else",
		run: func(t *T) {
			c := t.notified(unix.SYS_GETPPID, 0)
			n := c.trap(call(unix.SYS_GETPPID))
			t.errno("of a getppid", c.send(abi.NotifResp{ID: n.ID, Flags: flagContinue | flagEvent}), unix.EINVAL)
			c.pends(n.ID, "the refusal")
			c.answer(n.ID, 1)

			c = t.notified(unix.SYS_EXECVE, 0)
			n = c.trap(c.execing(self))
			t.errno("without CONTINUE", c.send(abi.NotifResp{ID: n.ID, Flags: flagEvent}), unix.EINVAL)
			t.must(c.send(abi.NotifResp{ID: n.ID, Flags: flagContinue | flagEvent}), "SEND with EXEC_EVENT")
			n = c.event()
			for what, r := range map[string]abi.NotifResp{
				"a value": {Val: 1}, "an error": {Error: -1}, "CONTINUE": {Flags: flagContinue},
				"another event": {Flags: flagContinue | flagEvent},
			} {
				r.ID = n.ID
				t.errno("an event with "+what, c.send(r), unix.EINVAL)
				c.pends(n.ID, what)
			}
			t.must(c.send(abi.NotifResp{ID: n.ID}), "SEND")
			c.reborn()
		}},
	Check{ID: "exec-event.pin", Level: Ours, Source: srcExec, Needs: needsEventPins,
		Doc: "a redirected execve raises the event, and a pin installed in it is there for the new image",
		run: func(t *T) {
			c := t.notified(unix.SYS_EXECVE, redirectFlag)
			p := &pinned{caller: c, n: c.trap(c.execing("/not/there")), pin: t.newPin(1)}
			p.at = p.install(p.pin)
			p.pin.Write(cstring(self))
			r := p.toPin(0, len(self)+1)
			r.Flags |= abi.SECCOMP_REDIRECT_FLAG_EXEC_EVENT
			t.must(c.SendRedirect(&r), "SEND_REDIRECT")
			p.n = c.event()
			p.at = p.install(p.pin)
			t.must(c.send(abi.NotifResp{ID: p.n.ID}), "SEND")
			c.reborn()
			p.shows("in the new image", self)
			p.n = c.trap(c.execing("/not/there"))
			r = p.toPin(0, len(self)+1)
			t.must(c.SendRedirect(&r), "SEND_REDIRECT to the event's pin")
			c.reborn()
		}},
	Check{ID: "exec-event.closed-listener", Level: Ours, Source: srcExec, Needs: needsEvent,
		Doc: "when the listener is closed at an event, the new image runs on",
		run: func(t *T) {
			c := t.notified(unix.SYS_EXECVE, 0)
			n := c.trap(c.execing(self))
			t.must(c.send(abi.NotifResp{ID: n.ID, Flags: flagContinue | flagEvent}), "SEND with EXEC_EVENT")
			c.event()
			t.ok(unix.Close(c.FD), "close the listener")
			c.reborn()
		}},
	Check{ID: "exec-event.target-call", Level: Ours, Source: srcExec, Needs: append([]notify.Feature{notify.FeatureTargetCall}, needsEvent...),
		Doc: "at an event TARGET_CALL runs, with FLAG_SEND it is EINVAL",
		run: func(t *T) {
			c := t.notified(unix.SYS_EXECVE, 0)
			n := c.trap(c.execing(self))
			t.must(c.send(abi.NotifResp{ID: n.ID, Flags: flagContinue | flagEvent}), "SEND with EXEC_EVENT")
			n = c.event()
			if got := c.targetCall(n.ID, 0, unix.SYS_CLOSE, [6]uint64{999}, nil); got != -int64(unix.EBADF) {
				t.Errorf("close gave %d, want -EBADF", got)
			}
			r := abi.NotifTargetCall{ID: n.ID, Flags: flagSend, Nr: unix.SYS_CLOSE, Args: [6]uint64{999}}
			t.errno("with FLAG_SEND", c.TargetCall(&r), unix.EINVAL)
			t.must(c.send(abi.NotifResp{ID: n.ID}), "SEND")
			c.reborn()
		}},
)
