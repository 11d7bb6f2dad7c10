package notify

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"os"
	"slices"
	"strconv"
	"unsafe"

	"golang.org/x/sys/unix"

	"unotify-bench/abi"
)

// Stop is why a tracee stopped.
type Stop uint8

const (
	StopGone    Stop = iota // the thread has ended
	StopSeccomp             // PTRACE_EVENT_SECCOMP: before the call
	StopSyscall             // syscall entry or exit
	StopExit                // PTRACE_EVENT_EXIT: about to end
	StopExec                // PTRACE_EVENT_EXEC
	StopGroup               // PTRACE_EVENT_STOP: interrupted or attached
	StopSignal              // about to receive Event.Signal
	StopClone               // made a new thread or child, which is traced too
)

// Event is one stop of one thread.
type Event struct {
	TID    int
	Stop   Stop
	Signal unix.Signal
	VFork  bool // of a StopClone: who made it sleeps until the child executes or ends
}

// Tracer traces threads of one process. ptrace ties a tracee to the OS
// thread that attached, so all methods are called on one locked thread.
type Tracer struct {
	regs  [maxRegSet]byte
	iov   unix.Iovec
	size  int // bytes of NT_PRSTATUS here
	info  abi.PtraceSyscallInfo
	peers []int // threads of the process other than the traced one
}

// maxRegSet is room for every NT_PRSTATUS, in bytes: arm64's is the largest
// of the three, 34 registers of 8.
const maxRegSet = 512

const (
	ptraceGetSyscallInfo = 0x420e
	ptraceEventStop      = 128
	waitNoThread         = 0x20000000 // __WNOTHREAD
	waitAll              = 0x40000000 // __WALL
	ntPrstatus           = 1
)

// TraceOptions are the PTRACE_O_* that a Tracer needs: a seccomp verdict of
// RET_TRACE stops, syscall stops are told from SIGTRAP, new threads and
// children are traced, the end of a thread stops, so that the tracer can let go and the
// parent can reap it, and nothing outlives the tracer.
const TraceOptions = unix.PTRACE_O_TRACESECCOMP | unix.PTRACE_O_TRACESYSGOOD |
	unix.PTRACE_O_TRACECLONE | unix.PTRACE_O_TRACEFORK | unix.PTRACE_O_TRACEVFORK |
	unix.PTRACE_O_TRACEEXIT | unix.PTRACE_O_TRACEEXEC | unix.PTRACE_O_EXITKILL

// Attach seizes thread tid. EPERM usually is kernel.yama.ptrace_scope.
func (t *Tracer) Attach(tid int) error {
	if _, _, e := unix.RawSyscall6(unix.SYS_PTRACE, unix.PTRACE_SEIZE, uintptr(tid), 0, TraceOptions, 0, 0); e != 0 {
		return fmt.Errorf("ptrace seize thread %d: %w", tid, e)
	}
	return nil
}

// AttachPeers seizes every other thread of process pid than tid, and
// remembers them for Freeze. It returns how many there are.
func (t *Tracer) AttachPeers(pid, tid int) (int, error) {
	t.peers = t.peers[:0]
	// A thread can be born while we look; look again until a round finds no
	// new one. From then on PTRACE_O_TRACECLONE keeps the set complete; a
	// thread that it has brought us already, whose first stop is still to
	// come (PassPeer), cannot be seized again. One that is just ending cannot
	// either (EPERM or ESRCH), and is gone in a later round.
	seen := map[int]bool{tid: true}
	for round := 0; ; round++ {
		tasks, err := os.ReadDir(fmt.Sprintf("/proc/%d/task", pid))
		if err != nil {
			return 0, fmt.Errorf("list threads: %w", err)
		}
		again := false
		for _, d := range tasks {
			id, err := strconv.Atoi(d.Name())
			if err != nil || seen[id] {
				continue
			}
			again = true
			if err := t.Attach(id); err != nil {
				if traced(pid, id) {
					seen[id] = true
					continue
				}
				if round == 100 {
					return 0, err
				}
				continue
			}
			seen[id] = true
			t.peers = append(t.peers, id)
		}
		if !again {
			return len(t.peers), nil
		}
	}
}

// traced reports whether thread tid has a tracer, which can only be us: the
// process is our child.
func traced(pid, tid int) bool {
	b, err := os.ReadFile(fmt.Sprintf("/proc/%d/task/%d/status", pid, tid))
	_, after, ok := bytes.Cut(b, []byte("TracerPid:\t"))
	return err == nil && ok && !bytes.HasPrefix(after, []byte("0\n"))
}

func ptrace(req, tid int, addr, data uintptr) unix.Errno {
	_, _, e := unix.RawSyscall6(unix.SYS_PTRACE, uintptr(req), uintptr(tid), addr, data, 0, 0)
	return e
}

// Cont lets a stopped thread run to its next seccomp verdict, delivering sig.
func (t *Tracer) Cont(tid int, sig unix.Signal) unix.Errno {
	return ptrace(unix.PTRACE_CONT, tid, 0, uintptr(sig))
}

// Interrupt asks a running thread to stop (StopGroup).
func (t *Tracer) Interrupt(tid int) unix.Errno { return ptrace(unix.PTRACE_INTERRUPT, tid, 0, 0) }

// ContSyscall lets a stopped thread run to its next syscall entry or exit.
func (t *Tracer) ContSyscall(tid int, sig unix.Signal) unix.Errno {
	return ptrace(unix.PTRACE_SYSCALL, tid, 0, uintptr(sig))
}

// Detach lets go of a stopped thread.
func (t *Tracer) Detach(tid int) unix.Errno { return ptrace(unix.PTRACE_DETACH, tid, 0, 0) }

// Wait waits for the next stop of thread tid, or of any traced thread when
// tid is -1. ECHILD means that there is none left.
func (t *Tracer) Wait(tid int, ev *Event) unix.Errno {
	var status unix.WaitStatus
	var r uintptr
	for {
		var st int32
		var e unix.Errno
		r, _, e = unix.RawSyscall6(unix.SYS_WAIT4, uintptr(tid), uintptr(unsafe.Pointer(&st)), waitAll|waitNoThread, 0, 0, 0)
		if e == unix.EINTR {
			continue
		}
		if e != 0 {
			return e
		}
		status = unix.WaitStatus(st)
		break
	}
	*ev = Event{TID: int(r)}
	if !status.Stopped() {
		ev.Stop = StopGone
		return 0
	}
	// The event sits above the signal: wait(2), status>>8 == SIGTRAP | event<<8.
	switch event := int(status) >> 16; event {
	case unix.PTRACE_EVENT_SECCOMP:
		ev.Stop = StopSeccomp
	case unix.PTRACE_EVENT_EXIT:
		ev.Stop = StopExit
	case unix.PTRACE_EVENT_EXEC:
		ev.Stop = StopExec
	case unix.PTRACE_EVENT_CLONE, unix.PTRACE_EVENT_FORK, unix.PTRACE_EVENT_VFORK:
		ev.Stop, ev.VFork = StopClone, event == unix.PTRACE_EVENT_VFORK
	case ptraceEventStop:
		ev.Stop = StopGroup
	default:
		if sig := status.StopSignal(); sig == unix.SIGTRAP|0x80 {
			ev.Stop = StopSyscall
		} else {
			ev.Stop, ev.Signal = StopSignal, sig
		}
	}
	return 0
}

// Pass handles a stop that the caller has no interest in, so that the
// thread goes on as if nobody watched: signals are delivered, the dying are
// let go. cont is Cont or ContSyscall, as the mechanism has it.
func (t *Tracer) Pass(ev *Event, syscalls bool) {
	switch ev.Stop {
	case StopGone:
		return
	case StopExit:
		t.Detach(ev.TID)
		return
	}
	if syscalls {
		t.ContSyscall(ev.TID, ev.Signal)
		return
	}
	t.Cont(ev.TID, ev.Signal)
}

// Release passes every stop that is left until no tracee is: for a process
// that has been killed.
func (t *Tracer) Release() {
	var ev Event
	for t.Wait(-1, &ev) == 0 {
		t.Pass(&ev, false)
	}
}

// GetRegs fetches the general registers of a stopped thread.
func (t *Tracer) GetRegs(tid int) unix.Errno {
	t.iov.Base = &t.regs[0]
	t.iov.SetLen(len(t.regs))
	e := ptrace(unix.PTRACE_GETREGSET, tid, ntPrstatus, uintptr(unsafe.Pointer(&t.iov)))
	t.size = int(t.iov.Len)
	return e
}

// SetRegs writes back what GetRegs fetched and Set changed.
func (t *Tracer) SetRegs(tid int) unix.Errno {
	t.iov.Base = &t.regs[0]
	t.iov.SetLen(t.size)
	return ptrace(unix.PTRACE_SETREGSET, tid, ntPrstatus, uintptr(unsafe.Pointer(&t.iov)))
}

// Reg is the value of the register at offset (abi.Reg.Offset), as fetched.
func (t *Tracer) Reg(offset int) uint64 { return binary.NativeEndian.Uint64(t.regs[offset:]) }

// SetReg changes the fetched value of the register at offset.
func (t *Tracer) SetReg(offset int, v uint64) {
	binary.NativeEndian.PutUint64(t.regs[offset:], v)
}

// Syscall fetches number and arguments of the call at which a thread stands
// (PTRACE_GET_SYSCALL_INFO), on every architecture and also where the
// register set does not show them.
func (t *Tracer) Syscall(tid int) (nr uint64, args *[6]uint64, e unix.Errno) {
	_, _, e = unix.RawSyscall6(unix.SYS_PTRACE, ptraceGetSyscallInfo, uintptr(tid), unsafe.Sizeof(t.info), uintptr(unsafe.Pointer(&t.info)), 0, 0)
	return t.info.Nr, &t.info.Args, e
}

// ArgOffset returns where argument i stands in the register set at a syscall
// stop, and whether a tracer that writes there changes what the call gets.
// It does not on an architecture with the quirk "arg0-not-in-regset" for
// i == 0: riscv64 calls with orig_a0, which no register set shows on 6.12.
func ArgOffset(i int) (offset int, rewritable bool) {
	r, ok := Native.Reg(Native.Args[i])
	return r.Offset, ok && (i != 0 || !Native.Has(abi.QuirkArg0NotInRegset))
}

// Freeze stops every peer: PTRACE_INTERRUPT to all, then a wait for each, so
// that the stops overlap. When it returns, no other thread of the process
// runs, and memory that only this process maps cannot change.
func (t *Tracer) Freeze() unix.Errno {
	for _, tid := range t.peers {
		if e := t.Interrupt(tid); e != 0 && e != unix.ESRCH {
			return e
		}
	}
	stopped := t.peers[:0]
	for i, tid := range t.peers {
		lives, e := t.awaitFreeze(tid)
		if e != 0 {
			t.peers = append(stopped, t.peers[i:]...)
			return e
		}
		if lives {
			stopped = append(stopped, tid)
		}
	}
	t.peers = stopped
	return 0
}

// awaitFreeze waits until an interrupted peer has stopped, or ended.
func (t *Tracer) awaitFreeze(tid int) (lives bool, e unix.Errno) {
	var ev Event
	for {
		switch e := t.Wait(tid, &ev); {
		case e == unix.ECHILD:
			return false, 0
		case e != 0:
			return false, e
		case ev.Stop == StopGroup:
			return true, 0
		}
		// Something else came first, and any stop takes a pending interrupt
		// back (ptrace_stop in kernel/signal.c): ask again.
		t.Interrupt(tid)
		t.Pass(&ev, false)
		if ev.Stop == StopExit || ev.Stop == StopGone {
			return false, 0
		}
	}
}

// Thaw lets every peer run again.
func (t *Tracer) Thaw() {
	for _, tid := range t.peers {
		t.Cont(tid, 0)
	}
}

// PassPeer is Pass for a thread other than the traced one: it keeps the set
// of peers as PTRACE_O_TRACECLONE adds to it and death takes away.
func (t *Tracer) PassPeer(ev *Event) {
	switch at := slices.Index(t.peers, ev.TID); {
	case ev.Stop == StopExit || ev.Stop == StopGone:
		if at >= 0 {
			t.peers = slices.Delete(t.peers, at, at+1)
		}
	case at < 0:
		t.peers = append(t.peers, ev.TID)
	}
	t.Pass(ev, false)
}
