package asmstubs

// Capture order: the encoding of the instruction set.
const (
	rax = iota
	rcx
	rdx
	rbx
	rsp
	rbp
	rsi
	rdi
	r8
	r9
	r10
	r11
	r12
	r13
	r14
	r15
	NumRegs
)

// RegNames names the registers of Regs as the psABI spells them.
var RegNames = [NumRegs]string{
	"rax", "rcx", "rdx", "rbx", "rsp", "rbp", "rsi", "rdi",
	"r8", "r9", "r10", "r11", "r12", "r13", "r14", "r15",
}

// NrReg and ResultReg index the number and the result.
const (
	NrReg     = rax
	ResultReg = rax
)

// ArgRegs indexes arguments 0 to 5.
var ArgRegs = [6]int{rdi, rsi, rdx, r10, r8, r9}

// FlagMask: CF, PF, AF, ZF, SF, DF, OF.
const FlagMask = 0xcd5

// Loadable reports whether register i gets the caller's value.
func Loadable(i int) bool { return i != rsp && i != r14 }

// OverheadInsns counts the harness' instructions in a delta of Batch 1.
const OverheadInsns = 6

// Counters lists the counters of this architecture, the best first.
func Counters() []Counter { return []Counter{TSC} }

// ReadCounter reads c.
func ReadCounter(c Counter) uint64 { return readTSC() }

func readTSC() uint64

//go:noescape
func run(l *Loop)
