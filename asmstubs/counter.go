//go:build linux && (amd64 || arm64 || riscv64)

package asmstubs

import "fmt"

// Counter names a counter that user mode reads in one instruction.
type Counter uint64

// The counters of all architectures; Counters says which this one has.
const (
	TSC     Counter = 1 + iota // amd64 RDTSC
	PMCCNTR                    // arm64 PMCCNTR_EL0, where the kernel opens it
	CNTVCT                     // arm64 CNTVCT_EL0
	InstRet                    // riscv64 RDINSTRET, where the kernel opens it
	Time                       // riscv64 RDTIME
)

func (c Counter) String() string {
	switch c {
	case TSC:
		return "tsc"
	case PMCCNTR:
		return "pmccntr"
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
