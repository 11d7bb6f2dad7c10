#include "go_asm.h"
#include "textflag.h"

TEXT exitImage<>(SB), NOSPLIT|NOFRAME, $0-0
	MOVQ $0, DI
	MOVQ $const_sysExitGroup, AX
	SYSCALL
	INT $3 // never reached

TEXT exitEnd<>(SB), NOSPLIT|NOFRAME, $0-0
	INT $3

// func exitText() (begin, end unsafe.Pointer)
TEXT ·exitText(SB), NOSPLIT, $0-16
	MOVQ $exitImage<>(SB), AX
	MOVQ AX, begin+0(FP)
	MOVQ $exitEnd<>(SB), AX
	MOVQ AX, end+8(FP)
	RET
