package fuzz

import (
	"sync/atomic"
	"time"
)

// watch frees a supervisor that waits for what does not come: it kills the target,
// and interrupts who waits.
type watch struct {
	begun atomic.Pointer[world]
	since atomic.Int64 // when that was, as now is
	now   atomic.Int64 // nanoseconds, of a clock that costs nothing to read: it ticks
	long  atomic.Int64 // nanoseconds
	stop  chan struct{}
}

func (c *watch) begin(patient time.Duration) {
	c.stop = make(chan struct{})
	c.patience(patient)
	go func() {
		start := time.Now()
		for tick := time.NewTicker(patient / 64); ; {
			select {
			case <-c.stop:
				tick.Stop()
				return
			case <-tick.C:
			}
			now := time.Since(start).Nanoseconds()
			c.now.Store(now)
			if w := c.begun.Load(); w != nil && now-c.since.Load() > c.long.Load() {
				where := w.where()
				w.stuck.CompareAndSwap(nil, &where)
				if w.Process != nil {
					w.Kill()
				}
				w.tools.main.interrupt()
				w.tools.hand.interrupt()
			}
		}
	}()
}

// patience sets how long is too long, and returns what it was.
func (c *watch) patience(d time.Duration) (old time.Duration) {
	return time.Duration(c.long.Swap(int64(d)))
}

// await is for w until the next call of it, or nil.
func (c *watch) await(w *world) {
	c.since.Store(c.now.Load())
	c.begun.Store(w)
}

func (c *watch) end() {
	if c.stop != nil {
		close(c.stop)
	}
}
