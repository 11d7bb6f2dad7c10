#include "go_asm.h"
#include "textflag.h"

// The kernel enters with the C convention: X10 signal, X11 siginfo, X12
// ucontext, RA the sigreturn stub of the vDSO. The sigreturn restores
// whatever is touched here.
TEXT sigsysHandler<>(SB), NOSPLIT|NOFRAME, $0-0
	MOV ·SigsysResult(SB), X10
	MOV X10, const_ucontextResult(X12)
	RET

// func SigsysHandler() uintptr
TEXT ·SigsysHandler(SB), NOSPLIT, $0-8
	MOV $sigsysHandler<>(SB), X10
	MOV X10, ret+0(FP)
	RET

// func SigRestorer() uintptr
TEXT ·SigRestorer(SB), NOSPLIT, $0-8
	MOV ZERO, ret+0(FP)
	RET
