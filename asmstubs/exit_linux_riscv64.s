#include "go_asm.h"
#include "textflag.h"

TEXT exitImage<>(SB), NOSPLIT|NOFRAME, $0-0
	MOV $0, X10
	MOV $const_sysExitGroup, X17
	ECALL
	EBREAK // never reached

TEXT exitEnd<>(SB), NOSPLIT|NOFRAME, $0-0
	EBREAK

// func exitText() (begin, end unsafe.Pointer)
TEXT ·exitText(SB), NOSPLIT, $0-16
	MOV $exitImage<>(SB), X10
	MOV X10, begin+0(FP)
	MOV $exitEnd<>(SB), X10
	MOV X10, end+8(FP)
	RET
