package notify

import (
	"fmt"
	"unsafe"

	"golang.org/x/sys/unix"

	"unotify-bench/abi"
)

// sigaction is the kernel's struct sigaction (include/uapi/asm-generic/signal.h)
// on an architecture that defines SA_RESTORER; the others leave the field out.
type sigaction struct {
	handler  uintptr
	flags    uint64
	restorer uintptr
	mask     uint64
}

const (
	saSiginfo  = 0x4
	saRestorer = 0x04000000
	saOnStack  = 0x08000000
)

// SetSignal installs handler, a C function in machine code, for sig, on the
// alternate stack that the runtime gave every thread. restorer is 0 where
// the vDSO returns from handlers. It goes behind the runtime's back, so it
// is for a process whose only purpose is to be measured.
func SetSignal(sig unix.Signal, handler, restorer uintptr) error {
	sa := sigaction{handler: handler, flags: saSiginfo | saOnStack, restorer: restorer}
	if restorer != 0 {
		sa.flags |= saRestorer
	}
	return setSignal(sig, &sa)
}

// DefaultSignal gives sig back its default action.
func DefaultSignal(sig unix.Signal) error { return setSignal(sig, &sigaction{}) }

// InterruptBy makes sig, which the Go runtime handles, interrupt calls instead
// of restarting them. A RECV that waits restarts otherwise (since 6.6,
// recv_wait_event in kernel/seccomp.c), and Next never sees that it was told
// to stop.
func InterruptBy(sig unix.Signal) error {
	const saRestart = 0x10000000
	// Handler and flags come first on every architecture; what follows is
	// put back as it was.
	var sa sigaction
	if _, _, e := unix.RawSyscall6(unix.SYS_RT_SIGACTION, uintptr(sig), 0, uintptr(unsafe.Pointer(&sa)), 8, 0, 0); e != 0 {
		return fmt.Errorf("get the action of signal %d: %w", int(sig), e)
	}
	sa.flags &^= saRestart
	if _, _, e := unix.RawSyscall6(unix.SYS_RT_SIGACTION, uintptr(sig), uintptr(unsafe.Pointer(&sa)), 0, 8, 0, 0); e != 0 {
		return fmt.Errorf("set the action of signal %d: %w", int(sig), e)
	}
	return nil
}

func setSignal(sig unix.Signal, sa *sigaction) error {
	p := unsafe.Pointer(sa)
	if Native.Has(abi.QuirkNoSARestorer) {
		// No restorer field: the mask follows the flags.
		generic := struct {
			handler uintptr
			flags   uint64
			mask    uint64
		}{sa.handler, sa.flags, sa.mask}
		p = unsafe.Pointer(&generic)
	}
	if _, _, e := unix.RawSyscall6(unix.SYS_RT_SIGACTION, uintptr(sig), uintptr(p), 0, 8, 0, 0); e != 0 {
		return fmt.Errorf("set the action of signal %d: %w", int(sig), e)
	}
	return nil
}
