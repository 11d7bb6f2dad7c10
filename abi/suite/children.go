package suite

import (
	"os"
	"sync/atomic"
	"unsafe"

	"golang.org/x/sys/unix"

	"unotify-bench/asmstubs"
)

// A child of a target finds its registers at the return from the call that made
// it, in the midst of a stub: two return there. Each has to report for itself.

// fork makes a child with memory of its own, and waits for its end.
func (t *target) fork(o *order, r *report) {
	load(&r.Call, o)
	*t.child = asmstubs.Frame{}
	callForking(&r.Call, t.child, &o.Then)
	if pid := int64(r.Call.Out[asmstubs.ResultReg]); pid > 0 {
		if _, err := unix.Wait4(int(pid), nil, 0, nil); err != nil {
			r.Err = "wait for the child: " + err.Error()
		}
	}
	r.Child = *t.child
}

// callForking is Call where two return. The child is a copy of one thread of a
// Go program: it may not allocate, nor grow its stack, nor be preempted.
//
//go:nosplit
func callForking(f, child *asmstubs.Frame, then *[7]uint64) {
	asmstubs.Call(f)
	if f.Out[asmstubs.ResultReg] != 0 {
		return
	}
	*child = *f
	if then[0] != 0 {
		unix.RawSyscall6(uintptr(then[0]), uintptr(then[1]), uintptr(then[2]), uintptr(then[3]), uintptr(then[4]), uintptr(then[5]), uintptr(then[6]))
	}
	for {
		unix.RawSyscall(unix.SYS_EXIT_GROUP, 0, 0, 0)
	}
}

// maxChildren is how many stacks there are. None is used twice, as nothing
// tells when its thread has left it for good.
const maxChildren = 16

// childStack is a page of a child that shares its parent's memory.
type childStack struct {
	done   uint64 // set when the child has done what it was to do
	result int64  // of that
	ready  bool   // frames are
	_      [253]uint64
	// frames are a copy of the parent's topmost, in which the child returns
	// from the stub as its parent does: here its stack pointer has to be.
	frames [128]uint64
	regs   asmstubs.Frame // what the child found
}

// stackTop is where frames begin.
const stackTop = int(unsafe.Offsetof(childStack{}.frames))

// spReg indexes the stack pointer.
var spReg = func() int {
	for i, name := range asmstubs.RegNames {
		if name == "rsp" || name == "sp" {
			return i
		}
	}
	panic("suite: no register is the stack pointer")
}()

// thread makes a child that shares memory.
func (t *target) thread(o *order, r *report) {
	if o.Child < 0 || o.Child >= maxChildren {
		r.Err = "there is no such stack"
		return
	}
	s := (*childStack)(unsafe.Pointer(&t.stacks[o.Child*os.Getpagesize()]))
	then := &o.Then // outlives this call, as nothing is collected here
	load(&r.Call, o)
	s.regs = r.Call
	callOnStack(&r.Call, s, then, spReg)
	pid := int64(r.Call.Out[asmstubs.ResultReg])
	if pid <= 0 || o.Beside {
		return
	}
	for atomic.LoadUint64(&s.done) == 0 {
		unix.RawSyscall(unix.SYS_SCHED_YIELD, 0, 0, 0)
	}
	_, _ = unix.Wait4(int(pid), nil, 0, nil) // a thread is not to be waited for
	r.Child = s.regs
	for i := range r.Child.In {
		if !asmstubs.Loadable(i) {
			r.Child.In[i] = r.Call.In[i]
		}
	}
	r.Child.In[spReg] = uint64(uintptr(unsafe.Pointer(&s.frames)))
}

// callOnStack is callForking where the child goes on with the stack s. The first
// call is one that does not exist: it leaves the frames that the second will
// have, as both are made from one place, and nothing but f, s, then and spReg
// lives on across them. Nothing may be called in between, which would write there.
//
//go:nosplit
//go:noinline
func callOnStack(f *asmstubs.Frame, s *childStack, then *[7]uint64, spReg int) {
	s.result, f.In[asmstubs.NrReg] = int64(f.In[asmstubs.NrReg]), 1<<20
	for {
		asmstubs.Call(f)
		if s.ready {
			break
		}
		f.In[asmstubs.NrReg] = uint64(s.result)
		var mine *[len(s.frames)]uint64
		*(*uint64)(unsafe.Pointer(&mine)) = f.In[spReg]
		from, to := uint64(uintptr(unsafe.Pointer(f))), uint64(uintptr(unsafe.Pointer(&s.regs)))
		for i := range mine {
			// The child's stub captures into a frame of the child's own.
			w := mine[i]
			if w-from < uint64(unsafe.Sizeof(*f)) {
				w += to - from
			}
			s.frames[i] = w
		}
		s.ready = true
	}
	if f.Out[asmstubs.ResultReg] != 0 {
		return
	}
	if then[0] != 0 {
		r, _, e := unix.RawSyscall6(uintptr(then[0]), uintptr(then[1]), uintptr(then[2]), uintptr(then[3]), uintptr(then[4]), uintptr(then[5]), uintptr(then[6]))
		if s.result = int64(r); e != 0 {
			s.result = -int64(e)
		}
	}
	atomic.StoreUint64(&s.done, 1)
	for {
		unix.RawSyscall(unix.SYS_EXIT, 0, 0, 0)
	}
}
