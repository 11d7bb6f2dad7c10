#include "go_asm.h"
#include "textflag.h"

TEXT exitImage<>(SB), NOSPLIT|NOFRAME, $0-0
	MOVD $0, R0
	MOVD $const_sysExitGroup, R8
	SVC
	BRK // never reached

TEXT exitEnd<>(SB), NOSPLIT|NOFRAME, $0-0
	BRK

// func exitText() (begin, end unsafe.Pointer)
TEXT ·exitText(SB), NOSPLIT, $0-16
	MOVD $exitImage<>(SB), R0
	MOVD R0, begin+0(FP)
	MOVD $exitEnd<>(SB), R0
	MOVD R0, end+8(FP)
	RET
