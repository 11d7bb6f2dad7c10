//go:build linux && (amd64 || arm64 || riscv64)

package asmstubs

import (
	"errors"
	"fmt"
	"runtime"
	"slices"
	"unsafe"
)

// Step is one syscall of a Loop's script.
type Step struct {
	Nr    uint64
	Args  [6]uint64 // all six are loaded each time
	Want  uint64    // the result; anything else stops the loop
	Flags uint64    // Timed, AnyResult
}

// Flags of a Step.
const (
	Timed     = 1 << iota // record what this step costs
	AnyResult             // do not compare the result with Want
)

// Loop says what Run does, and how far it came. All that the pointers lead
// to may lie outside of Go's heap.
type Loop struct {
	Steps  *Step  // the script: NSteps of them, at most one Timed
	NSteps uint64 // at least 1
	Iter   uint64 // how often the script runs
	// Batch is how many iterations one delta spans, for a counter too coarse
	// for a single call; else it is 1. It must divide Iter; a script that is
	// run in batches has one step, and that is Timed. A delta of a batch has
	// the loop's own instructions in it (BatchPassInsns).
	Batch   uint64
	Deltas  *uint64 // room for Iter/Batch entries; nil if no step is Timed
	Counter Counter // one of Counters

	// Run sets the rest. All results were as wanted if Done is Iter; else
	// BadStep of the script, in the iteration after the Done good ones,
	// returned BadResult. The first Done/Batch entries of Deltas are valid.
	Done      uint64
	BadStep   uint64
	BadResult uint64
}

// Run executes the script l.Iter times, without Go code in between. The
// counter is read right before and right after the trap: OverheadInsns says
// how many instructions of ours that leaves in a delta. Run panics if l is
// malformed.
func Run(l *Loop) {
	if err := l.check(); err != nil {
		panic(err)
	}
	RunForked(l)
	runtime.KeepAlive(l)
}

// RunForked is Run in the child of a fork of a Go program, where nothing of the
// runtime but the calling thread is left: it checks nothing, and cannot be
// preempted, as the flag that asks for it may have come over from the parent.
// ReadCounter is as safe there.
//
//go:nosplit
func RunForked(l *Loop) {
	l.Done, l.BadStep, l.BadResult = 0, 0, 0
	runLoop(l)
	l.BadStep /= uint64(unsafe.Sizeof(Step{})) // the assembly counts bytes
}

func (l *Loop) check() error {
	if l.Steps == nil || l.NSteps == 0 {
		return errors.New("asmstubs: loop without steps")
	}
	timed := 0
	for _, s := range unsafe.Slice(l.Steps, l.NSteps) {
		if s.Flags&Timed != 0 {
			timed++
		}
	}
	switch {
	case timed > 1:
		return fmt.Errorf("asmstubs: %d timed steps, a script has at most one", timed)
	case timed == 1 && l.Deltas == nil:
		return errors.New("asmstubs: a timed step and no room for its deltas")
	case !slices.Contains(Counters(), l.Counter):
		return l.Counter.foreign()
	case l.Batch == 0 || l.Iter%l.Batch != 0:
		return fmt.Errorf("asmstubs: a batch of %d does not divide %d iterations", l.Batch, l.Iter)
	case l.Batch > 1 && (l.NSteps != 1 || timed != 1):
		return fmt.Errorf("asmstubs: a batch needs one step, and that timed; there are %d, %d timed", l.NSteps, timed)
	}
	return nil
}
