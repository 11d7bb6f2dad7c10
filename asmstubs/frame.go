//go:build linux && (amd64 || arm64 || riscv64)

package asmstubs

import (
	"bytes"
	"unsafe"
)

// Regs holds one value for each general register, in the order of RegNames.
type Regs [NumRegs]uint64

// Frame is what Call loads before the syscall and captures after it. The
// assembly takes its offsets from go_asm.h; for others: In lies at 0, Out at
// 8*NumRegs, FlagsIn at 16*NumRegs, FlagsOut 8 bytes behind it.
type Frame struct {
	// In is loaded into every loadable register, the number and the six
	// arguments among them. Call itself fills in the registers that are not
	// loadable, with what they hold when it traps, so that In and Out may be
	// compared throughout.
	In Regs
	// Out is what the registers hold when the syscall has returned.
	Out Regs
	// FlagsIn and FlagsOut are the condition flags around the call. Call
	// clears in both what is not in FlagMask.
	FlagsIn, FlagsOut uint64
}

// Call loads f.In, issues the syscall and captures f.Out. The number goes in
// f.In[NrReg], the arguments in f.In[ArgRegs[0]] and so on, and the result
// comes in f.Out[ResultReg].
func Call(f *Frame) { call(f, NumRegs) }

// CallSpoiled is Call, except that register i is inverted between the
// syscall and the capture: the proof that the capture sees a change, as both
// run the same instructions. It panics if register i is not loadable.
func CallSpoiled(f *Frame, i int) {
	if i < 0 || i >= NumRegs || !Loadable(i) {
		panic("asmstubs: cannot spoil a register that is not loadable")
	}
	call(f, uint64(i))
}

//go:noescape
func call(f *Frame, spoil uint64)

// CallPC returns the address after the trap of Call: what a seccomp filter
// sees as instruction_pointer.
func CallPC() uintptr {
	// The assembler has no way to take the address of a label. The first
	// match is the trap: a test compares with what the kernel sees.
	text := callText()
	i := bytes.Index(unsafe.Slice((*byte)(text), callTextMax), trapInsn[:])
	return uintptr(text) + uintptr(i+len(trapInsn))
}

// callTextMax is less than call's length and more than its trap's offset.
const callTextMax = 256

// callText returns the entry of call's assembly; a Go func value would lead
// to the wrapper that the linker puts around it.
func callText() unsafe.Pointer
