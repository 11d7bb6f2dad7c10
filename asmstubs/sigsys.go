//go:build linux && (amd64 || arm64 || riscv64)

package asmstubs

// SigsysResult is what SigsysHandler makes a trapped syscall return: a value
// or the negative of an errno.
var SigsysResult uint64

// SigsysHandler returns the entry of a SIGSYS handler in assembly, which puts
// SigsysResult into the result register of the interrupted context. It is for
// rt_sigaction itself, past package os/signal, with SA_SIGINFO and SA_ONSTACK
// (a goroutine's stack has no room for a signal frame) and, where SigRestorer
// is not 0, SA_RESTORER.
func SigsysHandler() uintptr

// SigRestorer returns the value of sa_restorer, which the kernel demands on
// amd64 (arch/x86/kernel/signal_64.c, x64_setup_rt_frame). It is 0 elsewhere:
// there the vDSO returns from handlers, and SA_RESTORER must not be set.
func SigRestorer() uintptr
