#include "go_asm.h"
#include "textflag.h"

// The kernel enters with the C convention: R0 signal, R1 siginfo, R2
// ucontext, R30 the sigreturn stub of the vDSO. The sigreturn restores
// whatever is touched here.
TEXT sigsysHandler<>(SB), NOSPLIT|NOFRAME, $0-0
	MOVD ·SigsysResult(SB), R0
	MOVD R0, const_ucontextResult(R2)
	RET

// func SigsysHandler() uintptr
TEXT ·SigsysHandler(SB), NOSPLIT, $0-8
	MOVD $sigsysHandler<>(SB), R0
	MOVD R0, ret+0(FP)
	RET

// func SigRestorer() uintptr
TEXT ·SigRestorer(SB), NOSPLIT, $0-8
	MOVD ZR, ret+0(FP)
	RET
