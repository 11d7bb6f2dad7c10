package main

import (
	"context"
	"crypto/rand"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"sync/atomic"
	"time"

	"golang.org/x/sync/errgroup"

	"unotify-bench/abi"
	"unotify-bench/abi/suite"
	"unotify-bench/kernel"
)

// abiRunner carries out a plan of `abi`.
type abiRunner struct {
	*app
	*abiPlan
	bar   *progress
	lanes []*abiLane
	done  atomic.Int64
}

// abiLane is what one kernel says.
type abiLane struct {
	Where   string // host, or an architecture
	Release string
	Rows    []abiRow
	rerun   string // the command that does it again, but for the check
}

type abiRow struct {
	Check   *suite.Check
	Verdict suite.Verdict
	Text    string
}

func (r *abiRunner) run(ctx context.Context) error {
	places := len(r.arches)
	if r.onHost {
		places++
		lane := r.lane(host, unameRelease())
		r.bar.Step("check host")
		if err := suite.Run(ctx, r.checks, suite.Deadline, func(res suite.Result) error {
			return r.take(lane, res, places)
		}); err != nil {
			return err
		}
	}
	// Kernels are built one after the other: a build uses all CPUs.
	machines := map[*abiLane]*kernel.Machine{}
	var broken []error
	for _, arch := range r.arches {
		lane, m, err := r.machine(ctx, arch)
		if ctx.Err() != nil {
			return ctx.Err()
		}
		// One architecture that does not work leaves the others.
		if err != nil {
			broken = append(broken, fmt.Errorf("%s: %w", arch.Name, err))
			continue
		}
		machines[lane] = m
	}
	if len(machines) > 0 {
		r.bar.Step(fmt.Sprintf("check %s (%s)", strings.Join(archNames(r.arches), ", "), r.kernel))
	}
	var g errgroup.Group
	g.SetLimit(r.jobs)
	errs := make([]error, len(r.lanes))
	for i, lane := range r.lanes {
		if m := machines[lane]; m != nil {
			g.Go(func() error {
				if err := r.boot(ctx, lane, m, places); err != nil {
					errs[i] = fmt.Errorf("%s: %w", lane.Where, err)
				}
				return nil
			})
		}
	}
	_ = g.Wait() // the errors are in errs
	if ctx.Err() != nil {
		return ctx.Err()
	}
	return errors.Join(append(broken, errs...)...)
}

func archNames(as []*abi.Arch) []string {
	var names []string
	for _, a := range as {
		names = append(names, a.Name)
	}
	return names
}

func (r *abiRunner) lane(where, release string) *abiLane {
	l := &abiLane{Where: where, Release: release, rerun: "unotify-bench abi --on " + where}
	switch {
	case where == host:
	case r.fault != "":
		l.rerun += " --fault " + r.fault
	default:
		l.rerun += " --kernel " + r.kernel
	}
	if r.expect != "" {
		l.rerun += " --expect " + r.expect
	}
	r.lanes = append(r.lanes, l)
	return l
}

// take judges one result and keeps it.
func (r *abiRunner) take(l *abiLane, res suite.Result, places int) error {
	c := r.checks[len(l.Rows)]
	v, text := c.Judge(res, suite.Expectation(r.expect))
	l.Rows = append(l.Rows, abiRow{Check: c, Verdict: v, Text: text})
	if v.Bad() || r.verbose {
		r.bar.Log(fmt.Sprintf("%s: %s %s", v, l.Where, c.ID))
	}
	r.bar.Done(r.done.Add(1), int64(len(r.checks)*places))
	return nil
}

// machine readies the virtual machine of an architecture. Its clock counts
// instructions, so that a slow host makes no check run into its deadline, and
// to sleep takes no time.
func (r *abiRunner) machine(ctx context.Context, arch *abi.Arch) (*abiLane, *kernel.Machine, error) {
	// What is missing can be said before a build that takes minutes.
	program, err := guestBinary(arch)
	if err != nil {
		return nil, nil, err
	}
	builder := &runner{app: r.app, plan: &plan{runFlags: runFlags{kernel: r.kernel, source: r.source}}, bar: r.bar}
	img, err := builder.image(ctx, arch)
	if err != nil {
		return nil, nil, err
	}
	j := job{}
	for _, c := range r.checks {
		j.Checks = append(j.Checks, c.ID)
	}
	text, err := json.Marshal(j)
	if err != nil {
		return nil, nil, err
	}
	return r.lane(arch.Name, img.Release), &kernel.Machine{
		Image: img, Arch: arch, Init: program, Files: map[string][]byte{jobFile: text}, Params: r.params,
		Clock: kernel.Insns, Halt: true, Seed: 1, MemMiB: 512, Run: rand.Text(),
		Timeout: time.Hour, Idle: 10 * time.Minute,
	}, nil
}

// boot runs the checks in a machine. What the guest says is not believed: it
// answers what it was asked, in order, and nothing else.
func (r *abiRunner) boot(ctx context.Context, l *abiLane, m *kernel.Machine, places int) error {
	exit, err := m.Boot(ctx, func(e kernel.Event) error {
		res, err := r.said(l, e)
		if err != nil {
			return err
		}
		return r.take(l, res, places)
	})
	switch {
	case err == nil && (exit.Code != 0 || len(l.Rows) != len(r.checks)):
		err = fmt.Errorf("the guest ended with status %d after %d of %d checks", exit.Code, len(l.Rows), len(r.checks))
	case err == nil:
		return nil
	case len(l.Rows) < len(r.checks) && ctx.Err() == nil:
		// The next check is the one that the kernel did not survive.
		res := suite.Result{Outcome: suite.Unclear, Text: "the machine ended: " + sanitize(err.Error())}
		return errors.Join(r.take(l, res, places), err)
	}
	return err
}

// said is what an event of the guest says, if it may say so.
func (r *abiRunner) said(l *abiLane, e kernel.Event) (suite.Result, error) {
	var res suite.Result
	switch e.Kind {
	case eventErr:
		var text string
		_ = json.Unmarshal(e.Data, &text)
		return res, fmt.Errorf("guest: %.1000q", text)
	case eventCheck:
	default:
		return res, fmt.Errorf("guest sent an event of unknown kind %.40q", e.Kind)
	}
	if err := json.Unmarshal(e.Data, &res); err != nil {
		return res, fmt.Errorf("guest sent a result that is none: %w", err)
	}
	if len(l.Rows) >= len(r.checks) {
		return res, errors.New("guest sent more results than were asked for")
	}
	if want := r.checks[len(l.Rows)].ID; res.ID != want {
		return res, fmt.Errorf("guest sent a result for %.80q, asked was %q", res.ID, want)
	}
	res.Text = sanitize(res.Text)
	return res, nil
}

// sanitize keeps a text of several lines from writing to the terminal: each
// line is clean, and neither endless nor one of endlessly many.
func sanitize(text string) string {
	const maxLines, maxLine = 100, 400
	lines := strings.Split(strings.TrimRight(text, "\n"), "\n")
	if len(lines) > maxLines {
		lines = append(lines[:maxLines], "…")
	}
	for i, line := range lines {
		lines[i] = fmt.Sprintf("%.*s", maxLine, clean(line))
	}
	return strings.Join(lines, "\n")
}
