#include "go_asm.h"
#include "textflag.h"

// What CallFP changes beside the state that it is about: every register that
// ABI0 leaves to the callee. x87, SSE and MXCSR go in and out at once with
// FXSAVE; the upper halves of AVX follow, where the CPU has them.

#define HIGH(i) (const_fpHigh+16*(i))
#define arch_prctl 158
#define ARCH_SET_GS 0x1001
#define ARCH_SET_FS 0x1002
#define ARCH_GET_FS 0x1003
#define ARCH_GET_GS 0x1004
#define PRCTL(code) MOVQ $arch_prctl, AX; MOVQ $code, DI; SYSCALL

// func callFP(f *FPFrame, spoil *FPState)
TEXT ·callFP(SB), NOSPLIT, $0-16
	MOVQ f+0(FP), BX
	FXSAVE64 FPFrame_own(BX)

	// Go finds g through fs, so it is captured, never loaded. Nothing uses gs.
	LEAQ (FPFrame_In+const_fpFS)(BX), SI
	PRCTL(ARCH_GET_FS)
	MOVQ BX, R12
	XORL R13, R13

load:
	MOVQ const_fpGS(R12), SI
	PRCTL(ARCH_SET_GS)
	FXRSTOR64 (R12)
	CMPB ·avx(SB), $0
	JEQ  loaded
	VINSERTF128 $1, HIGH(0)(R12), Y0, Y0
	VINSERTF128 $1, HIGH(1)(R12), Y1, Y1
	VINSERTF128 $1, HIGH(2)(R12), Y2, Y2
	VINSERTF128 $1, HIGH(3)(R12), Y3, Y3
	VINSERTF128 $1, HIGH(4)(R12), Y4, Y4
	VINSERTF128 $1, HIGH(5)(R12), Y5, Y5
	VINSERTF128 $1, HIGH(6)(R12), Y6, Y6
	VINSERTF128 $1, HIGH(7)(R12), Y7, Y7
	VINSERTF128 $1, HIGH(8)(R12), Y8, Y8
	VINSERTF128 $1, HIGH(9)(R12), Y9, Y9
	VINSERTF128 $1, HIGH(10)(R12), Y10, Y10
	VINSERTF128 $1, HIGH(11)(R12), Y11, Y11
	VINSERTF128 $1, HIGH(12)(R12), Y12, Y12
	VINSERTF128 $1, HIGH(13)(R12), Y13, Y13
	VINSERTF128 $1, HIGH(14)(R12), Y14, Y14
	VINSERTF128 $1, HIGH(15)(R12), Y15, Y15

loaded:
	TESTL R13, R13
	JNE   capture

	MOVQ FPFrame_Nr(BX), AX
	MOVQ (FPFrame_Args+0)(BX), DI
	MOVQ (FPFrame_Args+8)(BX), SI
	MOVQ (FPFrame_Args+16)(BX), DX
	MOVQ (FPFrame_Args+24)(BX), R10
	MOVQ (FPFrame_Args+32)(BX), R8
	MOVQ (FPFrame_Args+40)(BX), R9

	SYSCALL // the trap

	MOVQ  f+0(FP), BX
	MOVQ  AX, FPFrame_Ret(BX)
	MOVQ  spoil+8(FP), R12
	MOVL  $1, R13
	TESTQ R12, R12
	JNE   load

capture:
	FXSAVE64 FPFrame_Out(BX)
	CMPB ·avx(SB), $0
	JEQ  captured
	VEXTRACTF128 $1, Y0, (FPFrame_Out+HIGH(0))(BX)
	VEXTRACTF128 $1, Y1, (FPFrame_Out+HIGH(1))(BX)
	VEXTRACTF128 $1, Y2, (FPFrame_Out+HIGH(2))(BX)
	VEXTRACTF128 $1, Y3, (FPFrame_Out+HIGH(3))(BX)
	VEXTRACTF128 $1, Y4, (FPFrame_Out+HIGH(4))(BX)
	VEXTRACTF128 $1, Y5, (FPFrame_Out+HIGH(5))(BX)
	VEXTRACTF128 $1, Y6, (FPFrame_Out+HIGH(6))(BX)
	VEXTRACTF128 $1, Y7, (FPFrame_Out+HIGH(7))(BX)
	VEXTRACTF128 $1, Y8, (FPFrame_Out+HIGH(8))(BX)
	VEXTRACTF128 $1, Y9, (FPFrame_Out+HIGH(9))(BX)
	VEXTRACTF128 $1, Y10, (FPFrame_Out+HIGH(10))(BX)
	VEXTRACTF128 $1, Y11, (FPFrame_Out+HIGH(11))(BX)
	VEXTRACTF128 $1, Y12, (FPFrame_Out+HIGH(12))(BX)
	VEXTRACTF128 $1, Y13, (FPFrame_Out+HIGH(13))(BX)
	VEXTRACTF128 $1, Y14, (FPFrame_Out+HIGH(14))(BX)
	VEXTRACTF128 $1, Y15, (FPFrame_Out+HIGH(15))(BX)
	VZEROUPPER

captured:
	LEAQ (FPFrame_Out+const_fpFS)(BX), SI
	PRCTL(ARCH_GET_FS)
	LEAQ (FPFrame_Out+const_fpGS)(BX), SI
	PRCTL(ARCH_GET_GS)
	MOVQ (FPFrame_In+const_fpFS)(BX), SI
	PRCTL(ARCH_SET_FS)
	XORL SI, SI
	PRCTL(ARCH_SET_GS)
	FXRSTOR64 FPFrame_own(BX)
	RET

// func hasAVX() bool
TEXT ·hasAVX(SB), NOSPLIT, $0-1
	MOVL  $1, AX
	XORL  CX, CX
	CPUID
	ANDL  $(1<<27|1<<28), CX // OSXSAVE, AVX
	XORL  AX, AX
	CMPL  CX, $(1<<27|1<<28)
	JNE   done
	XORL  CX, CX
	XGETBV
	ANDL  $6, AX // the kernel keeps SSE and AVX state

done:
	CMPL  AX, $6
	SETEQ ret+0(FP)
	RET
