package workload

import (
	"slices"

	"golang.org/x/sys/unix"

	"unotify-bench/internal/notify"
)

// freeze stops everybody who shares the caller's memory, but for who sleeps
// until the caller executes a program or ends. A call that waits for one of
// them never ends: that is the price of this promise.
func (t *tracer) freeze(caller *thread) {
	in := caller.in
	in.busy = caller.tid
	t.hold(in)
	var asked []int
	for _, th := range in.threads {
		if th == caller || th.child != 0 || in.holds(th.tid) {
			continue
		}
		if t.Interrupt(th.tid) == 0 {
			asked = append(asked, th.tid)
		}
	}
	for _, tid := range asked {
		t.await(in, tid)
	}
}

// hold keeps the stops of a space which have been seen and not handled: those
// threads stand already.
func (t *tracer) hold(in *space) {
	rest := t.todo[:0]
	for _, ev := range t.todo {
		if th := t.threads[ev.TID]; th != nil && th.in == in {
			in.queue = append(in.queue, ev)
		} else {
			rest = append(rest, ev)
		}
	}
	t.todo = rest
}

// holds reports whether a stop of a thread waits to be handled.
func (s *space) holds(tid int) bool {
	return slices.ContainsFunc(s.queue, func(ev notify.Event) bool { return ev.TID == tid })
}

// await waits until an interrupted thread has stopped, for whatever reason. A
// stop for another is kept, and handled when the call is over; it takes the
// interrupt back (ptrace_stop in kernel/signal.c).
func (t *tracer) await(in *space, tid int) {
	var ev notify.Event
	switch e := t.Wait(tid, &ev); {
	case e == unix.ECHILD:
		t.left(tid)
		t.note(tid, false)
	case e != 0:
	case ev.Stop == notify.StopGroup:
		in.frozen = append(in.frozen, tid)
	case ev.Stop == notify.StopGone, ev.Stop == notify.StopExit:
		t.left(tid)
		t.note(tid, false)
		t.Pass(&ev, false)
	default:
		in.queue = append(in.queue, ev)
	}
}

// thaw lets them run again.
func (t *tracer) thaw(in *space) {
	if in.busy == 0 {
		return
	}
	in.busy = 0
	for _, tid := range in.frozen {
		t.Cont(tid, 0)
	}
	in.frozen = in.frozen[:0]
	t.todo = append(t.todo, in.queue...)
	in.queue = in.queue[:0]
}
