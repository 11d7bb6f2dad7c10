package suite

import (
	"io"
	"os"
	"runtime"
	"strings"
	"time"

	"golang.org/x/sys/unix"

	"unotify-bench/abi"
	"unotify-bench/internal/notify"
)

const (
	srcCall  = "uapi.md, Proposed 2: TARGET_CALL"
	flagSend = abi.SECCOMP_TARGET_CALL_FLAG_SEND
)

var (
	needsCall = []notify.Feature{notify.FeatureTargetCall}
	_         = later(callErrors)
)

func callErrors() struct{} {
	for _, e := range []struct {
		name, what string
		change     func(*abi.NotifTargetCall)
		want       unix.Errno
	}{
		{"flag", "an unknown flag, and a syscall that cannot be called",
			func(r *abi.NotifTargetCall) { r.Flags, r.Nr = 1<<1, unix.SYS_GETPPID }, unix.EINVAL},
		{"reserved", "a reserved field that is not zero", func(r *abi.NotifTargetCall) { r.Reserved = 1 }, unix.EINVAL},
		{"not-callable", "a syscall that cannot be called, with an unknown id",
			func(r *abi.NotifTargetCall) { r.Nr, r.ID = unix.SYS_GETPPID, r.ID+1000 }, unix.EOPNOTSUPP},
		{"too-large", "a buffer one byte over the ceiling, which cannot be read either",
			func(r *abi.NotifTargetCall) { r.Args[1], r.Args[2] = 1, kernelMax+1 }, unix.E2BIG},
		{"unreadable", "a buffer that cannot be read, and an unknown id",
			func(r *abi.NotifTargetCall) { r.Args[1], r.ID = 1, r.ID+1000 }, unix.EFAULT},
		{"unknown-id", "an id that was never given", func(r *abi.NotifTargetCall) { r.ID += 1000 }, unix.ENOENT},
	} {
		add(Check{ID: "target-call.error-" + e.name, Level: Must, Source: srcCall + ", errors", Needs: needsCall,
			Doc: e.what + " is " + errName(e.want) + "; nothing runs, and the notification stays",
			run: func(t *T) {
				path := t.file("out", "")
				f, err := os.OpenFile(path, os.O_RDWR, 0)
				t.ok(err, "open a file")
				c := t.notified(unix.SYS_GETPPID, 0, f)
				n := c.trap(call(unix.SYS_GETPPID))
				buf := []byte("x")
				r := abi.NotifTargetCall{ID: n.ID, Nr: unix.SYS_WRITE, Args: [6]uint64{firstFile, addressOf(buf), 1}}
				e.change(&r)
				t.errno(e.what, c.TargetCall(&r), e.want)
				c.pends(n.ID, e.what)
				c.answer(n.ID, 1)
				if got := t.content(path); got != "" {
					t.Errorf("the call ran: the file holds %q", got)
				}
			}})
	}
	return struct{}{}
}

var _ = add(
	Check{ID: "target-call.error-null", Level: Must, Source: srcCall, Needs: needsCall,
		Doc: "a struct that cannot be read is EFAULT",
		run: func(t *T) {
			c := t.notified(unix.SYS_GETPPID, 0)
			t.errno("TARGET_CALL of nothing", c.raw(abi.SECCOMP_IOCTL_NOTIF_TARGET_CALL, nil), unix.EFAULT)
		}},
	Check{ID: "target-call.error-not-received", Level: Must, Source: srcCall, Needs: needsCall,
		Doc: "TARGET_CALL before RECV is EINPROGRESS, and after the answer ENOENT",
		run: func(t *T) {
			c := t.notified(unix.SYS_GETPPID, 0)
			n := c.trap(call(unix.SYS_GETPPID))
			c.answer(n.ID, 1)
			r := abi.NotifTargetCall{ID: n.ID, Nr: unix.SYS_CLOSE, Args: [6]uint64{999}}
			t.errno("after the answer", c.TargetCall(&r), unix.ENOENT)
			c.tell(call(unix.SYS_GETPPID))
			c.polled()
			r.ID++
			t.errno("before RECV", c.TargetCall(&r), unix.EINPROGRESS)
			c.answer(c.next().ID, 2)
		}},
	Check{ID: "target-call.openat", Level: Must, Source: srcCall, Needs: needsCall,
		Doc: "a call opens the approved path in the target, and the plain reply hands on its result; CONTINUE does not",
		run: func(t *T) {
			o, path, content := t.wrongOpen()
			c := t.notified(unix.SYS_OPENAT, 0)
			n := c.trap(o)
			c.resume(n.ID)
			if got := c.result(); got != -int64(unix.ENOENT) {
				t.Errorf("the control returned %d, want -ENOENT", got)
			}
			n = c.trap(o)
			args := n.Data.Args
			args[1] = addressOf(path)
			fd := c.targetCall(n.ID, 0, unix.SYS_OPENAT, args, path)
			c.pends(n.ID, "a call")
			t.must(c.send(abi.NotifResp{ID: n.ID, Val: fd}), "SEND")
			r := c.report()
			t.preserved("openat", &r.Call, substitutes{})
			c.opened(resultOf(r), content)
		}},
	Check{ID: "target-call.several", Level: Must, Source: srcCall + ": several times, any callable nr", Needs: needsCall,
		Doc: "openat, fstat, read, write and close run one after the other for a trapped getppid, in the target's table of files",
		run: func(t *T) {
			c := t.notified(unix.SYS_GETPPID, 0)
			n := c.trap(order{Op: opCall, Nr: unix.SYS_GETPPID, Args: six(callerArg)})
			path := cstring(t.file("f", "first"))
			at := func(fd int64, b []byte) [6]uint64 { return [6]uint64{uint64(fd), addressOf(b), uint64(len(b))} }
			fd := c.targetCall(n.ID, 0, unix.SYS_OPENAT, [6]uint64{atFDCWD, addressOf(path), unix.O_RDWR}, path)
			if fd < 0 {
				t.Fatalf("openat gave %d", fd)
			}
			st := make([]byte, 256)
			if got := c.targetCall(n.ID, 0, unix.SYS_FSTAT, at(fd, st), st); got != 0 {
				t.Errorf("fstat gave %d", got)
			}
			got := make([]byte, 16)
			if m := c.targetCall(n.ID, 0, unix.SYS_READ, at(fd, got), got); m != 5 || string(got[:5]) != "first" {
				t.Errorf("read gave %d, %q", m, got)
			}
			more := []byte(", second")
			if m := c.targetCall(n.ID, 0, unix.SYS_WRITE, at(fd, more), more); m != int64(len(more)) {
				t.Errorf("write gave %d", m)
			}
			if e := c.targetCall(n.ID, 0, unix.SYS_CLOSE, [6]uint64{uint64(fd)}, nil); e != 0 {
				t.Errorf("close gave %d", e)
			}
			if e := c.targetCall(n.ID, 0, unix.SYS_CLOSE, [6]uint64{uint64(fd)}, nil); e != -int64(unix.EBADF) {
				t.Errorf("a second close gave %d, want -EBADF in ret", e)
			}
			if got, want := t.content(string(path[:len(path)-1])), "first, second"; got != want {
				t.Errorf("the file holds %q, want %q", got, want)
			}
			t.must(c.send(abi.NotifResp{ID: n.ID, Val: 5}), "SEND")
			r := c.report()
			t.preserved("getppid", &r.Call, substitutes{})
		}},
	Check{ID: "target-call.write-once", Level: Must, Source: srcCall, Needs: needsCall,
		Doc: "each call writes its bytes exactly once, with and without FLAG_SEND",
		run: func(t *T) {
			path := t.file("out", "")
			f, err := os.OpenFile(path, os.O_RDWR|os.O_APPEND, 0)
			t.ok(err, "open a file")
			c := t.notified(unix.SYS_WRITE, 0, f)
			buf := []byte("approved")
			args := [6]uint64{firstFile, addressOf(buf), uint64(len(buf))}
			for i := range 6 {
				n := c.trap(call(unix.SYS_WRITE, firstFile, 0, 5))
				ret := c.targetCall(n.ID, uint32(i%2)*flagSend, unix.SYS_WRITE, args, buf)
				if i%2 == 0 {
					t.must(c.send(abi.NotifResp{ID: n.ID, Val: ret}), "SEND")
				}
				r := c.report()
				t.preserved("write", &r.Call, substitutes{})
				if got := resultOf(r); got != ret || ret != int64(len(buf)) {
					t.Errorf("the call returned %d, ret is %d, want both %d", got, ret, len(buf))
				}
			}
			if got, want := t.content(path), strings.Repeat("approved", 6); got != want {
				t.Errorf("the file holds %q, want %q", got, want)
			}
		}},
	Check{ID: "target-call.send-answers", Level: Must, Source: srcCall + ", FLAG_SEND", Needs: needsCall,
		Doc: "with FLAG_SEND the result is the answer, an error too, and the notification is over",
		run: func(t *T) {
			c := t.notified(unix.SYS_GETPPID, 0)
			n := c.trap(call(unix.SYS_GETPPID))
			ret := c.targetCall(n.ID, flagSend, unix.SYS_CLOSE, [6]uint64{999}, nil)
			if got := c.result(); ret != -int64(unix.EBADF) || got != ret {
				t.Errorf("ret is %d and the call returned %d, want both -EBADF", ret, got)
			}
			t.errno("ID_VALID", c.IDValid(&n.ID), unix.ENOENT)
			t.errno("SEND", c.send(abi.NotifResp{ID: n.ID}), unix.ENOENT)
		}},
	Check{ID: "target-call.ceiling", Level: Must, Source: srcCall, Needs: needsCall,
		Doc: "a buffer of 1 MiB is written whole",
		run: func(t *T) {
			path := t.file("out", "")
			f, err := os.OpenFile(path, os.O_RDWR, 0)
			t.ok(err, "open a file")
			c := t.notified(unix.SYS_GETPPID, 0, f)
			n := c.trap(call(unix.SYS_GETPPID))
			buf := []byte(strings.Repeat("0123456789abcdef", kernelMax/16))
			if ret := c.targetCall(n.ID, flagSend, unix.SYS_WRITE, [6]uint64{firstFile, addressOf(buf), kernelMax}, buf); ret != kernelMax {
				t.Errorf("ret is %d, want %d", ret, kernelMax)
			}
			c.report()
			if t.content(path) != string(buf) {
				t.Errorf("the file holds something else")
			}
		}},
	Check{ID: "target-call.killed", Level: Must, Source: srcCall, Needs: needsCall,
		Doc: "for a target that was killed TARGET_CALL is ENOENT, and nothing runs",
		run: func(t *T) {
			c := t.notified(unix.SYS_GETPPID, 0)
			n := c.trap(call(unix.SYS_GETPPID))
			c.Kill()
			_ = c.Wait() // killed
			r := abi.NotifTargetCall{ID: n.ID, Nr: unix.SYS_CLOSE, Args: [6]uint64{999}}
			t.errno("TARGET_CALL", c.TargetCall(&r), unix.ENOENT)
		}},
	Check{ID: "target-call.send-pending", Level: Must, Source: srcCall + ", FLAG_SEND", Needs: needsCall,
		Doc: "while a call with FLAG_SEND runs ID_VALID is ENOENT and every other reply EINPROGRESS; then its result is the answer",
		run: func(t *T) {
			r, w, err := os.Pipe()
			t.ok(err, "make a pipe")
			c := t.notified(unix.SYS_GETPPID, 0, r)
			n := c.trap(call(unix.SYS_GETPPID))
			// The read blocks in the target until the pipe holds something.
			buf := make([]byte, 4)
			req := abi.NotifTargetCall{ID: n.ID, Flags: flagSend, Nr: unix.SYS_READ, Args: [6]uint64{firstFile, addressOf(buf), 4}}
			done := make(chan unix.Errno)
			go func() { done <- c.TargetCall(&req) }()
			t.errno("ID_VALID", c.waitGone(n.ID), unix.ENOENT)
			t.errno("SEND", c.send(abi.NotifResp{ID: n.ID}), unix.EINPROGRESS)
			_, e := c.AddFD(&abi.NotifAddFD{ID: n.ID, SrcFD: 2})
			t.errno("ADDFD", e, unix.EINPROGRESS)
			other := abi.NotifTargetCall{ID: n.ID, Nr: unix.SYS_CLOSE, Args: [6]uint64{999}}
			t.errno("another TARGET_CALL", c.TargetCall(&other), unix.EINPROGRESS)
			_, err = w.WriteString("abc")
			t.ok(err, "fill the pipe")
			t.must(<-done, "TARGET_CALL")
			if got := c.result(); got != 3 || req.Ret != 3 || string(buf[:3]) != "abc" {
				t.Errorf("the call returned %d, ret is %d, the buffer %q; want 3, 3 and abc", got, req.Ret, buf)
			}
		}},
	Check{ID: "target-call.busy", Level: Must, Source: srcCall + ", errors: EBUSY", Needs: needsCall,
		Doc: "FLAG_SEND beside an ADDFD that waits is EBUSY, nothing runs for it, and what was asked for before is done",
		run: func(t *T) {
			r, w, err := os.Pipe()
			t.ok(err, "make a pipe")
			c := t.notified(unix.SYS_GETPPID, 0, w)
			n := c.trap(call(unix.SYS_GETPPID))
			// The target fills a pipe for us, so that the ADDFD has to wait.
			room, err := unix.FcntlInt(w.Fd(), unix.F_GETPIPE_SZ, 0)
			t.ok(err, "ask how much a pipe holds")
			buf := make([]byte, 2*room)
			req := abi.NotifTargetCall{ID: n.ID, Nr: unix.SYS_WRITE, Args: [6]uint64{firstFile, addressOf(buf), uint64(len(buf))}}
			wrote := make(chan unix.Errno)
			go func() { wrote <- c.TargetCall(&req) }()
			for got := 0; got < room; time.Sleep(time.Millisecond) {
				got, err = unix.IoctlGetInt(int(r.Fd()), unix.TIOCINQ)
				t.ok(err, "ask how much is in a pipe")
			}
			type added struct {
				fd int
				e  unix.Errno
			}
			tid, add := make(chan int), make(chan added)
			go func() {
				runtime.LockOSThread() // for good: it ends with us
				tid <- unix.Gettid()
				fd, e := c.AddFD(&abi.NotifAddFD{ID: n.ID, SrcFD: 2})
				add <- added{fd, e}
			}()
			t.waitsIn(<-tid, unix.SYS_IOCTL)
			busy := abi.NotifTargetCall{ID: n.ID, Flags: flagSend, Nr: unix.SYS_CLOSE, Args: [6]uint64{firstFile}}
			t.errno("FLAG_SEND", c.TargetCall(&busy), unix.EBUSY)
			_, err = io.ReadFull(r, make([]byte, len(buf)))
			t.ok(err, "empty the pipe")
			t.must(<-wrote, "TARGET_CALL")
			if req.Ret != int64(len(buf)) {
				t.Errorf("ret is %d, want %d", req.Ret, len(buf))
			}
			a := <-add
			t.must(a.e, "ADDFD")
			c.pends(n.ID, "EBUSY")
			c.answer(n.ID, 9)
			for _, fd := range []int{firstFile, a.fd} {
				if got := c.do(unix.SYS_FCNTL, uint64(fd), unix.F_GETFD); got < 0 {
					t.Errorf("descriptor %d of the target is gone: %s", fd, errName(unix.Errno(-got)))
				}
			}
		}},
)
