package notify

import (
	"fmt"
	"runtime"
	"slices"
	"unsafe"

	"golang.org/x/net/bpf"
	"golang.org/x/sys/unix"

	"unotify-bench/abi"
)

// Offsets into struct seccomp_data.
const (
	dataNr   = uint32(unsafe.Offsetof(abi.Data{}.Nr))
	dataArch = uint32(unsafe.Offsetof(abi.Data{}.Arch))
	dataArgs = uint32(unsafe.Offsetof(abi.Data{}.Args))
)

// Program is an assembled classic BPF filter, ready for seccomp(2).
type Program []bpf.RawInstruction

// policy assembles a filter that kills the process when a call comes through
// another architecture's table, and allows what body lets through.
func policy(what string, body ...bpf.Instruction) (Program, error) {
	p, err := bpf.Assemble(slices.Concat([]bpf.Instruction{
		bpf.LoadAbsolute{Off: dataArch, Size: 4},
		bpf.JumpIf{Cond: bpf.JumpEqual, Val: Native.AuditArch, SkipTrue: 1},
		bpf.RetConstant{Val: abi.SECCOMP_RET_KILL_PROCESS},
		bpf.LoadAbsolute{Off: dataNr, Size: 4},
	}, body, []bpf.Instruction{bpf.RetConstant{Val: abi.SECCOMP_RET_ALLOW}}))
	if err != nil {
		return nil, fmt.Errorf("assemble filter for %s: %w", what, err)
	}
	return p, nil
}

// FilterFor returns a filter that answers action (a SECCOMP_RET_* value with
// its data) to syscall nr, allows every other call, and kills the process
// when the call comes through another architecture's table: that is what a
// policy must do, and what lets the kernel cache the constant verdicts
// (seccomp_cache_prepare in kernel/seccomp.c, since 5.11).
func FilterFor(nr int, action uint32) (Program, error) {
	return policy(fmt.Sprintf("syscall %d", nr),
		bpf.JumpIf{Cond: bpf.JumpEqual, Val: uint32(nr), SkipFalse: 1},
		bpf.RetConstant{Val: action},
	)
}

// FilterForArg is FilterFor where only the calls count whose argument arg has
// value for its low half: what classic BPF, of 32 bits, loads at once. All
// three architectures are little-endian.
func FilterForArg(nr, arg int, value, action uint32) (Program, error) {
	return policy(fmt.Sprintf("argument %d of syscall %d", arg, nr),
		bpf.JumpIf{Cond: bpf.JumpEqual, Val: uint32(nr), SkipFalse: 3},
		bpf.LoadAbsolute{Off: dataArgs + 8*uint32(arg), Size: 4},
		bpf.JumpIf{Cond: bpf.JumpEqual, Val: value, SkipFalse: 1},
		bpf.RetConstant{Val: action},
	)
}

// FilterForMagic is FilterFor with every call whose argument arg has value for its
// low half. Whoever shares a process with the caller, as the Go runtime's threads
// do, is left alone by a value that none of them passes. But rt_sigreturn(2) is let
// through: it has no arguments, and its registers are what a handler has left there,
// so that a signal that came to a caller would have the value, too. And so is
// exit_group(2): on riscv64 a new program begins with the registers of the one that
// executed it (start_thread of arch/riscv/kernel/process.c), and may do nothing else.
func FilterForMagic(arg int, value, action uint32) (Program, error) {
	return policy(fmt.Sprintf("argument %d", arg),
		bpf.JumpIf{Cond: bpf.JumpEqual, Val: unix.SYS_RT_SIGRETURN, SkipTrue: 4},
		bpf.JumpIf{Cond: bpf.JumpEqual, Val: unix.SYS_EXIT_GROUP, SkipTrue: 3},
		bpf.LoadAbsolute{Off: dataArgs + 8*uint32(arg), Size: 4},
		bpf.JumpIf{Cond: bpf.JumpEqual, Val: value, SkipFalse: 1},
		bpf.RetConstant{Val: action},
	)
}

// FilterForCompat is FilterFor for calls of 32-bit tasks, whose number nr is.
// Calls through the 64-bit table are all allowed: a program that is to become
// such a task is none yet.
func FilterForCompat(c *abi.Compat, nr int, action uint32) (Program, error) {
	p, err := bpf.Assemble([]bpf.Instruction{
		bpf.LoadAbsolute{Off: dataArch, Size: 4},
		bpf.JumpIf{Cond: bpf.JumpEqual, Val: c.AuditArch, SkipFalse: 3},
		bpf.LoadAbsolute{Off: dataNr, Size: 4},
		bpf.JumpIf{Cond: bpf.JumpEqual, Val: uint32(nr), SkipFalse: 1},
		bpf.RetConstant{Val: action},
		bpf.RetConstant{Val: abi.SECCOMP_RET_ALLOW},
	})
	if err != nil {
		return nil, fmt.Errorf("assemble filter for %s syscall %d: %w", c.Name, nr, err)
	}
	return p, nil
}

// sockFprog is struct sock_fprog of <linux/filter.h>.
type sockFprog struct {
	Len    uint16
	_      [6]byte
	Filter *bpf.RawInstruction
}

// Install sets no_new_privs and installs p on the calling thread, which must
// be locked to its goroutine and must never be unlocked again: a filter
// cannot be taken off. With SECCOMP_FILTER_FLAG_NEW_LISTENER in flags the
// listener's descriptor is returned, otherwise -1.
//
// EBUSY means that the thread's filter chain has a listener already, EINVAL
// that this kernel does not know a flag, EACCES that no_new_privs failed.
// A container's own filter typically gives EPERM or ENOSYS.
func (p Program) Install(flags uint) (fd int, err error) {
	if err := unix.Prctl(unix.PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0); err != nil {
		return -1, fmt.Errorf("set no_new_privs: %w", err)
	}
	prog := sockFprog{Len: uint16(len(p)), Filter: &p[0]}
	r, _, e := unix.RawSyscall(unix.SYS_SECCOMP, abi.SECCOMP_SET_MODE_FILTER, uintptr(flags), uintptr(unsafe.Pointer(&prog)))
	runtime.KeepAlive(p)
	if e != 0 {
		return -1, fmt.Errorf("install seccomp filter with flags %#x: %w", flags, e)
	}
	if flags&abi.SECCOMP_FILTER_FLAG_NEW_LISTENER == 0 {
		return -1, nil
	}
	return int(r), nil
}
