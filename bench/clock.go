package bench

import (
	"fmt"
	"math"
	"os"
	"time"

	"golang.org/x/sys/unix"

	"unotify-bench/asmstubs"
	"unotify-bench/internal/notify"
)

// Units of a row. Which one holds is the caller's knowledge: only who starts
// the machine knows that its clock counts instructions.
const (
	UnitNanoseconds  = "ns"
	UnitInstructions = "insns"
)

// clock is a counter and what its ticks are worth.
type clock struct {
	counter asmstubs.Counter
	unit    string
	scale   float64 // units a tick
	tick    float64 // units of the smallest step seen
}

// newClock picks the best counter that user mode may read, and finds what a
// tick is worth.
//
// Under an instruction clock a nanosecond of the machine is one instruction,
// so the same comparison with CLOCK_MONOTONIC gives the instructions a tick;
// they are a whole number. Counters of instructions are taken as they are:
// they stand still while the machine idles, the clock does not.
func newClock(unit string) (clock, error) {
	if unit != UnitNanoseconds && unit != UnitInstructions {
		return clock{}, fmt.Errorf("unknown unit %q", unit)
	}
	c := clock{unit: unit}
	for _, k := range asmstubs.Counters() {
		countsInstructions := k == asmstubs.InstRet
		if countsInstructions && unit == UnitNanoseconds {
			continue
		}
		if usable(k) {
			c.counter = k
			if countsInstructions {
				c.scale = 1
			}
			break
		}
	}
	if c.counter == 0 {
		return clock{}, fmt.Errorf("user mode can read none of the counters %v here", asmstubs.Counters())
	}
	if c.scale == 0 {
		span := 100 * time.Millisecond
		if unit == UnitInstructions {
			span = 2 * time.Millisecond
		}
		c.scale = calibrate(c.counter, span)
		if unit == UnitInstructions {
			c.scale = math.Max(1, math.Round(c.scale))
		}
	}
	c.tick = float64(granularity(c.counter)) * c.scale
	return c, nil
}

// calibrate returns nanoseconds a tick, over a busy span: an idle machine may
// stop its counter, or its clock, or neither.
func calibrate(k asmstubs.Counter, span time.Duration) float64 {
	read := func() (ticks uint64, ns int64) {
		var ts unix.Timespec
		// The pair with the shortest gap between its two readings of the
		// counter is the one least disturbed.
		best := uint64(math.MaxUint64)
		for range 16 {
			a := asmstubs.ReadCounter(k)
			_ = unix.ClockGettime(unix.CLOCK_MONOTONIC, &ts)
			b := asmstubs.ReadCounter(k)
			if b-a < best {
				best, ticks, ns = b-a, a+(b-a)/2, ts.Nano()
			}
		}
		return ticks, ns
	}
	t0, n0 := read()
	t1, n1 := t0, n0
	for n1-n0 < int64(span) {
		t1, n1 = read()
	}
	return float64(n1-n0) / float64(t1-t0)
}

// granularity is the greatest common divisor of the steps between readings:
// 1 for a counter that resolves its own unit.
func granularity(k asmstubs.Counter) uint64 {
	var g uint64
	last := asmstubs.ReadCounter(k)
	for range 1000 {
		now := asmstubs.ReadCounter(k)
		a, b := g, now-last
		for b != 0 {
			a, b = b, a%b
		}
		g, last = a, now
	}
	return max(g, 1)
}

// usable reports whether user mode may read k. A counter that is closed kills
// the reader with SIGILL, so a child reads it.
func usable(k asmstubs.Counter) bool {
	if len(asmstubs.Counters()) == 1 {
		return true
	}
	p, err := notify.Start(roleCounter)
	if err != nil {
		return false
	}
	if err := p.Conn.Send(k, -1); err != nil {
		p.Kill()
	}
	return p.Wait() == nil
}

const roleCounter = "counter"

// counterMain is the child of usable.
func counterMain() {
	var k asmstubs.Counter
	if _, err := notify.NewConn(notify.RoleFD).Recv(&k); err != nil {
		os.Exit(1)
	}
	// SIGILL must end us without the runtime's stack dump.
	if err := notify.DefaultSignal(unix.SIGILL); err != nil {
		os.Exit(1)
	}
	asmstubs.ReadCounter(k)
	os.Exit(0)
}
