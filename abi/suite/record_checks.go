package suite

import (
	"bytes"
	"os"
	"runtime"

	"golang.org/x/sys/unix"

	"unotify-bench/abi"
)

// smallAndLarge are buffers that a kernel may keep in different places.
var smallAndLarge = []int{16, 256, 257, 4096, 70000}

// filled is n bytes of one letter.
func filled(n int, letter byte) []byte { return bytes.Repeat([]byte{letter}, n) }

var _ = add(
	Check{ID: "inject.buffer-copied", Level: Must, Source: srcInject + ": buf is copied at INJECT time, the target's memory is never read", Needs: needsInject,
		Doc: "what changes in the supervisor's buffer after INJECT, and in the target's memory before SEND, is not written",
		run: func(t *T) {
			path := t.file("out", "")
			f, err := os.OpenFile(path, os.O_RDWR|os.O_APPEND, 0)
			t.ok(err, "open a file")
			c := t.notified(unix.SYS_WRITE, 0, f)
			want := ""
			for _, size := range smallAndLarge {
				o := call(unix.SYS_WRITE, firstFile, 0, uint64(size))
				o.Data[1] = filled(8, 't')
				n := c.trap(o)
				buf := filled(size, 'a')
				i := injectReq(&n, 1, buf)
				t.must(c.Inject(&i), "INJECT")
				want += string(buf)
				copy(buf, filled(size, 's'))
				if _, e := c.memory().Write(c.slot(1), filled(8, 'T')); e != 0 {
					t.Unclear("write to the target's memory: %s", errName(e))
				}
				t.must(c.send(abi.NotifResp{ID: n.ID, Flags: flagInjected}), "SEND with INJECTED")
				runtime.KeepAlive(buf)
				if got := c.result(); got != int64(size) {
					t.Errorf("write returned %d, want %d", got, size)
				}
			}
			if got := t.content(path); got != want {
				t.Errorf("the file does not hold what INJECT was given: %d bytes for %d, %d of them right", len(got), len(want), bytes.Count([]byte(got), []byte("a")))
			}
		}},
	Check{ID: "inject.path-copied", Level: Must, Source: srcInject + ": buf is copied at INJECT time, the target's memory is never read", Needs: needsInject,
		Doc: "a path that changes in the supervisor's buffer after INJECT, and in the target's memory before SEND, is not opened",
		run: func(t *T) {
			o, path, content := t.wrongOpen()
			other := cstring(t.file("otherwis", "other\n")) // as long as approved
			c := t.notified(unix.SYS_OPENAT, 0)
			for _, pad := range []int{0, 300} {
				n := c.trap(o)
				buf := append(append([]byte{}, path...), make([]byte, pad)...)
				i := injectReq(&n, 1, buf)
				t.must(c.Inject(&i), "INJECT")
				copy(buf, other)
				if _, e := c.memory().Write(c.slot(1), other); e != 0 {
					t.Unclear("write to the target's memory: %s", errName(e))
				}
				t.must(c.send(abi.NotifResp{ID: n.ID, Flags: flagInjected}), "SEND with INJECTED")
				runtime.KeepAlive(buf)
				c.opened(c.result(), content)
			}
		}},
	Check{ID: "inject.error-order", Level: Must, Source: srcInject + ", errors in the order in which they are checked", Needs: needsInject,
		Doc: "before RECV another syscall is EINPROGRESS, not ESRCH; after INJECT another syscall is ESRCH, not EEXIST",
		run: func(t *T) {
			o, path, _ := t.wrongOpen()
			c := t.notified(unix.SYS_OPENAT, 0)
			n := c.trap(o)
			c.answer(n.ID, 3)
			c.tell(o)
			c.polled()
			i := injectReq(&n, 1, path)
			i.ID, i.Nr = n.ID+1, unix.SYS_WRITE
			t.errno("before RECV", c.Inject(&i), unix.EINPROGRESS)
			n = c.next()
			good := injectReq(&n, 1, path)
			t.must(c.Inject(&good), "INJECT")
			t.errno("another syscall, a second time", c.Inject(&i), unix.ESRCH)
			i = injectReq(&n, 1, path)
			i.Buf = 1
			t.errno("an unreadable buffer, a second time", c.Inject(&i), unix.EFAULT)
			c.answer(n.ID, 4)
		}},
	Check{ID: "inject.offset-edges", Level: Must, Source: srcInject + ": a length that runs out of buf is EINVAL", Needs: needsInject,
		Doc: "a write from an offset up to the buffer's very end is made, and one of a byte more is EINVAL and writes nothing",
		run: func(t *T) {
			path := t.file("out", "")
			f, err := os.OpenFile(path, os.O_RDWR|os.O_APPEND, 0)
			t.ok(err, "open a file")
			c := t.notified(unix.SYS_WRITE, 0, f)
			buf := []byte("not this, approved")
			for more, want := range map[uint64]int64{0: 8, 1: -int64(unix.EINVAL), ^uint64(7): 0, 1 << 40: -int64(unix.EINVAL)} {
				n := c.trap(call(unix.SYS_WRITE, firstFile, 0, 5))
				i := injectReq(&n, 1, buf)
				i.Args[1], i.Args[2] = uint64(len(buf)-8), 8+more
				if got := resultOf(c.inject(i, buf)); got != want {
					t.Errorf("write of %d bytes of 8 returned %d, want %d", i.Args[2], got, want)
				}
			}
			if got := t.content(path); got != "approved" {
				t.Errorf("the file holds %q, want %q", got, "approved")
			}
		}},
	Check{ID: "inject.closed-listener", Level: Must, Source: srcInject + ": one-shot, gone with the listener", Needs: needsInject,
		Doc: "when the listener is closed after INJECT the call is ENOSYS, and nothing that was attached runs",
		run: func(t *T) {
			path := t.file("out", "")
			f, err := os.OpenFile(path, os.O_RDWR|os.O_APPEND, 0)
			t.ok(err, "open a file")
			for _, size := range smallAndLarge {
				c := t.notified(unix.SYS_WRITE, 0, f)
				n := c.trap(call(unix.SYS_WRITE, firstFile, 0, uint64(size)))
				buf := filled(size, 'a')
				i := injectReq(&n, 1, buf)
				t.must(c.Inject(&i), "INJECT")
				runtime.KeepAlive(buf)
				t.ok(unix.Close(c.FD), "close the listener")
				if got := c.result(); got != -int64(unix.ENOSYS) {
					t.Errorf("the call returned %d, want -ENOSYS", got)
				}
				if got := t.content(path); got != "" {
					t.Errorf("the file holds %d bytes, want nothing", len(got))
				}
			}
		}},
	Check{ID: "inject.signal", Level: Must, Source: srcInject + "; a notification that a signal ends takes what was attached with it", Needs: needsInject,
		Doc: "a signal after INJECT ends the notification: nothing runs, the call traps again, and that takes an INJECT of its own",
		run: func(t *T) {
			path := t.file("out", "")
			f, err := os.OpenFile(path, os.O_RDWR|os.O_APPEND, 0)
			t.ok(err, "open a file")
			c := t.notified(unix.SYS_WRITE, 0, f)
			for _, size := range smallAndLarge {
				n := c.trap(call(unix.SYS_WRITE, firstFile, 0, uint64(size)))
				buf := filled(size, 'a')
				i := injectReq(&n, 1, buf)
				t.must(c.Inject(&i), "INJECT")
				c.signal(unix.SIGWINCH)
				again := c.next()
				t.errno("SEND with INJECTED to the old id", c.send(abi.NotifResp{ID: n.ID, Flags: flagInjected}), unix.ENOENT)
				t.errno("SEND with INJECTED to the new", c.send(abi.NotifResp{ID: again.ID, Flags: flagInjected}), unix.EINVAL)
				if got := t.content(path); got != "" {
					t.Fatalf("the file holds %d bytes, and nothing was committed", len(got))
				}
				if got := resultOf(c.inject(injectReq(&again, 1, buf), buf)); got != int64(size) {
					t.Errorf("write returned %d, want %d", got, size)
				}
				t.ok(os.Truncate(path, 0), "empty the file")
			}
		}},
	Check{ID: "inject.killed", Level: Must, Source: srcInject + ": gone with the task", Needs: needsInject,
		Doc: "a target that is killed after INJECT does not run what was attached, and leaves nothing to commit",
		run: func(t *T) {
			path := t.file("out", "")
			f, err := os.OpenFile(path, os.O_RDWR|os.O_APPEND, 0)
			t.ok(err, "open a file")
			for _, size := range smallAndLarge {
				c := t.notified(unix.SYS_WRITE, 0, f)
				n := c.trap(call(unix.SYS_WRITE, firstFile, 0, uint64(size)))
				buf := filled(size, 'a')
				i := injectReq(&n, 1, buf)
				t.must(c.Inject(&i), "INJECT")
				runtime.KeepAlive(buf)
				c.Kill()
				_ = c.Wait() // killed
				t.errno("SEND with INJECTED", c.send(abi.NotifResp{ID: n.ID, Flags: flagInjected}), unix.ENOENT)
				if got := t.content(path); got != "" {
					t.Fatalf("the file holds %d bytes, and nothing was committed", len(got))
				}
			}
		}},
)
