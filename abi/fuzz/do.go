package fuzz

import (
	"bytes"
	"fmt"
	"os"
	"reflect"
	"runtime"
	"unsafe"

	"golang.org/x/sys/unix"

	"unotify-bench/abi"
	"unotify-bench/abi/model"
)

// do does an operation for the notification with a number, and says what came of
// it. Several threads may do several.
func (w *world) do(o model.Op, number int32) model.Answer {
	switch o.Do {
	case model.Trap, model.Child, model.Fork, model.Map, model.Install:
		i := int(o.Task)
		if w.gone() || !w.returned(i) || w.state.Lacks(o) {
			return model.Answer{Skipped: true}
		}
		switch o.Do {
		case model.Trap:
			w.trap(i, o.Call)
			return model.Answer{}
		case model.Child:
			w.child(i, o.Call)
			return model.Answer{}
		case model.Fork:
			w.tell(i, forkNr, [6]uint64{})
		case model.Map:
			w.tell(w.mapping(o))
		case model.Install:
			w.tell(w.install(o))
		}
		if !w.comes(i) {
			return errno(unix.ETIME)
		}
		r := w.board.tasks[i].ret
		switch {
		case r < 0 && r > -4096: // an address is no errno
			return errno(unix.Errno(-r))
		case o.Do == model.Install && o.How == model.FilterSyncTID && r == int64(w.TIDs[1-i]):
			return errno(unix.ESRCH)
		case o.Do == model.Install && r != 0:
			return errno(unix.ENOTRECOVERABLE) // what no filter gives
		}
		return errno(0)
	case model.Memory:
		return errno(errnoOf(w.memory(o.How)))
	case model.Signal:
		if w.dead {
			return model.Answer{Skipped: true}
		}
		sig := restarts
		if o.How == model.SignalInterrupt {
			sig = interrupts
		}
		to := w.TIDs[o.Task]
		if w.state.Execed {
			to = w.PID() // whoever executes another program is its first thread
		}
		return errno(errnoOf(unix.Tgkill(w.PID(), to, sig)))
	case model.Kill:
		if w.dead {
			return model.Answer{Skipped: true}
		}
		return errno(errnoOf(unix.Kill(w.PID(), unix.SIGKILL))) // Wait has not been called
	case model.Close:
		if w.closed {
			return errno(unix.EBADF) // the number may be another file's
		}
		w.closed = true
		return errno(errnoOf(unix.Close(w.FD)))
	case model.Poll:
		fds := []unix.PollFd{{Fd: int32(w.FD), Events: unix.POLLIN | unix.POLLOUT}}
		_, err := unix.Poll(fds, 0)
		a := errno(errnoOf(err))
		if fds[0].Revents&unix.POLLIN != 0 {
			a.Poll |= model.PollIn
		}
		if fds[0].Revents&unix.POLLOUT != 0 {
			a.Poll |= model.PollOut
		}
		if fds[0].Revents&unix.POLLHUP != 0 {
			a.Poll |= model.PollHup
		}
		if fds[0].Revents&unix.POLLNVAL != 0 {
			a.Poll |= model.PollNone
		}
		if more := fds[0].Revents &^ (unix.POLLIN | unix.POLLOUT | unix.POLLHUP | unix.POLLNVAL); more != 0 {
			a.Poll |= 1 << 7 // which no model knows
		}
		return a
	}
	req, arg := w.request(o, w.id(number))
	out := w.out(o)
	r, e := w.ioctl(req, arg)
	if o.Do == model.Recv && e == unix.EINTR {
		return model.Answer{Blocks: true} // see hand.interrupt
	}
	a := errno(e)
	if e != 0 {
		return a
	}
	switch o.Do {
	case model.Recv:
		if n, ok := arg.(*abi.Notif); ok {
			w.received(n, &a)
		}
	case model.AddFD:
		a.Result = w.file(w.owner(number), int64(r))
	case model.DoTargetCall:
		if c, ok := arg.(*abi.NotifTargetCall); ok {
			if out != nil && c.Ret >= 0 {
				a.Result = model.Result{Kind: model.Value, Val: w.filled(o, out, c.Ret)}
			} else {
				a.Result = w.result(w.owner(number), o.Call, c.Ret)
			}
		}
	}
	return a
}

// out is what a call of the target is to fill, which is full of something else; nil for
// what gives the supervisor no memory.
func (w *world) out(o model.Op) (b []byte) {
	switch {
	case o.Do != model.DoTargetCall:
	case o.How == model.CallRead:
		b = w.tools.mem[atRead:][:model.ReadSize]
	case o.How == model.CallFstat:
		b = w.tools.mem[atStat:][:unsafe.Sizeof(unix.Stat_t{})]
	}
	for i := range b {
		b[i] = 0xff
	}
	return b
}

// filled is what a call gave that has filled b, or -1 if that is no number that such a call
// gives, or b has something else than it gives here.
func (w *world) filled(o model.Op, b []byte, ret int64) int32 {
	want := make([]byte, len(b))
	if o.How == model.CallFstat {
		st := (*unix.Stat_t)(unsafe.Pointer(&want[0]))
		if err := unix.Fstat(int(w.tools.zero.Fd()), st); err != nil {
			return -1
		}
	}
	if !bytes.Equal(b, want) || ret > model.ReadSize {
		return -1
	}
	return int32(ret)
}

// id is that of the notification with a number; below 0 it is far from all there have
// been.
func (w *world) id(number int32) uint64 {
	if number < 0 {
		return w.first ^ 1<<63
	}
	return w.first + uint64(int64(number))
}

// ioctl is one of the listener's. Its argument is a pointer to a struct, or what a
// register has: a number, an address, nil for NULL.
func (w *world) ioctl(req uintptr, arg any) (r uintptr, e unix.Errno) {
	switch p := arg.(type) {
	case nil:
		r, _, e = unix.RawSyscall(unix.SYS_IOCTL, uintptr(w.FD), req, 0)
	case uint64:
		r, _, e = unix.RawSyscall(unix.SYS_IOCTL, uintptr(w.FD), req, uintptr(p))
	default:
		r, _, e = unix.RawSyscall(unix.SYS_IOCTL, uintptr(w.FD), req, uintptr(reflect.ValueOf(arg).UnsafePointer()))
		runtime.KeepAlive(arg)
	}
	return r, e
}

func errno(e unix.Errno) model.Answer { return model.Answer{Errno: e} }

// errnoOf is the errno in an error of package unix.
func errnoOf(err error) unix.Errno {
	e, _ := err.(unix.Errno) //nolint:errorlint // package unix wraps none
	return e
}

// received says in the model's words what was received.
func (w *world) received(n *abi.Notif, a *model.Answer) {
	a.ID = int32(n.ID - w.first)
	// What is no task, or no call, of ours is none that the model knows.
	a.Task, a.Call = model.Tasks, model.Calls
	for i, tid := range w.TIDs {
		if w.ofChild[i] {
			tid = int(w.board.tasks[i].child)
		}
		if uint32(tid) == n.PID {
			a.Task = uint8(i)
		}
	}
	for c := range model.Calls {
		if uint64(n.Data.Nr) == w.tools.nr(c) && n.Flags == 0 && a.Task < model.Tasks && n.Data.Args == w.args(c, int(a.Task)) {
			a.Call = c
		}
	}
	if n.Flags == abi.SECCOMP_NOTIF_FLAG_EXECED && int(n.PID) == w.PID() && uint64(n.Data.Nr) == w.tools.nr(model.Program) && n.Data.Args == [6]uint64{} {
		a.Task, a.Call = 0, model.Execed
	}
}

// owner is the process whose notification has a number.
func (w *world) owner(number int32) int {
	for i := range w.state.Tasks {
		if t := &w.state.Tasks[i]; t.Child && t.ID == number {
			return int(w.board.tasks[i].child)
		}
	}
	return w.PID()
}

// returns is what a task was told to do has given.
func (w *world) returns(i int) model.Result {
	s := &w.board.tasks[i]
	if !w.ofChild[i] {
		return w.result(w.PID(), w.calls[i], s.ret)
	}
	if w.calls[i] == model.Getppid && s.ret == int64(w.PID()) {
		return model.Result{Kind: model.Ppid}
	}
	r := w.result(0, w.calls[i], s.ret)
	if r.Kind == model.Lost && !w.dead { // the child has looked at it
		r = model.Result{Kind: model.File, Byte: s.byte}
	}
	return r
}

// result is what a call of a process gave, in the model's words. What was written is
// compared once nobody writes any more.
func (w *world) result(pid int, c model.Call, ret int64) model.Result {
	switch {
	case ret < 0:
		return model.Result{Kind: model.Errno, Val: int32(-ret)}
	case ret == model.ReplyValue:
		return model.Result{Kind: model.Value, Val: int32(ret)}
	case c == model.Getppid && ret == int64(os.Getpid()):
		return model.Result{Kind: model.Ppid}
	case ret == 1:
		return model.Result{Kind: model.Wrote}
	case ret >= freeFD || c == model.Openat && ret > 2: // another program has closed some
		return w.file(pid, ret)
	}
	return model.Result{Kind: model.Value, Val: int32(ret)}
}

// file is what a descriptor of a process leads to.
func (w *world) file(pid int, fd int64) model.Result {
	w.given = true
	b := []byte{'?'}
	f, err := unix.Open(fmt.Sprintf("/proc/%d/fd/%d", pid, fd), unix.O_RDONLY|unix.O_CLOEXEC, 0)
	if err != nil {
		return model.Result{Kind: model.Lost}
	}
	defer unix.Close(f)
	_, _ = unix.Pread(f, b, 0) // what cannot be read is no byte of ours
	return model.Result{Kind: model.File, Byte: b[0]}
}
