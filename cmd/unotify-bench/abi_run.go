package main

import (
	"cmp"
	"context"
	"crypto/rand"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync/atomic"
	"time"

	"unotify-bench/abi"
	"unotify-bench/abi/suite"
	"unotify-bench/kernel"
)

// abiRunner carries out a plan of `abi`.
type abiRunner struct {
	*app
	*abiPlan
	bar     *progress
	journal *journal[suite.Result]
	lanes   []*abiLane
	live    *lavaVerdicts // gets each verdict at once, if not nil
	done    atomic.Int64
}

// abiLane is what one kernel says.
type abiLane struct {
	Where   string // host, or an architecture
	Release string
	kernel  string         // what tells it from all others, in the journal
	Rows    []abiRow       // in the order of the catalogue, once all is done
	todo    []*suite.Check // what has no row yet, in the order of asking
	rerun   string         // the command that does it again, with %s for an expression of checks
	seed    int            // of this run of the checks, from 1
}

// abiRow is a check's verdict: of several runs the worst, and how often it was
// not the best.
type abiRow struct {
	Check   *suite.Check
	Verdict suite.Verdict
	Text    string
	Runs    int
	Bad     int           // how many of them failed or could not tell
	began   time.Duration // after the machine's boot, in the last run
	took    time.Duration // all runs together
}

// length is how long the check takes, in the mean of its runs.
func (r *abiRow) length() time.Duration { return r.took / time.Duration(max(r.Runs, 1)) }

func (r *abiRunner) run(ctx context.Context) error {
	defer r.inOrder()
	if r.onHost {
		r.bar.Step("check host")
		lane := r.lane(host, unameRelease(), unameRelease())
		if err := r.everyRun(lane, func() error {
			return suite.Run(ctx, lane.todo, suite.Deadline, func(res suite.Result) error { return r.take(lane, res) })
		}); err != nil {
			return err
		}
	}
	machines := map[*abiLane]*kernel.Machine{}
	broken, err := eachArch(ctx, r.arches, func(arch *abi.Arch) error {
		m, err := r.machine(ctx, arch)
		if err == nil {
			machines[r.lane(arch.Name, m.Image.Release, m.Image.SHA256)] = m
		}
		return err
	})
	if err != nil {
		return err
	}
	if len(machines) > 0 {
		r.bar.Step(fmt.Sprintf("check %s (%s)", strings.Join(archNames(r.arches), ", "), r.kernel))
	}
	return errors.Join(broken, eachLane(ctx, r.jobs, r.lanes, func(l *abiLane) error {
		if m := machines[l]; m != nil {
			return r.everyRun(l, func() error { return r.check(ctx, l, m) })
		}
		return nil
	}))
}

func (l *abiLane) place() string { return l.Where }

func archNames(as []*abi.Arch) []string {
	var names []string
	for _, a := range as {
		names = append(names, a.Name)
	}
	return names
}

// lane begins one.
func (r *abiRunner) lane(where, release, id string) *abiLane {
	l := &abiLane{Where: where, Release: release, kernel: id, rerun: "unotify-bench abi --on " + where}
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
	l.rerun += " --run '%s'"
	r.lanes = append(r.lanes, l)
	return l
}

// everyRun has a lane checked --count times, but for what is known from a run
// that is resumed.
func (r *abiRunner) everyRun(l *abiLane, check func() error) error {
	for l.seed = 1; l.seed <= r.count; l.seed++ {
		l.todo = r.checks
		for _, c := range r.checks {
			known := func(results []suite.Result) error {
				return inOrder(results, []*suite.Check{c}, func(res suite.Result, c *suite.Check) error {
					if res.ID != c.ID {
						return fmt.Errorf("it has a result of %.80q", clean(res.ID))
					}
					return nil
				})
			}
			if _, err := r.journal.replay(l.unit(c.ID), known, func(res suite.Result) error {
				res.Text = sanitize(res.Text)
				return r.judge(l, res)
			}); err != nil {
				return err
			}
		}
		if err := check(); err != nil {
			return err
		}
	}
	return nil
}

// unit is a check's name in the journal.
func (l *abiLane) unit(id string) string {
	return fmt.Sprintf("%s %s %d %s", l.Where, l.kernel, l.seed, id)
}

// take keeps one result.
func (r *abiRunner) take(l *abiLane, res suite.Result) error {
	unit := l.unit(res.ID)
	return errors.Join(r.journal.row(unit, res), r.journal.end(unit), r.judge(l, res))
}

// judge makes a row of a result.
func (r *abiRunner) judge(l *abiLane, res suite.Result) error {
	i := slices.IndexFunc(l.todo, func(c *suite.Check) bool { return c.ID == res.ID })
	if i < 0 {
		return fmt.Errorf("%q has a result already, or was not asked for", res.ID)
	}
	c := l.todo[i]
	l.todo = slices.Concat(l.todo[:i], l.todo[i+1:]) // who ranges over it goes on
	v, text := c.Judge(res, suite.Expectation(r.expect))
	row := l.row(c, v, text)
	row.began, row.took = res.Began, row.took+res.Took
	if r.live != nil {
		if err := r.live.row(c, v, text); err != nil {
			return err
		}
	}
	if v.Bad() || r.verbose {
		r.bar.Log(fmt.Sprintf("%s: %s %s", v, l.Where, c.ID))
	}
	places := len(r.arches)
	if r.onHost {
		places++
	}
	r.bar.Done(r.done.Add(1), int64(len(r.checks)*places*r.count))
	return nil
}

// row enters a verdict. The worst counts, the first of them where there are
// several.
func (l *abiLane) row(c *suite.Check, v suite.Verdict, text string) *abiRow {
	i := slices.IndexFunc(l.Rows, func(r abiRow) bool { return r.Check == c })
	if i < 0 {
		l.Rows = append(l.Rows, abiRow{Check: c, Verdict: v, Text: text})
		i = len(l.Rows) - 1
	}
	row := &l.Rows[i]
	row.Runs++
	if v.Bad() {
		row.Bad++
	}
	if worst := suite.Verdicts(); slices.Index(worst, v) < slices.Index(worst, row.Verdict) {
		row.Verdict, row.Text = v, fmt.Sprintf("in run %d: %s", l.seed, text)
	}
	return row
}

// inOrder puts rows in the order of the catalogue: what was resumed came first.
func (r *abiRunner) inOrder() {
	for _, l := range r.lanes {
		l.inOrder(r.checks)
	}
}

func (l *abiLane) inOrder(checks []*suite.Check) {
	slices.SortStableFunc(l.Rows, func(a, b abiRow) int {
		return cmp.Compare(slices.Index(checks, a.Check), slices.Index(checks, b.Check))
	})
}

// machine readies the virtual machine of an architecture. Its clock counts
// instructions, so that a slow host makes no check run into its deadline, and
// to sleep takes no time.
func (r *abiRunner) machine(ctx context.Context, arch *abi.Arch) (*kernel.Machine, error) {
	// What is missing can be said before a build that takes minutes.
	program, err := guestBinary(arch)
	if err != nil {
		return nil, err
	}
	img, err := r.image(ctx, arch, kernelFlags{variant: r.kernel, source: r.source}, r.bar)
	if err != nil {
		return nil, err
	}
	return &kernel.Machine{
		Image: img, Arch: arch, Init: program, Params: r.params,
		Clock: kernel.Insns, Halt: true, MemMiB: r.memory,
		// A hang is for Idle to see: a kernel that watches itself took an hour.
		Timeout: 24 * time.Hour, Idle: 10 * time.Minute,
	}, nil
}

// mostDeaths bounds how often a kernel is booted again.
const mostDeaths = 5

// check runs the checks in machines: a new one for the rest, where a kernel
// has not survived a check.
func (r *abiRunner) check(ctx context.Context, l *abiLane, m *kernel.Machine) error {
	for deaths := 1; len(l.todo) > 0; deaths++ {
		before := len(l.todo)
		err := r.boot(ctx, l, m)
		switch {
		case ctx.Err() != nil:
			return ctx.Err()
		case len(l.todo) == 0:
			return err
		case before == len(r.checks) && before == len(l.todo):
			return err // it does not even boot, or says nothing of use
		}
		res := suite.Result{ID: l.todo[0].ID, Outcome: suite.Unclear, Text: "the machine ended: " + sanitize(err.Error())}
		if r.mutants && (errors.Is(err, kernel.ErrPanic) || errors.Is(err, kernel.ErrSplat)) {
			res.Outcome = suite.Held // nobody overlooks that
		}
		if err := r.take(l, res); err != nil {
			return err
		}
		for deaths == mostDeaths && len(l.todo) > 0 {
			why := fmt.Sprintf("not checked: the machine has ended %d times", deaths)
			if err := r.take(l, suite.Result{ID: l.todo[0].ID, Outcome: suite.Unclear, Text: why}); err != nil {
				return err
			}
		}
	}
	return nil
}

// boot runs what is left to check in one machine. What the guest says is not
// believed: it answers what it was asked, in order, and nothing else.
func (r *abiRunner) boot(ctx context.Context, l *abiLane, m *kernel.Machine) error {
	j, heard := job{}, func(e kernel.Event) (*suite.Result, error) { return said(l, e) }
	if r.mutants {
		h := &hunt{job: r.huntJob(l)}
		j, heard = h.job, h.heard
	} else {
		for _, c := range l.todo {
			j.Checks = append(j.Checks, c.ID)
		}
	}
	text, err := json.Marshal(j)
	if err != nil {
		return err
	}
	m.Files, m.Run, m.Seed = map[string][]byte{jobFile: text}, rand.Text(), uint64(l.seed)
	exit, err := m.Boot(ctx, func(e kernel.Event) error {
		res, err := heard(e)
		if err != nil || res == nil {
			return err
		}
		return r.take(l, *res)
	})
	if err == nil && (exit.Code != 0 || len(l.todo) > 0) {
		err = fmt.Errorf("the guest ended with status %d and left %d checks", exit.Code, len(l.todo))
	}
	return err
}

// said is what an event of the guest says, if it may say so.
func said(l *abiLane, e kernel.Event) (*suite.Result, error) {
	if err := complaint(e, eventCheck); err != nil {
		return nil, err
	}
	var res suite.Result
	if err := decode(e.Data, &res, "result"); err != nil {
		return nil, err
	}
	if len(l.todo) == 0 {
		return nil, errors.New("guest sent more results than were asked for")
	}
	if want := l.todo[0].ID; res.ID != want {
		return nil, fmt.Errorf("guest sent a result for %.80q, asked was %q", res.ID, want)
	}
	if res.Began < 0 || res.Took < 0 {
		return nil, fmt.Errorf("guest sent a result of %s that began at %v and took %v", res.ID, res.Began, res.Took)
	}
	res.Text = sanitize(res.Text)
	return &res, nil
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
