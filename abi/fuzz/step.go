package fuzz

import (
	"bytes"
	"fmt"
	"slices"
	"strings"
	"time"
	"unsafe"

	"golang.org/x/sys/unix"

	"unotify-bench/abi"
	"unotify-bench/abi/model"
)

// Finding is a kernel that does other than the model says.
type Finding struct {
	What Class
	// At is the step of Program that shows it, counted from 0; of Complaints and Leaks
	// nobody knows.
	At      int
	Program string
	Filter  Filter
	Want    string // what the model allows
	Got     string
}

// Class is what kind of finding it is.
type Class string

const (
	Answers    Class = "answer"    // an operation gave what it may not give
	Results    Class = "result"    // a trapped call returned what it may not return
	Hangs      Class = "hang"      // something never came
	Complaints Class = "complaint" // the kernel has said that it is broken
	Leaks      Class = "leak"      // kmemleak has found what nobody points to
)

// String is a line for a person.
func (f *Finding) String() string {
	where := fmt.Sprintf(" in step %d", f.At+1)
	if f.What == Complaints || f.What == Leaks {
		where = ""
	}
	return fmt.Sprintf("%s%s: got %s, want %s", f.What, where, f.Got, f.Want)
}

// candidate is one way for a step to have gone.
type candidate struct {
	state   model.State
	answers [hands]model.Answer
	results [model.Tasks]model.Result
}

// candidates are all that the model allows.
func candidates(s model.State, step Step, numbers []int32) []candidate {
	s.Racing = len(step) > 1
	var all []candidate
	var from func(s model.State, left []int, c candidate)
	from = func(s model.State, left []int, c candidate) {
		if len(left) == 0 {
			for _, end := range s.Settled() {
				c.results, c.state = end.Returned()
				if !slices.Contains(all, c) {
					all = append(all, c)
				}
			}
			return
		}
		for at, i := range left {
			rest := slices.Delete(slices.Clone(left), at, at+1)
			for _, o := range s.Do(step[i], numbers[i]) {
				// Who waits, waits for what the other does.
				if o.Answer.Blocks && len(step) > 1 {
					continue
				}
				c.answers[i] = o.Answer
				from(o.State, rest, c)
			}
		}
	}
	order := make([]int, len(step))
	for i := range order {
		order[i] = i
	}
	from(s, order, candidate{})
	return all
}

// step does a step and holds it against the model. A nil finding is agreement.
func (w *world) step(step Step) *Finding {
	return w.stepFor(step, step.numbers(&w.state))
}

// numbers are the notifications that its operations are for.
func (s Step) numbers(state *model.State) []int32 {
	numbers := make([]int32, len(s))
	for i, o := range s {
		numbers[i] = state.Number(o)
	}
	return numbers
}

// stepFor is step for the notifications with these numbers, whatever Ref says.
func (w *world) stepFor(step Step, numbers []int32) *Finding {
	all := candidates(w.state, step, numbers)
	if len(all) == 0 {
		return nil // both would wait, for each other
	}
	w.tools.watch.await(w)
	defer w.tools.watch.await(nil)
	before := w.state
	var got [hands]model.Answer
	if all[0].answers[0].Blocks {
		got[0] = w.recvNothing(step[0])
	} else {
		w.act(step, numbers, got[:])
	}
	for i, o := range step {
		if !got[i].Skipped {
			w.ops++
		}
		w.tools.seen.add(&before, o, &got[i], len(step) > 1)
	}
	fits := slices.DeleteFunc(slices.Clone(all), func(c candidate) bool { return !sameAnswers(step, c.answers, got) })
	if len(fits) == 0 {
		return w.finding(Answers, showAnswers(step, got), func(c candidate) string { return showAnswers(step, c.answers) }, all)
	}
	results, ok := w.settle(before, fits)
	if !ok {
		return w.finding(Hangs, "nothing after "+showAnswers(step, got)+" ("+*w.stuck.Load()+")", func(c candidate) string { return showResults(c.results) }, fits)
	}
	wrote := w.written()
	rest := slices.DeleteFunc(slices.Clone(fits), func(c candidate) bool {
		return !sameResults(c.results, results) || !sameBytes(c.wrote(step, before, numbers), wrote)
	})
	if len(rest) == 0 {
		return w.finding(Results, showResults(results)+showBytes(wrote), func(c candidate) string {
			return showResults(c.results) + showBytes(c.wrote(step, before, numbers))
		}, fits)
	}
	for i, o := range step {
		if o.Do == model.PinInstall && got[i].Errno == 0 {
			w.maps++
		}
		if o.Do == model.Install && got[i].Errno == 0 && !got[i].Skipped {
			w.filters++
		}
	}
	w.state = rest[0].state
	defer w.watchChildren()
	if len(rest) > 1 {
		return w.agree(rest)
	}
	return nil
}

// agree picks the state that is, where a race can have left several: a poll tells
// the phases apart, and no more is looked at.
func (w *world) agree(rest []candidate) *Finding {
	got := w.do(model.Op{Do: model.Poll}, 0)
	for _, c := range rest {
		if c.state.Do(model.Op{Do: model.Poll}, 0)[0].Answer == got {
			w.state = c.state
			return nil
		}
	}
	return w.finding(Answers, fmt.Sprint("poll ", got.Poll), func(c candidate) string {
		return fmt.Sprint("poll ", c.state.Do(model.Op{Do: model.Poll}, 0)[0].Answer.Poll)
	}, rest)
}

// act does the operations of a step, at once.
func (w *world) act(step Step, numbers []int32, got []model.Answer) {
	if len(step) == 1 {
		got[0] = w.do(step[0], numbers[0])
		return
	}
	w.tools.hand.give(w, step[1], numbers[1])
	got[0] = w.do(step[0], numbers[0])
	got[1] = w.tools.hand.take()
}

// recvNothing does a RECV that nobody will come for, which the hand interrupts.
func (w *world) recvNothing(o model.Op) model.Answer {
	h := w.tools.hand
	h.giveInterrupts(w)
	a := w.do(o, -1)
	h.enough.Store(true)
	h.take()
	// What the hand sent last is taken here, and not in what is done next.
	_, _, _ = unix.Syscall(unix.SYS_GETPPID, 0, 0, 0)
	return a
}

// settle waits until all tasks are where one of the candidates has them, and
// returns what their calls gave. It is false if that does not come.
func (w *world) settle(before model.State, fits []candidate) (results [model.Tasks]model.Result, ok bool) {
	if fits[0].state.Killed && !w.dead && !w.dies() {
		return results, false
	}
	if (w.dead || fits[0].state.Execed) && !w.childrenEnd() {
		return results, false
	}
	for i := range w.state.Tasks {
		var returns, traps bool
		for _, c := range fits {
			returns = returns || c.results[i].Kind != model.None
			// Of who stays in its wait nothing is to be seen.
			if now := &c.state.Tasks[i]; c.results[i].Kind == model.None && now.Phase != model.Idle {
				traps = traps || returns || now.ID != before.Tasks[i].ID || before.Tasks[i].Phase == model.Idle
			}
		}
		if w.dead {
			returns, traps = before.Tasks[i].Phase != model.Idle || returns, false
		}
		there := func() bool {
			return w.dead || !returns && !traps || returns && w.returned(i) || traps && w.trapped(i, fits)
		}
		for pause := time.Duration(0); !there(); {
			if w.stuck.Load() != nil {
				return results, false
			}
			if !traps {
				w.comes(i)
				continue
			}
			if !returns && before.Requests == 0 && !w.closed {
				w.comesIn()
			}
			// Not time.Sleep, which takes other threads of this process.
			if pause > 0 {
				_ = unix.Nanosleep(&unix.Timespec{Nsec: pause.Nanoseconds()}, nil)
			}
			pause = min(pause+10*time.Microsecond, time.Millisecond)
		}
		if returns && !before.Execed && w.returned(i) { // a new program has no tasks of ours
			results[i] = w.returns(i)
		}
	}
	return results, w.stuck.Load() == nil
}

// trapped reports whether a task has come into the call that it is in after one of
// the fits, where nobody else does anything.
func (w *world) trapped(i int, fits []candidate) bool {
	if w.closed {
		return w.asleep(i) && !w.returned(i)
	}
	for _, c := range fits {
		if t := &c.state.Tasks[i]; t.Phase != model.Idle && w.exists(t.ID) {
			return true
		}
	}
	return false
}

// comesIn waits until there is a notification to receive, a tenth of a second at most.
func (w *world) comesIn() {
	fds := [1]unix.PollFd{{Fd: int32(w.FD), Events: unix.POLLIN}}
	limit := unix.Timespec{Nsec: 1e8}
	unix.RawSyscall6(unix.SYS_PPOLL, uintptr(unsafe.Pointer(&fds)), 1, uintptr(unsafe.Pointer(&limit)), 0, 0, 0)
}

// exists reports whether there is a notification with a number, and leaves it as it
// is. It asks the listener: to make the file of a task's state is a lot of work for
// a kernel that watches itself.
func (w *world) exists(number int32) bool {
	id := w.id(number)
	// Received, or not even that: an answer to what nobody has received is refused.
	return w.IDValid(&id) == 0 || w.Listener.Send(&abi.NotifResp{ID: id}) == unix.EINPROGRESS
}

// written is what has been written since it was last asked.
func (w *world) written() (wrote [model.Tasks]string) {
	for i, f := range w.files {
		rest := f[w.wrote[i]:]
		n := max(0, bytes.IndexByte(rest, 0))
		wrote[i] = string(rest[:n])
		w.wrote[i] += n
	}
	return wrote
}

// wrote is what the candidate has had written.
func (c *candidate) wrote(step Step, before model.State, numbers []int32) (wrote [model.Tasks]string) {
	for i, r := range c.results {
		if r.Kind == model.Wrote || r.Kind == model.Died && r.Byte != 0 {
			wrote[i] += string(r.Byte)
		}
	}
	for i, o := range step {
		// What answers itself is in the results already.
		if a := c.answers[i]; a.Result.Kind == model.Wrote && o.How != model.CallSend {
			for at := range before.Tasks {
				if t := &before.Tasks[at]; t.Phase != model.Idle && t.ID == numbers[i] {
					wrote[at] += string(a.Result.Byte)
				}
			}
		}
	}
	return wrote
}

func sameBytes(a, b [model.Tasks]string) bool {
	for i := range a {
		x, y := []byte(a[i]), []byte(b[i])
		slices.Sort(x)
		slices.Sort(y)
		if string(x) != string(y) {
			return false
		}
	}
	return true
}

// sameAnswers compares what do can know: which byte was written is seen later.
func sameAnswers(step Step, a, b [hands]model.Answer) bool {
	for i := range step {
		a[i].Result, b[i].Result = seen(a[i].Result), seen(b[i].Result)
		if a[i] != b[i] {
			return false
		}
	}
	return true
}

func seen(r model.Result) model.Result {
	switch r.Kind {
	case model.Wrote:
		r.Byte = 0
	case model.Died:
		r = model.Result{}
	}
	return r
}

func sameResults(a, b [model.Tasks]model.Result) bool {
	for i := range a {
		if seen(a[i]) != seen(b[i]) {
			return false
		}
	}
	return true
}

func (w *world) finding(what Class, got string, show func(candidate) string, allowed []candidate) *Finding {
	var want []string
	for _, c := range allowed {
		if text := show(c); !slices.Contains(want, text) {
			want = append(want, text)
		}
	}
	if w.stuck.Load() != nil && what != Hangs {
		what, got = Hangs, got+", and a long wait"
	}
	return &Finding{What: what, Want: strings.Join(want, ", or "), Got: got}
}
