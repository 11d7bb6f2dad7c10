package suite

import (
	"os"

	"golang.org/x/sys/unix"

	"unotify-bench/abi"
)

const srcRedirect = "uapi.md, Proposed 4: SEND_REDIRECT"

var _ = later(redirectErrors)

func redirectErrors() struct{} {
	page := uint64(os.Getpagesize())
	for _, e := range []struct {
		name, what string
		level      Level
		change     func(*T, *pinned, *abi.NotifRespRedirect)
		want       unix.Errno
	}{
		{"no-continue", "no CONTINUE, and a bad descriptor", Ours, func(_ *T, _ *pinned, r *abi.NotifRespRedirect) { r.Flags, r.MemFD = 0, 1<<20 }, unix.EINVAL},
		{"flag", "an unknown flag", Must, func(_ *T, _ *pinned, r *abi.NotifRespRedirect) { r.Flags |= 1 << 31 }, unix.EINVAL},
		{"mask", "a mask with a bit over 5", Must, func(_ *T, _ *pinned, r *abi.NotifRespRedirect) { r.ArgsMask |= 1 << 6 }, unix.EINVAL},
		{"ptr-mask", "a pointer that is not replaced", Must, func(_ *T, _ *pinned, r *abi.NotifRespRedirect) { r.ArgsMask = 1 }, unix.EINVAL},
		{"no-length", "a pointer without a length", Must, func(_ *T, _ *pinned, r *abi.NotifRespRedirect) { r.PtrLen[1] = 0 }, unix.EINVAL},
		{"stray-length", "a length without a pointer", Must, func(_ *T, _ *pinned, r *abi.NotifRespRedirect) { r.PtrLen[2] = 1 }, unix.EINVAL},
		{"wraps", "a range that wraps around", Must, func(_ *T, _ *pinned, r *abi.NotifRespRedirect) { r.PtrLen[1] = ^uint64(0) }, unix.EINVAL},
		{"descriptor", "a bad descriptor, and an unknown id", Ours, func(_ *T, _ *pinned, r *abi.NotifRespRedirect) { r.MemFD, r.ID = 1<<20, r.ID+1000 }, unix.EBADF},
		{"unsealed", "a memfd without seals, and an unknown id", Ours, func(t *T, _ *pinned, r *abi.NotifRespRedirect) { r.MemFD, r.ID = t.memfd(0), r.ID+1000 }, unix.EINVAL},
		{"unknown-id", "an id that was never given", Must, func(_ *T, _ *pinned, r *abi.NotifRespRedirect) { r.ID += 1000 }, unix.ENOENT},
		{"beyond", "a range that ends one byte behind its pin", Must, func(_ *T, p *pinned, r *abi.NotifRespRedirect) { r.PtrLen[1] = uint64(p.pin.Size()) + 1 }, unix.EFAULT},
		{"beyond-last", "a range of two bytes at a pin's last", Must, func(_ *T, p *pinned, r *abi.NotifRespRedirect) {
			r.Args[1], r.PtrLen[1] = p.at+uint64(p.pin.Size())-1, 2
		}, unix.EFAULT},
		{"before", "a range that begins one byte before its pin", Must, func(_ *T, _ *pinned, r *abi.NotifRespRedirect) { r.Args[1]-- }, unix.EFAULT},
		{"no-pin", "a range of the target's own memory", Must, func(_ *T, p *pinned, r *abi.NotifRespRedirect) { r.Args[1] = p.page() }, unix.EFAULT},
		{"other-memfd", "a pin of another memfd", Must, func(t *T, _ *pinned, r *abi.NotifRespRedirect) { r.MemFD = uint32(t.newPin(1).FD) }, unix.EFAULT},
		{"two-pins", "a range across two adjacent pins", Ours, func(t *T, p *pinned, r *abi.NotifRespRedirect) {
			i := p.request(p.pin)
			for i.TargetAddr, i.Size = p.hole, page; i.TargetAddr <= p.hole+page; i.TargetAddr += page {
				t.must(p.InstallPin(&i), "PIN_INSTALL of two, side by side")
			}
			r.Args[1], r.PtrLen[1] = p.hole+page-1, 2
		}, unix.EFAULT},
		{"exec-event", "the exec event of another call", Ours, func(_ *T, _ *pinned, r *abi.NotifRespRedirect) { r.Flags |= abi.SECCOMP_REDIRECT_FLAG_EXEC_EVENT }, unix.EINVAL},
	} {
		add(Check{ID: "redirect.error-" + e.name, Level: e.level, Source: srcRedirect + ", errors", Needs: needsPins,
			Doc: e.what + " is " + errName(e.want) + "; the notification stays, and takes a redirect",
			run: func(t *T) {
				o, path, content := t.wrongOpen()
				p := t.withPin(o, 2*int(page))
				p.pin.Write(path)
				r := p.toPin(1, len(path))
				e.change(t, p, &r)
				t.errno(e.what, p.SendRedirect(&r), e.want)
				p.pends(p.n.ID, e.what)
				good := p.toPin(1, len(path))
				t.must(p.SendRedirect(&good), "SEND_REDIRECT")
				p.opened(p.result(), content)
			}})
	}
	return struct{}{}
}

var _ = add(
	Check{ID: "redirect.error-null", Level: Must, Source: srcRedirect, Needs: needsRedirect,
		Doc: "a struct that cannot be read is EFAULT",
		run: func(t *T) {
			c := t.notified(unix.SYS_GETPPID, redirectFlag)
			t.errno("SEND_REDIRECT of nothing", c.raw(abi.SECCOMP_IOCTL_NOTIF_SEND_REDIRECT, nil), unix.EFAULT)
		}},
	Check{ID: "redirect.error-no-flag", Level: Ours, Source: srcRedirect + "; Proposed 3: ours is EPERM", Needs: needsRedirect,
		Doc: "through a listener without FLAG_REDIRECT SEND_REDIRECT is EPERM, whatever else is wrong",
		run: func(t *T) {
			c := t.notified(unix.SYS_GETPPID, 0)
			n := c.trap(call(unix.SYS_GETPPID))
			t.errno("SEND_REDIRECT", c.SendRedirect(&abi.NotifRespRedirect{ID: n.ID}), unix.EPERM)
			c.pends(n.ID, "the refusal")
			c.answer(n.ID, 1)
		}},
	Check{ID: "redirect.error-not-received", Level: Must, Source: srcRedirect, Needs: needsRedirect,
		Doc: "SEND_REDIRECT before RECV is EINPROGRESS, and after the answer ENOENT",
		run: func(t *T) {
			c := t.notified(unix.SYS_GETPPID, redirectFlag)
			n := c.trap(call(unix.SYS_GETPPID))
			c.answer(n.ID, 1)
			r := abi.NotifRespRedirect{ID: n.ID, Flags: abi.SECCOMP_REDIRECT_FLAG_CONTINUE}
			t.errno("after the answer", c.SendRedirect(&r), unix.ENOENT)
			c.tell(call(unix.SYS_GETPPID))
			c.polled()
			r.ID++
			t.errno("before RECV", c.SendRedirect(&r), unix.EINPROGRESS)
			c.answer(c.next().ID, 2)
		}},
	Check{ID: "redirect.pointer-openat", Level: Must, Source: srcRedirect, Needs: needsPins,
		Doc: "an openat led to a pin opens the approved path; every register is the caller's after it; CONTINUE does not open it",
		run: func(t *T) {
			o, path, content := t.wrongOpen()
			p := t.withPin(o, len(path))
			p.resume(p.n.ID)
			if got := p.result(); got != -int64(unix.ENOENT) {
				t.Errorf("the control returned %d, want -ENOENT", got)
			}
			p.pin.Write(path)
			for _, n := range []int{len(path), p.pin.Size()} {
				p.n = p.trap(o)
				r := p.toPin(1, n)
				t.must(p.SendRedirect(&r), "SEND_REDIRECT")
				rep := p.report()
				t.preserved("openat", &rep.Call, substitutes{r.ArgsMask, r.Args})
				p.opened(resultOf(rep), content)
			}
		}},
	Check{ID: "redirect.pointer-write", Level: Must, Source: srcRedirect, Needs: needsPins,
		Doc: "a write led to a pin, another descriptor and length writes the approved bytes there, once",
		run: func(t *T) {
			path := t.file("out", "")
			f, err := os.OpenFile(path, os.O_RDWR|os.O_APPEND, 0)
			t.ok(err, "open a file")
			text := "approved"
			o := call(unix.SYS_WRITE, 999, 0, 3)
			o.Data[1] = []byte("not")
			o.Args[3], o.Args[4], o.Args[5] = callerArg(3), callerArg(4), callerArg(5)
			p := t.withPin(o, 1, f)
			p.pin.Write([]byte(text))
			r := p.toPin(1, len(text))
			r.ArgsMask |= 1<<0 | 1<<2
			r.Args[0], r.Args[2] = firstFile, uint64(len(text))
			t.must(p.SendRedirect(&r), "SEND_REDIRECT")
			rep := p.report()
			t.preserved("write", &rep.Call, substitutes{r.ArgsMask, r.Args})
			if got := resultOf(rep); got != int64(len(text)) {
				t.Errorf("write returned %d, want %d", got, len(text))
			}
			if got := t.content(path); got != text {
				t.Errorf("the file holds %q, want %q", got, text)
			}
		}},
	Check{ID: "redirect.pin-edges", Level: Must, Source: srcRedirect, Needs: needsPins,
		Doc: "a range may be a pin's last byte, and its whole",
		run: func(t *T) {
			path := t.file("out", "")
			f, err := os.OpenFile(path, os.O_RDWR|os.O_APPEND, 0)
			t.ok(err, "open a file")
			p := t.withPin(call(unix.SYS_WRITE, firstFile, 0, 1), 1, f)
			r := p.toPin(1, 1)
			r.Args[1] = p.at + uint64(p.pin.Size()) - 1
			t.must(p.SendRedirect(&r), "SEND_REDIRECT to the last byte")
			if got := p.result(); got != 1 {
				t.Errorf("write returned %d, want 1", got)
			}
		}},
	Check{ID: "redirect.other-filter-errno", Level: Ours, Source: srcRedirect + ": all other filters see the replaced arguments", Needs: needsRedirect,
		Doc: "an older filter's ERRNO for the replaced argument holds, and for the caller's does not come",
		run: func(t *T) {
			for _, newer := range []bool{false, true} {
				c := t.start()
				listener := filterSpec{Nr: unix.SYS_GETPPID, Action: abi.SECCOMP_RET_USER_NOTIF, Flags: notifyFlag | redirectFlag}
				strict := filterSpec{Nr: unix.SYS_GETPPID, Action: abi.SECCOMP_RET_ERRNO | uint32(unix.EXDEV), OfArg: true, Arg: 1, Value: uint32(otherArg(1))}
				if newer {
					c.filter(listener)
					c.filter(strict)
				} else {
					c.filter(strict)
					c.filter(listener)
				}
				o := order{Op: opCall, Nr: unix.SYS_GETPPID, Args: six(callerArg)}
				args := six(otherArg)
				rep := c.redirected(o, abi.NotifRespRedirect{ArgsMask: 1, Args: args})
				if got := resultOf(rep); got != int64(os.Getpid()) {
					t.Errorf("where the filter has no objection (newer: %v) the call returned %d, want %d", newer, got, os.Getpid())
				}
				rep = c.redirected(o, abi.NotifRespRedirect{ArgsMask: 2, Args: args})
				if got := resultOf(rep); got != -int64(unix.EXDEV) {
					t.Errorf("where it has one (newer: %v) the call returned %d, want -EXDEV", newer, got)
				}
				t.preserved("getppid", &rep.Call, substitutes{2, args})
			}
		}},
	Check{ID: "redirect.other-filter-kill", Level: Ours, Source: srcRedirect + ": all other filters see the replaced arguments", Needs: needsRedirect,
		Doc: "another filter's KILL for the replaced argument kills the target by SIGSYS",
		run: func(t *T) {
			c := t.start()
			c.filter(filterSpec{Nr: unix.SYS_GETPPID, Action: abi.SECCOMP_RET_KILL_PROCESS, OfArg: true, Arg: 1, Value: uint32(otherArg(1))})
			c.filter(filterSpec{Nr: unix.SYS_GETPPID, Action: abi.SECCOMP_RET_USER_NOTIF, Flags: notifyFlag | redirectFlag})
			n := c.trap(order{Op: opCall, Nr: unix.SYS_GETPPID, Args: six(callerArg)})
			t.must(c.SendRedirect(&abi.NotifRespRedirect{ID: n.ID, Flags: abi.SECCOMP_REDIRECT_FLAG_CONTINUE, ArgsMask: 2, Args: six(otherArg)}), "SEND_REDIRECT")
			var r report
			if _, err := c.Conn.Recv(&r); err == nil {
				t.Fatalf("the call returned %d", resultOf(r))
			}
			if err := c.Wait(); err == nil || err.Error() != "signal: bad system call" && err.Error() != "signal: bad system call (core dumped)" {
				t.Errorf("the target ended with %v, want SIGSYS", err)
			}
		}},
)
