package asmstubs

// Capture order: x0 to x30, then sp.
const (
	x0      = iota
	x28     = 28
	x30     = 30
	sp      = 31
	NumRegs = 32
)

// RegNames names the registers of Regs as the psABI spells them.
var RegNames = [NumRegs]string{
	"x0", "x1", "x2", "x3", "x4", "x5", "x6", "x7",
	"x8", "x9", "x10", "x11", "x12", "x13", "x14", "x15",
	"x16", "x17", "x18", "x19", "x20", "x21", "x22", "x23",
	"x24", "x25", "x26", "x27", "x28", "x29", "x30", "sp",
}

// NrReg and ResultReg index the number and the result.
const (
	NrReg     = 8
	ResultReg = 0
)

// ArgRegs indexes arguments 0 to 5.
var ArgRegs = [6]int{0, 1, 2, 3, 4, 5}

// FlagMask: N, Z, C, V.
const FlagMask = 0xf0000000

// Loadable reports whether register i gets the caller's value.
func Loadable(i int) bool { return i != sp && i != x28 }

// OverheadInsns counts the harness' instructions in a delta of Batch 1.
const OverheadInsns = 1

// Counters lists the counters of this architecture, the best first.
func Counters() []Counter { return []Counter{PMCCNTR, CNTVCT} }

// ReadCounter reads c.
func ReadCounter(c Counter) uint64 { return 0 }

//go:noescape
func run(l *Loop)
