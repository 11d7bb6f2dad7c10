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
	quiet := time.Now() // since when nothing was heard
	var ending, splat time.Time
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
		now := time.Now()
		if heard {
			quiet = now
		}
		if ending.IsZero() && (w.ch.done || w.con.panic != "") {
			ending = now
		}
		if splat.IsZero() && w.con.splat != nil {
			splat = now
		}
		switch {
		case why != nil || ctx.Err() != nil:
		case !ending.IsZero() && now.Sub(ending) > endGrace:
			if !w.ch.done {
				why = fmt.Errorf("%w: %s", ErrPanic, w.con.panic)
			} else {
				why = fmt.Errorf("%w: %s guest said done and then did not power off in %v", ErrTimeout, w.m.Arch.Name, endGrace)
			}
		case w.m.Idle > 0 && now.Sub(quiet) > w.m.Idle:
			why = fmt.Errorf("%w: %s guest sent nothing for %v", ErrIdle, w.m.Arch.Name, w.m.Idle)
		case !splat.IsZero() && now.Sub(splat) > splatGrace:
			why = ErrSplat
		}
		if why != nil {
			kill()
		}
	}
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
