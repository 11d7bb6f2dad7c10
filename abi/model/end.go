package model

import "syscall"

// Ended reports whether there is no more to a listener: its target is dead, or it is
// closed itself.
func (s *State) Ended() bool { return s.Killed || s.Closed }

// listens reports whether o is done to the listener, and not to the target.
func (o Op) listens() bool { return o.Do != Signal && o.Do != Memory && o.Do != Kill && !o.Calls() }

// closed is what o gives whose listener is closed.
func (s State) closed(o Op) []Outcome {
	if o.Do == Poll {
		return []Outcome{{s, Answer{Poll: PollNone}}}
	}
	return []Outcome{{s, Answer{Errno: syscall.EBADF}}}
}

// close answers all that waits for an answer: who is trapped from here on does not wait.
func (s State) close() []Outcome {
	s.Closed, s.Requests = true, 0
	for i := range s.Tasks {
		t := &s.Tasks[i]
		if t.Phase != Init && !t.open() {
			continue
		}
		t.Phase, t.Good, t.Result = Leaving, false, errno(syscall.ENOSYS)
		if t.Call == Execed {
			s.end(t)
		}
	}
	return []Outcome{{s, Answer{}}}
}

// exec has a task's program be another one, which is the only task from here on. What
// nobody has received of the others is still counted.
func (s *State) exec(event bool) {
	for i := range s.Tasks {
		s.Tasks[i] = Task{ID: s.Tasks[i].ID}
	}
	s.Execed, s.Pinned = true, false
	if event {
		s.trap(0, Execed)
		return
	}
	s.Killed = true
	*s = s.buried()
}

// end has the new program run, and end.
func (s *State) end(t *Task) {
	t.Result = Result{}
	if s.Killed = true; !s.Racing {
		*s = s.buried()
	}
}

// kill has the target die. In a race it is about to.
func (s State) kill() []Outcome {
	if s.Killed {
		return []Outcome{{s, Answer{Skipped: !s.Racing}}}
	}
	s.Killed = true
	if !s.Racing {
		s = s.buried()
	}
	return []Outcome{{s, Answer{}}}
}

// buried is s without its tasks.
func (s State) buried() State {
	s.Requests, s.Pinned = 0, false
	for i := range s.Tasks {
		s.Tasks[i] = Task{ID: s.Tasks[i].ID}
	}
	return s
}

// deaths lists s with each choice of tasks that have left their call by now, if it
// is about to die: they do so one by one.
func (s State) deaths() []State {
	all := []State{s}
	for i := range s.Tasks {
		if s.Killed && s.Tasks[i].Phase != Idle {
			for _, other := range all {
				other.Tasks[i] = Task{ID: s.Tasks[i].ID}
				all = append(all, other)
			}
		}
	}
	return all
}

// remains lists what is left of s that was killed in a race: of a call that had its
// result the task may have seen that, or died before, and nobody knows whether that
// was before the call had done anything.
func (s State) remains() []State {
	all := []State{s.buried()}
	for i := range s.Tasks {
		t := &s.Tasks[i]
		if t.Phase != Leaving {
			continue
		}
		returned := t.Result
		if returned.Kind == File {
			returned = Result{Kind: Lost}
		}
		ways := []Result{returned}
		if t.Result.Kind == Wrote {
			ways = append(ways, Result{Kind: Died, Byte: t.Result.Byte})
		}
		if t.Result.Kind != Wrote || !t.Good {
			ways = append(ways, Result{Kind: Died})
		}
		var more []State
		for _, other := range all {
			for _, r := range ways {
				other.Tasks[i] = Task{Phase: Leaving, ID: t.ID, Result: r}
				more = append(more, other)
			}
		}
		all = more
	}
	return all
}

// cutShort is what else o can come to that has a task do something while it is about
// to die; a is what it gave if nothing cut it short. A fatal signal ends some of what
// a task does (generic_perform_write), and where a descriptor leads nobody can see once
// its owner is dead. A pin is no work of the task's.
func (s State) cutShort(o Op, id int32, a Answer) []Outcome {
	if a.Errno != 0 {
		return nil
	}
	switch a.Result.Kind {
	case File:
		a.Result = Result{Kind: Lost}
	case Wrote:
		a.Result = errno(syscall.EINTR)
	default:
		return nil
	}
	if t := s.find(id); o.answersItself() {
		t.Phase, t.Good, t.Result = Leaving, true, a.Result
	}
	return []Outcome{{s, a}}
}
