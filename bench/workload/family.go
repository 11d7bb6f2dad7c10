package workload

import (
	"slices"

	"golang.org/x/sys/unix"

	"unotify-bench/internal/notify"
)

// thread is a traced thread.
type thread struct {
	tid int
	in  *space
	// child is the one that this thread made by vfork, and sleeps for until
	// the child executes a program or ends: no interrupt wakes it.
	child int
}

// space is an address space, and who runs in it.
type space struct {
	threads []*thread // in the order in which they came
	// busy is the thread whose call is under way while the others are frozen,
	// 0 for none; queue has the stops of others that came meanwhile.
	busy   int
	frozen []int
	queue  []notify.Event
}

func (s *space) drop(tid int) {
	s.threads = slices.DeleteFunc(s.threads, func(t *thread) bool { return t.tid == tid })
}

// family is all traced threads.
type family struct {
	threads map[int]*thread
	// newborn are new threads whose first stop came before that of their
	// maker. They are held until it is known whose memory they share.
	newborn map[int]bool
}

func newFamily() family {
	return family{threads: map[int]*thread{}, newborn: map[int]bool{}}
}

// join takes in a thread. One that is known keeps its place: it was seen before
// the stop of its maker.
func (f *family) join(tid int, in *space) {
	if f.threads[tid] != nil {
		return
	}
	t := &thread{tid: tid, in: in}
	in.threads = append(in.threads, t)
	f.threads[tid] = t
}

// born takes in what t has made, and reports whether it waits to be let go.
func (f *family) born(t *thread, tid int, vfork bool) (held bool) {
	in := &space{}
	if shareMemory(t.tid, tid) {
		in = t.in
	}
	f.join(tid, in)
	if vfork {
		t.child = tid
	}
	held = f.newborn[tid]
	delete(f.newborn, tid)
	return held
}

// left is told that tid has left its space, by execve or death: its maker
// wakes up, if it slept for it.
func (f *family) left(tid int) {
	for _, t := range f.threads {
		if t.child == tid {
			t.child = 0
		}
	}
	if t := f.threads[tid]; t != nil {
		t.in.drop(tid)
		delete(f.threads, tid)
	}
}

const kcmpVM = 1 // KCMP_VM, linux/kcmp.h

// shareMemory asks the kernel. One that cannot tell (no CONFIG_KCMP) leaves us
// with the careful answer: to stop one too many is slow, one too few wrong.
func shareMemory(a, b int) bool {
	r, _, e := unix.RawSyscall6(unix.SYS_KCMP, uintptr(a), uintptr(b), kcmpVM, 0, 0, 0)
	return e != 0 || r == 0
}
