//go:build linux && (amd64 || arm64 || riscv64)

package asmstubs

import "unsafe"

// FPState is the state that is not in general registers: floating point and
// vector registers, as far as a syscall preserves them, their control and
// status, and the thread pointer. FPRegs says what is where.
type FPState [fpWords]uint64

// FPReg is a register of an FPState, or half of one that has more than 64 bits.
type FPReg struct {
	Name   string
	Word   int
	Mask   uint64 // its bits of the word
	Value  uint64 // what FPValues has of it
	Thread bool   // a thread pointer
}

// In reports what a state holds of the register.
func (r *FPReg) In(s *FPState) uint64 { return s[r.Word] & r.Mask }

// FPFrame is what CallFP loads before the syscall and captures after it.
type FPFrame struct {
	// In is loaded, but for a thread pointer that Go needs: CallFP fills in
	// what that is. It has to be something that can be loaded: FPValues, or
	// what came out before.
	In  FPState
	Out FPState
	own FPState // of the caller, who gets it back

	Nr, Ret uint64
	Args    [6]uint64
}

// fpAlign is what FXSAVE asks of the addresses of states.
const fpAlign = 16

// CallFP is Call for what is not in general registers. f must be aligned to 16
// bytes, as mapped memory is.
func CallFP(f *FPFrame) { CallFPSpoiled(f, nil) }

// CallFPSpoiled is CallFP, except that spoil is loaded, too, between the
// syscall and the capture: the proof that the capture sees a change.
func CallFPSpoiled(f *FPFrame, spoil *FPState) {
	if uintptr(unsafe.Pointer(f))%fpAlign != 0 || uintptr(unsafe.Pointer(spoil))%fpAlign != 0 {
		panic("asmstubs: a state that is not aligned")
	}
	callFP(f, spoil)
}

// FPValues sets every register that can be loaded to a value of its own.
func FPValues(s *FPState) {
	*s = FPState{}
	for _, r := range FPRegs() {
		s[r.Word] |= r.Value & r.Mask
	}
}

//go:noescape
func callFP(f *FPFrame, spoil *FPState)

// fpValue differs in every byte from one register to the next.
func fpValue(i int) uint64 { return 0x0101_0101_0101_0101*uint64(i+1) ^ 0x40a5_00f0_5a00_0f00 }
