package fuzz

import (
	"os"
	"os/signal"
	"sync/atomic"
	"time"
	"unsafe"

	"golang.org/x/sys/unix"

	"unotify-bench/abi/model"
	"unotify-bench/internal/notify"
)

// hands is how many operations can race.
const hands = 2

// hand is a thread of the supervisor that does operations beside its main thread.
type hand struct {
	tid   int
	order order

	// Counted up, with a futex each: an order is there, the hand is about to do it,
	// it is done. A channel would take two more threads of the runtime.
	told, ready, done uint32
	waiting           uint32 // 1: who gave the order sleeps until ready
	over              chan struct{}

	enough atomic.Bool // who was to be interrupted has returned
}

// order is an operation; none is the end.
type order struct {
	w      *world
	op     model.Op
	number int32
	answer model.Answer
	whom   *hand // is to be interrupted, instead
}

// newHand starts one, which begins with a call of its own.
func newHand(first func() error) (*hand, error) {
	h := &hand{over: make(chan struct{})}
	begun := make(chan error)
	go func() {
		err := notify.LockThread()
		if err == nil {
			err = first()
		}
		h.tid = unix.Gettid()
		begun <- err
		if err != nil {
			return
		}
		for n := uint32(1); ; n++ {
			if atomic.LoadUint32(&h.told) != n {
				waitFor(&h.told, n-1, soon)
			}
			for atomic.LoadUint32(&h.told) != n {
				// What collects between programs must be able to stop this.
				_, _, _ = unix.Syscall6(unix.SYS_FUTEX, uintptr(unsafe.Pointer(&h.told)), futexWait, uintptr(n-1), 0, 0, 0)
			}
			o := &h.order
			if o.w == nil {
				close(h.over)
				return
			}
			atomic.StoreUint32(&h.ready, n)
			if atomic.LoadUint32(&h.waiting) != 0 {
				wake(&h.ready)
			}
			if o.whom == nil {
				o.answer = o.w.do(o.op, o.number)
			} else {
				o.whom.interruptUntil(&h.enough)
			}
			atomic.StoreUint32(&h.done, n)
			wake(&h.done)
		}
	}()
	return h, <-begun
}

// soon is when most orders come. As long, a hand waits unknown to the runtime, which else
// looks after it: each wait of more than 10 ms, as most are on a slow machine, had it
// sleep 50 times for 20 µs, to see whether there is more like that.
const soon = 100 * time.Millisecond

// give has a hand do an operation, and returns when it is about to: as close
// together as it gets.
func (h *hand) give(w *world, o model.Op, number int32) {
	h.obey(order{w: w, op: o, number: number})
}

// giveInterrupts has a hand interrupt main until enough.
func (h *hand) giveInterrupts(w *world) {
	h.enough.Store(false)
	h.obey(order{w: w, whom: w.tools.main})
}

func (h *hand) obey(o order) {
	h.order = o
	n := atomic.AddUint32(&h.told, 1)
	wake(&h.told)
	for spin := 0; o.w != nil && atomic.LoadUint32(&h.ready) != n; spin++ {
		if spin < spins {
			continue
		}
		atomic.StoreUint32(&h.waiting, 1)
		wait(&h.ready, n-1)
		atomic.StoreUint32(&h.waiting, 0)
	}
}

// spins is for how long to look whether a hand is ready before it is waited for: a
// thread that wakes up on another CPU takes less. One that takes more has no CPU: the
// guest has one only, or the host has given it to somebody else.
const spins = 20000

// take waits until what was given is done.
func (h *hand) take() model.Answer {
	for n := h.told; atomic.LoadUint32(&h.done) != n; {
		wait(&h.done, n-1)
	}
	return h.order.answer
}

// self is the calling thread as one that only interrupt can be called of.
func self() *hand { return &hand{tid: unix.Gettid()} }

// interrupt has a RECV that waits give up.
func (h *hand) interrupt() { _ = unix.Tgkill(os.Getpid(), h.tid, interrupts) }

// interruptUntil does so again and again: the first time may be before it waits.
func (h *hand) interruptUntil(enough *atomic.Bool) {
	for pause := 100 * time.Microsecond; !enough.Load(); pause = min(2*pause, 16*time.Millisecond) {
		_ = unix.Nanosleep(&unix.Timespec{Nsec: pause.Nanoseconds()}, nil)
		h.interrupt()
	}
}

func (h *hand) end() {
	h.give(nil, model.Op{}, 0)
	<-h.over
}

// interruptible has hand.interrupt do what it is for.
func interruptible() error {
	signal.Notify(make(chan os.Signal, 1), interrupts)
	return notify.InterruptBy(interrupts)
}
