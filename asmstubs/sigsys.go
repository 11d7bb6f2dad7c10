//go:build linux && (amd64 || arm64 || riscv64)

package asmstubs

// SigsysResult is what SigsysHandler makes the trapped syscall return.
var SigsysResult uint64

// SigsysHandler returns the entry of a SIGSYS handler for rt_sigaction with
// SA_SIGINFO and SA_ONSTACK.
func SigsysHandler() uintptr

// SigRestorer returns the entry for sa_restorer on amd64, where SA_RESTORER
// is needed, and 0 where the vDSO returns from signals: there SA_RESTORER
// must not be set.
func SigRestorer() uintptr
