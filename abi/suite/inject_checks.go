package suite

import (
	"os"
	"strings"

	"golang.org/x/sys/unix"

	"unotify-bench/abi"
	"unotify-bench/internal/notify"
)

const (
	srcInject    = "uapi.md, Proposed 1: INJECT, RFC v2"
	flagInjected = abi.SECCOMP_USER_NOTIF_FLAG_INJECTED
	kernelMax    = 1 << 20 // bytes of a buffer
)

var (
	needsInject = []notify.Feature{notify.FeatureInject}
	_           = later(injectErrors)
)

// injectErrors are those of the ioctl. A row that has the fault of a later one
// too tells the order in which they are looked for.
func injectErrors() struct{} {
	for _, e := range []struct {
		name, what string
		change     func(*abi.NotifInject)
		want       unix.Errno
	}{
		{"not-injectable", "a syscall that cannot be injected, whatever else is wrong",
			func(i *abi.NotifInject) { i.Nr, i.ArgsInBufMask = unix.SYS_GETPPID, 1<<6 }, unix.EOPNOTSUPP},
		{"mask", "a mask with a bit over 5, and too large a buffer",
			func(i *abi.NotifInject) { i.ArgsInBufMask, i.BufSize = 1<<6, 2*kernelMax }, unix.EINVAL},
		{"too-large", "a buffer one byte over the ceiling, and null",
			func(i *abi.NotifInject) { i.BufSize, i.Buf = kernelMax+1, 0 }, unix.E2BIG},
		{"no-buffer", "a size and no buffer, and an offset beyond it",
			func(i *abi.NotifInject) { i.Buf, i.Args[1] = 0, 1<<20 }, unix.EINVAL},
		{"offset", "an offset beyond the buffer, which cannot be read either",
			func(i *abi.NotifInject) { i.Args[1], i.Buf = uint64(i.BufSize)+1, 1 }, unix.EINVAL},
		{"offset-wraps", "an offset of 2^64-1",
			func(i *abi.NotifInject) { i.Args[1] = ^uint64(0) }, unix.EINVAL},
		{"unreadable", "a buffer that cannot be read, and an unknown id",
			func(i *abi.NotifInject) { i.Buf, i.ID = 1, i.ID+1000 }, unix.EFAULT},
		{"unknown-id", "an id that was never given, and another syscall",
			func(i *abi.NotifInject) { i.ID, i.Nr = i.ID+1000, unix.SYS_WRITE }, unix.ENOENT},
		{"other-nr", "a syscall other than the trapped one",
			func(i *abi.NotifInject) { i.Nr = unix.SYS_WRITE }, unix.ESRCH},
	} {
		add(Check{ID: "inject.error-" + e.name, Level: Must, Source: srcInject + ", errors of the ioctl", Needs: needsInject,
			Doc: e.what + " is " + errName(e.want) + "; the notification stays, and takes an INJECT",
			run: func(t *T) {
				o, path, content := t.wrongOpen()
				c := t.notified(unix.SYS_OPENAT, 0)
				n := c.trap(o)
				i := injectReq(&n, 1, path)
				e.change(&i)
				t.errno(e.what, c.Inject(&i), e.want)
				c.pends(n.ID, e.what)
				r := c.inject(injectReq(&n, 1, path), path)
				c.opened(resultOf(r), content)
			}})
	}
	// What the helper finds is what the trapped call returns.
	for _, e := range []struct {
		name, what string
		level      Level
		change     func(*abi.NotifInject)
		want       unix.Errno
	}{
		{"no-nul", "no NUL after the path's offset", Must, func(i *abi.NotifInject) { i.BufSize-- }, unix.EINVAL},
		{"unmarked", "a path that is not marked as in the buffer", Must, func(i *abi.NotifInject) { i.ArgsInBufMask = 0 }, unix.EINVAL},
		{"at-the-end", "a path at the buffer's very end", Must, func(i *abi.NotifInject) { i.Args[1] = uint64(i.BufSize) }, unix.EINVAL},
	} {
		add(Check{ID: "inject.call-" + e.name, Level: e.level, Source: srcInject + ", errors of the trapped call", Needs: needsInject,
			Doc: e.what + " makes the trapped call return " + errName(e.want),
			run: func(t *T) {
				o, path, _ := t.wrongOpen()
				c := t.notified(unix.SYS_OPENAT, 0)
				n := c.trap(o)
				i := injectReq(&n, 1, path)
				e.change(&i)
				if got := resultOf(c.inject(i, path)); got != -int64(e.want) {
					t.Errorf("the call returned %d, want -%s", got, errName(e.want))
				}
			}})
	}
	return struct{}{}
}

var _ = add(
	Check{ID: "inject.error-null", Level: Must, Source: srcInject, Needs: needsInject,
		Doc: "a struct that cannot be read is EFAULT",
		run: func(t *T) {
			c := t.notified(unix.SYS_GETPPID, 0)
			t.errno("INJECT of nothing", c.raw(abi.SECCOMP_IOCTL_NOTIF_INJECT, nil), unix.EFAULT)
		}},
	Check{ID: "inject.error-not-received", Level: Must, Source: srcInject, Needs: needsInject,
		Doc: "INJECT before RECV is EINPROGRESS, and after the answer ENOENT",
		run: func(t *T) {
			o, path, _ := t.wrongOpen()
			c := t.notified(unix.SYS_OPENAT, 0)
			n := c.trap(o)
			c.answer(n.ID, 3)
			i := injectReq(&n, 1, path)
			t.errno("INJECT after the answer", c.Inject(&i), unix.ENOENT)
			c.tell(o)
			c.polled()
			i.ID++
			t.errno("INJECT before RECV", c.Inject(&i), unix.EINPROGRESS)
			c.answer(c.next().ID, 4)
		}},
	Check{ID: "inject.error-twice", Level: Must, Source: srcInject, Needs: needsInject,
		Doc: "a second INJECT for a notification is EEXIST, and the first stands",
		run: func(t *T) {
			o, path, content := t.wrongOpen()
			c := t.notified(unix.SYS_OPENAT, 0)
			n := c.trap(o)
			i := injectReq(&n, 1, path)
			t.must(c.Inject(&i), "INJECT")
			other := cstring(t.file("other", "not this"))
			second := injectReq(&n, 1, other)
			t.errno("a second INJECT", c.Inject(&second), unix.EEXIST)
			t.must(c.send(abi.NotifResp{ID: n.ID, Flags: flagInjected}), "SEND with INJECTED")
			c.opened(c.result(), content)
		}},
	Check{ID: "inject.send-errors", Level: Must, Source: srcInject + ", SEND", Needs: needsInject,
		Doc: "SEND with INJECTED and nothing attached, CONTINUE, a value or an error is EINVAL, and the notification stays",
		run: func(t *T) {
			o, path, content := t.wrongOpen()
			c := t.notified(unix.SYS_OPENAT, 0)
			n := c.trap(o)
			t.errno("nothing attached", c.send(abi.NotifResp{ID: n.ID, Flags: flagInjected}), unix.EINVAL)
			i := injectReq(&n, 1, path)
			t.must(c.Inject(&i), "INJECT")
			for what, r := range map[string]abi.NotifResp{
				"with CONTINUE": {Flags: flagInjected | flagContinue},
				"with a value":  {Flags: flagInjected, Val: 1},
				"with an error": {Flags: flagInjected, Error: -1},
			} {
				r.ID = n.ID
				t.errno(what, c.send(r), unix.EINVAL)
				c.pends(n.ID, what)
			}
			t.must(c.send(abi.NotifResp{ID: n.ID, Flags: flagInjected}), "SEND with INJECTED")
			c.opened(c.result(), content)
		}},
	Check{ID: "inject.openat", Level: Must, Source: srcInject, Needs: needsInject,
		Doc: "an injected openat opens the approved path, at an offset of the buffer; CONTINUE of the same call does not",
		run: func(t *T) {
			o, path, content := t.wrongOpen()
			c := t.notified(unix.SYS_OPENAT, 0)
			n := c.trap(o)
			c.resume(n.ID)
			if got := c.result(); got != -int64(unix.ENOENT) {
				t.Errorf("the control returned %d, want -ENOENT", got)
			}
			n = c.trap(o)
			buf := append([]byte("some other thing\x00"), path...)
			i := injectReq(&n, 1, buf)
			i.Args[1] = uint64(len(buf) - len(path))
			r := c.inject(i, buf)
			t.preserved("openat", &r.Call, substitutes{})
			c.opened(resultOf(r), content)
		}},
	Check{ID: "inject.openat-dirfd", Level: Ours, Source: srcInject + " takes AT_FDCWD only; ours any descriptor of the target", Needs: needsInject,
		Doc: "an injected openat takes a directory of the target's, and not the supervisor's",
		run: func(t *T) {
			o, _, content := t.wrongOpen()
			dir, err := os.Open(t.dir)
			t.ok(err, "open a directory")
			c := t.notified(unix.SYS_OPENAT, 0, dir)
			n := c.trap(o)
			rel := cstring("approved")
			i := injectReq(&n, 1, rel)
			i.Args[0] = firstFile
			c.opened(resultOf(c.inject(i, rel)), content)
			n = c.trap(o)
			i = injectReq(&n, 1, rel)
			// Only the supervisor has this one.
			high, err := unix.FcntlInt(dir.Fd(), unix.F_DUPFD_CLOEXEC, 200)
			t.ok(err, "duplicate a descriptor")
			i.Args[0] = uint64(high)
			if got := resultOf(c.inject(i, rel)); got != -int64(unix.EBADF) {
				t.Errorf("with a descriptor of the supervisor's the call returned %d, want -EBADF", got)
			}
		}},
	Check{ID: "inject.write", Level: Must, Source: srcInject, Needs: needsInject,
		Doc: "an injected write writes the approved bytes, once, at the file's position, and the target's memory is not read",
		run: func(t *T) {
			path := t.file("out", "")
			f, err := os.OpenFile(path, os.O_RDWR|os.O_APPEND, 0)
			t.ok(err, "open a file")
			c := t.notified(unix.SYS_WRITE, 0, f)
			for range 3 {
				// The caller's pointer leads nowhere.
				n := c.trap(call(unix.SYS_WRITE, firstFile, c.Scratch+7*uint64(os.Getpagesize()), 5))
				buf := []byte("approved")
				i := injectReq(&n, 1, buf)
				i.Args[2] = uint64(len(buf))
				r := c.inject(i, buf)
				t.preserved("write", &r.Call, substitutes{})
				if got := resultOf(r); got != int64(len(buf)) {
					t.Errorf("write returned %d, want %d", got, len(buf))
				}
			}
			if got, want := t.content(path), strings.Repeat("approved", 3); got != want {
				t.Errorf("the file holds %q, want %q", got, want)
			}
		}},
	Check{ID: "inject.write-errors", Level: Must, Source: srcInject + ", errors of the trapped call", Needs: needsInject,
		Doc: "an injected write to a bad descriptor is EBADF, and one longer than its buffer EINVAL",
		run: func(t *T) {
			c := t.notified(unix.SYS_WRITE, 0)
			buf := []byte("approved")
			for what, v := range map[string]struct {
				fd, n uint64
				want  unix.Errno
			}{"bad descriptor": {999, 8, unix.EBADF}, "too long": {2, 9, unix.EINVAL}} {
				n := c.trap(call(unix.SYS_WRITE, v.fd, 0, v.n))
				if got := resultOf(c.inject(injectReq(&n, 1, buf), buf)); got != -int64(v.want) {
					t.Errorf("%s: write returned %d, want -%s", what, got, errName(v.want))
				}
			}
		}},
	Check{ID: "inject.ceiling", Level: Must, Source: srcInject + ": at most 1 MiB", Needs: needsInject,
		Doc: "a buffer of 1 MiB is written whole",
		run: func(t *T) {
			path := t.file("out", "")
			f, err := os.OpenFile(path, os.O_RDWR, 0)
			t.ok(err, "open a file")
			c := t.notified(unix.SYS_WRITE, 0, f)
			n := c.trap(call(unix.SYS_WRITE, firstFile, 0, kernelMax))
			buf := []byte(strings.Repeat("0123456789abcdef", kernelMax/16))
			if got := resultOf(c.inject(injectReq(&n, 1, buf), buf)); got != kernelMax {
				t.Errorf("write returned %d, want %d", got, kernelMax)
			}
			if t.content(path) != string(buf) {
				t.Errorf("the file holds something else")
			}
		}},
	Check{ID: "inject.changed-mind", Level: Must, Source: srcInject + ": one-shot", Needs: needsInject,
		Doc: "after CONTINUE or a plain reply nothing of what was attached runs, nor with the next call",
		run: func(t *T) {
			o, path, _ := t.wrongOpen()
			c := t.notified(unix.SYS_OPENAT, 0)
			n := c.trap(o)
			i := injectReq(&n, 1, path)
			t.must(c.Inject(&i), "INJECT")
			c.resume(n.ID)
			if got := c.result(); got != -int64(unix.ENOENT) {
				t.Errorf("after CONTINUE the call returned %d, want -ENOENT", got)
			}
			n = c.trap(o)
			i = injectReq(&n, 1, path)
			t.must(c.Inject(&i), "INJECT for the next call")
			c.answer(n.ID, 77)
			n = c.trap(o)
			t.errno("INJECTED without a new INJECT", c.send(abi.NotifResp{ID: n.ID, Flags: flagInjected}), unix.EINVAL)
			c.answer(n.ID, 78)
		}},
	Check{ID: "inject.leak", Level: Must, Source: srcInject + ": the record is freed", Needs: needsInject,
		Doc: "128 records of 1 MiB whose supervisor changed its mind take no memory",
		run: func(t *T) {
			c := t.notified(unix.SYS_WRITE, 0)
			buf := make([]byte, kernelMax)
			const rounds, slack = 128, 64 << 20
			lost := int64(0)
			// Other processes take memory too, though not each time.
			for range 3 {
				before := available(t)
				for range rounds {
					n := c.trap(call(unix.SYS_WRITE, 2, 0, kernelMax))
					i := injectReq(&n, 1, buf)
					t.must(c.Inject(&i), "INJECT")
					c.answer(n.ID, 1)
				}
				if lost = before - available(t); lost < slack {
					return
				}
			}
			t.Errorf("%d rounds took %d MiB, three times", rounds, lost>>20)
		}},
)

// available is how much memory the machine has to give, in bytes.
func available(t *T) int64 {
	var s unix.Sysinfo_t
	t.ok(unix.Sysinfo(&s), "ask for the memory that is free")
	return int64(s.Freeram) * int64(s.Unit)
}
