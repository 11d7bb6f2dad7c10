package main

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"sync/atomic"

	"unotify-bench/abi"
	"unotify-bench/kernel"
)

// queue has the machines of several lanes take turns on the CPUs. Where
// instructions are counted, a machine does not mind what else runs: so a lane
// begins, with the build of its kernel, when the one before has no machine left
// to start, and no CPU waits for the last of them. Results are written in the
// lanes' order all the same.
type queue struct {
	slots chan struct{} // one a virtual machine
	lanes sync.WaitGroup
	last  *vmLane       // whose machines were started last
	done  chan struct{} // closed when the results of last are written

	mu     sync.Mutex
	broken []error
}

func newQueue(jobs int) *queue {
	done := make(chan struct{})
	close(done)
	return &queue{slots: make(chan struct{}, jobs), done: done}
}

// fail stores why an architecture does not work, which leaves the others.
func (q *queue) fail(arch *abi.Arch, err error) {
	if err != nil {
		q.mu.Lock()
		defer q.mu.Unlock()
		q.broken = append(q.broken, fmt.Errorf("%s: %w", arch.Name, err))
	}
}

// wait waits for all machines, and returns what did not work.
func (q *queue) wait() error {
	q.lanes.Wait()
	return errors.Join(q.broken...)
}

// measure readies a lane and starts its machines, one for each seed or
// repetition. It returns when the last of them was started, or if time is
// measured when all have ended.
func (r *runner) measure(ctx context.Context, q *queue, arch *abi.Arch, clock kernel.Clock) error {
	if q.last != nil {
		// What is to come is what the bar shows.
		q.last.turn.hidden.Store(true)
		if clock == kernel.Wall {
			q.lanes.Wait()
		}
	}
	l, err := r.lane(ctx, arch, clock)
	if err != nil {
		return err
	}
	l.total = int64(len(l.cells) * r.plan.count)
	if r.plan.profile {
		return errors.Join(l.turn.begin(), l.profiles(ctx))
	}
	before, done := q.done, make(chan struct{})
	q.last, q.done = l, done
	begun := make(chan error, 1)
	q.lanes.Go(func() {
		<-before
		begun <- l.turn.begin()
	})
	machines := l.each(q.slots, func(seed uint64) error { return l.boot(ctx, seed) })
	q.lanes.Go(func() {
		defer close(done)
		q.fail(arch, errors.Join(<-begun, machines.Wait()))
	})
	if clock == kernel.Wall {
		q.lanes.Wait()
	}
	return nil
}

// turn is when a lane may write results.
type turn struct {
	hidden atomic.Bool // the bar shows another lane

	mu   sync.Mutex
	come bool
	held []func() error
}

// write does what writes results, or keeps it until the turn comes.
func (t *turn) write(do func() error) error {
	t.mu.Lock()
	defer t.mu.Unlock()
	if !t.come {
		t.held = append(t.held, do)
		return nil
	}
	return do()
}

// begin does what was kept.
func (t *turn) begin() error {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.come = true
	var err error
	for _, do := range t.held {
		err = errors.Join(err, do())
	}
	t.held = nil
	return err
}
