package main

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"golang.org/x/sync/errgroup"
	"golang.org/x/sys/unix"

	"unotify-bench/abi"
	"unotify-bench/bench"
	"unotify-bench/internal/report"
	"unotify-bench/kernel"
)

// runner carries out a plan.
type runner struct {
	*app
	plan *plan
	sink *sink
	bar  *progress
	*journal

	mu       sync.Mutex
	failures []string // rows that could not be measured
}

func (r *runner) run(ctx context.Context) error {
	var broken []error
	if r.plan.onHost {
		if err := r.host(ctx); err != nil {
			return err
		}
	}
	if r.plan.install && len(r.plan.arches) > 0 {
		r.bar.Clear()
		d := &doctor{app: r.app, arches: r.plan.arches, source: r.plan.source}
		if err := d.ensure(ctx); err != nil {
			return err
		}
	}
	for _, arch := range r.plan.arches {
		for _, clock := range r.plan.clocks {
			err := r.machines(ctx, arch, clock)
			if ctx.Err() != nil {
				return ctx.Err()
			}
			// One architecture that does not work leaves the others.
			if err != nil {
				broken = append(broken, fmt.Errorf("%s: %w", arch.Name, err))
			}
		}
	}
	if len(broken) > 0 {
		return errors.Join(broken...)
	}
	if len(r.failures) > 0 {
		return failure("%d rows could not be measured:\n  %s", len(r.failures), strings.Join(r.failures, "\n  "))
	}
	return nil
}

// wallCalls is how many calls a row gets on a wall clock.
func (r *runner) wallCalls() int {
	if r.plan.per > 0 {
		// About 5 µs a call; a row that is slower takes longer.
		return max(100, int(r.plan.per/(5*time.Microsecond)))
	}
	return r.plan.calls
}

// host measures on this machine's own kernel.
func (r *runner) host(ctx context.Context) error {
	cfg := bench.Config{Unit: bench.UnitNanoseconds, Calls: r.wallCalls(), Warmup: 200, Limit: time.Minute}
	keys := r.hostKeys()
	total := int64(len(r.plan.host) * r.plan.count)
	r.bar.Step("measure host")
	var done int64
	// Whole rounds, so that a drift of the machine's speed goes over all rows.
	for round := 1; round <= r.plan.count; round++ {
		unit := fmt.Sprintf("host round %d", round)
		take := func(row bench.Row) error {
			done++
			r.bar.Done(done, total)
			return r.take(row, keys, host, runtime.NumCPU())
		}
		if known, err := r.journal.replay(unit, take); known || err != nil {
			if err != nil {
				return err
			}
			continue
		}
		err := bench.Run(ctx, cfg, r.plan.host, func(row bench.Row) error {
			return errors.Join(r.journal.row(unit, row), take(row))
		})
		if err = errors.Join(err, ctx.Err()); err == nil {
			err = r.journal.end(unit)
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// take stores a row.
func (r *runner) take(row bench.Row, keys laneKeys, where string, cpus int) error {
	switch {
	case row.NA != "":
		return r.sink.na(report.NA{Where: where, Name: row.Cell.Name(), Why: clean(row.NA)})
	case row.Err != "":
		row.Err = clean(row.Err)
		text := fmt.Sprintf("%s %s: %s", where, row.Cell.Name(), row.Err)
		r.mu.Lock()
		r.failures = append(r.failures, text)
		r.mu.Unlock()
		r.bar.Log("not measured: " + text)
		return r.sink.na(report.NA{Where: where, Name: row.Cell.Name(), Why: "failed: " + row.Err})
	}
	return r.sink.result(result(row, keys, cpus))
}

// hostKeys are the facts of this machine.
func (r *runner) hostKeys() laneKeys {
	return laneKeys{
		{"goos", runtime.GOOS}, {"goarch", runtime.GOARCH},
		{"kernel", unameRelease()}, {"accel", "native"}, {"clock", "wall"},
		{"cpu", cpuModel()}, {"unotify-bench", version()},
	}
}

func unameRelease() string {
	var u unix.Utsname
	if err := unix.Uname(&u); err != nil {
		return "unknown"
	}
	return unix.ByteSliceToString(u.Release[:])
}

// cpuModel is the model that /proc/cpuinfo names first.
func cpuModel() string {
	b, _ := os.ReadFile("/proc/cpuinfo")
	for line := range strings.Lines(string(b)) {
		k, v, ok := strings.Cut(line, ":")
		if k = strings.TrimSpace(k); ok && (k == "model name" || k == "uarch" || k == "CPU part") {
			return strings.TrimSpace(v)
		}
	}
	return ""
}

// machines measures in virtual machines of one architecture, one for each
// seed or repetition.
func (r *runner) machines(ctx context.Context, arch *abi.Arch, clock kernel.Clock) error {
	// What is missing can be said before a build that takes minutes.
	program, err := guestBinary(arch)
	if err != nil {
		return err
	}
	img, err := r.image(ctx, arch)
	if err != nil {
		return err
	}
	lane := &vmLane{runner: r, arch: arch, clock: clock, image: img, program: program, cells: r.plan.guest}
	// A guest on this clock must never idle between rows. To skip idle time
	// QEMU 7.2 moves its clock from either of two threads, and a machine that
	// halts just then gains a few instructions: of 60 amd64 machines that slept
	// for 1 or 20 virtual seconds before each row 3 differed from the others, of
	// 50 that did not sleep none (on a host with a load of 20).
	lane.cfg = bench.Config{Unit: bench.UnitInstructions, Calls: 300, Warmup: 100, Limit: 10 * time.Minute}
	lane.cpus = 1
	what := "instructions"
	if clock == kernel.Wall {
		lane.cfg = bench.Config{Unit: bench.UnitNanoseconds, Calls: r.wallCalls(), Warmup: 200, Limit: 2 * time.Minute}
		lane.cpus = r.plan.cpus
		what = "wall time"
	}
	if lane.facts, err = lane.machine(0).Facts(ctx); err != nil {
		return err
	}
	r.bar.Step(fmt.Sprintf("measure %s (%s, %s)", arch.Name, img.Release, what))
	lane.total = int64(len(lane.cells) * r.plan.count)
	var g errgroup.Group
	g.SetLimit(r.plan.jobs)
	for seed := 1; seed <= r.plan.count; seed++ {
		g.Go(func() error { return lane.boot(ctx, uint64(seed)) })
	}
	return g.Wait()
}

// image builds the kernel, or opens the one that --kernel names.
func (r *runner) image(ctx context.Context, arch *abi.Arch) (*kernel.Image, error) {
	if isPath(r.plan.kernel) {
		return kernel.OpenImage(r.plan.kernel, arch)
	}
	b := &kernel.Builder{Source: r.plan.source, Progress: r.bar}
	if r.verbose {
		b.Verbose = r.stderr
	}
	return b.Build(ctx, arch, kernel.Variant(r.plan.kernel))
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
	done    atomic.Int64
}

// boot measures every cell in one virtual machine. Rows are stored as they
// arrive; the guest is not believed.
func (l *vmLane) boot(ctx context.Context, seed uint64) error {
	unit := fmt.Sprintf("%s clock %d seed %d", l.arch.Name, l.clock, seed)
	samples := sha256.New()
	take := func(row bench.Row) error {
		fmt.Fprintf(samples, "%s %s\n", row.Cell.Name(), row.SHA256)
		l.bar.Done(l.done.Add(1), l.total)
		return l.take(row, l.keys(), l.arch.Name, l.cpus)
	}
	known, err := l.journal.replay(unit, take)
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
	if l.clock != kernel.Insns {
		return nil
	}
	return l.sink.remark("samples goarch=%s seed=%d rows=%d sha256=%s", l.arch.Name, seed, len(l.cells), hex.EncodeToString(samples.Sum(nil)))
}

// bootOnce is the part of boot that is not remembered.
func (l *vmLane) bootOnce(ctx context.Context, unit string, seed uint64, take func(bench.Row) error) error {
	j, err := json.Marshal(job{Config: l.cfg, Cells: l.cells})
	if err != nil {
		return err
	}
	m := l.machine(seed)
	m.Files = map[string][]byte{jobFile: j}
	m.Run = runID(l.image, j, seed)
	if m.ConsoleLog, err = l.consoleLog(seed); err != nil {
		return err
	}
	var at int
	exit, err := m.Boot(ctx, func(e kernel.Event) error {
		switch e.Kind {
		case eventErr:
			var text string
			_ = json.Unmarshal(e.Data, &text)
			return fmt.Errorf("guest: %.1000q", text)
		case eventRow:
		default:
			return fmt.Errorf("guest sent an event of unknown kind %.40q", e.Kind)
		}
		var row bench.Row
		if err := json.Unmarshal(e.Data, &row); err != nil {
			return fmt.Errorf("guest sent a row that is none: %w", err)
		}
		if at >= len(l.cells) {
			return errors.New("guest sent more rows than were asked for")
		}
		if err := checkRow(row, l.cells[at], l.cfg.Unit); err != nil {
			return err
		}
		at++
		return errors.Join(l.journal.row(unit, row), take(row))
	})
	switch {
	case errors.Is(err, kernel.ErrSplat) && m.ConsoleLog != "":
		return fmt.Errorf("%w\n(console: %s)", err, m.ConsoleLog)
	case err != nil:
		return err
	case exit.Code != 0 || at != len(l.cells):
		return fmt.Errorf("the guest ended with status %d after %d of %d rows", exit.Code, at, len(l.cells))
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

func (l *vmLane) keys() laneKeys {
	seeds := seedList(l.plan.count)
	if l.clock == kernel.Wall {
		seeds = ""
	}
	return laneKeys{
		{"goos", "linux"}, {"goarch", l.arch.Name},
		{"kernel", l.image.Release}, {"kernel-sha256", l.image.SHA256},
		{"accel", string(l.facts.Accel)}, {"clock", clockName(l.clock)}, {"qemu", l.facts.QEMU}, {"seeds", seeds},
		{"unotify-bench", version()},
	}
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
	if !l.sink.regular {
		return "", nil
	}
	dir := strings.TrimSuffix(l.sink.path, filepath.Ext(l.sink.path)) + ".console"
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return "", fmt.Errorf("make the directory for console logs: %w", err)
	}
	return filepath.Join(dir, fmt.Sprintf("%s-%s-%d.log", l.arch.Name, clockName(l.clock), seed)), nil
}
