package profile

import (
	"errors"
	"strings"
)

// Step is a piece of a trace: N instructions that lie in a row and were
// executed; or, with N 0, a load by the function that switches tasks, or a gap.
type Step struct {
	Addr    uint64
	Size, N uint32
	Last    uint32 // bytes of the last of them
	Load    bool
	Gap     bool
}

// Flow follows a trace. Who called whom is told from where control goes, and
// needs neither registers nor the bytes of instructions: what enters a function
// at its start calls it, or jumps to it for good, which is taken for a call;
// what goes on behind a call returns from it; and what goes on at the very
// instruction that was left has faulted there, and so was not counted.
type Flow struct {
	*Code
	lim limits

	nodes []node
	ids   map[node]int32

	tasks  map[uint64]*task // by what is loaded of each when it is switched to
	now    *task
	loaded bool // the switch under way is known to be to now
	// The last instruction: where it lies and ends, and who pays for it.
	at, end uint64
	paid    int32

	open  map[int32]uint64 // the call under way, by node; nil without one
	who   *task            // who makes it
	total uint64
	begun int   // calls that have begun
	last  *call // the call that has just ended
	calls []*call

	entered bool // by a syscall, where the symbols say that one enters
	err     error
}

// node is a function with all its callers, as a linked list to the root of its
// task.
type node struct {
	parent int32 // -1 for a root
	sym    symbol
}

// frame is a function that has not returned.
type frame struct {
	node int32
	back uint64 // where its caller goes on
	at   fault  // or does so if it has not called but faulted
}

// fault is an instruction that may have to be executed again.
type fault struct {
	addr uint64
	node int32
	call int // it was executed in
}

// task is a thread, of a process or of the kernel. Its stack is empty in user
// mode.
type task struct {
	root  int32
	known bool // by what is loaded of it
	stack []frame

	left    fault // the last instruction in user mode
	syscall bool  // which was a syscall: if it comes again it is restarted
}

// call is what one measured call took, on all tasks.
type call struct {
	total uint64
	nodes map[int32]uint64
	who   *task
}

// NewFlow follows a trace of c from its start.
func NewFlow(c *Code) *Flow {
	f := &Flow{Code: c, lim: defaultLimits, ids: map[node]int32{}}
	f.forget()
	return f
}

// limits bound what is remembered of a trace: a guest decides what is in one.
type limits struct {
	frames int // of a task
	nodes  int // stacks that are told apart
	tasks  int
	calls  int
}

var defaultLimits = limits{frames: 512, nodes: 1 << 20, tasks: 1 << 16, calls: 1 << 16}

var (
	errFlood  = errors.New("the trace has more tasks, stacks or calls than any that was asked for")
	errKernel = errors.New("the kernel does not lie where its symbols say; build it without CONFIG_RANDOMIZE_BASE")
)

// forget is for a gap in the trace.
func (f *Flow) forget() {
	f.tasks = map[uint64]*task{}
	f.now = f.newTask()
	f.open, f.last, f.end, f.loaded = nil, nil, 0, false
}

// Each task is a root, with a negative name of its own.
func (f *Flow) newTask() *task {
	return &task{root: f.node(-1, symbol(-1-len(f.nodes)))}
}

func (f *Flow) node(parent int32, s symbol) int32 {
	n := node{parent, s}
	id, ok := f.ids[n]
	if !ok {
		id = int32(len(f.nodes))
		if int(id) >= f.lim.nodes {
			f.err = errFlood
			return 0
		}
		f.nodes = append(f.nodes, n)
		f.ids[n] = id
	}
	return id
}

// Add takes the next step. Its error is final.
func (f *Flow) Add(s Step) error {
	f.add(s)
	return f.err
}

func (f *Flow) add(s Step) {
	switch {
	case s.Gap:
		f.forget()
		return
	case s.Load:
		f.switchTo(s.Addr)
		return
	}
	switch s.Addr {
	case f.Before:
		f.open, f.who, f.total, f.last = map[int32]uint64{}, f.now, 0, nil
		f.begun++
	case f.After:
		// Of a task that was never switched to its own return cannot be told.
		if f.open != nil && (f.who == f.now || !f.who.known) {
			f.last = &call{f.total, f.open, f.now}
		}
		f.open = nil
	case f.Kept:
		if f.last != nil && f.last.who == f.now {
			f.calls = append(f.calls, f.last)
		}
		if len(f.calls) > f.lim.calls {
			f.err = errFlood
		}
		f.last = nil
	}
	f.paid = f.step(s)
	f.end = s.Addr + uint64(s.Size)
	f.at = f.end - uint64(s.Last)
	if f.open != nil {
		f.open[f.paid] += uint64(s.N)
		f.total += uint64(s.N)
	}
}

// last is the last instruction, as one that may have faulted.
func (f *Flow) fault() fault { return fault{f.at, f.paid, f.begun} }

// again takes back an instruction that is executed once more, as it did not
// come to its end: a fault is not counted by QEMU.
func (f *Flow) again(x fault) {
	if f.open != nil && x.call == f.begun && f.open[x.node] > 0 {
		f.open[x.node]--
		f.total--
	}
}

// switchTo is told what the function that switches tasks loads. The first it
// loads is of the next task, at the same offset for each: on amd64 and riscv64
// from task_struct.thread, on arm64 from its cpu_context.
func (f *Flow) switchTo(key uint64) {
	if f.loaded {
		return
	}
	f.loaded = true
	next := f.tasks[key]
	if next == nil {
		if len(f.tasks) >= f.lim.tasks {
			f.err = errFlood
			return
		}
		next = f.newTask()
		next.known = true
		f.tasks[key] = next
	}
	next.enter(f)
	f.now = next
}

// enter makes the function that switches the innermost: what was switched to
// has left off there, even if that was not seen.
func (t *task) enter(f *Flow) {
	s, _ := f.find(f.From)
	if n := len(t.stack); n > 0 && f.nodes[t.stack[n-1].node].sym == s {
		return
	}
	t.push(f, s, 0)
}

// push adds a frame; a stack that is full goes on with another one in place of its last.
func (t *task) push(f *Flow, s symbol, back uint64) {
	if len(t.stack) >= f.lim.frames {
		t.become(f, s)
		return
	}
	parent := t.root
	if n := len(t.stack); n > 0 {
		parent = t.stack[n-1].node
	}
	t.stack = append(t.stack, frame{f.node(parent, s), back, f.fault()})
}

// become is a function that goes on as another, with its caller.
func (t *task) become(f *Flow, s symbol) {
	top := t.stack[len(t.stack)-1]
	t.stack = t.stack[:len(t.stack)-1]
	t.push(f, s, top.back)
	t.stack[len(t.stack)-1].at = top.at
}

// step follows control to s and returns the node there.
func (f *Flow) step(s Step) int32 {
	sym, start := f.find(s.Addr)
	t := f.now
	if s.Addr < f.From || s.Addr >= f.To {
		f.loaded = false
	}
	if s.Addr>>63 == 0 && sym != f.firmware() {
		if len(t.stack) > 0 && t.left.addr == s.Addr && !t.syscall {
			f.again(t.left)
		}
		t.stack = t.stack[:0]
		return f.node(t.root, sym)
	}
	if n := len(t.stack); n > 0 && f.name(f.nodes[t.stack[n-1].node].sym) == f.exit && s.Addr != f.end && s.Addr != f.at {
		t.resume(f, s.Addr)
	}
	n := len(t.stack)
	if n == 0 {
		f.entered = f.entered || f.name(sym) == f.entry
		t.left, t.syscall = f.fault(), false
		t.push(f, sym, 0)
		return t.stack[0].node
	}
	if f.nodes[t.stack[n-1].node].sym == sym {
		return t.stack[n-1].node
	}
	t.syscall = t.syscall || f.name(sym) == f.call
	back := f.end
	switch i := t.returns(s.Addr); {
	case i >= 0:
		t.stack = t.stack[:i+1]
		if f.nodes[t.stack[i].node].sym != sym {
			// The caller went on as another function meanwhile.
			t.become(f, sym)
		}
	case s.Addr == back:
		t.become(f, sym) // one function runs into the next
	case start, f.name(sym) == f.entry:
		t.push(f, sym, back) // arm64 enters in the middle of its vectors
	default:
		if i := t.within(f, sym); i >= 0 {
			t.stack = t.stack[:i+1] // an exception's end, or a cold part's
			break
		}
		// A filter; or a return to who called before the trace began.
		t.push(f, sym, back)
	}
	return t.stack[len(t.stack)-1].node
}

// resume ends an exception that the kernel has taken in the kernel: it is as if
// there had been none since the instruction that it came behind, or at.
func (t *task) resume(f *Flow, addr uint64) {
	for i := len(t.stack) - 1; i > 0; i-- {
		if name := f.name(f.nodes[t.stack[i].node].sym); name != f.entry && !strings.HasPrefix(name, f.traps) {
			continue
		}
		x := t.stack[i]
		t.stack = t.stack[:i]
		f.at, f.end, f.paid = x.at.addr, x.back, x.at.node
		if addr == x.at.addr {
			f.again(x.at)
		}
		return
	}
}

// returns is the frame that goes on at addr, -1 for none: the one below that
// which has it noted.
func (t *task) returns(addr uint64) int {
	for i := len(t.stack) - 1; i > 0; i-- {
		if t.stack[i].back == addr {
			return i - 1
		}
	}
	return -1
}

// within is the innermost frame of a function, -1 for none.
func (t *task) within(f *Flow, sym symbol) int {
	for i := len(t.stack) - 1; i >= 0; i-- {
		if f.nodes[t.stack[i].node].sym == sym {
			return i
		}
	}
	return -1
}
