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
	kept  int        // programs, in --corpus
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
		each += fuzz.Sequences(r.order.Length, model.Everything) / int64(r.order.Parts) * int64(r.order.Length)
	}
	if r.order.Ends {
		each += int64(fuzz.Endings(model.Everything)) / int64(r.order.Parts) * endingOps
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
// TestEnds 17.0.
const endingOps = 17

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
	order := machineOrder(r.order)
	text, err := json.Marshal(job{Fuzz: &order})
	if err != nil {
		return err
	}
	m.Files, m.Run = map[string][]byte{jobFile: text}, rand.Text()
	r.lane(arch.Name, img.Release, img.SHA256).machine = m
	return nil
}

// machineOrder is what a machine is told to do, whose kernel nobody else uses.
func machineOrder(o fuzz.Order) fuzz.Order {
	o.Alone = true
	return o
}

// boot drives the kernel of a machine. One that complains, or dies, or falls silent, of what
// is done to it is a finding, and so is what is lost.
func (r *fuzzRunner) boot(ctx context.Context, l *fuzzLane) error {
	err := bootFuzz(ctx, l.machine, func(e fuzz.Event) error { return r.take(l, e) })
	if ctx.Err() != nil {
		return ctx.Err()
	}
	n := len(l.found)
	if n == 0 || l.found[n-1].What != fuzz.Complaints {
		f := ofMachine(err, l.now)
		if f == nil {
			return errors.Join(err, l.doneAll(r.order, err))
		}
		l.found = append(l.found, *f)
		n++
		r.bar.Log(fmt.Sprintf("%s: %s: %s", l.Where, f.What, f.Want))
	}
	f := &l.found[n-1]
	err = r.smaller(ctx, l, f)
	if ctx.Err() != nil {
		return ctx.Err()
	}
	if err != nil {
		f.Got += fmt.Sprintf(" (and then no machine could be asked again: %v)", err)
	}
	return errEnough
}

// bootFuzz has a machine do what it was told, and hands on what it says.
func bootFuzz(ctx context.Context, m *kernel.Machine, take func(fuzz.Event) error) error {
	exit, err := m.Boot(ctx, func(e kernel.Event) error {
		if err := complaint(e, eventFuzz); err != nil {
			return err
		}
		var ev fuzz.Event
		if err := decode(e.Data, &ev, "event"); err != nil {
			return err
		}
		return take(ev)
	})
	if err == nil && exit.Code != 0 {
		return fmt.Errorf("the guest ended with status %d", exit.Code)
	}
	return err
}

// ofMachine is the finding in how a machine has ended that was doing a program: nil if that
// says nothing of its kernel.
func ofMachine(err error, now *fuzz.Begins) *fuzz.Finding {
	if now == nil {
		return nil
	}
	f := &fuzz.Finding{Program: now.Program, Filter: now.Filter}
	switch {
	case errors.Is(err, kernel.ErrSplat), errors.Is(err, kernel.ErrPanic), errors.Is(err, kernel.ErrNoDone):
		f.What, f.Want = fuzz.Complaints, "a console that is silent"
	case errors.Is(err, kernel.ErrIdle):
		f.What, f.Want = fuzz.Hangs, "a machine that answers"
	default:
		return nil
	}
	f.Got = err.Error()
	return f
}

// doneAll is an error if a guest says that it is done, and has counted less than it was told to
// do. More of what it says cannot be known from here.
func (l *fuzzLane) doneAll(o fuzz.Order, err error) error {
	programs := int64(0)
	if o.Length > 0 {
		programs += (fuzz.Sequences(o.Length, 0) - int64(o.Part) + int64(o.Parts)) / int64(o.Parts)
	}
	if o.Ends {
		programs += int64(fuzz.Endings(0) / o.Parts)
	}
	// Each of these does an operation.
	ops := programs + o.Ops
	if o.Ops > 0 {
		programs += int64(len(o.Corpus))
	}
	if o.Replay != "" {
		programs += int64(max(1, o.Times))
	}
	if err == nil && (l.count.Programs < programs || l.count.Ops < ops) {
		return fmt.Errorf("guest says that it is done, with %d operations in %d programs of %d in %d at least", l.count.Ops, l.count.Programs, ops, programs)
	}
	return nil
}

// findingsMax is how many there are before a place is left: they repeat themselves.
const findingsMax = 10

// errEnough leaves a place that has had findingsMax, or whose kernel is no more.
var errEnough = errors.New("as many findings as are worth reading")

// countMax bounds what a guest counts, and what a ledger has.
const countMax = 1 << 50

// take keeps what is told. A guest is not believed: what it says is bounded.
func (r *fuzzRunner) take(l *fuzzLane, e fuzz.Event) error {
	switch {
	case e.Begins != nil:
		if len(e.Begins.Program) > corpusProgram {
			return errors.New("guest begins a program that is too long")
		}
		l.now = e.Begins
	case e.Count != nil:
		c := e.Count
		if c.Ops < l.count.Ops || c.Programs < l.count.Programs || c.Situations < l.count.Situations || c.Places < l.count.Places {
			return errors.New("guest counts backwards")
		}
		if c.Ops > countMax || c.Programs > countMax || c.Situations > countMax || c.Places > countMax {
			return errors.New("guest counts more than there can be")
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
		r.bar.Log(fmt.Sprintf("%s: %.200s", l.Where, clean(e.Finding.String())))
	case e.Shorter != nil:
		if len(l.found) == 0 {
			return errors.New("guest makes shorter what it has not found")
		}
		if len(e.Shorter.Program) > corpusProgram {
			return errors.New("guest has made a program too long")
		}
		l.found[len(l.found)-1] = *e.Shorter
	case e.Keep != "":
		return r.keep(e.Keep)
	}
	return nil
}

// keep writes a program to the corpus, which it must be one for.
func (r *fuzzRunner) keep(text string) error {
	if r.corpus == "" {
		return nil
	}
	if len(text) > corpusProgram {
		return errors.New("guest wants to keep a program that is too long")
	}
	kept, err := fuzz.ParseKept(text)
	if err != nil {
		return fmt.Errorf("guest wants to keep what is no program: %w", err)
	}
	// As it is written it can be longer, and would not be read again.
	if text = kept.String(); len(text) > corpusProgram {
		return errors.New("guest wants to keep a program that is too long")
	}
	sum := sha256.Sum256([]byte(text))
	r.mu.Lock()
	defer r.mu.Unlock()
	// All places keep theirs in one directory, which is to be read again.
	if len(r.order.Corpus)+r.kept >= corpusMax {
		return nil
	}
	r.kept++
	path := filepath.Join(r.corpus, hex.EncodeToString(sum[:8])+corpusSuffix)
	// Half a program would not be read the next time.
	if err := writeWhole(path, []byte(text)); err != nil {
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
