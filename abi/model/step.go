package model

import "syscall"

// Answer is what an operation gave to who did it.
type Answer struct {
	Errno syscall.Errno
	// Skipped is of what cannot be done: a task that is in a call cannot call.
	Skipped bool
	// Blocks is of a RECV that nothing has come for.
	Blocks bool
	ID     int32  // of RECV: the notification's number
	Task   uint8  // of RECV: whose it is
	Call   Call   // of RECV: its call
	Result Result // of ADDFD and TARGET_CALL: what the target has, or gave
	Poll   uint8  // PollIn and so on
}

// Bits of Answer.Poll.
const (
	PollIn   uint8 = 1 << iota // there is something to receive
	PollOut                    // something received waits for its answer
	PollHup                    // no task has the filter any more
	PollNone                   // it is no descriptor
)

// Outcome is an answer, and what the state is then.
type Outcome struct {
	State  State
	Answer Answer
}

// Number is the number of the notification that o is for, -1 if there never is one.
func (s *State) Number(o Op) int32 {
	switch o.Ref {
	case NoID:
		return -1
	case NextID:
		return s.Next
	}
	return s.Next - 1 - int32(o.Ref) // before the first one: those of an earlier listener's life, gone
}

// Do is what o can come to, which is one thing only unless s.Racing, or what a child is
// given with its answer can be gone with that. For id it
// takes the number that Number gave before a race began.
func (s State) Do(o Op, id int32) []Outcome {
	if !s.Racing {
		return s.do(o, id)
	}
	var all []Outcome
	for _, now := range s.restarts() {
		for _, now := range now.deaths() {
			all = append(all, now.do(o, id)...)
		}
	}
	return all
}

// restarts lists s with each choice of calls made again by now.
func (s State) restarts() []State {
	all := []State{s}
	for i := range s.Tasks {
		if s.Tasks[i].Phase == Restarting {
			for _, other := range all {
				other.trap(i, s.Tasks[i].Call)
				all = append(all, other)
			}
		}
	}
	return all
}

func (s *State) trap(i int, c Call) {
	if s.Closed {
		s.Tasks[i] = Task{Phase: Leaving, Call: c, ID: s.Tasks[i].ID, Result: errno(syscall.ENOSYS)}
		return
	}
	s.Tasks[i] = Task{Phase: Init, Call: c, ID: s.Next}
	s.Next++
	s.Requests++
}

func (s State) do(o Op, id int32) []Outcome {
	fails := func(e syscall.Errno) []Outcome { return []Outcome{{s, Answer{Errno: e}}} }
	if s.Closed && o.listens() {
		return s.closed(o)
	}
	if e := s.malformed(o); e != 0 {
		return fails(e)
	}
	if s.Killed && (o.Do == Signal || o.Calls()) || s.Execed && o.Calls() {
		return []Outcome{{s, Answer{Skipped: !s.Racing}}}
	}
	if o.Calls() && s.Tasks[o.Task].Phase != Idle || s.Lacks(o) {
		return []Outcome{{s, Answer{Skipped: true}}}
	}
	switch o.Do {
	case Kill:
		return s.kill()
	case Close:
		return s.close()
	case Trap:
		s.trap(int(o.Task), o.Call)
		return fails(0)
	case Fork:
		return fails(0) // the child has the filter, too, until it is gone
	case Child:
		s.trap(int(o.Task), o.Call)
		s.Tasks[o.Task].Child, s.Tasks[o.Task].Pinned = true, s.Pinned
		return fails(0)
	case Map:
		return fails(s.mapping(o.How))
	case Install:
		return fails(s.install(int(o.Task), o.How))
	case Memory:
		return fails(sealed(o.How))
	case Signal:
		return s.signal(o)
	case Recv:
		return s.recv(o)
	case Poll:
		return []Outcome{{s, Answer{Poll: s.poll()}}}
	case SetFlags:
		return fails(0)
	}

	t := s.find(id)
	gone := fails(syscall.ENOENT)
	switch {
	case t == nil || t.Phase == Restarting:
		if s.Racing && o.Do == AddFD {
			return append(gone, fails(syscall.ESRCH)...) // it went while this waited
		}
		return gone
	case o.Do == IDValid && !t.open():
		return gone
	case o.Do == IDValid:
		return fails(0)
	case t.Phase == Leaving:
		// It is on its way out, or out, or goes while this waits.
		all := append(gone, append(fails(syscall.EINPROGRESS), fails(syscall.ESRCH)...)...)
		if t.Call == Execed {
			// Or it was before, and nobody can see any more where that leads.
			sent := s
			a, e := sent.act(sent.find(id), o)
			a.Errno = e
			all = append(all, s.cutShort(o, id, a)...)
		}
		return all
	case !t.open():
		return fails(syscall.EINPROGRESS)
	}
	var all []Outcome
	if s.Racing && o.answersItself() {
		all = fails(syscall.EBUSY) // the target still works for another
	}
	before := s
	a, e := s.act(t, o)
	a.Errno = e
	all = append(all, Outcome{s, a})
	if (t.Child || t.Call == Execed) && (s.Racing || o.answersItself()) && a.Result.Kind == File {
		a.Result = Result{Kind: Lost} // its owner may have ended by now
		all = append(all, Outcome{s, a})
	}
	if s.Killed {
		all = append(all, before.cutShort(o, id, a)...)
	}
	return all
}

// Calls reports whether o has a task of the target make a call.
func (o Op) Calls() bool {
	return o.Do == Trap || o.Do == Fork || o.Do == Child || o.Do == Map || o.Do == Install
}

// Lacks reports whether there is not what o needs: to map over a pin one, where nothing else
// may be mapped, and to be refused a second listener the first. That is closed; but one with
// redirects is refused all the same.
func (s *State) Lacks(o Op) bool {
	if o.Do == Install && o.How == FilterListenerRedirect && (!s.Features.Has(Pins) || s.Features.Has(Redirect)) {
		return false
	}
	return o.Do == Map && o.How == MapOver && !s.Pinned || s.Closed && o.Listens()
}

// Fills reports whether o has memory of the supervisor filled.
func (o Op) Fills() bool { return o.Do == DoTargetCall && (o.How == CallRead || o.How == CallFstat) }

// answersItself reports whether what o has the target do is the answer, too.
func (o Op) answersItself() bool {
	return o.Do == AddFD && (o.How == FDSend || o.How == FDSetSend) || o.Do == DoTargetCall && o.How == CallSend
}

// act is for a notification that waits for its answer. An error changes nothing.
func (s *State) act(t *Task, o Op) (a Answer, e syscall.Errno) {
	if t.Call == Execed && o.notOfEvents() {
		return a, syscall.EINVAL
	}
	leave := func(r Result) { t.Phase, t.Good, t.Result = Leaving, false, r }
	goOn := func(with Result, event bool) {
		if leave(with); t.Call == Program && with == t.Call.own() {
			s.exec(event)
		}
	}
	switch o.Do {
	case Send:
		switch o.How {
		case SendNothing:
			leave(Result{Kind: Value})
			if t.Call == Execed {
				s.end(t)
			}
		case SendValue:
			leave(Result{Kind: Value, Val: ReplyValue})
		case SendError:
			leave(errno(syscall.EPERM))
		case SendContinue:
			goOn(t.Call.own(), false)
		case SendInjected:
			if t.Phase != Armed {
				return a, syscall.EINVAL
			}
			r := errno(syscall.EINVAL)
			if t.Good {
				r = t.Call.substitute()
			}
			leave(r)
		case SendEvent:
			if t.Call != Execve && t.Call != Program {
				return a, syscall.EINVAL
			}
			goOn(t.Call.own(), true)
		}
	case AddFD:
		a.Result = Result{Kind: File, Byte: Given}
		if o.answersItself() {
			leave(a.Result)
			t.Good = true
		}
	case DoInject:
		if o.Call != t.Call {
			return a, syscall.ESRCH
		}
		if t.Phase == Armed {
			return a, syscall.EEXIST
		}
		t.Phase, t.Good = Armed, o.How == InjectPlain || o.How == InjectLarge
	case DoTargetCall:
		switch o.How {
		case CallBadFD:
			a.Result = errno(syscall.EBADF)
		case CallRead:
			a.Result = Result{Kind: Value, Val: ReadSize}
		case CallFstat:
			a.Result = Result{Kind: Value}
		case CallConnect:
			a.Result = errno(syscall.ENOENT)
		default:
			a.Result = o.Call.substitute()
		}
		if o.answersItself() {
			leave(a.Result)
			t.Good = true
		}
	case PinInstall:
		there := s.pinned(t)
		if o.How == PinOverlap || o.How == PinPlain && *there {
			return a, syscall.EEXIST
		}
		*there = *there || o.How == PinPlain
	case SendRedirect:
		switch {
		case o.How == RedirectBeyond || o.How == RedirectPtr && !*s.pinned(t):
			return a, syscall.EFAULT
		case o.How == RedirectPtr:
			leave(t.Call.substitute())
		case t.Call == Write: // of nothing
			leave(Result{Kind: Value})
		case t.Call == Bind: // to an address of no bytes
			leave(errno(syscall.EINVAL))
		default:
			goOn(t.Call.own(), false)
		}
	}
	return a, 0
}

// notOfEvents reports whether o is for a call, and no exec event is one: nothing is
// returned by it, or continued.
func (o Op) notOfEvents() bool {
	return o.Do == Send && o.How != SendNothing || o.Do == SendRedirect || o.answersItself()
}

func (s State) recv(o Op) []Outcome {
	if s.Requests == 0 {
		if s.Killed {
			return []Outcome{{s, Answer{Errno: syscall.ENOENT}}} // since 6.11
		}
		return []Outcome{{s, Answer{Blocks: true}}}
	}
	s.Requests--
	i, ok := s.oldest()
	if !ok {
		return []Outcome{{s, Answer{Errno: syscall.ENOENT}}}
	}
	t := &s.Tasks[i]
	if o.How == RecvReadOnly {
		s.Requests++
		return []Outcome{{s, Answer{Errno: syscall.EFAULT}}}
	}
	t.Phase = Sent
	return []Outcome{{s, Answer{ID: t.ID, Task: uint8(i), Call: t.Call}}}
}

// signal is what becomes of a task with a handler. One that is in no call runs it,
// and that is all; nor does it matter to a call that has its result already, but
// in a race, where the signal may have come before that.
func (s State) signal(o Op) []Outcome {
	same := Outcome{s, Answer{}}
	if s.Execed {
		return s.kill() // the new program has no handler
	}
	t := &s.Tasks[o.Task]
	switch {
	case t.Child: // the task itself waits for that, and goes on doing so
		return []Outcome{same}
	case t.Phase == Idle || t.Phase == Restarting || t.open() && s.Features.Has(Killable):
		return []Outcome{same}
	case t.Phase == Leaving && (!s.Racing || s.Features.Has(Killable)):
		return []Outcome{same}
	}
	left := t.Phase == Leaving
	if o.How == SignalInterrupt {
		t.Phase, t.Good, t.Result = Leaving, false, errno(syscall.EINTR)
	} else {
		t.Phase, t.Good = Restarting, false
	}
	if !s.Racing {
		s = s.settle()
	}
	interrupted := Outcome{s, Answer{}}
	if left {
		return []Outcome{same, interrupted}
	}
	return []Outcome{interrupted}
}

func (s *State) poll() (bits uint8) {
	if s.Killed {
		bits |= PollHup
	}
	for i := range s.Tasks {
		switch t := &s.Tasks[i]; {
		case t.Phase == Init:
			bits |= PollIn
		case t.open():
			bits |= PollOut
		}
	}
	return bits
}

// Settled lists what s can be when all that is under way is over, but for calls that
// have their result: who waits for them looks at it, and calls Returned.
func (s State) Settled() []State {
	s = s.settle()
	if s.Killed {
		return s.remains()
	}
	return []State{s}
}

func (s State) settle() State {
	for i := range s.Tasks {
		if s.Tasks[i].Phase == Restarting {
			s.trap(i, s.Tasks[i].Call)
		}
	}
	s.Racing = false
	return s
}

// Returned is what the calls have returned that are over, None for the others,
// and s without them.
func (s State) Returned() (results [Tasks]Result, after State) {
	for i := range s.Tasks {
		if t := &s.Tasks[i]; t.Phase == Leaving {
			results[i] = t.Result
			*t = Task{ID: t.ID}
		}
	}
	return results, s
}
