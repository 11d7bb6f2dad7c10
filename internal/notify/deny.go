package notify

import (
	"unsafe"

	"golang.org/x/sys/unix"

	"unotify-bench/abi"
)

const (
	ptraceGetEventMsg = 0x4201
	ntArmSystemCall   = 0x404 // NT_ARM_SYSTEM_CALL, linux/elf.h
)

// Deny makes the call at whose seccomp or entry stop thread tid stands fail
// with errno. It does not run: the number becomes -1, and the result register
// stays what the tracer writes now.
func (t *Tracer) Deny(tid int, errno unix.Errno) unix.Errno {
	if e := t.GetRegs(tid); e != 0 {
		return e
	}
	result, _ := Native.Reg(Native.Result)
	t.SetReg(result.Offset, -uint64(errno))
	if nr, ok := Native.Reg(Native.StopNr); ok {
		t.SetReg(nr.Offset, ^uint64(0))
	}
	if e := t.SetRegs(tid); e != 0 || !Native.Has(abi.QuirkNrNotInRegset) {
		return e
	}
	nr := int32(-1)
	iov := unix.Iovec{Base: (*byte)(unsafe.Pointer(&nr))}
	iov.SetLen(int(unsafe.Sizeof(nr)))
	_, _, e := unix.RawSyscall6(unix.SYS_PTRACE, unix.PTRACE_SETREGSET, uintptr(tid), ntArmSystemCall, uintptr(unsafe.Pointer(&iov)), 0, 0)
	return e
}

// Message is what belongs to the event at which a thread stands: of a
// StopClone the new thread, of a StopExec the thread that called execve.
func (t *Tracer) Message(tid int) (msg uint64, e unix.Errno) {
	_, _, e = unix.RawSyscall6(unix.SYS_PTRACE, ptraceGetEventMsg, uintptr(tid), 0, uintptr(unsafe.Pointer(&msg)), 0, 0)
	return msg, e
}
