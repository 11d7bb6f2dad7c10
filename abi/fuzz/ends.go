package fuzz

import "unotify-bench/abi/model"

// ends tries every situation of two tasks, and of an exec event, with each end: and then
// every operation that is for the newest notification or none, and again with each
// operation of the core alphabet done at once with the end. Under a filter with
// SECCOMP_FILTER_FLAG_WAIT_KILLABLE_RECV it does all that again: a task waits in another way
// there, which only a kill ends. It tries one of parts.
func (r *runner) ends(part, parts int) error {
	n := 0
	for _, filter := range r.waits() {
		if err := r.enter(filter); err != nil {
			return err
		}
		for _, p := range endings(r.world.state) {
			if n++; (n-part)%parts != 0 {
				continue
			}
			if err := r.program(filter, p); err != nil {
				return err
			}
		}
	}
	return nil
}

// Endings is how many programs Order.Ends tries, of all parts, on a kernel that has some
// features.
func Endings(f model.Features) int {
	n := 0
	for _, f := range eitherWay(f) {
		n += len(endings(model.State{Features: f}))
	}
	return n
}

func endings(s model.State) (all []Program) {
	var after Program
	for _, o := range model.All() {
		if o.Ref == 0 {
			after = append(after, Step{o})
		}
	}
	kill, shut := model.Op{Do: model.Kill}, model.Op{Do: model.Close}
	end := func(p Program, end model.Op, others ...model.Op) {
		all = append(all, append(p.and(end), after...))
		for _, o := range append(model.Core(), others...) {
			all = append(all, p.and(o, end))
		}
	}
	for _, p := range reach(s) {
		end(p, kill, shut)
		end(p, shut, kill)
	}
	for _, p := range events(s) {
		end(p, kill, shut)
		end(p, shut, kill)
		end(p, model.Op{Do: model.Send, How: model.SendNothing}, kill, shut)
	}
	return all
}

// events are programs that lead to an exec event: nobody has received it, nor anything
// of a task that the exec has ended, or somebody has, and has mapped a pin.
func events(s model.State) (all []Program) {
	if !s.Features.Has(model.Event) {
		return nil
	}
	recv, event := model.Op{Do: model.Recv}, model.Op{Do: model.Send, How: model.SendEvent}
	p := Program{}.and(model.Op{Do: model.Trap, Call: model.Program}).and(recv)
	all = append(all, p.and(model.Op{Do: model.Trap, Task: 1, Call: model.Write}).and(model.Op{Do: model.Send, Ref: 1, How: model.SendEvent}))
	p = p.and(event)
	all = append(all, p)
	p = p.and(recv)
	all = append(all, p)
	if s.Features.Has(model.Redirect) {
		all = append(all, p.and(model.Op{Do: model.PinInstall}))
	}
	return all
}

// and is the program with one more step.
func (p Program) and(ops ...model.Op) Program { return append(p[:len(p):len(p)], Step(ops)) }

// reach is a shortest program for each situation, from s, that the core alphabet
// leads to while a second task is trapped now and then.
func reach(s model.State) []Program {
	type at struct {
		state model.State
		by    Program
	}
	alphabet := append(model.Core(), model.Op{Do: model.Trap, Task: 1, Call: model.Write})
	type key struct {
		situation
		requests int32
	}
	known := map[key]bool{}
	var all []Program
	for next := []at{{state: s}}; len(next) > 0; next = next[1:] {
		from := next[0]
		k := key{situationOf(&from.state), from.state.Requests}
		if known[k] || k.requests > model.Tasks {
			continue
		}
		known[k] = true
		all = append(all, from.by)
		for _, o := range alphabet {
			step := Step{o}
			for _, c := range candidates(from.state, step, step.numbers(&from.state)) {
				next = append(next, at{c.state, from.by.and(o)})
			}
		}
	}
	return all
}
