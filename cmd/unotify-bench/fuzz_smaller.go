package main

import (
	"context"
	"crypto/rand"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"time"

	"unotify-bench/abi/fuzz"
)

// machinesMax is how many machines make a program shorter at most: one for each step that is
// taken away at once, and programs have 40.
const machinesMax = 40

// silence is when a machine has nothing to say that does again what silenced another.
const silence = 2 * time.Minute

// smaller does again, in machines of their own, what has a kernel complain or fall silent,
// and takes away what that does not need: nothing is to be learnt of a kernel that has
// complained. What is shorter is done again alone, as what comes late is ascribed to a program
// that came after. The finding stays as it was if it is not to be had again.
func (r *fuzzRunner) smaller(ctx context.Context, l *fuzzLane, f *fuzz.Finding) error {
	again, err := r.alone(ctx, l, f)
	if err != nil {
		return err
	}
	if again == nil {
		f.Got += " (alone, this program does not have the kernel do that)"
		return nil
	}
	for range machinesMax {
		less, err := r.anew(ctx, l, f.What, fuzz.Order{Less: f.Program, Filter: f.Filter})
		if err != nil || less == nil {
			return err
		}
		if less, err = r.alone(ctx, l, less); err != nil || less == nil {
			return err
		}
		r.bar.Log(fmt.Sprintf("%s: %d steps do it, too", l.Where, strings.Count(less.Program, "\n")))
		*f = *less
	}
	return nil
}

// alone is what a finding's program does that nothing was done before.
func (r *fuzzRunner) alone(ctx context.Context, l *fuzzLane, f *fuzz.Finding) (*fuzz.Finding, error) {
	return r.anew(ctx, l, f.What, fuzz.Order{Replay: f.Program, Times: f.Times(), Filter: f.Filter})
}

// anew is what another machine's kernel does wrong of a class, given an order: nil if nothing.
func (r *fuzzRunner) anew(ctx context.Context, l *fuzzLane, what fuzz.Class, o fuzz.Order) (*fuzz.Finding, error) {
	o.Patient, o.LogOnly = fuzzPatience, true
	o = machineOrder(o)
	text, err := json.Marshal(job{Fuzz: &o})
	if err != nil {
		return nil, err
	}
	m := *l.machine
	m.Files, m.Run = map[string][]byte{jobFile: text}, rand.Text()
	if what == fuzz.Hangs {
		m.Idle = silence
	}
	var now *fuzz.Begins
	var found *fuzz.Finding
	err = bootFuzz(ctx, &m, func(e fuzz.Event) error {
		switch f := e.Finding; {
		case e.Begins != nil:
			now = e.Begins
		case f != nil && f.What == fuzz.Complaints:
			found = f
		}
		return nil
	})
	if found == nil {
		found = ofMachine(err, now)
	}
	switch {
	case ctx.Err() != nil:
		return nil, ctx.Err()
	case found == nil:
		return nil, err
	case found.What != what:
		return nil, nil //nolint:nilnil // it does something else wrong
	case len(found.Program) > corpusProgram:
		return nil, errors.New("guest has found a program that is too long")
	}
	return found, nil
}
