package fuzz

import (
	"context"
	"errors"
	"fmt"
	"os"
	"runtime"
	"runtime/debug"
	"time"

	"golang.org/x/sys/unix"

	"unotify-bench/internal/notify"
	"unotify-bench/internal/tempdir"
)

// Roles of this program's children.
const (
	roleWorker = "fuzz"
	roleTarget = "fuzz-target"
)

// Main takes over a process that Run or a worker started; in any other it returns
// at once.
func Main() {
	switch notify.Role() {
	case roleWorker:
		workerMain()
	case roleTarget:
		targetMain()
	default:
		return
	}
	os.Exit(0)
}

// Order is what is to be done.
type Order struct {
	Dir string // for a few files; "" is a temporary one
	// Length is that of sequences, all of which are tried, as Sequences says; of these
	// the Part-th of Parts. 0 tries none.
	Length, Part, Parts int `json:",omitempty"`
	// Ends has each situation end in each way; of these programs the Part-th of
	// Parts.
	Ends bool `json:",omitempty"`
	// Ops is how many operations there are to be in programs by chance, which
	// Seed picks.
	Ops  int64  `json:",omitempty"`
	Seed uint64 `json:",omitempty"`
	// Replay is a program to do Times, under a Filter.
	Replay string `json:",omitempty"`
	Filter Filter `json:",omitempty"`
	Times  int    `json:",omitempty"`
	// Less, instead, is a program of which the kernel complains: each that is a part of
	// it is done until it does so again.
	Less string `json:",omitempty"`
	// Alone is whether nobody else uses the kernel: what that complains of, and what it
	// loses, is then a finding. It needs /dev/kmsg, and debugfs for kmemleak.
	Alone bool `json:",omitempty"`
	// LogOnly has nobody ask what the kernel loses, which takes its time.
	LogOnly bool `json:",omitempty"`
	// Corpus is programs to do before those by chance, and to go on from: see ParseKept.
	Corpus  []string      `json:",omitempty"`
	Patient time.Duration // how long nothing may happen before that is a hang
}

// Count is how far it is.
type Count struct {
	// Ops are the operations of programs that were done, and held against the model: not
	// those that had nothing to do, nor what empties a listener for the next program.
	Ops, Programs int64
	Situations    int // that have been seen: see situations
	Places        int `json:",omitempty"` // of the kernel's code: see coverage
	Worlds        int64
}

// Begins is the program that is done next.
type Begins struct {
	Program string
	Filter  Filter
}

// Event is something to tell. Exactly one of its parts is there.
type Event struct {
	Begins  *Begins  `json:",omitempty"`
	Count   *Count   `json:",omitempty"`
	Finding *Finding `json:",omitempty"`
	Shorter *Finding `json:",omitempty"` // the last one, made shorter
	Keep    string   `json:",omitempty"` // a program that is worth going on from: see Kept
	Err     string   `json:",omitempty"` // why there is no more
	Over    bool     `json:",omitempty"`
}

// Run does what is ordered, in a process of its own, and hands each event to emit.
// An error is not a finding: it is that of emit, of ctx, or why nothing could be
// done.
func Run(ctx context.Context, o Order, emit func(Event) error) error {
	if o.Dir == "" {
		dir, err := tempdir.New("")
		if err != nil {
			return fmt.Errorf("make a directory for what targets open: %w", err)
		}
		defer func() { _ = dir.Remove() }()
		o.Dir = dir.Path
	}
	p, err := notify.Start(roleWorker)
	if err != nil {
		return err
	}
	defer func() { p.Kill(); _ = p.Wait() }()
	defer context.AfterFunc(ctx, p.Kill)()
	if err := errors.Join(p.Conn.Send(o, -1), p.Conn.Poll()); err != nil {
		return err
	}
	for {
		var e Event
		if _, err := p.Conn.Recv(&e); err != nil {
			return errors.Join(ctx.Err(), fmt.Errorf("hear from the supervisor that fuzzes: %w", err))
		}
		switch {
		case e.Err != "":
			return errors.New(e.Err)
		case e.Over:
			return nil
		}
		if err := emit(e); err != nil {
			return err
		}
	}
}

// workerMain is the supervisor.
func workerMain() {
	conn := notify.NewConn(notify.RoleFD)
	var order Order
	if _, err := conn.Recv(&order); err != nil {
		os.Exit(1)
	}
	runtime.GOMAXPROCS(4 + hands)
	go func() {
		// Nothing more is sent: whoever ordered is gone.
		_, _ = conn.Recv(new(Order))
		os.Exit(1)
	}()
	// A thread in a raw syscall cannot be stopped, and what it waits for may be what
	// another thread would do that a collection has stopped. So there is none but
	// between programs: see ended.
	debug.SetGCPercent(-1)
	// A target's child whose parent is killed is this process's from then on: see
	// world.end. Nobody else may be there who reaps it.
	_ = unix.Prctl(unix.PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0)
	end := Event{Over: true}
	if err := work(order, func(e Event) error { return conn.Send(e, -1) }); err != nil && !errors.Is(err, errComplained) {
		end = Event{Err: err.Error()}
	}
	_ = conn.Send(end, -1)
}

// runner is a supervisor at work.
type runner struct {
	tools  *tools
	health *health
	emit   func(Event) error
	world  *world
	filter Filter
	count  Count
	corpus []Kept
	told   time.Time
	ops    int64 // of the last try
	tries  int
}

func work(o Order, emit func(Event) error) error {
	if err := errors.Join(interruptible(), notify.LockThread()); err != nil {
		return err
	}
	tools, err := newTools(o.Dir, o.Patient)
	if err != nil {
		return err
	}
	defer tools.close()
	health, err := newHealth(o.Alone, !o.LogOnly)
	defer health.close()
	if err != nil {
		return err
	}
	r := &runner{tools: tools, health: health, emit: emit}
	defer r.leave()
	if o.Less != "" {
		p, err := Parse(o.Less)
		if err != nil {
			return err
		}
		return r.less(o.Filter, p)
	}
	if o.Replay != "" {
		p, err := Parse(o.Replay)
		if err != nil {
			return err
		}
		for range max(1, o.Times) {
			if err := r.program(o.Filter, p); err != nil {
				return err
			}
		}
	}
	for _, text := range o.Corpus {
		k, err := ParseKept(text)
		if err != nil {
			return fmt.Errorf("corpus: %w", err)
		}
		r.corpus = append(r.corpus, k)
	}
	if o.Length > 0 {
		if err := r.every(o.Length, o.Part, o.Parts); err != nil {
			return err
		}
	}
	if o.Ends {
		if err := r.ends(max(1, o.Part), max(1, o.Parts)); err != nil {
			return err
		}
	}
	if o.Ops > 0 {
		if err := r.random(o.Seed, o.Ops); err != nil {
			return err
		}
	}
	if err := r.leaks(); err != nil {
		return err
	}
	return r.tell()
}

// enter has a world with a filter that nothing is left in.
func (r *runner) enter(filter Filter) error {
	if r.world != nil && (r.filter != filter || r.world.usedUp()) {
		r.leave()
	}
	if r.world == nil {
		w, err := r.tools.start(filter)
		if err != nil {
			return err
		}
		r.world, r.filter = w, filter
		r.count.Worlds++
	}
	return nil
}

func (r *runner) leave() {
	if r.world != nil {
		r.world.end()
		r.world = nil
	}
}

// program does a program. What it finds is made as short as it can be, and told.
func (r *runner) program(filter Filter, p Program) error {
	if err := r.emit(Event{Begins: &Begins{p.String(), filter}}); err != nil {
		return err
	}
	f, err := r.try(filter, p)
	if err != nil {
		return err
	}
	r.count.Ops += r.ops
	r.count.Programs++
	if f != nil {
		// A kernel may not survive what follows.
		if err := r.emit(Event{Finding: f}); err != nil {
			return err
		}
	}
	if err := r.heed(filter, p); err != nil {
		return err
	}
	if r.health.kmemleak >= 0 {
		r.health.since = append(r.health.since, tried{p, filter})
	}
	if f != nil {
		if f, err = r.shrink(filter, p[:min(f.At+1, len(p))], f); err != nil {
			return err
		}
		if err := r.emit(Event{Shorter: f}); err != nil {
			return err
		}
		if err := r.heed(filter, p); err != nil {
			return err
		}
	}
	if len(r.health.since) >= leakEvery {
		if err := r.leaks(); err != nil {
			return err
		}
	}
	return r.tellNowAndThen()
}

// tellNowAndThen tells how far it is, once a second.
func (r *runner) tellNowAndThen() error {
	if time.Since(r.told) < time.Second {
		return nil
	}
	return r.tell()
}

// try does a program, and leaves the world if it finds something. What it has done is in
// r.ops: it counts the first time, and not when it is looked for what a finding needs.
func (r *runner) try(filter Filter, p Program) (*Finding, error) {
	if err := r.enter(filter); err != nil {
		return nil, err
	}
	var f *Finding
	at := 0
	for ; at < len(p) && f == nil; at++ {
		f = r.world.step(p[at].possible(&r.world.state))
	}
	ended := r.world.state.Ended() || r.world.state.Execed
	r.ops = r.world.ops
	switch {
	case f != nil:
		at--
	case !ended:
		f = r.world.reset() // which is what is left to do after the last step
	}
	r.tools.cover.take()
	r.world.ops = 0
	if r.tries++; r.tries%500 == 0 {
		runtime.GC()
	}
	if f != nil {
		f.At, f.Program, f.Filter = at, p.String(), filter
	}
	if f != nil || ended {
		r.leave()
	}
	return f, nil
}

func (r *runner) tell() error {
	r.told = time.Now()
	r.count.Situations = len(r.tools.seen)
	r.count.Places = r.tools.cover.places()
	c := r.count
	return r.emit(Event{Count: &c})
}
