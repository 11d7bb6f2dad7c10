package asmstubs

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

// FlagMask: riscv64 has no flags.
const FlagMask = 0

// Loadable reports whether register i gets the caller's value.
func Loadable(i int) bool { return i != sp && i != tp && i != s11 }

// OverheadInsns counts the harness' instructions in a delta of Batch 1.
const OverheadInsns = 1

// Counters lists the counters of this architecture, the best first.
func Counters() []Counter { return []Counter{InstRet, Time} }

// ReadCounter reads c.
func ReadCounter(c Counter) uint64 { return 0 }

//go:noescape
func run(l *Loop)
