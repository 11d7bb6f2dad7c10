//go:build linux && (amd64 || arm64 || riscv64)

package asmstubs

import "fmt"

// Counter names a counter that user mode reads in one instruction.
type Counter uint64

// The counters of all architectures; Counters says which this one has.
// Whether the kernel lets user mode read InstRet only a child can find out,
// which dies of SIGILL if not; the others are open everywhere.
//
// Under QEMU's icount with shift=0, where a nanosecond is an instruction,
// TSC and InstRet count instructions; CNTVCT does with the CPU property
// cntfrq=1000000000, else in steps of 16; Time steps by 100.
const (
	TSC     Counter = 1 + iota // amd64 RDTSC
	CNTVCT                     // arm64 CNTVCT_EL0
	InstRet                    // riscv64 RDINSTRET
	Time                       // riscv64 RDTIME
)

func (c Counter) String() string {
	switch c {
	case TSC:
		return "tsc"
	case CNTVCT:
		return "cntvct"
	case InstRet:
		return "instret"
	case Time:
		return "time"
	}
	return fmt.Sprintf("Counter(%d)", uint64(c))
}

func (c Counter) foreign() error {
	return fmt.Errorf("asmstubs: this architecture has no counter %v", c)
}
