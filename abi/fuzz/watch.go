package fuzz

import (
	"sync/atomic"
	"time"
)

// watch frees a supervisor that waits for what does not come: it kills the target,
// and interrupts the hands.
type watch struct {
	begun atomic.Pointer[awaited]
	long  atomic.Int64 // nanoseconds
	stop  chan struct{}
}

// awaited is a world that something is to come of.
type awaited struct {
	w     *world
	since time.Time
}

func (c *watch) begin(patient time.Duration) {
	c.stop = make(chan struct{})
	c.patience(patient)
	go func() {
		for tick := time.NewTicker(patient / 64); ; {
			select {
			case <-c.stop:
				tick.Stop()
				return
			case <-tick.C:
			}
			if a := c.begun.Load(); a != nil && time.Since(a.since).Nanoseconds() > c.long.Load() {
				where := a.w.where()
				a.w.stuck.CompareAndSwap(nil, &where)
				if a.w.Process != nil {
					a.w.Kill()
				}
				a.w.tools.main.interrupt()
				for _, h := range a.w.tools.hands {
					h.interrupt()
				}
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
	if w == nil {
		c.begun.Store(nil)
		return
	}
	c.begun.Store(&awaited{w, time.Now()})
}

func (c *watch) end() {
	if c.stop != nil {
		close(c.stop)
	}
}
