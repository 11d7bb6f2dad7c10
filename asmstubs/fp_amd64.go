package asmstubs

import "fmt"

// What FXSAVE64 stores (Intel SDM volume 1, 10.5.1), the upper halves of AVX,
// fs base and gs base.
const (
	fpHigh  = 512
	fpFS    = fpHigh + 16*16
	fpGS    = fpFS + 8
	fpWords = (fpGS + 8) / 8
)

var avx = hasAVX()

func hasAVX() bool

// FPRegs lists the registers of an FPState. What x87 says of the last
// instruction is left out: CPUs differ in whether they keep it.
func FPRegs() []FPReg {
	all := ^uint64(0)
	regs := []FPReg{
		{Name: "fcw", Word: 0, Mask: 0xffff, Value: 0x0f7f},           // all masked, to zero
		{Name: "fsw", Word: 0, Mask: 0xffff << 16, Value: 0x21 << 16}, // two flags
		{Name: "ftw", Word: 0, Mask: 0xff << 32, Value: 0xff << 32},   // none is empty
		{Name: "mxcsr", Word: 3, Mask: 0xffff_ffff, Value: 0xffbf},    // all masked, to zero, all flags
		{Name: "fs base", Word: fpFS / 8, Mask: all, Thread: true},
		{Name: "gs base", Word: fpGS / 8, Mask: all, Value: 0x5a5a_0000_1000, Thread: true},
	}
	for i := range 8 {
		regs = append(regs,
			// The integer bit of a number that is normal is 1.
			FPReg{Name: fmt.Sprintf("st%d", i), Word: 4 + 2*i, Mask: all, Value: 1<<63 | fpValue(i)},
			FPReg{Name: fmt.Sprintf("st%d exponent", i), Word: 5 + 2*i, Mask: 0xffff, Value: 0x3f00 + uint64(i)})
	}
	for i := range 16 {
		for half := range 2 {
			regs = append(regs, FPReg{Name: fmt.Sprintf("xmm%d[%d]", i, half), Word: 20 + 2*i + half, Mask: all, Value: fpValue(8 + 2*i + half)})
			if avx {
				regs = append(regs, FPReg{Name: fmt.Sprintf("ymm%d[%d]", i, 2+half), Word: fpHigh/8 + 2*i + half, Mask: all, Value: fpValue(40 + 2*i + half)})
			}
		}
	}
	return regs
}
