package main

import (
	"context"
	"crypto/rand"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"unotify-bench/abi"
	"unotify-bench/abi/fuzz"
	"unotify-bench/abi/model"
	"unotify-bench/kernel"
)

// fuzzRunner carries out a plan of `fuzz`.
type fuzzRunner struct {
	*app
	*fuzzPlan
	bar   *progress
	lanes []*fuzzLane

	mu    sync.Mutex // of what lanes share: files
	ops   atomic.Int64
	total int64
}

// fuzzLane is one kernel that is driven.
type fuzzLane struct {
	fuzzOrder
	done    bool // by an earlier run: see fuzzLedger
	count   fuzz.Count
	now     *fuzz.Begins // the program that is done
	found   []fuzz.Finding
	kept    int
	machine *kernel.Machine // nil on the host
}

func (r *fuzzRunner) run(ctx context.Context) error {
	if r.onHost {
		l := r.lane(host, unameRelease(), "")
		r.stage("fuzz host", r.lanes)
		err := r.drive(l, func() error {
			err := fuzz.Run(ctx, r.order, func(e fuzz.Event) error { return r.take(l, e) })
			return errors.Join(ctx.Err(), err)
		})
		if err != nil {
			return err
		}
	}
	hosts := len(r.lanes)
	broken, err := eachArch(ctx, r.arches, func(arch *abi.Arch) error { return r.ready(ctx, arch) })
	if err != nil {
		return err
	}
	machines := r.lanes[hosts:]
	if len(machines) > 0 {
		r.stage(fmt.Sprintf("fuzz %s (%s)", strings.Join(archNames(r.arches), ", "), r.kernel), machines)
	}
	return errors.Join(broken, eachLane(ctx, r.jobs, machines, func(l *fuzzLane) error {
		return r.drive(l, func() error { return r.boot(ctx, l) })
	}))
}

// drive drives a kernel, unless the ledger has that, which then has what came of it.
func (r *fuzzRunner) drive(l *fuzzLane, drive func() error) error {
	if l.done {
		r.bar.Log(fmt.Sprintf("%s: %s has it", l.Where, r.ledger))
		return nil
	}
	err := drive()
	whole := err == nil
	if errors.Is(err, errEnough) {
		err = nil
	}
	if r.ledger == "" || l.count.Ops == 0 && len(l.found) == 0 {
		return err
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	return errors.Join(err, r.past.add(fuzzPiece{
		fuzzOrder: l.fuzzOrder, Operations: l.count.Ops, Programs: l.count.Programs,
		Situations: l.count.Situations, Places: l.count.Places, Findings: len(l.found), Whole: whole,
	}))
}

func (l *fuzzLane) place() string { return l.Where }

func (r *fuzzRunner) lane(where, release, sha256 string) *fuzzLane {
	l := &fuzzLane{fuzzOrder: newFuzzOrder(r.fuzzPlan, where, release, sha256)}
	// Where a corpus leads depends on more than an order says.
	if p := r.past.has(l.fuzzOrder); p != nil && r.corpus == "" {
		l.done = true
		l.count = fuzz.Count{Ops: p.Operations, Programs: p.Programs, Situations: p.Situations, Places: p.Places}
	}
	r.lanes = append(r.lanes, l)
	return l
}

// stage begins to count operations; of sequences it is known how many there are
// at most.
func (r *fuzzRunner) stage(name string, lanes []*fuzzLane) {
	each := r.order.Ops
	if r.order.Length > 0 {
		each += fuzz.Sequences(len(model.Core()), r.order.Length) / int64(r.order.Parts) * int64(r.order.Length)
	}
	if r.order.Ends {
		each += int64(fuzz.Endings()) / int64(r.order.Parts) * endingOps
	}
	r.ops.Store(0)
	r.total = 0
	for _, l := range lanes {
		if !l.done {
			r.total += each
		}
	}
	r.bar.Count(name)
}

// endingOps is how many operations the programs of --ends have, on average: those of
// TestEnds 14.2.
const endingOps = 14

// ready has a kernel, and the machine that is to boot it.
func (r *fuzzRunner) ready(ctx context.Context, arch *abi.Arch) error {
	program, err := guestBinary(arch)
	if err != nil {
		return err
	}
	img, err := r.image(ctx, arch, kernelFlags{variant: r.kernel, source: r.source}, r.bar)
	if err != nil {
		return err
	}
	m := &kernel.Machine{
		Image: img, Arch: arch, Init: program, Params: r.params, MemMiB: 1024,
		Clock: kernel.Wall, CPUs: r.cpus, Timeout: 24 * time.Hour, Idle: 10 * time.Minute,
		Logf: func(format string, args ...any) { r.bar.Log(fmt.Sprintf(format, args...)) },
	}
	facts, err := m.Facts(ctx)
	if err != nil {
		return err
	}
	m.Accel = facts.Accel // which is said once
	text, err := json.Marshal(job{Fuzz: &r.order})
	if err != nil {
		return err
	}
	m.Files, m.Run = map[string][]byte{jobFile: text}, rand.Text()
	r.lane(arch.Name, img.Release, img.SHA256).machine = m
	return nil
}

// boot drives the kernel of a machine. One that complains, or dies, of what is done
// to it is a finding.
func (r *fuzzRunner) boot(ctx context.Context, l *fuzzLane) error {
	exit, err := l.machine.Boot(ctx, func(e kernel.Event) error {
		if err := complaint(e, eventFuzz); err != nil {
			return err
		}
		var ev fuzz.Event
		if err := decode(e.Data, &ev, "event"); err != nil {
			return err
		}
		return r.take(l, ev)
	})
	switch {
	case ctx.Err() != nil:
		return ctx.Err()
	case l.now != nil && (errors.Is(err, kernel.ErrSplat) || errors.Is(err, kernel.ErrPanic)):
		l.found = append(l.found, fuzz.Finding{
			What: fuzz.Complaints, Program: l.now.Program, Filter: l.now.Filter, Got: err.Error(), Want: "a console that is silent",
		})
		r.bar.Log(l.Where + ": the kernel complains")
		return errEnough
	case err == nil && exit.Code != 0:
		return fmt.Errorf("the guest ended with status %d", exit.Code)
	}
	return err
}

// findingsMax is how many there are before a place is left: they repeat themselves.
const findingsMax = 10

// errEnough leaves a place that has had findingsMax, or whose kernel is no more.
var errEnough = errors.New("as many findings as are worth reading")

// take keeps what is told. A guest is not believed: what it says is bounded.
func (r *fuzzRunner) take(l *fuzzLane, e fuzz.Event) error {
	switch {
	case e.Begins != nil:
		if len(e.Begins.Program) > corpusProgram {
			return errors.New("guest begins a program that is too long")
		}
		l.now = e.Begins
	case e.Count != nil:
		if e.Count.Ops < l.count.Ops || e.Count.Programs < l.count.Programs {
			return errors.New("guest counts backwards")
		}
		r.ops.Add(e.Count.Ops - l.count.Ops)
		l.count = *e.Count
		r.bar.Done(min(r.ops.Load(), r.total), r.total)
	case e.Finding != nil:
		// The one more is not waited for until it is shorter.
		if len(l.found) >= findingsMax {
			return errEnough
		}
		if len(e.Finding.Program) > corpusProgram {
			return errors.New("guest has found a program that is too long")
		}
		l.found = append(l.found, *e.Finding)
		r.bar.Log(fmt.Sprintf("%s: %s", l.Where, clean(e.Finding.String())))
	case e.Shorter != nil:
		if len(l.found) == 0 {
			return errors.New("guest makes shorter what it has not found")
		}
		l.found[len(l.found)-1] = *e.Shorter
	case e.Keep != "":
		return r.keep(l, e.Keep)
	}
	return nil
}

// keep writes a program to the corpus, which it must be one for.
func (r *fuzzRunner) keep(l *fuzzLane, text string) error {
	if r.corpus == "" || l.kept >= corpusMax {
		return nil
	}
	if len(text) > corpusProgram {
		return errors.New("guest wants to keep a program that is too long")
	}
	p, err := fuzz.Parse(text)
	if err != nil {
		return fmt.Errorf("guest wants to keep what is no program: %w", err)
	}
	sum := sha256.Sum256([]byte(p.String()))
	l.kept++
	r.mu.Lock()
	defer r.mu.Unlock()
	path := filepath.Join(r.corpus, hex.EncodeToString(sum[:8])+corpusSuffix)
	// Half a program would not be read the next time.
	if err := writeWhole(path, []byte(p.String())); err != nil {
		return fmt.Errorf("keep a program: %w", err)
	}
	return nil
}

// findings is how many there are in all.
func (r *fuzzRunner) findings() (n int) {
	for _, l := range r.lanes {
		n += len(l.found)
	}
	return n
}
