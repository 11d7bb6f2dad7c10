package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"unotify-bench/abi"
	"unotify-bench/internal/report"
	"unotify-bench/kernel"
)

// series is a run of --series: a kernel for each step, and a results file for
// each in dir.
type series struct {
	*app
	plan *plan
	dir  string
	bar  *progress

	files    map[string]string // complete ones, by what was measured
	done     []report.Step
	failures []string
}

// seriesWriters are the formats of the table.
var seriesWriters = map[string]func(*report.SeriesTable, io.Writer, bool) error{
	"text":     (*report.SeriesTable).Text,
	"markdown": func(t *report.SeriesTable, w io.Writer, _ bool) error { return t.Markdown(w) },
}

func (a *app) measureSeries(ctx context.Context, f runFlags) error {
	write := seriesWriters[f.format]
	if write == nil {
		return usageError("--format of --series is %q; want %s", f.format, strings.Join(slices.Sorted(maps.Keys(seriesWriters)), " or "))
	}
	f.format = "text" // of the steps' files: benchfmt, and a table
	p, err := f.seriesPlan()
	if err != nil {
		return err
	}
	if f.list {
		return a.list(p)
	}
	s := &series{app: a, plan: p, bar: a.newProgress(), files: map[string]string{}}
	defer s.bar.End()
	if err := (&runner{app: a, plan: p, bar: s.bar}).prepare(ctx); err != nil {
		return err
	}
	p.guests, p.install = "", false
	steps, err := s.steps(ctx)
	if errors.Is(err, kernel.ErrNoStep) && ctx.Err() == nil {
		return usageError("--series: %w", err)
	}
	if err != nil {
		return err
	}
	if s.dir, err = makeDir(f.output, "-series"); err != nil {
		return err
	}
	err = s.measure(ctx, steps)
	s.bar.End()
	a.note("results: %s", s.dir)
	if e := s.table(write); err == nil {
		err = e
	}
	if err == nil && len(s.failures) > 0 {
		err = failure("%d of %d steps of the series have no numbers, or not all:\n  %s",
			len(s.failures), len(steps.List), strings.Join(s.failures, "\n  "))
	}
	return err
}

// seriesPlan is plan for virtual machines, as a series is one of kernels that
// nobody reboots his machine into.
func (f runFlags) seriesPlan() (*plan, error) {
	switch {
	case slices.Contains(f.on, host):
		return nil, usageError("--series boots kernels, which the host does not: give --on amd64, arm64, riscv64 or all")
	case isPath(f.kernel), f.kernel == kernel.Debian:
		return nil, usageError("--series builds its kernels: --kernel is the variant that they begin with, not %q; --source is for a tree", f.kernel)
	case f.resume:
		return nil, usageError("--series goes on by itself where it ended: leave --resume away")
	case f.shard != "":
		return nil, usageError("--series has no --shard: compare needs every row")
	}
	if err := notFile(f.output); err != nil {
		return nil, err
	}
	if _, err := f.isSeries(); err != nil {
		return nil, err
	}
	p, err := f.plan()
	if err != nil {
		return nil, err
	}
	p.onHost, p.host = false, nil
	if len(p.guest) == 0 {
		return nil, usageError("no row of virtual machines is called for; see unotify-bench run --list")
	}
	return p, nil
}

// isSeries tells a directory of patches from a range of commits, and both from
// what is neither.
func (f runFlags) isSeries() (commits bool, err error) {
	if info, err := os.Stat(f.series); err == nil && info.IsDir() {
		return false, nil
	}
	from, to, isRange := strings.Cut(f.series, "..")
	if !isRange || from == "" || strings.HasPrefix(to, ".") || strings.HasPrefix(to, "/") {
		return false, usageError("--series %s is no directory with patches, nor a range of commits A..B", f.series)
	}
	if info, err := os.Stat(f.source); err != nil || !info.IsDir() {
		return false, usageError("--series %s is a range of commits: give the kernel's git repository with --source DIR", f.series)
	}
	return true, nil
}

// steps reads the series.
func (s *series) steps(ctx context.Context) (*kernel.Steps, error) {
	commits, err := s.plan.isSeries()
	if err != nil {
		return nil, err
	}
	b := s.newBuilder(kernelFlags{source: s.plan.source}, s.bar)
	if commits {
		return b.CommitSteps(ctx, kernel.Variant(s.plan.kernel), s.plan.series)
	}
	return b.PatchSteps(ctx, kernel.Variant(s.plan.kernel), s.plan.series)
}

// makeDir makes the directory for several results files: dir, or if that is ""
// a new one under the state directory.
func makeDir(dir, suffix string) (string, error) {
	if dir == "" {
		state, err := stateDir()
		if err != nil {
			return "", err
		}
		err = byTime(func(name string) error {
			dir = filepath.Join(state, name+suffix)
			return os.Mkdir(dir, 0o755)
		}, os.ErrExist)
		if err != nil {
			return "", fmt.Errorf("make the directory for results: %w", err)
		}
		return dir, nil
	}
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return "", fmt.Errorf("make the directory for results (choose another with -o): %w", err)
	}
	return dir, nil
}

// notFile refuses an -o that has to be a directory and is none.
func notFile(dir string) error {
	if info, err := os.Stat(dir); err == nil && !info.IsDir() {
		return usageError("-o %s is a file: there will be several, name a directory", dir)
	}
	return nil
}

// measure takes one step after the other. It ends early where the next one
// would not fare better.
func (s *series) measure(ctx context.Context, steps *kernel.Steps) error {
	for i, step := range steps.List {
		out := report.Step{Name: fmt.Sprintf("%02d %s", i, clean(step.Title))}
		if i == 0 {
			out.Name = fmt.Sprintf("%02d %s", i, step.Name)
		}
		var images map[*abi.Arch]*kernel.Image
		var err error
		if step.Err != nil {
			out.Failed = []report.Lack{{Why: "does not apply", More: step.Err.Error()}}
		} else {
			images, err = s.build(ctx, steps, i, &out)
		}
		if len(images) > 0 {
			path := filepath.Join(s.dir, fmt.Sprintf("%02d-%s.txt", i, step.Name))
			err = s.step(ctx, path, images, &out)
		}
		s.done = append(s.done, out)
		for _, l := range out.Failed {
			s.failures = append(s.failures, out.Name+": "+strings.TrimSpace(l.Where+" "+l.Why))
			s.bar.Log(fmt.Sprintf("step %s: %s %s", out.Name, strings.TrimSpace(l.Where+" "+l.Why), clean(firstLine(l.More))))
		}
		if err != nil {
			return err
		}
		if i == 0 && out.File == nil {
			return failure("the series has nothing to begin with: %s", strings.Join(s.failures, "; "))
		}
	}
	return nil
}

// build builds the kernels of a step. What the patch is to blame for goes to
// out.
func (s *series) build(ctx context.Context, steps *kernel.Steps, i int, out *report.Step) (map[*abi.Arch]*kernel.Image, error) {
	images := map[*abi.Arch]*kernel.Image{}
	for _, arch := range s.plan.arches {
		img, err := steps.Build(ctx, arch, i)
		if err == nil {
			images[arch] = img
			continue
		}
		lack, ok := blame(err)
		if ctx.Err() != nil || !ok {
			return nil, err
		}
		lack.Where = arch.Name
		out.Failed = append(out.Failed, lack)
	}
	return images, nil
}

// blame tells what a kernel's source is to blame for from what this machine is.
func blame(err error) (lack report.Lack, ok bool) {
	var broken *kernel.ErrMake
	switch {
	case errors.As(err, &broken):
		said := broken.First
		if len(said) == 0 {
			said = broken.Last[max(0, len(broken.Last)-5):]
		}
		return report.Lack{Why: "does not build", More: strings.Join(said, "\n")}, true
	case errors.Is(err, kernel.ErrConfig):
		return report.Lack{Why: "cannot be configured", More: err.Error()}, true
	case errors.Is(err, kernel.ErrSplat):
		return report.Lack{Why: "complains of itself", More: err.Error()}, true
	}
	for _, is := range []error{kernel.ErrPanic, kernel.ErrTimeout, kernel.ErrIdle, kernel.ErrNoDone} {
		if errors.Is(err, is) {
			return report.Lack{Why: "does not boot, or not to the end", More: err.Error()}, true
		}
	}
	return report.Lack{}, false
}

// table prints what the steps that were measured came to.
func (s *series) table(write func(*report.SeriesTable, io.Writer, bool) error) error {
	if len(s.done) == 0 || s.done[0].File == nil {
		return nil // the error says why
	}
	t, err := report.CompareSeries(s.done, report.CompareOptions{})
	if err != nil {
		return err
	}
	for _, w := range t.Warnings {
		s.warn(w)
	}
	var buf bytes.Buffer
	if err := write(t, &buf, s.tableOptions(s.stdout).Color); err != nil {
		return fmt.Errorf("write the table: %w", err)
	}
	_, err = s.stdout.Write(buf.Bytes())
	return err
}
