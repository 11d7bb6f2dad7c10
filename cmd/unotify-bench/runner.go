package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"runtime"
	"strings"
	"sync"
	"time"

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
	*journal[bench.Row]
	// images, if not nil, is where kernels come from instead of --kernel.
	images func(context.Context, *abi.Arch) (*kernel.Image, error)

	mu       sync.Mutex
	failures []string // rows that could not be measured
	profiled []profiled
}

func (r *runner) run(ctx context.Context) error {
	if r.plan.onHost {
		if err := r.host(ctx); err != nil {
			return err
		}
	}
	if err := r.prepare(ctx); err != nil {
		return err
	}
	q := newQueue(r.plan.jobs)
	for _, arch := range r.plan.arches {
		for _, clock := range r.plan.clocks {
			if ctx.Err() == nil {
				q.fail(arch, r.measure(ctx, q, arch, clock))
			}
		}
	}
	broken := q.wait()
	switch {
	case ctx.Err() != nil:
		return ctx.Err()
	case broken != nil:
		return broken
	}
	if len(r.failures) > 0 {
		return failure("%d rows could not be measured:\n  %s", len(r.failures), strings.Join(r.failures, "\n  "))
	}
	return nil
}

// prepare does what virtual machines need, once the host is measured.
func (r *runner) prepare(ctx context.Context) error {
	if r.plan.guests != "" && len(r.plan.arches) > 0 {
		if err := r.buildGuests(ctx); err != nil {
			return err
		}
	}
	if r.plan.install && len(r.plan.arches) > 0 {
		r.bar.Clear()
		d := &doctor{app: r.app, arches: r.plan.arches, source: r.plan.source}
		return d.ensure(ctx)
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
		if known, err := r.journal.replay(unit, rowsOf(r.plan.host, cfg.Unit), take); known || err != nil {
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

// failedNA begins the reason why a row has no figures if that is no property of it.
const failedNA = "failed: "

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
		return r.sink.na(report.NA{Where: where, Name: row.Cell.Name(), Why: failedNA + row.Err})
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

// buildGuests has the guests' programs built. It is what a fresh machine takes
// longest for, bar the kernels, and the host needs none of them.
func (r *runner) buildGuests(ctx context.Context) error {
	r.bar.Step("build the guests' programs")
	cmd := exec.CommandContext(ctx, "/bin/sh", "-c", r.plan.guests)
	var out bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &out
	if r.verbose {
		cmd.Stdout, cmd.Stderr = r.stderr, r.stderr
	}
	cmd.WaitDelay = 5 * time.Second
	if err := cmd.Run(); err != nil {
		return errors.Join(ctx.Err(), fmt.Errorf("build the guests' programs with %q: %w\n%s", r.plan.guests, err, sanitize(out.String())))
	}
	return nil
}

// image builds the kernel, or opens the one that --kernel names.
func (r *runner) image(ctx context.Context, arch *abi.Arch) (*kernel.Image, error) {
	if r.images != nil {
		return r.images(ctx, arch)
	}
	return r.app.image(ctx, arch, kernelFlags{variant: r.plan.kernel, source: r.plan.source}, r.bar)
}
