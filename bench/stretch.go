package bench

import (
	"fmt"
	"sync/atomic"

	"golang.org/x/sys/unix"

	"unotify-bench/asmstubs"
	"unotify-bench/internal/notify"
)

// issuer makes n measured calls on the calling thread and stores what they
// cost in deltas. It returns how many it made, which may be a few more; a
// result that is not as wanted is an error.
type issuer func(n int, deltas []uint64) (made int, err error)

// loopOf is the issuer that executes steps.
func loopOf(steps []asmstubs.Step, batch int, counter asmstubs.Counter) issuer {
	loop := asmstubs.Loop{Steps: &steps[0], NSteps: uint64(len(steps)), Batch: uint64(batch), Counter: counter}
	return func(n int, deltas []uint64) (int, error) {
		loop.Iter, loop.Deltas = uint64(n), &deltas[0]
		asmstubs.Run(&loop)
		if loop.Done == loop.Iter {
			return n, nil
		}
		st := steps[loop.BadStep]
		return int(loop.Done), fmt.Errorf("call %d: step %d (syscall %d) returned %s, want %s", loop.Done, loop.BadStep,
			st.Nr, resultText(loop.BadResult), resultText(st.Want))
	}
}

// stretch runs the script on one thread, a chunk at a time.
type stretch struct {
	spec   *targetSpec
	script *script
	issue  issuer
	crowd  *crowd   // that makes the calls, if it is one
	deltas []uint64 // of one chunk, warm-up included
	out    []uint64
	at     int  // entries of out filled
	effect bool // the calls take place

	calls    int
	cpu      float64
	switches int64

	// The native thread sleeps on state between its chunks.
	state  uint32
	err    error
	atExit func()
}

// Values of stretch.state.
const (
	stateIdle = iota
	stateTurn
	stateExit
)

func (s *stretch) init(replaced bool) error {
	s.effect = !replaced
	s.deltas = make([]uint64, (max(s.spec.Warmup, s.spec.rewarm())+s.spec.Chunk)/s.spec.Batch+1)
	if n := s.spec.Cell.Targets; n > 0 {
		var err error
		if s.crowd, err = newCrowd(s.script.steps(replaced), n, s.spec.Batch/n, s.spec.Counter); err == nil {
			s.issue = s.crowd.run
		}
		return err
	}
	s.issue = s.script.issue
	if s.issue == nil {
		// A batch spans whole iterations, so it must hold nothing but the call.
		s.issue = loopOf(s.script.steps(replaced), s.spec.Batch, s.spec.Counter)
	}
	return nil
}

// used is what those who call have used so far.
func (s *stretch) used() (cpu float64, switches int64) {
	if s.crowd != nil {
		return s.crowd.used()
	}
	return used()
}

// run measures the next chunk on the calling thread.
func (s *stretch) run() error {
	warm := s.spec.rewarm()
	if s.at == 0 {
		warm = s.spec.Warmup
	}
	batch := s.spec.Batch
	n := min(s.spec.Chunk/batch, len(s.out)-s.at)
	if s.effect && s.script.reset != nil {
		if err := s.script.reset(); err != nil {
			return err
		}
	}
	cpu, switches := s.used()
	made, err := s.issue(warm+n*batch, s.deltas)
	cpuAfter, switchesAfter := s.used()
	s.calls += made
	s.cpu += cpuAfter - cpu
	s.switches += switchesAfter - switches
	if err != nil {
		return err
	}
	if s.effect && s.script.verify != nil {
		if err := s.script.verify(); err != nil {
			return err
		}
	}
	s.at += copy(s.out[s.at:s.at+n], s.deltas[warm/batch:])
	return nil
}

// wait is the native thread.
func (s *stretch) wait() {
	if s.err = notify.LockThread(); s.err == nil {
		s.err = notify.BindCPU(s.spec.CPU)
	}
	for {
		for atomic.LoadUint32(&s.state) == stateIdle {
			notify.FutexWait(&s.state, stateIdle)
		}
		if s.state == stateExit {
			s.atExit()
		} else if s.err == nil {
			s.err = s.run()
		}
		atomic.StoreUint32(&s.state, stateIdle)
		notify.FutexWake(&s.state)
	}
}

// turn lets the native thread measure one chunk and waits for it.
func (s *stretch) turn() error {
	s.hand(stateTurn)
	if s.err != nil {
		return fmt.Errorf("native: %w", s.err)
	}
	return nil
}

// finish lets the native thread run f.
func (s *stretch) finish(f func()) {
	s.atExit = f
	s.hand(stateExit)
}

func (s *stretch) hand(state uint32) {
	atomic.StoreUint32(&s.state, state)
	notify.FutexWake(&s.state)
	for atomic.LoadUint32(&s.state) == state {
		notify.FutexWait(&s.state, state)
	}
}

// used is what the calling thread, and children that have ended, have used
// so far.
func used() (cpu float64, switches int64) {
	for _, who := range []int{unix.RUSAGE_THREAD, unix.RUSAGE_CHILDREN} {
		var r unix.Rusage
		_ = unix.Getrusage(who, &r)
		cpu += cpuSeconds(&r)
		switches += r.Nvcsw + r.Nivcsw
	}
	return cpu, switches
}

func cpuSeconds(r *unix.Rusage) float64 {
	return float64(r.Utime.Nano()+r.Stime.Nano()) / 1e9
}

// resultText spells a raw result: the errno's name where it is one.
func resultText(r uint64) string {
	if e := -int64(r); e > 0 && e < 4096 {
		if name := unix.ErrnoName(unix.Errno(e)); name != "" {
			return "-" + name
		}
		return fmt.Sprintf("-errno %d", e)
	}
	return fmt.Sprint(r)
}
