package workload

import (
	"fmt"
	"os"
	"strconv"
	"sync"

	"golang.org/x/sys/unix"

	"unotify-bench/internal/notify"
)

// tracer enforces the policy at the stops of all targets. Nothing is rewritten:
// a program that is not ours has no memory to spare for a copy, and one that
// other threads can write would help against none of them.
type tracer struct {
	notify.Tracer
	*judge
	family
	freezes bool
	todo    []notify.Event // stops that came while their space was frozen

	// The target, and where it runs. When nobody is left there it has ended,
	// and who else is left is ended too.
	target int
	main   *space
	ended  int64

	mu   sync.Mutex
	pids map[int]bool
}

// attach seizes all threads of process pid.
func (t *tracer) attach(pid, tid int) error {
	t.family, t.pids = newFamily(), map[int]bool{}
	if err := t.Attach(tid); err != nil {
		return err
	}
	if _, err := t.AttachPeers(pid, tid); err != nil {
		return err
	}
	tasks, err := os.ReadDir(fmt.Sprintf("/proc/%d/task", pid))
	if err != nil {
		return fmt.Errorf("list threads: %w", err)
	}
	t.target, t.main = pid, &space{}
	for _, d := range tasks {
		if id, err := strconv.Atoi(d.Name()); err == nil {
			t.join(id, t.main)
			t.note(id, true)
		}
	}
	return nil
}

// note keeps who is to be killed when all is over.
func (t *tracer) note(tid int, lives bool) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if lives {
		t.pids[tid] = true
	} else {
		delete(t.pids, tid)
	}
}

// kill ends all tracees, from another thread.
func (t *tracer) kill() {
	t.mu.Lock()
	defer t.mu.Unlock()
	for tid := range t.pids {
		_ = unix.Kill(tid, unix.SIGKILL)
	}
}

// serve handles stops until no tracee is left.
func (t *tracer) serve() error {
	var ev notify.Event
	for {
		if len(t.todo) > 0 {
			ev, t.todo = t.todo[0], t.todo[1:]
		} else {
			switch e := t.Wait(-1, &ev); e {
			case 0:
			case unix.ECHILD:
				return nil
			default:
				return fmt.Errorf("wait for a stop: %w", e)
			}
		}
		if err := t.handle(&ev); err != nil {
			return err
		}
	}
}

func (t *tracer) handle(ev *notify.Event) error {
	if ev.Stop == notify.StopExec {
		t.execed(ev.TID)
		t.Cont(ev.TID, 0)
		return nil
	}
	th := t.threads[ev.TID]
	switch {
	case th == nil && (ev.Stop == notify.StopExit || ev.Stop == notify.StopGone):
		t.Pass(ev, false)
		return nil
	case th == nil:
		t.newborn[ev.TID] = true
		t.note(ev.TID, true)
		return nil
	}
	in := th.in
	if ev.Stop == notify.StopExit || ev.Stop == notify.StopGone {
		if in.busy == ev.TID {
			t.thaw(in)
		}
		t.left(ev.TID)
		t.note(ev.TID, false)
		t.Pass(ev, false)
		if in == t.main && len(in.threads) == 0 && t.ended == 0 {
			t.ended = now()
			t.kill()
		}
		return nil
	}
	if in.busy != 0 && in.busy != ev.TID {
		in.queue = append(in.queue, *ev)
		return nil
	}
	switch ev.Stop {
	case notify.StopSeccomp:
		return t.trapped(th)
	case notify.StopSyscall:
		t.thaw(in)
		t.Cont(ev.TID, 0)
	case notify.StopClone:
		if child, e := t.Message(ev.TID); e == 0 {
			if t.born(th, int(child), ev.VFork) {
				t.Cont(int(child), 0)
			}
			t.note(int(child), true)
		}
		t.Cont(ev.TID, 0)
	default:
		t.Pass(ev, in.busy == ev.TID)
	}
	return nil
}

// execed gives a thread an address space of its own, and ends what it was the
// caller of. Another thread than the first of a process takes over the number of
// the first when it executes, whose end may have come before.
func (t *tracer) execed(tid int) {
	former := tid
	if id, e := t.Message(tid); e == 0 {
		former = int(id)
	}
	for _, id := range []int{tid, former} {
		if th := t.threads[id]; th != nil {
			if th.in.busy == id {
				t.thaw(th.in)
			}
			t.left(id)
			t.note(id, false)
		}
	}
	in := &space{}
	if tid == t.target {
		t.main = in
	}
	t.join(tid, in)
	t.note(tid, true)
}

// trapped judges the call at which a thread stands.
func (t *tracer) trapped(th *thread) error {
	if t.freezes {
		t.freeze(th)
	}
	nr, args, e := t.Syscall(th.tid)
	if e == unix.ESRCH {
		return nil // killed; its end comes next
	}
	if e != 0 {
		return fmt.Errorf("ask for a target's syscall: %w", e)
	}
	k, ok := kindOf(nr)
	if !ok {
		return fmt.Errorf("syscall %d trapped, which nobody asked for", nr)
	}
	_, v, errno := t.look(th.tid, k, args)
	if v != gone {
		t.book.add(k, v, t.text)
	}
	switch {
	case v != allowed:
		e = t.Deny(th.tid, errno)
		t.thaw(th.in)
	case t.freezes:
		t.ContSyscall(th.tid, 0) // to its exit, and then they are let go
		return nil
	default:
		t.book.racy++
	}
	if e != 0 && e != unix.ESRCH {
		return fmt.Errorf("deny a call: %w", e)
	}
	t.Cont(th.tid, 0)
	return nil
}
