package fuzz

import (
	"errors"
	"os"
	"os/signal"
	"runtime"
	"runtime/debug"
	"strconv"
	"sync/atomic"
	"time"
	"unsafe"

	"golang.org/x/sys/unix"

	"unotify-bench/abi"
	"unotify-bench/abi/model"
	"unotify-bench/internal/notify"
)

// magic is argument 5 of each call that is to be trapped: none of the calls looks
// at it, and nobody else in the target passes it.
const magic = 0x75_6e_6f_74

// board is memory that supervisor and target share.
type board struct {
	tasks [model.Tasks]slot
	// What the target's own arguments point to: a path, a byte, a path of which there
	// is nothing, an address, and the path of a program with its arguments.
	path    [1200]byte
	byte    byte
	missing [32]byte
	address [addressSize + 2]byte
	program [1200]byte
	argv    [2]uint64
	// A filter that allows everything, as a struct sock_fprog, and one without instructions.
	allow       uint64
	prog, empty [2]uint64
	tids        [model.Tasks]int32 // 0 for a task that is not there yet

	// alone is 1 once the target has no descriptor of the listener any more, which a child
	// would have, too: then to close it were not its end.
	alone uint32

	// From freeFD on, descriptors have each task recorded: see follow.
	followed bool
}

// slot is a task's part of the board.
type slot struct {
	told uint32 // counted up by the supervisor: there is a call to make
	done uint32 // what told was then
	nr   uint64
	args [6]uint64
	ret  int64
	// Of a child that has made the call: who that is, and what it has read from the
	// descriptor that it got, if it did get one.
	child int32
	byte  byte
	_     [64]byte
}

const boardSize = int(unsafe.Sizeof(board{}))

func mapBoard(fd int) (*board, error) {
	b, err := unix.Mmap(fd, 0, boardSize, unix.PROT_READ|unix.PROT_WRITE, unix.MAP_SHARED)
	if err != nil {
		return nil, err
	}
	return (*board)(unsafe.Pointer(unsafe.SliceData(b))), nil
}

// Futexes of shared memory, so without FUTEX_PRIVATE_FLAG; <linux/futex.h>.
const (
	futexWait = 0
	futexWake = 1
)

// wait sleeps while *addr is val, a second at most.
func wait(addr *uint32, val uint32) { waitFor(addr, val, time.Second) }

// waitFor sleeps while *addr is val, for so long at most.
func waitFor(addr *uint32, val uint32, d time.Duration) {
	long := unix.NsecToTimespec(d.Nanoseconds())
	unix.RawSyscall6(unix.SYS_FUTEX, uintptr(unsafe.Pointer(addr)), futexWait, uintptr(val), uintptr(unsafe.Pointer(&long)), 0, 0)
}

func wake(addr *uint32) {
	unix.RawSyscall(unix.SYS_FUTEX, uintptr(unsafe.Pointer(addr)), futexWake, 1<<30)
}

// Descriptors of a target, beside its control channel.
const (
	boardFD = notify.RoleFD + 1 + iota
	writeFD                         // of task 0, and task 1 has the one behind
	zeroFD  = writeFD + model.Tasks // /dev/zero
	sockFD  = zeroFD + 1            // a socket that is bound to nothing
	freeFD  = sockFD + 1
)

// Signals, for both ways that a call can take one.
const (
	restarts   = unix.SIGUSR1
	interrupts = unix.SIGUSR2
)

// listen is how the target installs its filter.
type listen struct{ Flags uint }

// hello is what a target says of itself.
type hello struct {
	TIDs  [model.Tasks]int
	Board uint64 // where it has the board
	Free  int    // from here on, descriptors are those of its calls
	Err   string
}

// targetMain makes calls as it is told, on a thread for each task.
func targetMain() {
	conn := notify.NewConn(notify.RoleFD)
	if err := serve(conn); err != nil && !errors.Is(err, notify.ErrPeerGone) {
		_ = conn.Send(hello{Err: err.Error()}, -1)
		os.Exit(1)
	}
}

func serve(conn *notify.Conn) error {
	runtime.GOMAXPROCS(2 + model.Tasks)
	debug.SetGCPercent(-1)
	runtime.LockOSThread()
	b, err := mapBoard(boardFD)
	if err != nil {
		return err
	}
	heard := make(chan os.Signal, 1)
	signal.Notify(heard, restarts, interrupts)
	if err := notify.InterruptBy(interrupts); err != nil {
		return err
	}
	for i := range b.tasks {
		go func() {
			if err := notify.LockThread(); err != nil {
				os.Exit(1)
			}
			if b.followed && follow(uintptr(freeFD+i)) != nil {
				os.Exit(1)
			}
			atomic.StoreInt32(&b.tids[i], int32(unix.Gettid()))
			b.tasks[i].serve()
		}()
	}
	me := hello{Board: uint64(uintptr(unsafe.Pointer(b)))}
	for i := range b.tids {
		// A task never gives up its P, nor what waits in the queue of that: whom it woke
		// through a channel could wait there for ever, and so did now and then a
		// target that slept by a timer. Who comes from a syscall takes any P.
		for atomic.LoadInt32(&b.tids[i]) == 0 {
			_ = unix.Nanosleep(&unix.Timespec{Nsec: 100_000}, nil)
		}
		me.TIDs[i] = int(b.tids[i])
	}
	open, err := os.ReadDir("/proc/self/fd")
	if err != nil {
		return err
	}
	for _, e := range open {
		if n, err := strconv.Atoi(e.Name()); err == nil {
			me.Free = max(me.Free, n+1)
		}
	}
	var how listen
	if _, err := conn.Recv(&how); err != nil {
		return err
	}
	filter, err := notify.FilterForMagic(5, magic, abi.SECCOMP_RET_USER_NOTIF)
	if err != nil {
		return err
	}
	// Every thread has it from here on, so that nobody can know who asked for it.
	fd, err := filter.Install(how.Flags | abi.SECCOMP_FILTER_FLAG_NEW_LISTENER | abi.SECCOMP_FILTER_FLAG_TSYNC | abi.SECCOMP_FILTER_FLAG_TSYNC_ESRCH)
	if err != nil {
		return err
	}
	if err := conn.Send(me, fd); err != nil {
		return err
	}
	unix.Close(fd)
	atomic.StoreUint32(&b.alone, 1)
	wake(&b.alone)
	_, err = conn.Recv(&how) // until the supervisor is gone
	return err
}

// forkNr is no syscall's number: what has it is to fork. The rest of the number is the
// call that the child is to make; call 0 of no architecture is among those.
const forkNr = 1 << 32

// fork has the calling thread make a child, and wait for its end. It leaves in ret what
// the child's call gave; 0 if that has made none, or a negative errno of its own. The end
// is no signal to anybody: a thread that waits in a trapped call could be who takes it.
// Nothing here may look at the stack's bound, where the runtime leaves word that a thread
// is to stop: the child would.
//
//go:nosplit
func (s *slot) fork() {
	s.ret = 0
	pid, _, e := unix.RawSyscall6(unix.SYS_CLONE, 0, 0, 0, 0, 0, 0)
	if e != 0 {
		s.ret = -int64(e)
		return
	}
	if pid == 0 {
		s.inherit()
		for {
			unix.RawSyscall(unix.SYS_EXIT_GROUP, 0, 0, 0)
		}
	}
	for e = unix.EINTR; e == unix.EINTR; {
		_, _, e = unix.RawSyscall6(unix.SYS_WAIT4, pid, 0, unix.WALL, 0, 0, 0)
	}
	if e != 0 {
		s.ret = -int64(e)
	}
}

// inherit has a child make the call that its parent was told of. It dies with that.
//
//go:nosplit
func (s *slot) inherit() {
	nr := uintptr(s.nr &^ forkNr)
	if nr == 0 {
		return
	}
	unix.RawSyscall(unix.SYS_PRCTL, unix.PR_SET_PDEATHSIG, uintptr(unix.SIGKILL), 0)
	pid, _, _ := unix.RawSyscall(unix.SYS_GETPID, 0, 0, 0)
	s.child, s.byte = int32(pid), '?'
	s.call(nr)
	if s.ret > 0 { // else, or if that is no descriptor, nothing is read
		unix.RawSyscall6(unix.SYS_PREAD64, uintptr(s.ret), uintptr(unsafe.Pointer(&s.byte)), 1, 0, 0, 0)
	}
}

// call makes a call, and leaves what it gives in ret.
//
//go:nosplit
func (s *slot) call(nr uintptr) {
	r, _, e := unix.RawSyscall6(nr, uintptr(s.args[0]), uintptr(s.args[1]), uintptr(s.args[2]), uintptr(s.args[3]), uintptr(s.args[4]), uintptr(s.args[5]))
	if s.ret = int64(r); e != 0 {
		s.ret = -int64(e)
	}
}

// serve makes calls for ever, on this thread.
func (s *slot) serve() {
	for seen := uint32(0); ; {
		for atomic.LoadUint32(&s.told) == seen {
			wait(&s.told, seen)
		}
		seen++
		if s.nr&forkNr != 0 {
			s.fork()
		} else {
			s.call(uintptr(s.nr))
		}
		atomic.StoreUint32(&s.done, seen)
		wake(&s.done)
	}
}
