package fuzz

import (
	"os"
	"os/signal"
	"sync/atomic"

	"golang.org/x/sys/unix"

	"unotify-bench/abi/model"
	"unotify-bench/internal/notify"
)

// hands is how many operations can race.
const hands = 2

// hand is a thread of the supervisor that does operations beside another one.
type hand struct {
	tid    int
	orders chan order
	done   chan struct{}
}

type order struct {
	w      *world
	op     model.Op
	number int32
	ready  *atomic.Int32 // of hands that may not begin yet
	answer *model.Answer
}

// newHand starts one, which begins with a call of its own.
func newHand(first func() error) (*hand, error) {
	h := &hand{orders: make(chan order), done: make(chan struct{})}
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
		for o := range h.orders {
			// As close together as it gets.
			for o.ready.Add(-1); o.ready.Load() > 0; {
				unix.RawSyscall(unix.SYS_SCHED_YIELD, 0, 0, 0)
			}
			*o.answer = o.w.do(o.op, o.number)
			h.done <- struct{}{}
		}
		close(h.done)
	}()
	return h, <-begun
}

// self is the calling thread as one that only interrupt can be called of.
func self() *hand { return &hand{tid: unix.Gettid()} }

// interrupt has a RECV that waits give up.
func (h *hand) interrupt() { _ = unix.Tgkill(os.Getpid(), h.tid, interrupts) }

func (h *hand) end() {
	close(h.orders)
	<-h.done
}

// interruptible has hand.interrupt do what it is for.
func interruptible() error {
	signal.Notify(make(chan os.Signal, 1), interrupts)
	return notify.InterruptBy(interrupts)
}
