package fuzz

import (
	"cmp"
	"math/rand/v2"
	"slices"
	"sync"

	"unotify-bench/abi/model"
)

// weights are how often an operation is taken, where it can do something.
var weights = [model.Unknown + 1]int{
	model.Trap: 12, model.Signal: 4, model.Fork: 1, model.Child: 3, model.Map: 2, model.Install: 1, model.Recv: 12, model.Poll: 1, model.Send: 8, model.IDValid: 2, model.SetFlags: 1,
	model.AddFD: 8, model.DoInject: 8, model.DoTargetCall: 8, model.PinInstall: 5, model.SendRedirect: 8, model.Unknown: 1,
	model.Memory: 1, model.Kill: 1, model.Close: 1,
}

// deck is what is picked from: the operations of each kind, and the weights' sum.
var deck = sync.OnceValue(func() (d struct {
	of  [model.Unknown + 1][]model.Op
	sum int
}) {
	for _, o := range model.All() {
		d.of[o.Do] = append(d.of[o.Do], o)
	}
	for _, w := range weights {
		d.sum += w
	}
	return d
})

// Longest and shortest program, in steps.
const (
	shortest = 4
	longest  = 40
)

// afterwards is how many steps there are after an end: there is little new in them.
const afterwards = 4

// endless is how many of the programs have no end: what comes after one takes a new
// target, which on a kernel that watches itself is the work of a hundred operations.
const endless = 9. / 10

// pick takes an operation for a state: one that does something, mostly.
func pick(rng *rand.Rand, s *model.State, ends bool) model.Op {
	d := deck()
	var do model.Do
	for {
		n := rng.IntN(d.sum)
		for do = range model.Unknown + 1 {
			if n -= weights[do]; n < 0 {
				break
			}
		}
		if !ends && (do == model.Kill || do == model.Close) {
			continue
		}
		if useful(s, do) || rng.IntN(10) == 0 {
			break
		}
	}
	o := d.of[do][rng.IntN(len(d.of[do]))]
	if rng.IntN(5) > 0 {
		o.Ref = 0
	}
	if rng.IntN(2) == 0 {
		o.How = plain(rng, do)
	}
	if t := newest(s); t != nil && t.Call < model.Program && rng.IntN(4) > 0 && (do == model.DoInject || do == model.DoTargetCall) {
		o.Call = t.Call
	}
	switch t := newest(s); {
	case do != model.Send || t == nil || rng.IntN(2) == 0:
	case t.Call == model.Execed:
		o.How = model.SendNothing
	case t.Call == model.Program:
		o.How = model.SendEvent
	}
	if do == model.Trap && !ends && o.Call == model.Program {
		o.Call = model.Execve
	}
	if do == model.Trap && rng.IntN(4) > 0 {
		o.Call = [...]model.Call{model.Openat, model.Write, model.Bind}[rng.IntN(3)]
		if ends && rng.IntN(6) == 0 {
			o.Call = model.Program
		}
	}
	if (do == model.Trap || do == model.Child || do == model.Map || do == model.Install) && rng.IntN(4) > 0 {
		for i := range s.Tasks {
			if s.Tasks[i].Phase == model.Idle {
				o.Task = uint8(i)
			}
		}
	}
	return o
}

// good are the ways that can succeed, where there is more than the first.
var good = [model.Unknown + 1][]uint8{
	model.Send:         {model.SendValue, model.SendContinue, model.SendContinue, model.SendInjected},
	model.AddFD:        {model.FDPlain, model.FDSend, model.FDSet, model.FDSetSend},
	model.DoTargetCall: {model.CallPlain, model.CallSend},
	model.SendRedirect: {model.RedirectPtr, model.RedirectPtr, model.RedirectScalar},
	model.Install:      {model.FilterPlain, model.FilterSync, model.FilterSync},
	model.Signal:       {model.SignalRestart, model.SignalInterrupt},
}

// plain is a way that can succeed.
func plain(rng *rand.Rand, do model.Do) uint8 {
	if good[do] == nil {
		return 0
	}
	return good[do][rng.IntN(len(good[do]))]
}

func newest(s *model.State) *model.Task {
	var t *model.Task
	for i := range s.Tasks {
		if s.Tasks[i].Phase != model.Idle && (t == nil || s.Tasks[i].ID > t.ID) {
			t = &s.Tasks[i]
		}
	}
	return t
}

// useful reports whether there is anything for an operation to work on.
func useful(s *model.State, do model.Do) bool {
	if s.Ended() {
		return true
	}
	var idle, received, inside bool
	for i := range s.Tasks {
		p := s.Tasks[i].Phase
		idle = idle || p == model.Idle && !s.Execed
		inside = inside || p != model.Idle
		received = received || p == model.Sent || p == model.Armed
	}
	switch do {
	case model.Trap, model.Fork, model.Child, model.Map, model.Install:
		return idle
	case model.Recv:
		return s.Requests > 0
	case model.Signal, model.Kill, model.Close:
		return inside
	case model.Send, model.AddFD, model.DoInject, model.DoTargetCall, model.PinInstall, model.SendRedirect, model.IDValid:
		return received
	}
	return true
}

// ends reports whether there is an end in a step.
func (s Step) ends() bool {
	return slices.ContainsFunc(s, func(o model.Op) bool {
		return o.Do == model.Kill || o.Do == model.Close || o.Do == model.Trap && o.Call == model.Program
	})
}

// pickStep takes one operation, or two that race.
func pickStep(rng *rand.Rand, s *model.State, ends bool) Step {
	step := Step{pick(rng, s, ends)}
	if rng.IntN(4) > 0 {
		return step
	}
	if both := append(step, pick(rng, s, ends)); raceable(both, s) {
		return both
	}
	return step
}

// raceable reports whether the model can say what comes of a race: nobody waits
// for ever, whoever is first, and the numbers of notifications do not depend on
// that either. While one program becomes another one, nothing is done.
func raceable(step Step, s *model.State) bool {
	for _, t := range s.Tasks {
		if t.Phase != model.Idle && t.Call == model.Program {
			return false
		}
	}
	is := func(a, b model.Do) bool { return step[0].Do == a && step[1].Do == b }
	if step[0].Calls() && step[1].Calls() && step[0].Task == step[1].Task {
		return false
	}
	// What the supervisor's memory is filled with is looked at afterwards.
	if is(model.DoTargetCall, model.DoTargetCall) && step[0].How == step[1].How && step[0].Fills() {
		return false
	}
	// Whether a child was made before a pin or after it, nothing shows until much later.
	if is(model.Child, model.PinInstall) || is(model.PinInstall, model.Child) {
		return false
	}
	kill := step[0].Do == model.Kill || step[1].Do == model.Kill
	closes := step[0].Do == model.Close || step[1].Do == model.Close
	recvs, news := int32(0), 0
	for _, o := range step {
		if o.Calls() && (s.Execed || s.Tasks[o.Task].Phase != model.Idle) {
			return false
		}
		switch o.Do {
		case model.Close, model.Kill:
			if step[0] == step[1] {
				return false
			}
		case model.Recv:
			if recvs++; o.How == model.RecvReadOnly {
				return false
			}
		case model.Trap:
			if news++; o.Call == model.Program {
				return false
			}
		case model.Fork, model.Child:
			if news++; kill {
				return false
			}
		case model.Signal:
			if news++; s.Execed || kill {
				return false // it may be nobody's
			}
		case model.Map:
			if kill || s.Lacks(o) {
				return false
			}
		case model.Install:
			if kill || closes && o.Listens() {
				return false
			}
		case model.Poll:
			return false
		}
	}
	// A RECV that waits is told of the end of whom it waits for.
	return (recvs <= s.Requests || kill) && news < 2 && !s.Ended()
}

// makeUp is a program by chance, after a beginning, for a listener in a state. Of
// a race it takes one outcome for the state that goes on from there.
func makeUp(rng *rand.Rand, s model.State, begin Program) (p Program) {
	ends := rng.Float64() >= endless
	for n := shortest + rng.IntN(longest-shortest); len(p) < n; {
		was := s.Ended()
		step := pickStep(rng, &s, ends)
		if at := len(p); at < len(begin) && (ends || !begin[at].ends()) {
			step = begin[at]
		}
		step = step.possible(&s)
		p = append(p, step)
		if all := candidates(s, step, step.numbers(&s)); len(all) > 0 {
			s = all[rng.IntN(len(all))].state
		}
		if s.Ended() && !was {
			n = min(n, len(p)+afterwards)
		}
	}
	return p
}

// possible is the step, without its second operation if they cannot race.
func (s Step) possible(state *model.State) Step {
	if len(s) > 1 && !raceable(s, state) {
		return s[:1]
	}
	return s
}

// random is the corpus, under filters as this kernel can have them, and then programs by
// chance, until so many operations are done.
func (r *runner) random(seed uint64, ops int64) error {
	rng := rand.New(rand.NewPCG(seed, 0))
	filters := []Filter{0}
	for _, f := range []Filter{model.Redirect, model.Killable} {
		if r.tools.kernel.Has(f) {
			for _, other := range filters {
				filters = append(filters, other|f)
			}
		}
	}
	// Another filter takes another target.
	corpus := slices.Clone(r.corpus)
	slices.SortStableFunc(corpus, func(a, b Kept) int { return cmp.Compare(a.Filter, b.Filter) })
	for _, k := range corpus {
		if err := r.program(k.Filter&r.tools.kernel, k.Program); err != nil {
			return err
		}
	}
	filter := filters[0]
	for n, until := 0, r.count.Ops+ops; r.count.Ops < until; n++ {
		if n%50 == 0 {
			filter = filters[rng.IntN(len(filters))]
		}
		if err := r.enter(filter); err != nil {
			return err
		}
		var begin Program
		if len(r.corpus) > 0 && rng.IntN(3) == 0 {
			begin = r.corpus[rng.IntN(len(r.corpus))].Program
			begin = begin[:1+rng.IntN(len(begin))]
		}
		known, places := len(r.tools.seen), r.tools.cover.places()
		p := makeUp(rng, r.world.state, begin)
		if err := r.program(filter, p); err != nil {
			return err
		}
		if len(r.tools.seen) > known || r.tools.cover.places() > places {
			k := Kept{p, filter}
			r.corpus = append(r.corpus, k)
			if err := r.emit(Event{Keep: k.String()}); err != nil {
				return err
			}
		}
	}
	return nil
}
