package main

import (
	"context"
	"crypto/rand"
	"encoding/json"
	"errors"
	"fmt"
	"runtime"
	"strings"
	"sync/atomic"
	"time"

	"unotify-bench/abi"
	"unotify-bench/abi/suite"
	"unotify-bench/kernel"
)

// raceRunner carries out a plan of `abi race`.
type raceRunner struct {
	*app
	*racePlan
	bar   *progress
	lanes []*raceLane
	tried atomic.Int64 // in this stage
	total int64
}

// raceLane is races on one kernel, one after the other: all of them on the host; in
// a virtual machine one, so that machines keep all CPUs busy until the end.
type raceLane struct {
	races []suite.Race
	rows  []raceRow // of those that have begun
	last  suite.RaceCount
	begun time.Time // the last row
	fill  raceRow   // what is the same in each row
}

func (r *raceRunner) run(ctx context.Context) error {
	if r.onHost {
		r.stage("race on host", 1)
		l := r.lane(r.races, raceRow{Where: host, Kernel: unameRelease(), Accel: "native", CPUs: runtime.NumCPU()})
		if err := suite.Races(ctx, r.races, suite.Deadline, func(c suite.RaceCount) error { return r.take(l, c) }); err != nil {
			return err
		}
	}
	machines := map[*raceLane]*kernel.Machine{}
	broken, err := eachArch(ctx, r.arches, func(arch *abi.Arch) error { return r.machines(ctx, arch, machines) })
	if err != nil {
		return err
	}
	if len(machines) > 0 {
		r.stage(fmt.Sprintf("race on %s (%s)", strings.Join(archNames(r.arches), ", "), r.kernel), len(r.arches))
	}
	return errors.Join(broken, eachLane(ctx, r.jobs, r.lanes, func(l *raceLane) error {
		if m := machines[l]; m != nil {
			return r.boot(ctx, l, m)
		}
		return nil
	}))
}

func (l *raceLane) place() string { return l.fill.Where }

// stage begins to count on so many kernels.
func (r *raceRunner) stage(name string, places int) {
	r.tried.Store(0)
	r.total = 0
	for _, race := range r.races {
		r.total += int64(places * race.Tries)
	}
	r.bar.Count(name)
}

func (r *raceRunner) lane(races []suite.Race, fill raceRow) *raceLane {
	l := &raceLane{races: races, fill: fill}
	r.lanes = append(r.lanes, l)
	return l
}

// rows lists what has begun, in the order of the table.
func (r *raceRunner) rows() []raceRow {
	var all []raceRow
	for _, l := range r.lanes {
		all = append(all, l.rows...)
	}
	return all
}

// machines readies the virtual machines of an architecture, one a race.
func (r *raceRunner) machines(ctx context.Context, arch *abi.Arch, machines map[*raceLane]*kernel.Machine) error {
	// What is missing can be said before a build that takes minutes.
	program, err := guestBinary(arch)
	if err != nil {
		return err
	}
	img, err := r.image(ctx, arch, kernelFlags{variant: r.kernel, source: r.source}, r.bar)
	if err != nil {
		return err
	}
	m := kernel.Machine{
		Image: img, Arch: arch, Init: program,
		Clock: kernel.Wall, CPUs: r.cpus, Timeout: 24 * time.Hour, Idle: 10 * time.Minute,
		Logf: func(format string, args ...any) { r.bar.Log(fmt.Sprintf(format, args...)) },
	}
	facts, err := m.Facts(ctx)
	if err != nil {
		return err
	}
	m.Accel = facts.Accel // which is said once
	for _, race := range r.races {
		races := []suite.Race{race}
		text, err := json.Marshal(job{Races: races})
		if err != nil {
			return err
		}
		l := r.lane(races, raceRow{Where: arch.Name, Kernel: img.Release, Accel: string(facts.Accel), CPUs: r.cpus})
		own := m
		own.Files, own.Run = map[string][]byte{jobFile: text}, rand.Text()
		machines[l] = &own
	}
	return nil
}

// boot lets the races of a lane happen in a machine.
func (r *raceRunner) boot(ctx context.Context, l *raceLane, m *kernel.Machine) error {
	exit, err := m.Boot(ctx, func(e kernel.Event) error {
		if err := complaint(e, eventRace); err != nil {
			return err
		}
		var c suite.RaceCount
		if err := decode(e.Data, &c, "count"); err != nil {
			return err
		}
		if err := l.check(c); err != nil {
			return err
		}
		return r.take(l, c)
	})
	if err == nil && (exit.Code != 0 || len(l.rows) != len(l.races) || !l.last.Over) {
		err = fmt.Errorf("the guest ended with status %d in race %d of %d", exit.Code, len(l.rows), len(l.races))
	}
	if err != nil && ctx.Err() == nil && len(l.rows) > 0 && !l.last.Over {
		// This is the one that the kernel did not survive.
		l.last.Over, l.last.Err = true, "the machine ended: "+err.Error()
		return errors.Join(r.take(l, l.last), err)
	}
	return err
}

// check refuses what cannot be. What a guest says is not believed: it counts
// what it was asked to, in order, and never backwards.
func (l *raceLane) check(c suite.RaceCount) error {
	at := len(l.rows) - 1
	before := l.last
	if at < 0 || before.Over {
		at++
		before = suite.RaceCount{}
	}
	switch {
	case at >= len(l.races):
		return errors.New("guest sent more counts than were asked for")
	case c.Race != l.races[at]:
		return fmt.Errorf("guest sent a count of %.80q, asked was %q", fmt.Sprint(c.Race), fmt.Sprint(l.races[at]))
	case c.Won < before.Won, c.Won > c.Tried, c.Tried < before.Tried, c.Tried > c.Tries, c.Denied < before.Denied,
		c.NA != "" && c.Tried > 0,
		c.Over && c.Err == "" && c.NA == "" && c.Tried != c.Tries:
		return fmt.Errorf("guest sent impossible counts for %v", c.Race)
	}
	return nil
}

// take keeps a count in its row.
func (r *raceRunner) take(l *raceLane, c suite.RaceCount) error {
	if len(l.rows) == 0 || l.last.Over {
		row := l.fill
		row.Mech, row.Attack = c.Mech, c.Attack
		l.rows, l.begun, l.last = append(l.rows, row), time.Now(), suite.RaceCount{}
	}
	row := &l.rows[len(l.rows)-1]
	row.Seconds = time.Since(l.begun).Seconds()
	row.judge(c)
	more := c.Tried - l.last.Tried
	if c.Over {
		more = c.Tries - l.last.Tried // those that will not come any more are behind, too
		if row.Verdict != raceHolds && row.Verdict != raceLoses && (row.Verdict != raceNone || r.verbose) {
			r.bar.Log(fmt.Sprintf("%s: %s %s by %s", row.Verdict, row.Where, row.Mech, row.Attack))
		}
	}
	l.last = c
	r.bar.Done(r.tried.Add(int64(more)), r.total)
	return nil
}
