package main

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"hash"
	"os"
	"path/filepath"
	"strings"
	"sync/atomic"
	"time"

	"golang.org/x/sync/errgroup"

	"unotify-bench/abi"
	"unotify-bench/bench"
	"unotify-bench/internal/report"
	"unotify-bench/kernel"
)

// lane readies the virtual machines of one architecture on one clock.
func (r *runner) lane(ctx context.Context, arch *abi.Arch, clock kernel.Clock) (*vmLane, error) {
	// What is missing can be said before a build that takes minutes.
	program, err := guestBinary(arch)
	if err != nil {
		return nil, err
	}
	img, err := r.image(ctx, arch)
	if err != nil {
		return nil, err
	}
	sum, err := kernel.FileSHA256(program)
	if err != nil {
		return nil, err
	}
	lane := &vmLane{
		runner: r, arch: arch, clock: clock, image: img, program: program, programSum: sum,
		cells: r.plan.guest, done: new(atomic.Int64), turn: new(turn),
	}
	// A guest on this clock must never idle between rows. To skip idle time
	// QEMU 7.2 moves its clock from either of two threads, and a machine that
	// halts just then gains a few instructions: of 60 amd64 machines that slept
	// for 1 or 20 virtual seconds before each row 3 differed from the others, of
	// 50 that did not sleep none (on a host with a load of 20).
	//
	// Of 300 calls after 100, the medians of five seeds are the same more often than
	// of fewer, or of calls that come earlier, which take other paths: with 200 after
	// 20 a call that had become ten instructions dearer was not told from noise.
	lane.cfg = bench.Config{Unit: bench.UnitInstructions, Calls: 300, Warmup: 100, Limit: 10 * time.Minute}
	lane.cpus = 1
	what := "instructions"
	if clock == kernel.Wall {
		lane.cfg = bench.Config{Unit: bench.UnitNanoseconds, Calls: r.wallCalls(), Warmup: 200, Limit: 2 * time.Minute}
		lane.cpus = r.plan.cpus
		what = "wall time"
	}
	if lane.facts, err = lane.machine(0).Facts(ctx); err != nil {
		return nil, err
	}
	r.bar.Step(fmt.Sprintf("measure %s (%s, %s)", arch.Name, img.Release, what))
	return lane, nil
}

// each does something for each seed or repetition when a slot is free for it, and
// returns when the last was started.
func (l *vmLane) each(slots chan struct{}, do func(seed uint64) error) *errgroup.Group {
	var g errgroup.Group
	for seed := 1; seed <= l.plan.count; seed++ {
		slots <- struct{}{}
		g.Go(func() error {
			defer func() { <-slots }()
			return do(uint64(seed))
		})
	}
	return &g
}

// vmLane is one architecture on one clock.
type vmLane struct {
	*runner
	arch    *abi.Arch
	clock   kernel.Clock
	image   *kernel.Image
	program string
	facts   kernel.Facts
	cfg     bench.Config
	cells   []bench.Cell
	cpus    int
	total   int64
	done    *atomic.Int64
	turn    *turn

	programSum string // its SHA-256

	// A machine that is traced has one row, and its name in unit.
	trace *kernel.Trace
	unit  string
	heard func(bench.Row)
}

// boot measures every cell in one virtual machine. Rows are stored as they
// arrive; the guest is not believed.
func (l *vmLane) boot(ctx context.Context, seed uint64) error {
	unit, samples := l.unitName(seed), sha256.New()
	take := func(row bench.Row) error {
		fmt.Fprintf(samples, "%s %s\n", row.Cell.Name(), row.SHA256)
		if done := l.done.Add(1); !l.turn.hidden.Load() {
			l.bar.Done(done, l.total)
		}
		if l.heard != nil {
			l.heard(row)
		}
		return l.turn.write(func() error { return l.take(row, l.keys(), l.arch.Name, l.cpus) })
	}
	known, err := l.journal.replay(unit, rowsOf(l.cells, l.cfg.Unit), take)
	if err != nil {
		return err
	}
	if !known {
		if err := l.bootOnce(ctx, unit, seed, take); err != nil {
			return fmt.Errorf("seed %d: %w", seed, err)
		}
		if err := l.journal.end(unit); err != nil {
			return err
		}
	}
	return l.turn.write(func() error { return l.remarkSamples(seed, len(l.cells), samples) })
}

// unitName is what a machine's part of the journal is called.
func (l *vmLane) unitName(seed uint64) string {
	return fmt.Sprintf("%s clock %d seed %d program %.12s%s", l.arch.Name, l.clock, seed, l.programSum, l.unit)
}

// remarkSamples writes down the hash of all samples of a machine, on the clock
// where they repeat.
func (l *vmLane) remarkSamples(seed uint64, rows int, samples hash.Hash) error {
	if l.clock != kernel.Insns {
		return nil
	}
	return l.sink.remark("%s", report.Sample{
		Goarch: l.arch.Name, Seed: fmt.Sprint(seed), Rows: fmt.Sprint(rows),
		Program: l.programSum, SHA256: hex.EncodeToString(samples.Sum(nil)),
	}.Remark())
}

// bootOnce is the part of boot that is not remembered.
func (l *vmLane) bootOnce(ctx context.Context, unit string, seed uint64, take func(bench.Row) error) error {
	var at int
	return l.guest(ctx, job{Config: l.cfg, Cells: l.cells}, seed, eventRow, len(l.cells), func(data []byte) error {
		var row bench.Row
		if err := decode(data, &row, "row"); err != nil {
			return err
		}
		if err := checkRow(row, l.cells[at], l.cfg.Unit); err != nil {
			return err
		}
		at++
		return errors.Join(l.journal.row(unit, row), take(row))
	})
}

// guest has a job done in one virtual machine, which must send so many events
// of a kind, and no more.
func (l *vmLane) guest(ctx context.Context, order job, seed uint64, kind string, rows int, take func(data []byte) error) error {
	j, err := json.Marshal(order)
	if err != nil {
		return err
	}
	m := l.machine(seed)
	// A fault is no input of the run's id, and takes the same room whatever it
	// is: the machines with it and without are to differ in nothing else.
	m.Run = runID(l.image, j, seed)
	if fault := l.plan.faultOn(); fault != "" {
		order.Fault = fmt.Sprintf("%-*s", faultRoom, fault)
		if j, err = json.Marshal(order); err != nil {
			return err
		}
	}
	m.Files = map[string][]byte{jobFile: j}
	m.Trace = l.trace
	if m.ConsoleLog, err = l.consoleLog(seed); err != nil {
		return err
	}
	var at int
	exit, err := m.Boot(ctx, func(e kernel.Event) error {
		if err := complaint(e, kind); err != nil {
			return err
		}
		if at >= rows {
			return errors.New("guest sent more rows than were asked for")
		}
		at++
		return take(e.Data)
	})
	switch {
	case errors.Is(err, kernel.ErrSplat) && m.ConsoleLog != "":
		return fmt.Errorf("%w\n(console: %s)", err, m.ConsoleLog)
	case err != nil:
		return err
	case exit.Code != 0 || at != rows:
		return fmt.Errorf("the guest ended with status %d after %d of %d rows", exit.Code, at, rows)
	}
	return nil
}

// machine is the virtual machine of one seed, without its job.
func (l *vmLane) machine(seed uint64) *kernel.Machine {
	return &kernel.Machine{
		Image: l.image, Arch: l.arch, Init: l.program,
		Clock: l.clock, Accel: l.plan.accelV, CPUs: l.cpus, Seed: seed,
		Timeout: time.Hour, Idle: 10 * time.Minute,
		Logf: func(format string, args ...any) { l.bar.Log(fmt.Sprintf(format, args...)) },
	}
}

// runID names a run. It is the same for the same run: the guest finds it on
// its kernel's command line, which the kernel mixes into its random numbers
// (random_init_early), which place every mapping.
func runID(img *kernel.Image, job []byte, seed uint64) string {
	h := sha256.New()
	fmt.Fprintf(h, "%s %d %s", img.SHA256, seed, job)
	return hex.EncodeToString(h.Sum(nil)[:16])
}

// faultRoom is what the name of a fault takes in a job.
const faultRoom = 32

func (l *vmLane) keys() laneKeys {
	seeds := seedList(l.plan.count)
	if l.clock == kernel.Wall {
		seeds = ""
	}
	keys := laneKeys{
		{"goos", "linux"}, {"goarch", l.arch.Name},
		{"kernel", l.image.Release}, {"kernel-sha256", l.image.SHA256},
		{"accel", string(l.facts.Accel)}, {"clock", clockName(l.clock)}, {"qemu", l.facts.QEMU}, {"seeds", seeds},
		{"unotify-bench", version()},
	}
	if l.plan.fault != "" {
		keys = append(keys, [2]string{"fault", l.plan.fault})
	}
	return keys
}

// clockName is the value of the key clock.
func clockName(c kernel.Clock) string {
	if c == kernel.Wall {
		return "wall"
	}
	return "insns"
}

func seedList(n int) string {
	var s []string
	for i := 1; i <= n; i++ {
		s = append(s, fmt.Sprint(i))
	}
	return strings.Join(s, ",")
}

// consoleLog is where the console of a machine is kept, beside the results
// if these are a file.
func (l *vmLane) consoleLog(seed uint64) (string, error) {
	if !l.sink.file.regular {
		return "", nil
	}
	dir := strings.TrimSuffix(l.sink.path, filepath.Ext(l.sink.path)) + ".console"
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return "", fmt.Errorf("make the directory for console logs: %w", err)
	}
	return filepath.Join(dir, fmt.Sprintf("%s-%s-%d.log", l.arch.Name, clockName(l.clock), seed)), nil
}
