package fuzz

import "unotify-bench/abi/model"

// situations are what has been seen: what tasks were doing when an operation was
// done, alone or in a race, and what it gave. A program that shows a new one is
// worth going on from.
type situations map[situation]struct{}

type situation struct {
	features model.Features
	tasks    [model.Tasks]struct {
		phase         model.Phase
		call          model.Call
		child, pinned bool
	}
	pinned, waits, race, killed, closed bool

	op    model.Op
	errno uint16
}

func (s situations) add(state *model.State, o model.Op, a *model.Answer, race bool) {
	k := situationOf(state)
	k.race, k.op, k.errno = race, o.Bare(), uint16(a.Errno)
	s[k] = struct{}{}
}

// situationOf is what a state is for who is to do something.
func situationOf(state *model.State) situation {
	k := situation{
		features: state.Features, pinned: state.Pinned, waits: state.Requests > 0, killed: state.Killed, closed: state.Closed,
	}
	for i := range state.Tasks {
		if t := &state.Tasks[i]; t.Phase != model.Idle {
			k.tasks[i].phase, k.tasks[i].call = t.Phase, t.Call
			k.tasks[i].child, k.tasks[i].pinned = t.Child, t.Pinned
		}
	}
	return k
}
