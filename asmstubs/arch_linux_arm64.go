package asmstubs

import "unsafe"

// Capture order: x0 to x30, then sp.
const (
	x28     = 28
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

// FlagMask is N, Z, C and V.
const FlagMask = 0xf0000000

// Loadable reports whether register i gets the caller's value.
// x28 is g and sp the stack of Go.
func Loadable(i int) bool { return i != sp && i != x28 }

// What the harness itself adds to a delta, in instructions, SVC apart:
// OverheadInsns where Batch is 1, else BatchFixedInsns once a delta and
// BatchPassInsns each pass. loop_linux_arm64.s names them one by one.
const (
	OverheadInsns   = 1
	BatchFixedInsns = 1
	BatchPassInsns  = 9
)

// Counters lists the counters of this architecture, the best first.
func Counters() []Counter { return []Counter{CNTVCT} }

// ReadCounter reads c, which must be one of Counters.
//
//go:nosplit
func ReadCounter(c Counter) uint64 {
	if c != CNTVCT {
		panic(c.foreign())
	}
	return readCNTVCT()
}

// trapInsn is SVC.
var trapInsn = [...]byte{0x01, 0x00, 0x00, 0xd4}

//go:nosplit
func runLoop(l *Loop) {
	if l.Batch > 1 {
		runBatch(l)
	} else {
		run(l)
	}
}

func readCNTVCT() uint64

//go:noescape
func run(l *Loop)

//go:noescape
func runBatch(l *Loop)

// ucontextResult is the offset of uc_mcontext.regs[0] in struct ucontext:
// uc_flags, uc_link and uc_stack take 40 bytes, the signal mask with its
// reserve 128, uc_mcontext is aligned to 16, fault_address takes 8
// (asm/ucontext.h, asm/sigcontext.h).
const ucontextResult = 176 + 8

// RelayOverheadInsns is what the program of a relay itself adds to a delta,
// in instructions, SVC apart. relay_linux_arm64.s names them one by one.
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
	if c != CNTVCT {
		panic(c.foreign())
	}
	return between(relayText())
}

func relayText() (begin, end unsafe.Pointer)
