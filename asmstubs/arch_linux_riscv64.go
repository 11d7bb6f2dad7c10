package asmstubs

import "unsafe"

// Capture order: x1 to x31.
const (
	sp      = 1
	tp      = 3
	s11     = 26
	NumRegs = 31
)

// RegNames names the registers of Regs as the psABI spells them.
var RegNames = [NumRegs]string{
	"ra", "sp", "gp", "tp", "t0", "t1", "t2", "s0", "s1",
	"a0", "a1", "a2", "a3", "a4", "a5", "a6", "a7",
	"s2", "s3", "s4", "s5", "s6", "s7", "s8", "s9", "s10", "s11",
	"t3", "t4", "t5", "t6",
}

// NrReg and ResultReg index the number and the result.
const (
	NrReg     = 16
	ResultReg = 9
)

// ArgRegs indexes arguments 0 to 5.
var ArgRegs = [6]int{9, 10, 11, 12, 13, 14}

// FlagMask is empty: riscv64 has no flags.
const FlagMask = 0

// Loadable reports whether register i gets the caller's value.
// s11 is g, sp the stack of Go; tp belongs to cgo, where that is built in.
func Loadable(i int) bool {
	return i != sp && i != s11 && (i != tp || tpLoadable == 1)
}

// What the harness itself adds to a delta, in instructions, ECALL apart:
// OverheadInsns where Batch is 1, else BatchFixedInsns once a delta and
// BatchPassInsns each pass. loop_linux_riscv64.s names them one by one.
const (
	OverheadInsns   = 1
	BatchFixedInsns = 1
	BatchPassInsns  = 12
)

// Counters lists the counters of this architecture, the best first.
// Where InstRet is closed, by the kernel's PMU driver, the reader dies.
func Counters() []Counter { return []Counter{InstRet, Time} }

// ReadCounter reads c, which must be one of Counters.
//
//go:nosplit
func ReadCounter(c Counter) uint64 {
	switch c {
	case InstRet:
		return readInstRet()
	case Time:
		return readTime()
	}
	panic(c.foreign())
}

// trapInsn is ECALL.
var trapInsn = [...]byte{0x73, 0x00, 0x00, 0x00}

//go:nosplit
func runLoop(l *Loop) {
	switch {
	case l.Counter == InstRet && l.Batch > 1:
		batchInstRet(l)
	case l.Counter == InstRet:
		runInstRet(l)
	case l.Batch > 1:
		batchTime(l)
	default:
		runTime(l)
	}
}

func readInstRet() uint64

//go:noescape
func runInstRet(l *Loop)

//go:noescape
func batchInstRet(l *Loop)

func readTime() uint64

//go:noescape
func runTime(l *Loop)

//go:noescape
func batchTime(l *Loop)

// ucontextResult is the offset of uc_mcontext.sc_regs.a0 in struct ucontext:
// uc_flags, uc_link and uc_stack take 40 bytes, the signal mask with its
// reserve 128, uc_mcontext is aligned to 16; pc, ra, sp, gp, tp, t0 to t2,
// s0 and s1 come before a0 (asm/ucontext.h, asm/ptrace.h).
const ucontextResult = 176 + 10*8

// RelayOverheadInsns is what the program of a relay itself adds to a delta,
// in instructions, ECALL apart. relay_riscv64.h names them one by one.
const RelayOverheadInsns = 2

// asm-generic/unistd.h
const (
	sysClone     = 220
	sysExecve    = 221
	sysMmap      = 222
	sysNanosleep = 101
	sysExitGroup = 94
	sysPrctl     = 167
)

func relayImage(c Counter) []byte {
	instRet, time, end := relayText()
	switch c {
	case InstRet:
		return between(instRet, time)
	case Time:
		return between(time, end)
	}
	panic(c.foreign())
}

func relayText() (instRet, time, end unsafe.Pointer)
