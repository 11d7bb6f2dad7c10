package main

import (
	"context"
	"errors"
	"fmt"
	"regexp"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"unotify-bench/bench"
	"unotify-bench/internal/report"
)

// bisectFlags are the flags of `bisect`.
type bisectFlags struct {
	good, limit, tree string
	mechs, syscalls   []string
	match             string
	output            string
	jobs              int
}

// What git bisect run makes of an exit status (git-bisect(1)): 0 is good, 125
// cannot be tested, any other up to 127 is bad, and from 128 on it gives up. So a
// mistake in the command line must not be a 2.
const (
	bisectName  = "bisect"
	bisectSkip  = 125
	bisectAbort = 128
)

// bisectStatus is the exit status of bisect in place of exitStatus's.
func bisectStatus(err error) int {
	switch status := exitStatus(err); status {
	case exitOK, exitFailed, bisectSkip, exitInterrupted:
		return status
	}
	return bisectAbort
}

func (a *app) bisectCommand() *cobra.Command {
	var f bisectFlags
	cmd := &cobra.Command{
		Use:   bisectName,
		Short: "Judge one kernel commit, for git bisect run",
		Long: `Builds the kernel tree that it is started in, measures the rows that are in a
results file of a good commit, as often as there, and compares. Make that file
with run --kernel . --clock insns, in the same tree.

Exit status: what git bisect run wants. 0 the commit is good; 1 it is bad: a
row is significantly slower by more than --limit; 125 it cannot be tested: it
does not build or boot, or a row cannot be measured; 128 something else is
wrong, and bisecting ends.`,
		Example: `  git bisect run unotify-bench bisect --good good.txt --limit 3%
  unotify-bench bisect --good good.txt --mech continue --syscall getppid --tree ~/linux`,
		Args: noArgs,
		RunE: func(cmd *cobra.Command, _ []string) error { return a.bisect(cmd.Context(), f) },
	}
	fl := cmd.Flags()
	fl.StringVar(&f.good, "good", "", "results file of a good commit: what is measured, and how often")
	fl.StringVar(&f.limit, "limit", "1%", "how much slower a row may be; choose it above what rebuilding alone changes")
	fl.StringVar(&f.tree, "tree", ".", "kernel source tree to build")
	fl.StringSliceVar(&f.mechs, "mech", nil, "these mechanisms only")
	fl.StringSliceVar(&f.syscalls, "syscall", nil, "these syscalls only")
	fl.StringVar(&f.match, "run", "", "only rows whose name matches this regular expression")
	fl.StringVarP(&f.output, "output", "o", "", "directory for the commits' results files (default: the state directory)")
	jobsFlag(fl, &f.jobs)
	return cmd
}

func (a *app) bisect(ctx context.Context, f bisectFlags) error {
	gate, err := report.ParseGate(f.limit)
	if err != nil {
		return usageError("--limit: %w", err)
	}
	if f.good == "" {
		return usageError("--good FILE is missing: measure a good commit with: unotify-bench run --kernel . -o FILE")
	}
	o := report.CompareOptions{Mechs: f.mechs, Syscalls: f.syscalls}
	if f.match != "" {
		if o.Run, err = regexp.Compile(f.match); err != nil {
			return usageError("--run: %w", err)
		}
	}
	if err := notFile(f.output); err != nil {
		return err
	}
	good, err := a.comparable(f.good, true)
	if err != nil {
		return err
	}
	p, err := f.plan(good)
	if err != nil {
		return err
	}
	path, err := a.measurePlan(ctx, p, f.output)
	if lack, ok := blame(err); ok && ctx.Err() == nil {
		return &statusError{bisectSkip, fmt.Errorf("this commit %s:\n  %s", lack.Why, strings.ReplaceAll(lack.More, "\n", "\n  "))}
	}
	// A row that failed is missing in the file, which the gate sees.
	if err != nil && exitStatus(err) != exitFailed {
		return err
	}
	now, err := a.comparable(path, true)
	if err != nil {
		return err
	}
	return a.verdict(good, now, o, gate)
}

// plan is a plan of the rows of a file.
func (f bisectFlags) plan(good *report.File) (*plan, error) {
	flags := runFlags{
		kernel: f.tree, mechs: f.mechs, syscalls: f.syscalls, match: f.match, all: true,
		clock: "insns", accel: "auto", cpus: 2, format: "text", output: f.output, jobs: f.jobs,
	}
	if !isPath(f.tree) {
		flags.kernel = "./" + f.tree
	}
	if !isTree(flags.kernel) {
		return nil, usageError("--tree %s is no directory", f.tree)
	}
	rows := map[string]map[string]int{} // runs by name and architecture
	for _, r := range good.Results {
		if r.GetConfig("clock") != "insns" {
			continue
		}
		arch := r.GetConfig("goarch")
		if !slices.Contains(flags.on, arch) {
			flags.on = append(flags.on, arch)
		}
		name := rowName(string(r.Name))
		if rows[name] == nil {
			rows[name] = map[string]int{}
		}
		rows[name][arch]++
		flags.count = max(flags.count, rows[name][arch])
	}
	if len(rows) == 0 {
		return nil, usageError("%s has no row that counts instructions: make it with run --clock insns", good.Name)
	}
	p, err := flags.plan()
	if err != nil {
		return nil, err
	}
	p.guest = slices.DeleteFunc(p.guest, func(c bench.Cell) bool { return rows[c.Name()] == nil })
	if len(p.guest) == 0 {
		return nil, usageError("no row of %s is called for", good.Name)
	}
	return p, nil
}

// rowName is a result's name without the number of CPUs at its end.
func rowName(name string) string {
	if i := strings.LastIndexByte(name, '-'); i > strings.LastIndexByte(name, '/') {
		return name[:i]
	}
	return name
}

// measurePlan measures into a new file of dir.
func (a *app) measurePlan(ctx context.Context, p *plan, dir string) (path string, err error) {
	if dir != "" {
		if dir, err = makeDir(dir, ""); err != nil {
			return "", err
		}
	}
	s, err := newSink("text", dir, false, a.stdout)
	if err != nil {
		return "", err
	}
	bar := a.newProgress()
	defer bar.End()
	j, err := openJournal[bench.Row]("", "", false)
	if err != nil {
		s.discard()
		return "", err
	}
	r := &runner{app: a, plan: p, sink: s, bar: bar, journal: j}
	if err = s.open(); err == nil {
		err = r.run(ctx)
	}
	return s.path, errors.Join(err, s.close())
}

// verdict prints what the gate says, and turns it into an exit status.
func (a *app) verdict(good, now *report.File, o report.CompareOptions, gate *report.Gate) error {
	c, err := report.Compare(good, now, o)
	if err != nil {
		return usageError("%w", err)
	}
	for _, w := range c.Warnings {
		a.warn(w)
	}
	if err := c.Judge(gate); err != nil {
		return &statusError{bisectSkip, err}
	}
	lines := strings.Join(gate.Lines(true), "\n  ")
	fmt.Fprintln(a.stdout, lines)
	switch {
	case len(gate.Slower) > 0:
		return failure("this commit is slow")
	case len(gate.Missing) > 0:
		return &statusError{bisectSkip, errors.New("this commit lacks rows that the good one has")}
	case len(gate.Undecided) > 0:
		return usageError("%s has too few runs to tell: make it with --count 5", good.Name)
	}
	return nil
}
