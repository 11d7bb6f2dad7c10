package asmstubs

import "fmt"

// v0 to v31, FPCR, FPSR, TPIDR_EL0, and room for alignment.
const (
	fpControl = 32 * 16
	fpStatus  = fpControl + 8
	fpThread  = fpStatus + 8
	fpWords   = (fpThread + 16) / 8
)

// FPRegs lists the registers of an FPState. Of SVE that is all which a syscall
// keeps.
func FPRegs() []FPReg {
	regs := []FPReg{
		{Name: "fpcr", Word: fpControl / 8, Mask: 0xffff_ffff, Value: 0x03c0_0000}, // DN, FZ, to zero
		{Name: "fpsr", Word: fpStatus / 8, Mask: 0xffff_ffff, Value: 0x0800_009f},  // QC, all flags
		{Name: "tpidr_el0", Word: fpThread / 8, Mask: ^uint64(0), Value: 0x5a5a_a5a5_0000_1000, Thread: true},
	}
	for i := range 32 {
		for half := range 2 {
			regs = append(regs, FPReg{Name: fmt.Sprintf("v%d[%d]", i, half), Word: 2*i + half, Mask: ^uint64(0), Value: fpValue(2*i + half)})
		}
	}
	return regs
}
