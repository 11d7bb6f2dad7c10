package bench

import (
	"errors"
	"fmt"
	"os"
	"sync/atomic"
	"time"

	"golang.org/x/sys/unix"

	"unotify-bench/internal/notify"
)

// chunk is how many calls run between two turns of native.
const chunk = 100

// execChunk is the same for execve. A kernel comes to rest only some hundred
// executions after the target's start (the first cost up to 15 % more on
// riscv64), so both sides must take their share of those.
const execChunk = chunk / 5

// roundsInChunk is how many rounds of many targets run between two of native.
const roundsInChunk = 5

// errNA wraps the reason why a cell cannot exist on this machine.
type errNA struct{ reason string }

func (e errNA) Error() string { return e.reason }

// measure measures one cell.
func measure(c Cell, cfg Config, clk clock) Row {
	row := Row{
		Cell: c, Unit: cfg.Unit, Counter: clk.counter.String(), Tick: clk.tick,
		Calls: cfg.Calls, Warmup: cfg.Warmup, Batch: 1,
	}
	if why := c.Unable(); why != "" {
		row.NA = why
		return row
	}
	if c.Bytes >= 64<<10 {
		row.Calls, row.Warmup = max(row.Calls/10, chunk), max(row.Warmup/10, 1)
	}
	if c.findCase().Execs {
		row.Calls, row.Warmup = max(row.Calls/10, chunk), max(row.Warmup/4, 1)
	}
	switch m := FindMechanism(c.Mech); {
	case m.Peers > 0:
		// Every call stops and starts that many threads, and a few more.
		row.Calls, row.Warmup = max(row.Calls/4, chunk), max(row.Warmup/4, 1)
	case m.Traced:
		// Every call stops, and each stop is several syscalls of the tracer.
		row.Calls, row.Warmup = max(row.Calls/3, chunk), max(row.Warmup/3, 1)
	}
	if limit := FindMechanism(c.Mech).MaxCalls; limit > 0 {
		row.Calls = min(row.Calls, limit)
	}
	// A counter that steps by more than 10 ns is too coarse for a plain
	// call of a few hundred.
	if cfg.Unit == UnitNanoseconds && clk.tick > 10 && c.Syscall == "getppid" {
		row.Batch = chunk / 2
	}
	row.Calls = max(row.Calls/chunk, 1) * chunk
	row.Warmup = (row.Warmup + row.Batch - 1) / row.Batch * row.Batch
	if c.Targets > 0 {
		// A batch is a round of all targets.
		row.Batch = c.Targets * max(chunk/c.Targets, chunk/10)
		row.Calls = max(row.Calls/row.Batch, 4*roundsInChunk) * row.Batch
		row.Warmup = 2 * row.Batch
	}
	done := make(chan error)
	// The supervisor's thread is never unlocked: it ends with the goroutine.
	go func() {
		err := notify.LockThread()
		if err == nil {
			err = measureLocked(&row, cfg, clk)
		}
		done <- err
	}()
	err := <-done
	var na errNA
	switch {
	case errors.As(err, &na):
		row = Row{Cell: c, Unit: cfg.Unit, NA: na.reason}
	case err != nil:
		row = Row{Cell: c, Unit: cfg.Unit, Err: err.Error()}
	}
	return row
}

// placement returns the CPUs of target and supervisor, -1 for any.
func placement(cpus string) (target, sup int, err error) {
	allowed, err := notify.AllowedCPUs()
	if err != nil {
		return -1, -1, err
	}
	switch {
	case cpus == "free":
		return -1, -1, nil
	case cpus == "same":
		return allowed[0], allowed[0], nil
	case cpus != "cross":
		return -1, -1, fmt.Errorf("unknown placement %q", cpus)
	case len(allowed) < 2:
		return -1, -1, errNA{"this machine gives us one CPU only"}
	}
	return allowed[0], allowed[1], nil
}

func measureLocked(row *Row, cfg Config, clk clock) (err error) {
	c := row.Cell
	mech, cs := FindMechanism(c.Mech), c.findCase()
	targetCPU, supCPU, err := placement(c.CPUs)
	if err != nil {
		return err
	}
	if _, ok := notify.ArgOffset(max(cs.Pointer, 0)); mech.Traced && cs.Pointer >= 0 && !ok {
		return errNA{fmt.Sprintf("argument %d cannot be rewritten by a tracer here: PTRACE_GET_SYSCALL_INFO shows it, the register file does not", cs.Pointer)}
	}
	n := row.Calls / row.Batch
	fd, err := unix.MemfdCreate("samples", unix.MFD_CLOEXEC)
	if err != nil {
		return fmt.Errorf("create memory for samples: %w", err)
	}
	memfd := os.NewFile(uintptr(fd), "samples")
	defer memfd.Close()
	if err := memfd.Truncate(int64(16 * n)); err != nil {
		return fmt.Errorf("size memory for samples: %w", err)
	}
	mem, err := unix.Mmap(fd, 0, 16*n, unix.PROT_READ|unix.PROT_WRITE, unix.MAP_SHARED|unix.MAP_POPULATE)
	if err != nil {
		return fmt.Errorf("map memory for samples: %w", err)
	}
	defer unix.Munmap(mem)

	p, err := startElsewhere(memfd)
	if err != nil {
		return err
	}
	s := &supervisor{conn: p.Conn, kill: p.Kill, stop: new(uint32), team: &team{}, pid: p.PID(), counter: clk.counter}
	s.team.enter()
	var expired atomic.Bool
	ended := make(chan struct{})
	watchdog := time.AfterFunc(cfg.Limit, func() {
		expired.Store(true)
		atomic.StoreUint32(s.stop, stopLate)
		p.Kill()
		s.team.interrupt(ended)
	})
	if mech.listens() && recvSleepsOn() {
		go s.endAfter(p.PID(), ended)
	}
	defer func() {
		watchdog.Stop()
		close(ended)
		p.Kill()
		_ = p.Wait()
		if expired.Load() {
			err = fmt.Errorf("not done after %v: the target was killed (last error: %w)", cfg.Limit, err)
		}
	}()

	size := chunk
	switch {
	case cs.Execs:
		size = execChunk
	case c.Targets > 0:
		size = roundsInChunk * row.Batch
	}
	spec := targetSpec{
		Cell: c, Calls: row.Calls, Warmup: row.Warmup, Chunk: size, Batch: row.Batch,
		Counter: clk.counter, CPU: targetCPU, Dir: cfg.Dir,
	}
	if err := p.Conn.Send(spec, -1); err != nil {
		return fmt.Errorf("talk to the target: %w", err)
	}
	var ready targetReady
	listener, err := p.Conn.Recv(&ready)
	switch {
	case err != nil:
		return fmt.Errorf("hear from the target: %w", err)
	case ready.NA != "":
		return errNA{ready.NA}
	case ready.Err != "":
		return fmt.Errorf("target: %s", ready.Err)
	case mech.listens() != (listener >= 0):
		return errors.New("the target sent no listener, or one too many")
	}
	if listener >= 0 {
		s.listener.FD = listener
		defer unix.Close(listener)
		if err := needsFeatures(s.listener, mech.Needs...); err != nil {
			return err
		}
	}
	s.team.targets = ready.PIDs
	defer s.team.close()
	s.tid, s.nr, s.head, s.length, s.scratch = ready.TID, ready.Nr, ready.Head, ready.Len, ready.Scratch
	s.pointer, s.size, s.execs = cs.Pointer, cs.Size, cs.Execs
	s.buf = make([]byte, max(4096, cs.Bytes)+64)
	s.shares = make([]uint64, row.Calls)
	if s.pointer >= 0 {
		s.argOffset, _ = notify.ArgOffset(s.pointer)
		s.lenOffset, _ = notify.ArgOffset(2)
		s.restores = notify.Native.Args[s.pointer] != notify.Native.Result
	}
	if c.Wake == "sync" {
		if e := s.listener.SetFlags(1); e != 0 {
			return errNA{fmt.Sprintf("this kernel has no sync wake-up (SET_FLAGS gives %v; since 6.6)", e)}
		}
	}
	if err := s.runAll(mech, supCPU, max(1, c.Supervisors)); err != nil {
		return err
	}
	var done targetDone
	switch _, err := p.Conn.Recv(&done); {
	case err != nil:
		return fmt.Errorf("hear the end from the target: %w", err)
	case done.Err != "":
		return fmt.Errorf("target: %s", done.Err)
	}
	return s.report(row, mem, clk, mech, &done)
}

// startElsewhere starts the target from another thread: as a child of this
// one it would show up in the tracer's wait, which then reaped it.
func startElsewhere(samples *os.File) (*notify.Process, error) {
	type result struct {
		p   *notify.Process
		err error
	}
	started := make(chan result)
	go func() {
		p, err := notify.Start(roleTarget, samples)
		started <- result{p, err}
	}()
	r := <-started
	return r.p, r.err
}

// run serves the target on the calling thread.
func (s *supervisor) run(m *Mechanism, cpu int) error {
	if m.Serve == nil {
		return s.begin()
	}
	if err := notify.BindCPU(cpu); err != nil {
		return err
	}
	var before, after unix.Rusage
	_ = unix.Getrusage(unix.RUSAGE_THREAD, &before)
	err := m.Serve(s)
	if err != nil && m.Traced {
		// Tracees cannot end while they stand in a stop that is ours to
		// end, so none may be left behind.
		s.kill()
		s.tracer.Release()
	}
	_ = unix.Getrusage(unix.RUSAGE_THREAD, &after)
	s.cpu = cpuSeconds(&after) - cpuSeconds(&before)
	s.switches = after.Nvcsw + after.Nivcsw - before.Nvcsw - before.Nivcsw
	return err
}

// report fills in the row, after a last check: every call that the target
// made was answered, once.
func (s *supervisor) report(row *Row, mem []byte, clk clock, m *Mechanism, done *targetDone) error {
	if m.Serve != nil && s.served != done.Notified {
		return fmt.Errorf("the target made %d calls, the supervisor answered %d", done.Notified, s.served)
	}
	mech, native := samples(mem, row.Calls, row.Batch)
	scale := clk.scale / float64(row.Batch)
	row.Total = summarise(mech, scale)
	row.Native = summarise(native, scale)
	row.Modes = findModes(mech, scale)
	if m.Serve != nil {
		row.Supervisor = summarise(s.shares[:min(s.served, len(s.shares))], clk.scale)
	}
	row.TargetCPU, row.SupervisorCPU = done.CPU, s.cpu
	row.Switches = float64(done.Switches+s.switches) / float64(done.Notified)
	row.Stopped, row.Notifications = s.stopped, s.served
	row.SHA256 = hashSamples(mech, native)
	return nil
}
