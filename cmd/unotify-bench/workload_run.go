package main

import (
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"runtime"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"unotify-bench/abi"
	"unotify-bench/bench"
	"unotify-bench/bench/workload"
	"unotify-bench/internal/report"
	"unotify-bench/kernel"
)

// workloadRunner carries out a plan of workloads.
type workloadRunner struct {
	*runner
	*workloadPlan
	journal *journal[workload.Row]

	judge verdictJudge
	done  atomic.Int64
	total int64
}

// guestSize is how much of a workload a virtual machine does, in per cent: it
// is a hundred times slower than the host, and repeats to the instruction.
const guestSize = 25

func (r *workloadRunner) run(ctx context.Context) error {
	if r.onHost {
		if err := r.onThisMachine(ctx); err != nil {
			return err
		}
	}
	broken, err := eachArch(ctx, r.arches, func(arch *abi.Arch) error {
		for _, clock := range r.clocks {
			if err := r.inMachines(ctx, arch, clock); err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		return err
	}
	failures, notes := r.judge.conclude(len(r.program) > 0)
	for _, n := range notes {
		r.bar.Log(n)
	}
	failures = append(r.failures, failures...)
	switch {
	case broken != nil:
		return broken
	case len(failures) > 0:
		return failure("%d rows could not be measured, or do not agree:\n  %s", len(failures), strings.Join(failures, "\n  "))
	}
	return nil
}

// onThisMachine measures on this machine's own kernel, in whole rounds.
func (r *workloadRunner) onThisMachine(ctx context.Context) error {
	cfg := workload.Config{Unit: bench.UnitNanoseconds, Size: 100, Limit: 2 * time.Minute, Program: r.program, Policy: r.workloadPlan.policy}
	if len(r.program) > 0 {
		cfg.Limit = time.Hour
	}
	if r.quick {
		cfg.Size = guestSize
	}
	r.bar.Step("measure host")
	r.done.Store(0)
	r.total = int64(len(r.here) * r.count)
	for round := 1; round <= r.count; round++ {
		unit := fmt.Sprintf("host round %d", round)
		take := r.taker(r.hostKeys(), host, runtime.NumCPU())
		if known, err := r.journal.replay(unit, workloadsOf(r.here, cfg.Unit), take); known || err != nil {
			if err != nil {
				return err
			}
			continue
		}
		err := workload.Run(ctx, cfg, r.here, func(row workload.Row) error {
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

// inMachines measures in virtual machines, one for each seed or repetition.
func (r *workloadRunner) inMachines(ctx context.Context, arch *abi.Arch, clock kernel.Clock) error {
	lane, err := r.lane(ctx, arch, clock)
	if err != nil {
		return err
	}
	r.done.Store(0)
	r.total = int64(len(r.inGuest) * r.count)
	return lane.each(make(chan struct{}, r.jobs), func(seed uint64) error {
		if err := r.boot(ctx, lane, seed); err != nil {
			return fmt.Errorf("seed %d: %w", seed, err)
		}
		return nil
	}).Wait()
}

// boot measures every cell in one virtual machine.
func (r *workloadRunner) boot(ctx context.Context, l *vmLane, seed uint64) error {
	unit, samples := l.unitName(seed), sha256.New()
	store := r.taker(l.keys(), l.arch.Name, l.cpus)
	take := func(row workload.Row) error {
		fmt.Fprintf(samples, "%s %s\n", row.Cell.Name(), row.SHA256)
		return store(row)
	}
	known, err := r.journal.replay(unit, workloadsOf(r.inGuest, l.cfg.Unit), take)
	if err != nil {
		return err
	}
	if !known {
		cfg := workload.Config{Unit: l.cfg.Unit, Size: guestSize, Limit: l.cfg.Limit}
		at := 0
		err := l.guest(ctx, job{Workload: cfg, Workloads: r.inGuest}, seed, eventWorkload, len(r.inGuest), func(data []byte) error {
			var row workload.Row
			if err := decode(data, &row, "row"); err != nil {
				return err
			}
			if err := checkWorkload(row, r.inGuest[at], cfg.Unit); err != nil {
				return err
			}
			at++
			return errors.Join(r.journal.row(unit, row), take(row))
		})
		if err = errors.Join(err, ctx.Err()); err == nil {
			err = r.journal.end(unit)
		}
		if err != nil {
			return err
		}
	}
	return l.remarkSamples(seed, len(r.inGuest), samples)
}

// taker stores the rows of one round, each beside its round's baseline.
func (r *workloadRunner) taker(keys laneKeys, where string, cpus int) func(workload.Row) error {
	var mu sync.Mutex
	native := map[string]float64{}
	return func(row workload.Row) error {
		mu.Lock()
		defer mu.Unlock()
		r.bar.Done(r.done.Add(1), r.total)
		name := row.Cell.Name()
		switch {
		case row.NA != "":
			return r.sink.na(report.NA{Where: where, Name: name, Why: clean(row.NA)})
		case row.Err != "":
			text := fmt.Sprintf("%s %s: %s", where, name, clean(row.Err))
			r.mu.Lock()
			r.failures = append(r.failures, text)
			r.mu.Unlock()
			r.bar.Log("not measured: " + text)
			return r.sink.na(report.NA{Where: where, Name: name, Why: "failed: " + clean(row.Err)})
		}
		if row.Cell.Mech == workload.Baseline {
			native[row.Cell.Workload] = row.Elapsed
		}
		r.judge.add(where, row)
		return r.sink.result(workloadResult(row, native[row.Cell.Workload], keys, cpus))
	}
}
