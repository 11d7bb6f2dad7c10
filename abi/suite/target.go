package suite

import (
	"errors"
	"os"
	"runtime"
	"runtime/debug"
	"unsafe"

	"golang.org/x/sys/unix"

	"unotify-bench/abi"
	"unotify-bench/asmstubs"
	"unotify-bench/internal/notify"
)

// order is what a target does next. Nothing but Op and what it uses is set.
type order struct {
	Op   op
	Nr   int       `json:",omitzero"`
	Args [6]uint64 `json:",omitzero"`
	// Data[i] goes to the target's memory, and its address becomes argument i.
	Data [6][]byte `json:",omitzero"`
	// Then is what the child of opFork does before it ends: a number, 0 for
	// nothing, and arguments.
	Then [7]uint64 `json:",omitzero"`
	// Filter is for opInstall.
	Filter filterSpec `json:",omitzero"`
	// Child is which stack the child of opThread gets; it runs on beside its
	// parent with Beside, else that waits until it has done Then.
	Child  int  `json:",omitzero"`
	Beside bool `json:",omitzero"`
}

type op string

const (
	opCall      op = "call"      // issue a syscall, all registers loaded
	opFork      op = "fork"      // the same, of one that makes a child with memory of its own
	opThread    op = "thread"    // the same, of one whose child shares memory, and has a stack of its own
	opFloat     op = "float"     // issue a syscall, floating point and vector registers loaded
	opInstall   op = "install"   // a filter on the thread that calls
	opInterrupt op = "interrupt" // SIGWINCH interrupts calls instead of restarting them
	opFlip      op = "flip"      // somebody whom clone makes with flags Args[3] writes Args[1] and Args[2] in turn to Args[0], for ever
	opOpen      op = "open"      // open the path at Args[0] again and again, until one is cancelled
)

// filterSpec is a filter: Action for syscall Nr, where OfArg is set only if
// the low half of argument Arg is Value.
type filterSpec struct {
	Nr     int
	Action uint32
	Flags  uint
	OfArg  bool
	Arg    int
	Value  uint32
	Compat bool // Nr is of the table of 32-bit tasks
}

// hello is the first word of a target.
type hello struct {
	TID     int
	Scratch uint64 // scratchPages of memory, the last of which nobody may touch
	Stacks  uint64 // a page for each child of opThread
	Err     string
}

// report is what came of an order. What is zero is not sent: registers are many.
type report struct {
	Errno unix.Errno     `json:",omitzero"` // of opInstall and opFlip
	Call  asmstubs.Frame `json:",omitzero"` // of opCall and opFork, around the call
	Child asmstubs.Frame `json:",omitzero"` // of opFork and opThread: what the child found
	// Float is the state around opFloat's call; of Call there is its result.
	Float [2]asmstubs.FPState `json:",omitzero"`
	Err   string              `json:",omitzero"` // the target's own trouble
}

// scratchPages: one for each argument, one for the supervisor, a hole.
const scratchPages = 8

// sentinel is what a target loads into general register i, where it is neither
// the number nor an argument.
func sentinel(i int) uint64 { return 0x5e47_1e1e_0000_00a5 | uint64(i)<<12 }

// A target does as told on its main thread: execve makes any other into that
// one, with another thread ID.
func init() {
	if notify.Role() == roleTarget {
		runtime.LockOSThread()
	}
}

// targetMain has a locked thread that does as told.
func targetMain() {
	conn := notify.NewConn(notify.RoleFD)
	if err := serveOrders(conn); !errors.Is(err, notify.ErrPeerGone) {
		_ = conn.Send(hello{Err: err.Error()}, -1)
		os.Exit(1)
	}
}

// serveOrders ends with an error, the supervisor's going away at best.
func serveOrders(conn *notify.Conn) error {
	runtime.GOMAXPROCS(4)
	debug.SetGCPercent(-1)
	if err := notify.LockThread(); err != nil {
		return err
	}
	// A tracer that is not our parent needs our consent where Yama restricts
	// ptrace; elsewhere there is no such option, and none is needed.
	_ = unix.Prctl(unix.PR_SET_PTRACER, uintptr(^uint32(0)), 0, 0, 0)
	page := os.Getpagesize()
	mem, err := unix.Mmap(-1, 0, scratchPages*page, unix.PROT_READ|unix.PROT_WRITE, unix.MAP_PRIVATE|unix.MAP_ANONYMOUS)
	if err != nil {
		return err
	}
	if err := unix.Mprotect(mem[(scratchPages-1)*page:], unix.PROT_NONE); err != nil {
		return err
	}
	shared, err := unix.Mmap(-1, 0, page, unix.PROT_READ|unix.PROT_WRITE, unix.MAP_SHARED|unix.MAP_ANONYMOUS)
	if err != nil {
		return err
	}
	// A page for the frame of opFloat, which has to be aligned, then stacks.
	more, err := unix.Mmap(-1, 0, (1+maxChildren)*page, unix.PROT_READ|unix.PROT_WRITE, unix.MAP_PRIVATE|unix.MAP_ANONYMOUS)
	if err != nil {
		return err
	}
	t := &target{mem: mem, child: (*asmstubs.Frame)(unsafe.Pointer(&shared[0])), float: (*asmstubs.FPFrame)(unsafe.Pointer(&more[0])), stacks: more[page:]}
	at := uint64(uintptr(unsafe.Pointer(&mem[0])))
	if err := conn.Send(hello{TID: unix.Gettid(), Scratch: at, Stacks: uint64(uintptr(unsafe.Pointer(&more[page])))}, -1); err != nil {
		return err
	}
	for {
		var o order
		if _, err := conn.Recv(&o); err != nil {
			return err
		}
		for i, d := range o.Data {
			if d != nil {
				copy(mem[i*page:(i+1)*page], d)
				o.Args[i] = at + uint64(i*page)
			}
		}
		r, fd := t.obey(&o)
		err := conn.Send(r, fd)
		if fd >= 0 {
			unix.Close(fd)
		}
		if err != nil {
			return err
		}
	}
}

// target is the memory that orders use.
type target struct {
	mem    []byte            // scratch
	child  *asmstubs.Frame   // shared with what is forked
	float  *asmstubs.FPFrame // of opFloat
	stacks []byte            // of opThread
}

func (t *target) obey(o *order) (r *report, fd int) {
	r, fd = &report{}, -1
	switch o.Op {
	case opCall:
		load(&r.Call, o)
		asmstubs.Call(&r.Call)
	case opFork:
		t.fork(o, r)
	case opThread:
		t.thread(o, r)
	case opFloat:
		asmstubs.FPValues(&t.float.In)
		t.float.Nr, t.float.Args = uint64(o.Nr), o.Args
		asmstubs.CallFP(t.float)
		r.Float = [2]asmstubs.FPState{t.float.In, t.float.Out}
		r.Call.Out[asmstubs.ResultReg] = t.float.Ret
	case opInstall:
		fd, r.Errno, r.Err = install(o.Filter)
	case opInterrupt:
		if err := notify.InterruptBy(unix.SIGWINCH); err != nil {
			r.Err = err.Error()
		}
	case opFlip:
		r.Errno, r.Err = startFlip(o.Args)
	case opOpen:
		openAll(uintptr(o.Args[0]))
	default:
		r.Err = "unknown order " + string(o.Op)
	}
	return r, fd
}

// load fills in every register that can be loaded.
func load(f *asmstubs.Frame, o *order) {
	for i := range f.In {
		f.In[i] = sentinel(i)
	}
	f.FlagsIn = asmstubs.FlagMask & 0x5555_5555 &^ (1 << 10) // DF would reverse the stub's own copies
	f.In[asmstubs.NrReg] = uint64(o.Nr)
	for i, a := range o.Args {
		f.In[asmstubs.ArgRegs[i]] = a
	}
}

func install(s filterSpec) (fd int, e unix.Errno, trouble string) {
	var p notify.Program
	var err error
	switch {
	case s.OfArg:
		p, err = notify.FilterForArg(s.Nr, s.Arg, s.Value, s.Action)
	case s.Compat:
		p, err = notify.FilterForCompat(notify.Native.Compat, s.Nr, s.Action)
	default:
		p, err = notify.FilterFor(s.Nr, s.Action)
	}
	if err != nil {
		return -1, 0, err.Error()
	}
	fd, err = p.Install(s.Flags)
	if err != nil && !errors.As(err, &e) {
		return -1, 0, err.Error()
	}
	if s.Flags&abi.SECCOMP_FILTER_FLAG_NEW_LISTENER == 0 || err != nil {
		fd = -1
	}
	return fd, e, ""
}
