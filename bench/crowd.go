package bench

import (
	"fmt"
	"sync/atomic"
	"unsafe"

	"golang.org/x/sys/unix"

	"unotify-bench/asmstubs"
)

// crowd is children of the target that make the same calls at once, in
// rounds. A round's time is from the first child's begin to the last one's end.
// The children are forks of this process, with the filters of the thread that
// made them. Go's scheduler is not there for them, so nothing may call it: not
// the preemption that the parent was asked for, nor a stack that grows.
type crowd struct {
	steps   []asmstubs.Step
	n, each int // children; calls of one in a round
	counter asmstubs.Counter

	shared *crowdMemory
	loops  []asmstubs.Loop
	pids   []int
}

// maxCrowd bounds the children of a crowd.
const maxCrowd = 64

// crowdMemory is mapped by the target and its children.
type crowdMemory struct {
	round uint32 // counts up: what the children wait for
	left  uint32 // children that do not wait: what the target waits for
	slots [maxCrowd]crowdSlot
}

// crowdSlot is what one child says.
type crowdSlot struct {
	begin, end uint64 // of the last round
	failed     uint32 // the loop ended early
	usage      unix.Rusage
}

// crowdOver is the round in which children end.
const crowdOver = ^uint32(0)

func newCrowd(steps []asmstubs.Step, n, each int, counter asmstubs.Counter) (*crowd, error) {
	mem, err := unix.Mmap(-1, 0, int(unsafe.Sizeof(crowdMemory{})), unix.PROT_READ|unix.PROT_WRITE, unix.MAP_SHARED|unix.MAP_ANONYMOUS)
	if err != nil {
		return nil, fmt.Errorf("map memory for %d children: %w", n, err)
	}
	c := &crowd{
		steps: steps, n: n, each: each, counter: counter,
		shared: (*crowdMemory)(unsafe.Pointer(unsafe.SliceData(mem))),
		loops:  make([]asmstubs.Loop, n),
	}
	for i := range c.steps {
		c.steps[i].Flags &^= asmstubs.Timed // the round is timed
	}
	for i := range c.loops {
		c.loops[i] = asmstubs.Loop{Steps: &steps[0], NSteps: uint64(len(steps)), Iter: uint64(each), Batch: 1, Counter: counter}
	}
	return c, nil
}

// start makes the children, once, without the descriptor listener unless that
// is negative. They end with the calling thread, once all have asked for that,
// and at the latest with the worker, in whose process group they are.
func (c *crowd) start(listener int) error {
	if c.pids != nil {
		return nil
	}
	atomic.StoreUint32(&c.shared.left, uint32(c.n))
	for i := range c.n {
		pid, e := fork(c.shared, &c.shared.slots[i], &c.loops[i], listener)
		if e != 0 {
			return fmt.Errorf("make child %d of %d: %w", i+1, c.n, e)
		}
		c.pids = append(c.pids, int(pid))
	}
	// One that was not yet scheduled would outlive a target that is killed, and
	// with its filter keep the supervisors waiting.
	return c.await()
}

// fork makes a child, whose whole life is here.
//
//go:nosplit
func fork(shared *crowdMemory, slot *crowdSlot, loop *asmstubs.Loop, listener int) (pid uintptr, e unix.Errno) {
	pid, _, e = unix.RawSyscall6(unix.SYS_CLONE, uintptr(unix.SIGCHLD), 0, 0, 0, 0, 0)
	if pid != 0 || e != 0 {
		return pid, e
	}
	unix.RawSyscall6(unix.SYS_PRCTL, unix.PR_SET_PDEATHSIG, uintptr(unix.SIGKILL), 0, 0, 0, 0)
	if listener >= 0 {
		unix.RawSyscall6(unix.SYS_CLOSE, uintptr(listener), 0, 0, 0, 0, 0)
	}
	for seen := uint32(0); ; {
		if atomic.AddUint32(&shared.left, ^uint32(0)) == 0 {
			sharedFutex(&shared.left, futexWake, 1, nil)
		}
		for atomic.LoadUint32(&shared.round) == seen {
			sharedFutex(&shared.round, futexWait, seen, nil)
		}
		if seen = atomic.LoadUint32(&shared.round); seen == crowdOver {
			unix.RawSyscall6(unix.SYS_EXIT_GROUP, 0, 0, 0, 0, 0, 0)
		}
		slot.begin = asmstubs.ReadCounter(loop.Counter)
		asmstubs.RunForked(loop)
		slot.end = asmstubs.ReadCounter(loop.Counter)
		if loop.Done != loop.Iter {
			// Where the target can read it.
			slot.failed, slot.begin, slot.end = 1, loop.BadStep, loop.BadResult
		}
		unix.RawSyscall6(unix.SYS_GETRUSAGE, unix.RUSAGE_SELF, uintptr(unsafe.Pointer(&slot.usage)), 0, 0, 0, 0)
	}
}

// run is the crowd's issuer: every delta is a round, n a number of calls of
// all children.
func (c *crowd) run(n int, deltas []uint64) (made int, err error) {
	if err := c.start(-1); err != nil {
		return 0, err
	}
	for i := range n / (c.n * c.each) {
		atomic.StoreUint32(&c.shared.left, uint32(c.n))
		atomic.AddUint32(&c.shared.round, 1)
		sharedFutex(&c.shared.round, futexWake, maxCrowd, nil)
		if err := c.await(); err != nil {
			return made, fmt.Errorf("round %d: %w", i, err)
		}
		begin, end := ^uint64(0), uint64(0)
		for k := range c.shared.slots[:c.n] {
			slot := &c.shared.slots[k]
			if slot.failed != 0 {
				st := c.steps[slot.begin]
				return made, fmt.Errorf("child %d, round %d: step %d (syscall %d) returned %s, want %s", k, i, slot.begin,
					st.Nr, resultText(slot.end), resultText(st.Want))
			}
			begin, end = min(begin, slot.begin), max(end, slot.end)
		}
		deltas[i] = end - begin
		made += c.n * c.each
	}
	return made, nil
}

// await waits until every child waits.
func (c *crowd) await() error {
	for {
		left := atomic.LoadUint32(&c.shared.left)
		if left == 0 {
			return nil
		}
		timeout := unix.Timespec{Sec: 1}
		sharedFutex(&c.shared.left, futexWait, left, &timeout)
		if c.died() {
			return fmt.Errorf("a child of %d died", c.n)
		}
	}
}

// died reports whether a child has ended; end reaps it.
func (c *crowd) died() bool {
	var info unix.Siginfo
	_, _, e := unix.RawSyscall6(unix.SYS_WAITID, unix.P_ALL, 0, uintptr(unsafe.Pointer(&info)), unix.WEXITED|unix.WNOHANG|unix.WNOWAIT, 0, 0)
	return e == 0 && info.Signo != 0
}

// used is what the children have used so far.
func (c *crowd) used() (cpu float64, switches int64) {
	for i := range c.shared.slots[:c.n] {
		u := &c.shared.slots[i].usage
		cpu += cpuSeconds(u)
		switches += u.Nvcsw + u.Nivcsw
	}
	return cpu, switches
}

// end lets the children end, and reaps them.
func (c *crowd) end() {
	atomic.StoreUint32(&c.shared.round, crowdOver)
	sharedFutex(&c.shared.round, futexWake, maxCrowd, nil)
	for _, pid := range c.pids {
		_, _ = unix.Wait4(pid, nil, 0, nil)
	}
	c.pids = nil
}

// Operations of futex(2) on memory that processes share, <linux/futex.h>.
const (
	futexWait = 0
	futexWake = 1
)

//go:nosplit
func sharedFutex(addr *uint32, op uintptr, val uint32, timeout *unix.Timespec) {
	unix.RawSyscall6(unix.SYS_FUTEX, uintptr(unsafe.Pointer(addr)), op, uintptr(val), uintptr(unsafe.Pointer(timeout)), 0, 0)
}
