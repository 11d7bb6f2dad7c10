package kernel

import (
	"context"
	"fmt"
	"time"
)

// watch follows a running machine.
type watch struct {
	m       *Machine
	con     *console
	events  *sink
	ch      channel
	onEvent func(Event) error
}

// until returns when QEMU has ended: why it was made to end, if it was, and
// what Wait said.
func (w *watch) until(ctx context.Context, kill func(), ended <-chan error) (why, waitErr error) {
	tick := time.NewTicker(pollEvery)
	defer tick.Stop()
	var p patience
	never := time.Duration(-1)
	quiet, ending, splat := p.passed(), never, never // since when: nothing was heard, …
	for {
		select {
		case waitErr = <-ended:
			if why == nil {
				_, why = w.look()
			}
			return why, waitErr
		case <-tick.C:
		}
		if why != nil {
			continue // killed, its end is waited for
		}
		var heard bool
		heard, why = w.look()
		now := p.passed()
		if heard {
			quiet = now
		}
		if ending == never && (w.ch.done || w.con.panic != "") {
			ending = now
		}
		if splat == never && w.con.splat != nil {
			splat = now
		}
		if why == nil && ctx.Err() == nil {
			why = w.late(now, quiet, ending, splat)
			if why != nil && childStopped() {
				why, quiet, ending, splat = nil, now, later(ending, now), later(splat, now)
			}
		}
		if why != nil {
			kill()
		}
	}
}

// later begins to wait anew, if it was waited.
func later(since, now time.Duration) time.Duration {
	if since < 0 {
		return since
	}
	return now
}

// late is why a machine that has nothing said since quiet, or is ending, or has a
// kernel that complained, has had time enough.
func (w *watch) late(now, quiet, ending, splat time.Duration) error {
	switch {
	case ending >= 0 && now-ending > endGrace && !w.ch.done:
		return fmt.Errorf("%w: %s", ErrPanic, w.con.panic)
	case ending >= 0 && now-ending > endGrace:
		return fmt.Errorf("%w: %s guest said done and then did not power off in %v", ErrTimeout, w.m.Arch.Name, endGrace)
	case w.m.Idle > 0 && now-quiet > w.m.Idle:
		return fmt.Errorf("%w: %s guest sent nothing for %v", ErrIdle, w.m.Arch.Name, w.m.Idle)
	case splat >= 0 && now-splat > splatGrace:
		return ErrSplat
	}
	return nil
}

// look takes in what the guest has written since the last look.
func (w *watch) look() (heard bool, err error) {
	b, err := w.events.poll(func(p []byte) error { return w.ch.feed(p, w.onEvent) })
	if err != nil {
		return true, err
	}
	if w.events.full() {
		return true, fmt.Errorf("%w: more than %d bytes of events", ErrFlood, w.m.lim.channel)
	}
	c, err := w.con.poll()
	return b || c, err
}

// whyNotDone explains the end of a machine that was not made to end.
func (w *watch) whyNotDone(waitErr error, complaint string) error {
	name := w.m.Arch.Name
	switch {
	case w.con.panic != "":
		return fmt.Errorf("%w: %s: %s", ErrPanic, name, w.con.panic)
	case waitErr != nil || complaint != "":
		// QEMU exits 0 after a guest's panic, so this is about QEMU.
		return fmt.Errorf("%w: %s guest: QEMU: %s: %s", ErrQEMU, name, fmt.Sprint(waitErr), complaint)
	case w.ch.partial() != "":
		return fmt.Errorf("%w: %s guest ended inside an event that starts %q", ErrNoDone, name, w.ch.partial())
	}
	return fmt.Errorf("%w: %s guest ended after %d events", ErrNoDone, name, w.ch.seq)
}
