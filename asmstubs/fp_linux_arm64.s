#include "go_asm.h"
#include "textflag.h"

// func callFP(f *FPFrame, spoil *FPState)
TEXT ·callFP(SB), NOSPLIT, $0-16
	MOVD f+0(FP), R19
	MRS  FPCR, R1
	MOVD R1, (FPFrame_own+const_fpControl)(R19)
	MRS  FPSR, R1
	MOVD R1, (FPFrame_own+const_fpStatus)(R19)
	MRS  TPIDR_EL0, R1
	MOVD R1, (FPFrame_own+const_fpThread)(R19)

	// With cgo the thread pointer is in use: captured, not loaded.
	MOVD $const_tpLoadable, R2
	CBNZ R2, begin
	MOVD R1, (FPFrame_In+const_fpThread)(R19)

begin:
	ADD  $FPFrame_In, R19, R9
	MOVD $0, R10

load:
	FLDPQ 0(R9), (F0, F1)
	FLDPQ 32(R9), (F2, F3)
	FLDPQ 64(R9), (F4, F5)
	FLDPQ 96(R9), (F6, F7)
	FLDPQ 128(R9), (F8, F9)
	FLDPQ 160(R9), (F10, F11)
	FLDPQ 192(R9), (F12, F13)
	FLDPQ 224(R9), (F14, F15)
	FLDPQ 256(R9), (F16, F17)
	FLDPQ 288(R9), (F18, F19)
	FLDPQ 320(R9), (F20, F21)
	FLDPQ 352(R9), (F22, F23)
	FLDPQ 384(R9), (F24, F25)
	FLDPQ 416(R9), (F26, F27)
	FLDPQ 448(R9), (F28, F29)
	FLDPQ 480(R9), (F30, F31)
	MOVD const_fpControl(R9), R1
	MSR  R1, FPCR
	MOVD const_fpStatus(R9), R1
	MSR  R1, FPSR
	MOVD const_fpThread(R9), R1
	MSR  R1, TPIDR_EL0
	CBNZ R10, capture

	MOVD FPFrame_Nr(R19), R8
	MOVD (FPFrame_Args+0)(R19), R0
	MOVD (FPFrame_Args+8)(R19), R1
	MOVD (FPFrame_Args+16)(R19), R2
	MOVD (FPFrame_Args+24)(R19), R3
	MOVD (FPFrame_Args+32)(R19), R4
	MOVD (FPFrame_Args+40)(R19), R5

	SVC // the trap

	MOVD f+0(FP), R19
	MOVD R0, FPFrame_Ret(R19)
	MOVD spoil+8(FP), R9
	MOVD $1, R10
	CBNZ R9, load

capture:
	ADD  $FPFrame_Out, R19, R9
	FSTPQ (F0, F1), 0(R9)
	FSTPQ (F2, F3), 32(R9)
	FSTPQ (F4, F5), 64(R9)
	FSTPQ (F6, F7), 96(R9)
	FSTPQ (F8, F9), 128(R9)
	FSTPQ (F10, F11), 160(R9)
	FSTPQ (F12, F13), 192(R9)
	FSTPQ (F14, F15), 224(R9)
	FSTPQ (F16, F17), 256(R9)
	FSTPQ (F18, F19), 288(R9)
	FSTPQ (F20, F21), 320(R9)
	FSTPQ (F22, F23), 352(R9)
	FSTPQ (F24, F25), 384(R9)
	FSTPQ (F26, F27), 416(R9)
	FSTPQ (F28, F29), 448(R9)
	FSTPQ (F30, F31), 480(R9)
	MRS  FPCR, R1
	MOVD R1, const_fpControl(R9)
	MRS  FPSR, R1
	MOVD R1, const_fpStatus(R9)
	MRS  TPIDR_EL0, R1
	MOVD R1, const_fpThread(R9)

	MOVD (FPFrame_own+const_fpControl)(R19), R1
	MSR  R1, FPCR
	MOVD (FPFrame_own+const_fpStatus)(R19), R1
	MSR  R1, FPSR
	MOVD (FPFrame_own+const_fpThread)(R19), R1
	MSR  R1, TPIDR_EL0
	RET
