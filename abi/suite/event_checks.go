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

// atEvent lets a trapped exec go on with an event, and receives that.
func (c *caller) atEvent(n abi.Notif) abi.Notif {
	c.t.must(c.send(abi.NotifResp{ID: n.ID, Flags: flagContinue | flagEvent}), "SEND with EXEC_EVENT")
	return c.event()
}

var _ = add(
	Check{ID: "exec-event.once", Level: Ours, Source: srcExec, Needs: needsEvent,
		Doc: "an exec raises one event: after the answer the new image runs, and its calls are notified as any",
		run: func(t *T) {
			c := t.notified(unix.SYS_EXECVE, 0)
			for range 3 { // the event of one is not that of the next
				n := c.atEvent(c.trap(c.execing(self)))
				t.must(c.send(abi.NotifResp{ID: n.ID}), "SEND")
				c.reborn()
				if n = c.trap(call(unix.SYS_EXECVE)); n.Flags != 0 {
					t.Errorf("a call of the new image has flags %#x", n.Flags)
				}
				c.answer(n.ID, 1)
			}
			// And none is raised where none was asked for.
			c.resume(c.trap(c.execing(self)).ID)
			c.reborn()
		}},
	Check{ID: "exec-event.script", Level: Ours, Source: srcExec + "; fs/binfmt_script.c", Needs: needsEvent,
		Doc: "the exec of a script raises one event, when its interpreter is in place",
		run: func(t *T) {
			// The interpreter is this program. Its name is the script's first
			// word, and tells its role.
			exe, err := os.Executable()
			t.ok(err, "find this program")
			role := notify.RoleArg(roleTarget)
			t.ok(os.Symlink(exe, t.dir+"/"+role), "make a link")
			script := t.file("script", "#!"+role+"\n")
			t.ok(os.Chmod(script, 0o700), "make a file executable")
			c := t.notified(unix.SYS_EXECVE, 0)
			if got := c.doPath(unix.SYS_CHDIR, t.dir); got != 0 {
				t.Unclear("the target's chdir is %d", got)
			}
			c.resume(c.trap(c.execing(script)).ID)
			var said struct { // by the new image, or the old
				hello
				Call asmstubs.Frame
			}
			_, err = c.Conn.Recv(&said)
			t.ok(err, "hear from the target")
			if c.hello = said.hello; c.TID == 0 {
				t.Unclear("without an event execve of a script is %d", int64(said.Call.Out[asmstubs.ResultReg]))
			}
			n := c.atEvent(c.trap(c.execing(script)))
			t.must(c.send(abi.NotifResp{ID: n.ID}), "SEND")
			c.reborn()
		}},
	Check{ID: "exec-event.execveat", Level: Ours, Source: srcExec + "; execveat(2), AT_EMPTY_PATH", Needs: needsEvent,
		Doc: "an execveat of a descriptor raises the event, with its own number",
		run: func(t *T) {
			f, err := os.Open(self)
			t.ok(err, "open this program")
			c := t.notified(unix.SYS_EXECVEAT, 0, f)
			const nameAt = 256
			o := call(unix.SYS_EXECVEAT, firstFile, 0, 0, 0, 0x1000) // AT_EMPTY_PATH
			o.Data[1] = append(make([]byte, nameAt), cstring(notify.RoleArg(roleTarget))...)
			o.Data[2] = append(binary.NativeEndian.AppendUint64(nil, c.slot(1)+nameAt), make([]byte, 8)...)
			o.Data[3] = make([]byte, 8)
			n := c.trap(o)
			t.must(c.send(abi.NotifResp{ID: n.ID, Flags: flagContinue | flagEvent}), "SEND with EXEC_EVENT")
			n = c.eventOf(unix.SYS_EXECVEAT)
			t.must(c.send(abi.NotifResp{ID: n.ID}), "SEND")
			c.reborn()
		}},
	Check{ID: "exec-event.thread", Level: Ours, Source: srcExec + "; fs/exec.c, de_thread", Needs: needsEvent,
		Doc: "the exec of a thread that is not the first raises the event as the process' only thread, with its id",
		run: func(t *T) {
			c := t.notified(unix.SYS_EXECVE, 0)
			// The memory that an exec needs, of a call that does not.
			o := c.execing(self)
			o.Nr = unix.SYS_GETPPID
			c.tell(o)
			c.report()
			c.tell(c.beside(0, asThread, unix.SYS_EXECVE, c.slot(0), c.slot(1), c.slot(2)))
			tid := c.result()
			n := c.next()
			if int64(n.PID) != tid {
				t.Errorf("the call is of thread %d, want %d", n.PID, tid)
			}
			n = c.atEvent(n)
			tasks, err := os.ReadDir(fmt.Sprintf("/proc/%d/task", c.PID()))
			t.ok(err, "list the target's threads")
			if len(tasks) != 1 {
				t.Errorf("at the event the process has %d threads", len(tasks))
			}
			t.must(c.send(abi.NotifResp{ID: n.ID}), "SEND")
			c.reborn()
		}},
	Check{ID: "exec-event.killed", Level: Ours, Source: srcExec + ": a fatal signal ends the wait", Needs: needsEvent,
		Doc: "a target that is killed at its event dies there, and the listener hangs up",
		run: func(t *T) {
			c := t.notified(unix.SYS_EXECVE, 0)
			n := c.atEvent(c.trap(c.execing(self)))
			c.Kill()
			if err := c.Wait(); err == nil || err.Error() != "signal: killed" {
				t.Errorf("the target ended with %v, want SIGKILL", err)
			}
			t.errno("ID_VALID", c.IDValid(&n.ID), unix.ENOENT)
			t.errno("SEND", c.send(abi.NotifResp{ID: n.ID}), unix.ENOENT)
			if ev := c.polled(); ev&unix.POLLHUP == 0 {
				t.Errorf("poll gives %#x, want POLLHUP", ev)
			}
		}},
	Check{ID: "exec-event.signal-waits", Level: Ours, Source: srcExec + ": any other signal waits until after it", Needs: needsEvent,
		Doc: "a signal that is not fatal leaves the event pending, and comes once it is answered",
		run: func(t *T) {
			c := t.notified(unix.SYS_EXECVE, 0)
			n := c.atEvent(c.trap(c.execing(self)))
			c.signal(unix.SIGSTOP)
			c.pends(n.ID, "SIGSTOP")
			t.becomes(c.TID, 'D') // only what is fatal would wake it
			t.must(c.send(abi.NotifResp{ID: n.ID}), "SEND")
			t.becomes(c.TID, 'T')
			c.silent("stopped")
			c.signal(unix.SIGCONT)
			c.reborn()
		}},
	Check{ID: "exec-event.addfd", Level: Ours, Source: srcExec + ": ADDFD works on it", Needs: needsEvent,
		Doc: "a descriptor that is added at the event is there for the new image, and ADDFD's SEND does not answer one",
		run: func(t *T) {
			f := t.openHere("given\n")
			c := t.notified(unix.SYS_EXECVE, 0)
			n := c.atEvent(c.trap(c.execing(self)))
			_, e := c.AddFD(&abi.NotifAddFD{ID: n.ID, Flags: addSend, SrcFD: uint32(f.Fd())})
			t.errno("ADDFD with SEND", e, unix.EINVAL)
			c.pends(n.ID, "ADDFD with SEND")
			fd, e := c.AddFD(&abi.NotifAddFD{ID: n.ID, SrcFD: uint32(f.Fd())})
			t.must(e, "ADDFD")
			t.must(c.send(abi.NotifResp{ID: n.ID}), "SEND")
			c.reborn()
			c.opened(int64(fd), "given\n")
		}},
	Check{ID: "exec-event.not-a-call", Level: Ours, Source: srcExec + ": it ends with a plain SEND", Needs: append(needsEventPins, needsInject...),
		Doc: "an event takes neither a redirect (EINVAL) nor an INJECT (ESRCH): there is no call",
		run: func(t *T) {
			c := t.notified(unix.SYS_EXECVE, redirectFlag)
			n := c.atEvent(c.trap(c.execing(self)))
			for _, flags := range []uint32{0, abi.SECCOMP_REDIRECT_FLAG_EXEC_EVENT} {
				r := abi.NotifRespRedirect{ID: n.ID, Flags: abi.SECCOMP_REDIRECT_FLAG_CONTINUE | flags, ArgsMask: 63}
				t.errno("SEND_REDIRECT", c.SendRedirect(&r), unix.EINVAL)
				c.pends(n.ID, "SEND_REDIRECT")
			}
			path := cstring(t.dir)
			i := injectReq(&n, 1, path)
			i.Nr = unix.SYS_OPENAT
			t.errno("INJECT", c.Inject(&i), unix.ESRCH)
			t.errno("SEND with INJECTED", c.send(abi.NotifResp{ID: n.ID, Flags: flagInjected}), unix.EINVAL)
			c.pends(n.ID, "INJECT")
			t.must(c.send(abi.NotifResp{ID: n.ID}), "SEND")
			c.reborn()
		}},
)
