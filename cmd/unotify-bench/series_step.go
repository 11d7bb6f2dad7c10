package main

import (
	"bufio"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"slices"
	"strings"

	"unotify-bench/abi"
	"unotify-bench/bench"
	"unotify-bench/internal/report"
	"unotify-bench/kernel"
)

// The first line of a step's file says what it is of, the last that it is
// complete. Readers of benchmarks skip both.
const (
	stepBegins = "series: step "
	stepEnds   = "series: complete "
)

// step measures the kernels of one step into path, or takes from there what was
// measured.
func (s *series) step(ctx context.Context, path string, images map[*abi.Arch]*kernel.Image, out *report.Step) error {
	p := *s.plan
	p.arches = nil
	sum := sha256.New()
	fmt.Fprintln(sum, p.id())
	for _, arch := range s.plan.arches {
		if img := images[arch]; img != nil {
			p.arches = append(p.arches, arch)
			fmt.Fprintln(sum, arch.Name, img.SHA256)
		}
	}
	id := hex.EncodeToString(sum.Sum(nil)[:16])
	complete, err := stepFile(path, id)
	if err != nil {
		return err
	}
	switch same := s.files[id]; {
	case complete:
		s.bar.Log("measured before: " + path)
	case same != "" && s.plan.clock == "insns":
		// A patch to documentation: the same kernel, the same instructions.
		s.bar.Log("the kernel is the same, and so are its instructions: " + same)
		err = copyResults(path, same)
	default:
		err = s.run(ctx, &p, path, id, images, out)
	}
	if err != nil {
		return err
	}
	f, err := report.ReadFile(path)
	if errors.Is(err, report.ErrEmpty) && len(out.Failed) > 0 {
		return nil
	}
	if err != nil {
		return err
	}
	out.File = f
	if len(out.Failed) == 0 {
		s.files[id] = path
	}
	return nil
}

func copyResults(to, from string) error {
	text, err := os.ReadFile(from)
	if err == nil {
		err = os.WriteFile(to, text, 0o644)
	}
	if err == nil { // an interruption may have left one
		if err = os.Remove(to + ".journal"); errors.Is(err, fs.ErrNotExist) {
			err = nil
		}
	}
	if err != nil {
		return fmt.Errorf("copy the results of the step before: %w", err)
	}
	return nil
}

// stepFile looks at what is at path: nothing, a step that was interrupted, a
// complete one, or what must not be lost.
func stepFile(path, id string) (complete bool, err error) {
	f, err := os.Open(path)
	if errors.Is(err, fs.ErrNotExist) {
		return false, nil
	}
	if err != nil {
		return false, fmt.Errorf("look at the file of a step: %w", err)
	}
	defer f.Close()
	first, last := "", ""
	for lines := bufio.NewScanner(f); lines.Scan(); {
		if first == "" {
			first = lines.Text()
		}
		last = lines.Text()
	}
	was, ok := strings.CutPrefix(first, "# "+stepBegins)
	switch {
	case first == "":
		return false, nil
	case !ok:
		return false, usageError("%s is not of a series: name another directory with -o, or remove it", path)
	case was != id:
		return false, usageError("%s was measured on another kernel, with other flags or another version of this program: name another directory with -o, or remove it", path)
	}
	return last == "# "+stepEnds+id, nil
}

// run measures a step. A kernel that does not boot is no error but goes to out.
func (s *series) run(ctx context.Context, p *plan, path, id string, images map[*abi.Arch]*kernel.Image, out *report.Step) error {
	file, err := newSink("text", path, true, s.stdout)
	if err != nil {
		return err
	}
	_, err = os.Stat(file.beside(".journal"))
	j, err := openJournal[bench.Row](file.beside(".journal"), id, err == nil)
	if err != nil {
		file.discard()
		return err
	}
	r := &runner{app: s.app, plan: p, sink: file, bar: s.bar, journal: j}
	r.images = func(_ context.Context, arch *abi.Arch) (*kernel.Image, error) { return images[arch], nil }
	if err = file.open(); err == nil {
		err = file.remark("%s%s", stepBegins, id)
	}
	failed := len(out.Failed)
	if err == nil {
		err = s.machines(ctx, r, out)
	}
	well := err == nil && len(out.Failed) == failed
	if well {
		err = file.remark("%s%s", stepEnds, id)
	}
	return errors.Join(err, j.close(well && err == nil), file.close())
}

// machines measures on one architecture after the other: what one cannot boot
// the next may.
func (s *series) machines(ctx context.Context, r *runner, out *report.Step) error {
	arches := slices.Clone(r.plan.arches)
	for _, arch := range arches {
		r.plan.arches, r.failures = []*abi.Arch{arch}, nil
		err := r.run(ctx)
		if ctx.Err() != nil {
			return ctx.Err()
		}
		lack, ok := blame(err)
		if n := len(r.failures); n > 0 {
			lack, ok = report.Lack{Why: fmt.Sprintf("%d rows could not be measured", n), More: strings.Join(r.failures, "\n"), Partly: true}, true
		}
		switch {
		case err == nil:
			continue
		case !ok:
			return err
		}
		lack.Where = arch.Name
		out.Failed = append(out.Failed, lack)
	}
	return nil
}
