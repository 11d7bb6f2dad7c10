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
	Nr   int
	Args [6]uint64
	// Data[i] goes to the target's memory, and its address becomes argument i.
	Data [6][]byte
	// Then is what the child of opFork does before it ends: a number, 0 for
	// nothing, and arguments.
	Then [7]uint64
	// Filter is for opInstall.
	Filter filterSpec
}

type op string

const (
	opCall      op = "call"      // issue a syscall, all registers loaded
	opFork      op = "fork"      // the same, of one that makes a child with memory of its own
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
}

// hello is the first word of a target.
type hello struct {
	TID     int
	Scratch uint64 // scratchPages of memory, the last of which nobody may touch
	Err     string
}

// report is what came of an order.
type report struct {
	Errno unix.Errno     // of opInstall and opFlip
	Call  asmstubs.Frame // of opCall and opFork, around the call
	Child asmstubs.Frame // of opFork: what the child found
	Err   string         // the target's own trouble
}

// scratchPages: one for each argument, one for the supervisor, a hole.
const scratchPages = 8

// sentinel is what a target loads into general register i, where it is neither
// the number nor an argument.
func sentinel(i int) uint64 { return 0x5e47_1e1e_0000_00a5 | uint64(i)<<12 }

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
	at := uint64(uintptr(unsafe.Pointer(&mem[0])))
	if err := conn.Send(hello{TID: unix.Gettid(), Scratch: at}, -1); err != nil {
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
		r, fd := obey(&o, mem, (*asmstubs.Frame)(unsafe.Pointer(&shared[0])))
		err := conn.Send(r, fd)
		if fd >= 0 {
			unix.Close(fd)
		}
		if err != nil {
			return err
		}
	}
}

func obey(o *order, mem []byte, child *asmstubs.Frame) (r *report, fd int) {
	r, fd = &report{}, -1
	switch o.Op {
	case opCall, opFork:
		load(&r.Call, o)
		if o.Op == opCall {
			asmstubs.Call(&r.Call)
			break
		}
		*child = asmstubs.Frame{}
		callForking(&r.Call, child, &o.Then)
		if pid := int64(r.Call.Out[asmstubs.ResultReg]); pid > 0 {
			if _, err := unix.Wait4(int(pid), nil, 0, nil); err != nil {
				r.Err = "wait for the child: " + err.Error()
			}
		}
		r.Child = *child
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

// callForking is Call where two return. The child is a copy of one thread of a
// Go program: it may not allocate, nor grow its stack, nor be preempted.
//
//go:nosplit
func callForking(f, child *asmstubs.Frame, then *[7]uint64) {
	asmstubs.Call(f)
	if f.Out[asmstubs.ResultReg] != 0 {
		return
	}
	*child = *f
	if then[0] != 0 {
		unix.RawSyscall6(uintptr(then[0]), uintptr(then[1]), uintptr(then[2]), uintptr(then[3]), uintptr(then[4]), uintptr(then[5]), uintptr(then[6]))
	}
	for {
		unix.RawSyscall(unix.SYS_EXIT_GROUP, 0, 0, 0)
	}
}

func install(s filterSpec) (fd int, e unix.Errno, trouble string) {
	var p notify.Program
	var err error
	if s.OfArg {
		p, err = notify.FilterForArg(s.Nr, s.Arg, s.Value, s.Action)
	} else {
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
