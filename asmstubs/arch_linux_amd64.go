package asmstubs

import "unsafe"

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

// FlagMask is CF, PF, AF, ZF, SF, DF and OF.
const FlagMask = 0xcd5

// Loadable reports whether register i gets the caller's value.
// r14 does, as it is not g in assembly of ABI0 (call_linux_amd64.s).
func Loadable(i int) bool { return i != rsp }

// What the harness itself adds to a delta, in instructions, SYSCALL apart:
// OverheadInsns where Batch is 1, else BatchFixedInsns once a delta and
// BatchPassInsns each pass. loop_linux_amd64.s names them one by one.
const (
	OverheadInsns   = 6
	BatchFixedInsns = 4
	BatchPassInsns  = 12
)

// Counters lists the counters of this architecture, the best first.
func Counters() []Counter { return []Counter{TSC} }

// ReadCounter reads c, which must be one of Counters.
//
//go:nosplit
func ReadCounter(c Counter) uint64 {
	if c != TSC {
		panic(c.foreign())
	}
	return readTSC()
}

// trapInsn is SYSCALL.
var trapInsn = [...]byte{0x0f, 0x05}

//go:nosplit
func runLoop(l *Loop) {
	if l.Batch > 1 {
		runBatch(l)
	} else {
		run(l)
	}
}

func readTSC() uint64

//go:noescape
func run(l *Loop)

//go:noescape
func runBatch(l *Loop)

const (
	// ucontextResult is the offset of uc_mcontext.rax in struct ucontext:
	// uc_flags, uc_link and uc_stack take 40 bytes, r8 to r15, di, si, bp,
	// bx and dx 104 (asm-generic/ucontext.h, asm/sigcontext.h).
	ucontextResult = 40 + 104
	sysRtSigreturn = 15 // asm/unistd_64.h
)

// RelayOverheadInsns is what the program of a relay itself adds to a delta,
// in instructions, SYSCALL apart. relay_linux_amd64.s names them one by one.
const RelayOverheadInsns = 5

// asm/unistd_64.h
const (
	sysClone     = 56
	sysExecve    = 59
	sysMmap      = 9
	sysNanosleep = 35
	sysExitGroup = 231
	sysPrctl     = 157
)

func relayImage(c Counter) []byte {
	if c != TSC {
		panic(c.foreign())
	}
	return between(relayText())
}

func relayText() (begin, end unsafe.Pointer)
