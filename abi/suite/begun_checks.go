package suite

import (
	"bytes"
	"encoding/binary"
	"io"
	"os"
	"runtime"
	"time"

	"golang.org/x/sys/unix"

	"unotify-bench/abi"
	"unotify-bench/internal/notify"
)

// full is a TARGET_CALL that has begun and cannot end: a write to a pipe of more
// than it holds.
type full struct {
	*caller
	n    abi.Notif
	r    *os.File
	buf  []byte
	room int
}

// fillPipe has make issue the call, given its request, and returns when the pipe
// holds all it can.
func (t *T) fillPipe(issue func(f *full, r abi.NotifTargetCall)) *full {
	r, w, err := os.Pipe()
	t.ok(err, "make a pipe")
	f := &full{caller: t.notified(unix.SYS_GETPPID, 0, w), r: r}
	f.room, err = unix.FcntlInt(w.Fd(), unix.F_GETPIPE_SZ, 0)
	t.ok(err, "ask how much a pipe holds")
	t.ok(w.Close(), "close the end that the target has")
	f.buf = filled(2*f.room, 'a')
	f.n = f.trap(call(unix.SYS_GETPPID))
	issue(f, abi.NotifTargetCall{ID: f.n.ID, Nr: unix.SYS_WRITE, Args: [6]uint64{firstFile, addressOf(f.buf), uint64(len(f.buf))}})
	for got := 0; got < f.room; time.Sleep(time.Millisecond) {
		got, err = unix.IoctlGetInt(int(r.Fd()), unix.TIOCINQ)
		t.ok(err, "ask how much is in a pipe")
	}
	return f
}

// drain reads all that is written.
func (f *full) drain() []byte {
	b := make([]byte, len(f.buf))
	_, err := io.ReadFull(f.r, b)
	f.t.ok(err, "empty the pipe")
	return b
}

var _ = add(
	Check{ID: "target-call.buffer-copied", Level: Must, Source: srcCall + ": pointers are read once, when the ioctl is made", Needs: needsCall,
		Doc: "what changes in the supervisor's buffer while a write runs is not written",
		run: func(t *T) {
			done := make(chan unix.Errno)
			f := t.fillPipe(func(f *full, r abi.NotifTargetCall) {
				go func() { done <- f.TargetCall(&r) }()
			})
			copy(f.buf, filled(len(f.buf), 'b'))
			got := f.drain()
			t.must(<-done, "TARGET_CALL")
			runtime.KeepAlive(f.buf)
			if n := bytes.Count(got, []byte("a")); n != len(got) {
				t.Errorf("%d of %d bytes are those that the buffer held first", n, len(got))
			}
			f.answer(f.n.ID, 1)
		}},
	Check{ID: "target-call.supervisor-killed", Level: Must, Source: srcCall + "; kernel.md: a started call must outlive a killed supervisor", Needs: needsCall,
		Doc: "a call that has begun is finished when its supervisor is killed, and the notification stays for who has the listener, too",
		run: func(t *T) {
			var s *caller // plays the supervisor
			f := t.fillPipe(func(f *full, r abi.NotifTargetCall) {
				fd, err := unix.FcntlInt(uintptr(f.FD), unix.F_DUPFD_CLOEXEC, 0)
				t.ok(err, "duplicate the listener")
				s = t.start(os.NewFile(uintptr(fd), "listener"))
				// Its buffer takes two pages of its scratch memory or more.
				size := uint64(len(f.buf))
				at := uint64(s.do(unix.SYS_MMAP, 0, size, unix.PROT_READ|unix.PROT_WRITE, unix.MAP_PRIVATE|unix.MAP_ANONYMOUS, ^uint64(0), 0))
				if n, e := s.memory().Write(at, f.buf); n != len(f.buf) {
					t.Unclear("write to the memory of the one that is to die: %d, %s", n, errName(e))
				}
				o := call(unix.SYS_IOCTL, firstFile, abi.SECCOMP_IOCTL_NOTIF_TARGET_CALL)
				req := binary.NativeEndian.AppendUint64(nil, r.ID)
				for _, w := range []uint64{0, r.Nr, r.Args[0], at, size, 0, 0, 0, 0} {
					req = binary.NativeEndian.AppendUint64(req, w)
				}
				o.Data[2] = req
				s.tell(o)
			})
			s.Kill()
			_ = s.Wait() // killed
			if got := f.drain(); !bytes.Equal(got, f.buf) {
				t.Errorf("what was written differs from the buffer")
			}
			f.pends(f.n.ID, "its supervisor's death")
			f.answer(f.n.ID, 6)
		}},
	Check{ID: "target-call.supervisor-signalled", Level: Must, Source: srcCall + ": a call that has started always reports", Needs: needsCall,
		Doc: "a signal to the supervisor does not end its wait for a call that has begun, which reports its result",
		run: func(t *T) {
			t.ok(notify.InterruptBy(unix.SIGWINCH), "make a signal interrupt")
			tid, done := make(chan int), make(chan abi.NotifTargetCall)
			waiter := 0
			f := t.fillPipe(func(f *full, r abi.NotifTargetCall) {
				go func() {
					runtime.LockOSThread() // for good: it ends with us
					tid <- unix.Gettid()
					if e := f.TargetCall(&r); e != 0 {
						r.Ret = -int64(e) << 32 // is no result of a call
					}
					done <- r
				}()
				waiter = <-tid
			})
			for range 3 {
				t.ok(unix.Tgkill(os.Getpid(), waiter, unix.SIGWINCH), "send a signal")
			}
			f.drain()
			if r := <-done; r.Ret != int64(len(f.buf)) {
				t.Errorf("the call reports %d, want %d", r.Ret, len(f.buf))
			}
			f.answer(f.n.ID, 1)
		}},
	Check{ID: "target-call.killed-within", Level: Must, Source: srcCall + ": a call that has started always reports", Needs: needsCall,
		Doc: "a call in which the target is killed reports what it did until then",
		run: func(t *T) {
			done := make(chan unix.Errno)
			var req abi.NotifTargetCall
			f := t.fillPipe(func(f *full, r abi.NotifTargetCall) {
				req = r
				go func() { done <- f.TargetCall(&req) }()
			})
			f.Kill()
			t.must(<-done, "TARGET_CALL")
			if req.Ret != int64(f.room) {
				t.Errorf("ret is %d, and the pipe took %d bytes", req.Ret, f.room)
			}
			runtime.KeepAlive(f.buf)
			_ = f.Wait() // killed
			t.errno("SEND", f.send(abi.NotifResp{ID: f.n.ID}), unix.ENOENT)
		}},
	Check{ID: "target-call.addfd-interrupted", Level: Must, Source: srcCall + "; kernel/seccomp.c, seccomp_notify_addfd", Needs: needsCall,
		Doc: "an ADDFD that waits behind a call and is interrupted by a signal is EINTR, and adds nothing later",
		run: func(t *T) {
			done := make(chan unix.Errno)
			f := t.fillPipe(func(f *full, r abi.NotifTargetCall) {
				go func() { done <- f.TargetCall(&r) }()
			})
			t.ok(notify.InterruptBy(unix.SIGWINCH), "make a signal interrupt")
			tid, added := make(chan int), make(chan unix.Errno)
			go func() {
				runtime.LockOSThread() // for good: it ends with us
				tid <- unix.Gettid()
				_, e := f.AddFD(&abi.NotifAddFD{ID: f.n.ID, Flags: addSetFD, SrcFD: 2, NewFD: 77})
				added <- e
			}()
			waiter := <-tid
			t.waitsIn(waiter, unix.SYS_IOCTL)
			t.ok(unix.Tgkill(os.Getpid(), waiter, unix.SIGWINCH), "send a signal")
			t.errno("ADDFD", <-added, unix.EINTR)
			f.drain()
			t.must(<-done, "TARGET_CALL")
			runtime.KeepAlive(f.buf)
			f.pends(f.n.ID, "EINTR")
			f.answer(f.n.ID, 2)
			if got := f.do(unix.SYS_FCNTL, 77, unix.F_GETFD); got != -int64(unix.EBADF) {
				t.Errorf("the target has the descriptor: fcntl gives %d, want -EBADF", got)
			}
		}},
)
