package main

import (
	"bytes"
	"cmp"
	"context"
	"debug/elf"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"math"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"golang.org/x/sync/errgroup"

	"unotify-bench/bench"
	"unotify-bench/internal/profile"
	"unotify-bench/kernel"
)

// profiled is a row's profile, and the files that it was written to.
type profiled struct {
	*profile.Profile
	files string // less their endings
}

// profiles measures each row, and for each seed, in a traced machine of its
// own, as a trace of all rows of a lane would be some tens of gigabytes.
func (l *vmLane) profiles(ctx context.Context) error {
	p, err := l.newProfiler(ctx)
	if err != nil {
		return err
	}
	// In the order of the rows, whichever is ready first.
	out := make([]*profiled, len(l.cells))
	var g errgroup.Group
	g.SetLimit(l.plan.jobs)
	for i, c := range l.cells {
		g.Go(func() (err error) {
			if out[i], err = p.row(ctx, c); err != nil {
				err = fmt.Errorf("%s: %w", c.Name(), err)
			}
			return err
		})
	}
	err = g.Wait()
	for _, row := range out {
		if row != nil {
			l.profiled = append(l.profiled, *row)
		}
	}
	return err
}

// profiler knows the functions of a lane's kernel and program.
type profiler struct {
	*vmLane
	code *profile.Code
}

func (l *vmLane) newProfiler(ctx context.Context) (*profiler, error) {
	program, err := elf.Open(l.program)
	if err != nil {
		return nil, fmt.Errorf("read the guest's program: %w", err)
	}
	defer program.Close()
	text, err := l.kallsyms(ctx)
	if err != nil {
		return nil, fmt.Errorf("ask the kernel for its symbols: %w", err)
	}
	code, err := profile.NewCode(bytes.NewReader(text), program)
	return &profiler{l, code}, err
}

// kallsyms boots the lane's kernel to hear the names of its functions. It is
// not done in the machine that is measured: nothing may be different there.
func (l *vmLane) kallsyms(ctx context.Context) ([]byte, error) {
	j, err := json.Marshal(job{Symbols: true})
	if err != nil {
		return nil, err
	}
	m := l.machine(1)
	m.Files = map[string][]byte{jobFile: j}
	m.Run = runID(l.image, j, 1)
	m.Timeout = 5 * time.Minute
	var text bytes.Buffer
	exit, err := m.Boot(ctx, func(e kernel.Event) error {
		if err := complaint(e, eventSymbols); err != nil {
			return err
		}
		var lines string
		if err := decode(e.Data, &lines, "symbols"); err != nil {
			return err
		}
		text.WriteString(lines)
		return nil
	})
	switch {
	case err != nil:
		return nil, err
	case exit.Code != 0:
		return nil, fmt.Errorf("the guest ended with status %d", exit.Code)
	}
	return text.Bytes(), nil
}

// row returns the profile of a row: of several seeds that in the middle. It is
// nil for a row that is n/a.
func (p *profiler) row(ctx context.Context, c bench.Cell) (*profiled, error) {
	var all []*profile.Profile
	for seed := 1; seed <= p.plan.count; seed++ {
		one, err := p.seed(ctx, c, uint64(seed))
		if err != nil {
			return nil, fmt.Errorf("seed %d: %w", seed, err)
		}
		if one != nil {
			all = append(all, one)
		}
	}
	if len(all) == 0 {
		return nil, nil
	}
	slices.SortStableFunc(all, func(a, b *profile.Profile) int { return cmp.Compare(a.Median, b.Median) })
	row := &profiled{Profile: all[(len(all)-1)/2]}
	row.files = filepath.Join(p.sink.beside(profileSuffix), fileName(p.arch.Name, c))
	return row, row.save()
}

// profileSuffix is added to the name of a results file, for the directory with
// its profiles.
const profileSuffix = ".profile"

func (p *profiler) seed(ctx context.Context, c bench.Cell, seed uint64) (*profile.Profile, error) {
	var row bench.Row
	lane := *p.vmLane
	lane.cells, lane.unit = []bench.Cell{c}, " "+c.Name()
	lane.trace = &kernel.Trace{Mark: p.code.Before, Cuts: p.code.Cuts(), From: p.code.From, To: p.code.To}
	lane.heard = func(r bench.Row) { row = r }
	err := lane.boot(ctx, seed)
	if lane.trace.File != nil {
		defer lane.trace.File.Close()
	}
	if err != nil || row.NA != "" || row.Err != "" {
		return nil, err // what is missing is in the table
	}
	var turns []profile.Turn
	for _, t := range row.Turns() {
		turns = append(turns, profile.Turn(t))
	}
	flow := profile.NewFlow(p.code)
	if _, err := lane.trace.File.Seek(0, 0); err != nil {
		return nil, fmt.Errorf("read the trace: %w", err)
	}
	err = kernel.ReadTrace(lane.trace.File, func(t kernel.Traced) error {
		return flow.Add(profile.Step{Addr: t.Addr, Size: t.Size, N: t.N, Last: t.Last, Load: t.Load(), Gap: t.Gap()})
	})
	if err != nil {
		return nil, err
	}
	return flow.Profile(profile.About{
		Name: c.Name(), Arch: p.arch.Name, Kernel: p.image.Release, Image: p.image.SHA256,
		QEMU: p.facts.QEMU, Seed: fmt.Sprint(seed), Samples: row.SHA256,
	}, turns, profile.Clock{Median: uint64(row.Total.Median), Sum: uint64(math.Round(row.Total.Mean * float64(row.Calls)))})
}

// fileName names a row's files: the values of its name that others do not have.
func fileName(arch string, c bench.Cell) string {
	name := arch
	for _, kv := range strings.Split(c.Name(), "/")[1:] {
		k, v, _ := strings.Cut(kv, "=")
		switch {
		case k == "cpus", k == "wake" && v == "sync":
		case k == "mech", k == "syscall", k == "wake", k == "addr":
			name += "-" + v
		default:
			name += "-" + k + v
		}
	}
	return name
}

// save writes a profile's files: for pprof, for tools that read folded stacks,
// and a picture.
func (p *profiled) save() error {
	if err := os.MkdirAll(filepath.Dir(p.files), 0o755); err != nil {
		return fmt.Errorf("make the directory for profiles: %w", err)
	}
	for suffix, write := range map[string]func(io.Writer) error{
		pprofSuffix: p.Pprof, ".folded": p.Folded, ".svg": p.Flame,
	} {
		var b bytes.Buffer
		if err := write(&b); err != nil {
			return err
		}
		if err := os.WriteFile(p.files+suffix, b.Bytes(), 0o644); err != nil {
			return fmt.Errorf("write a profile: %w", err)
		}
	}
	return nil
}

// pprofSuffix ends the names of files for pprof, as runtime/pprof's do.
const pprofSuffix = ".pb.gz"

// profileTables prints what the table of rows has no room for.
func (r *runner) profileTables() error {
	var errs []error
	for _, p := range r.profiled {
		fmt.Fprintln(r.stdout)
		errs = append(errs, p.Table(r.stdout, r.verbose))
		r.note("%s %s: %s{%s,.folded,.svg}", p.Arch, p.Name, p.files, pprofSuffix)
	}
	return errors.Join(errs...)
}
