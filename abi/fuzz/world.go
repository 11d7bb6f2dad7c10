package fuzz

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"slices"
	"strings"
	"sync/atomic"
	"time"
	"unsafe"

	"golang.org/x/sys/unix"

	"unotify-bench/abi"
	"unotify-bench/abi/model"
	"unotify-bench/internal/notify"
)

// Filter is what a listener's filter is installed with, of model.Redirect and
// model.Killable; the rest is the kernel's.
type Filter = model.Features

// pins is where PIN_INSTALL maps to, and redirects point: each program has its own
// place there, as no pin is ever unmapped. Every architecture's address space has
// it, and neither the Go runtime nor the kernel places anything so low.
const (
	pins    = 0x10_0000_0000
	pinStep = 1 << 16
)

// worldPins is how many mappings a target may come to have.
const worldPins = 2000

// worldFilters is how many filters a target may come to have beside the first: each call of
// a task goes through all of its own.
const worldFilters = 100

// fileSize is how much a target's task may come to write, in bytes: one a call.
const fileSize = 1 << 20

// world is a listener and its target.
type world struct {
	*notify.Process
	notify.Listener
	hello
	tools *tools

	state model.State // what must be so, after what was done
	first uint64      // the id of notification 0
	board *board
	told  [model.Tasks]uint32
	calls [model.Tasks]model.Call
	// Of each task, whether it has a child make its call, and a pidfd of that, -1 if it
	// has none.
	ofChild [model.Tasks]bool
	pidfds  [model.Tasks]int
	files   [model.Tasks][]byte // behind writeFD: what is written, then zeros
	wrote   [model.Tasks]int    // bytes of that, so far
	slot    uint64              // of pins
	maps    int                 // pins there are
	filters int                 // there are beside the first
	ops     int64               // done since the program began
	given   bool                // the target has descriptors that it did not ask for

	closed bool // the listener is
	dead   bool // the target is, and was waited for

	// stuck is where the tasks were when nothing had come of what was done for too
	// long, nil until then.
	stuck atomic.Pointer[string]
}

// start makes a target with a filter. Of the features those of the kernel are the
// tools'.
func (t *tools) start(filter Filter) (w *world, err error) {
	w = &world{tools: t, Listener: notify.Listener{FD: -1}, pidfds: [model.Tasks]int{-1, -1}}
	w.state.Features = t.kernel&^(model.Redirect|model.Killable) | filter
	defer func() {
		if err != nil {
			w.end()
			w = nil
		}
	}()
	shared, err := memfd("board", boardSize)
	if err != nil {
		return w, err
	}
	defer shared.Close()
	if w.board, err = mapBoard(int(shared.Fd())); err != nil {
		return w, fmt.Errorf("map memory that is shared with the target: %w", err)
	}
	copy(w.board.path[:], t.own)
	copy(w.board.program[:], t.program)
	copy(w.board.address[:], address(noDirectory))
	w.board.byte = model.Own
	give := []*os.File{shared}
	for i := range w.files {
		f, err := memfd("written", fileSize)
		if err != nil {
			return w, err
		}
		defer f.Close()
		if w.files[i], err = unix.Mmap(int(f.Fd()), 0, fileSize, unix.PROT_READ, unix.MAP_SHARED); err != nil {
			return w, fmt.Errorf("map what the target writes: %w", err)
		}
		give = append(give, f)
	}
	sock, err := unix.Socket(unix.AF_UNIX, unix.SOCK_DGRAM|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		return w, fmt.Errorf("make a socket for the target: %w", err)
	}
	s := os.NewFile(uintptr(sock), "socket")
	defer s.Close()
	give = append(give, t.zero, s)
	if w.board.followed = t.cover != nil; w.board.followed {
		give = append(give, t.cover.files()...)
	}
	if w.Process, err = t.launch(give...); err != nil {
		return w, err
	}
	t.watch.await(w)
	defer t.watch.await(nil)
	var how listen
	if filter.Has(model.Redirect) {
		how.Flags |= abi.SECCOMP_FILTER_FLAG_REDIRECT
	}
	if filter.Has(model.Killable) {
		how.Flags |= abi.SECCOMP_FILTER_FLAG_WAIT_KILLABLE_RECV
	}
	if err := w.Conn.Send(how, -1); err != nil {
		return w, err
	}
	if w.FD, err = w.Conn.Recv(&w.hello); err != nil {
		if w.stuck.Load() != nil {
			err = errors.New("it said nothing for too long, and was killed")
		}
		return w, fmt.Errorf("hear from the target: %w", err)
	}
	if w.FD < 0 {
		return w, errors.New("the target: " + w.Err)
	}
	for atomic.LoadUint32(&w.board.alone) == 0 && w.stuck.Load() == nil {
		wait(&w.board.alone, 0)
	}
	w.board.argv[0] = w.Board + uint64(unsafe.Offsetof(w.board.program))
	w.board.allow = unix.BPF_RET | unix.BPF_K | abi.SECCOMP_RET_ALLOW<<32
	w.board.prog = [2]uint64{1, w.Board + uint64(unsafe.Offsetof(w.board.allow))}
	w.board.empty = [2]uint64{0, w.board.prog[1]}
	return w, w.learn()
}

// learn finds out what the first id is, which chance has picked.
func (w *world) learn() error {
	w.trap(0, model.Getppid)
	var n abi.Notif
	if e := w.Next(&n, nil); e != 0 {
		return fmt.Errorf("receive a first notification: %w", e)
	}
	w.first = n.ID + 1
	if e := w.Listener.Send(&abi.NotifResp{ID: n.ID, Val: 1}); e != 0 {
		return fmt.Errorf("answer a first notification: %w", e)
	}
	if !w.comes(0) {
		return errors.New("a first notification was answered, and its call does not return: " + *w.stuck.Load())
	}
	return nil
}

// reset leaves the world as it was when it was new, but for pins, whose place is
// another one from here on. The model is held to what that takes.
func (w *world) reset() *Finding {
	for w.state.Requests > 0 {
		if f := w.step(Step{{Do: model.Recv}}); f != nil {
			return f
		}
	}
	for i := range w.state.Tasks {
		if t := w.state.Tasks[i]; t.Phase != model.Idle {
			if f := w.stepFor(Step{{Do: model.Send}}, []int32{t.ID}); f != nil {
				return f
			}
		}
	}
	// A filter stays. Who has one that the other has not gives it to that; where both have,
	// this world is used up.
	for i, apart := range w.state.Apart {
		if apart && !w.apart() {
			if f := w.step(Step{{Do: model.Install, Task: uint8(i), How: model.FilterSync}}); f != nil {
				return f
			}
			break
		}
	}
	if w.given {
		w.given = false
		w.tell(0, unix.SYS_CLOSE_RANGE, [6]uint64{uint64(w.Free), uint64(^uint32(0))})
		w.tools.watch.await(w)
		defer w.tools.watch.await(nil)
		if !w.comes(0) {
			return &Finding{What: Hangs, Want: "descriptors closed", Got: "nothing (" + *w.stuck.Load() + ")"}
		}
	}
	w.state.Pinned = false
	w.slot++
	return nil
}

// usedUp reports whether this is a world that the next program may not have room in.
func (w *world) usedUp() bool {
	return w.maps > worldPins || w.apart() || w.filters > worldFilters || slices.Max(w.wrote[:]) > fileSize/2
}

// apart reports whether each task has a filter that no other has.
func (w *world) apart() bool { return !slices.Contains(w.state.Apart[:], false) }

// end kills the target and gives everything back.
func (w *world) end() {
	if w.Process != nil {
		w.Kill()
	}
	if w.FD >= 0 && !w.closed {
		unix.Close(w.FD)
	}
	if w.Process != nil {
		_ = w.Wait()
	}
	for i, fd := range w.pidfds {
		if fd >= 0 {
			unix.Close(fd)
		}
		// Whom its parent has not reaped is this process's: see workerMain.
		if w.board != nil && w.board.tasks[i].child > 0 {
			_, _ = unix.Wait4(int(w.board.tasks[i].child), nil, unix.WNOHANG|unix.WALL, nil)
		}
	}
	for _, f := range w.files {
		_ = unix.Munmap(f)
	}
	if w.board != nil {
		_ = unix.Munmap(unsafe.Slice((*byte)(unsafe.Pointer(w.board)), boardSize))
	}
}

// tell has a task make a call.
func (w *world) tell(i int, nr uint64, args [6]uint64) {
	s := &w.board.tasks[i]
	s.nr, s.args = nr, args
	w.told[i]++
	atomic.StoreUint32(&s.told, w.told[i])
	wake(&s.told)
}

// trap has a task make a call that is notified.
func (w *world) trap(i int, c model.Call) {
	w.calls[i], w.ofChild[i] = c, false
	w.tell(i, w.tools.nr(c), w.args(c, i))
}

// child has a task have a child make a call that is notified.
func (w *world) child(i int, c model.Call) {
	w.calls[i], w.ofChild[i] = c, true
	w.tell(i, forkNr|w.tools.nr(c), w.args(c, i))
}

// watchChildren knows from here on how to wait for the end of children that there are.
func (w *world) watchChildren() {
	for i := range w.pidfds {
		lives := w.state.Tasks[i].Child
		switch fd := w.pidfds[i]; {
		case lives && fd < 0:
			if fd, err := unix.PidfdOpen(int(w.board.tasks[i].child), 0); err == nil {
				w.pidfds[i] = fd
			}
		case !lives && fd >= 0:
			unix.Close(fd)
			w.pidfds[i] = -1
		}
	}
}

// childrenEnd waits for children whose parent is no more, which ends them. It is false if
// that is not to be.
func (w *world) childrenEnd() bool {
	for _, fd := range w.pidfds {
		for left := fd >= 0; left; {
			fds := []unix.PollFd{{Fd: int32(fd), Events: unix.POLLIN}}
			n, _ := unix.Poll(fds, 100) // of an interrupt nothing has come either
			if left = n <= 0; left && w.stuck.Load() != nil {
				return false
			}
		}
	}
	return true
}

// gone reports whether there is no task any more that could be told anything.
func (w *world) gone() bool { return w.dead || w.state.Execed }

// returned reports whether what a task was told to do is over.
func (w *world) returned(i int) bool {
	return atomic.LoadUint32(&w.board.tasks[i].done) == w.told[i]
}

// where says where the tasks are, for a person: how proc(5) has their state, and the
// call that they are in with its arguments, stack and program counter.
func (w *world) where() string {
	var tasks []string
	tids := w.TIDs
	if _, err := os.Stat(fmt.Sprintf("/proc/%d/task/%d", w.PID(), tids[0])); err != nil {
		tids[0] = w.PID() // it is in another program, and the other task is no more
	}
	for i, tid := range tids {
		dir := fmt.Sprintf("/proc/%d/task/%d/", w.PID(), tid)
		line := func(name string) string {
			text, err := os.ReadFile(dir + name)
			if err != nil {
				return "?"
			}
			return string(bytes.TrimSpace(text))
		}
		pending := "?"
		for text := range strings.Lines(line("status")) {
			if mask, ok := strings.CutPrefix(text, "SigPnd:"); ok {
				pending = strings.TrimSpace(mask)
			}
		}
		tasks = append(tasks, fmt.Sprintf("task %d returned=%v asleep=%v waits in %s, pending %s, call %s",
			i, w.returned(i), notify.ThreadState(tid) == 'S', line("wchan"), pending, line("syscall")))
	}
	return strings.Join(tasks, "; ")
}

// asleep reports whether a task waits for what only others can do.
func (w *world) asleep(i int) bool { return notify.ThreadState(w.TIDs[i]) == 'S' }

// comes waits until what a task was told to do is over. It is false if that is not
// to be.
func (w *world) comes(i int) bool {
	for !w.returned(i) {
		if w.stuck.Load() != nil {
			return false
		}
		wait(&w.board.tasks[i].done, w.told[i]-1)
	}
	return true
}

// dies waits until a target that was killed is dead. It is false if that is not to be.
func (w *world) dies() bool {
	dead := make(chan struct{})
	go func() { _ = w.Wait(); close(dead) }()
	for tick := time.NewTicker(100 * time.Millisecond); ; {
		select {
		case <-dead:
			tick.Stop()
			w.dead = true
			return true
		case <-tick.C:
			if w.stuck.Load() != nil {
				tick.Stop()
				return false
			}
		}
	}
}
