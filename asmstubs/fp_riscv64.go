package asmstubs

import "fmt"

// f0 to f31, fcsr, tp.
const (
	fpControl = 32 * 8
	fpThread  = fpControl + 8
	fpWords   = (fpThread + 8) / 8
)

// FPRegs lists the registers of an FPState. Those of V are lost in a syscall.
func FPRegs() []FPReg {
	regs := []FPReg{
		{Name: "fcsr", Word: fpControl / 8, Mask: 0xff, Value: 0x3f}, // to zero, all flags
		{Name: "tp", Word: fpThread / 8, Mask: ^uint64(0), Value: 0x5a5a_a5a5_0000_1000, Thread: true},
	}
	for i := range 32 {
		regs = append(regs, FPReg{Name: fmt.Sprintf("f%d", i), Word: i, Mask: ^uint64(0), Value: fpValue(i)})
	}
	return regs
}
