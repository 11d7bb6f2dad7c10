#include "go_asm.h"
#include "textflag.h"

// The kernel enters with the C convention: DI signal, SI siginfo, DX
// ucontext, the restorer on top of the stack. The C side saves nothing that
// is not touched here.
TEXT sigsysHandler<>(SB), NOSPLIT|NOFRAME, $0-0
	MOVQ ·SigsysResult(SB), AX
	MOVQ AX, const_ucontextResult(DX)
	RET

// rt_sigreturn finds its frame at SP, where the handler's RET has left it.
TEXT sigRestorer<>(SB), NOSPLIT|NOFRAME, $0-0
	MOVQ $const_sysRtSigreturn, AX
	SYSCALL
	INT $3 // never reached

// func SigsysHandler() uintptr
TEXT ·SigsysHandler(SB), NOSPLIT, $0-8
	MOVQ $sigsysHandler<>(SB), AX
	MOVQ AX, ret+0(FP)
	RET

// func SigRestorer() uintptr
TEXT ·SigRestorer(SB), NOSPLIT, $0-8
	MOVQ $sigRestorer<>(SB), AX
	MOVQ AX, ret+0(FP)
	RET
