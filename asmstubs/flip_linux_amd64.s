#include "go_asm.h"
#include "textflag.h"

// func StartFlip(at unsafe.Pointer, a, b byte, flags, death uint64, nap unsafe.Pointer) uint64
//
// The child must leave the parent's stack as it is, and may not read it: all
// that it needs is in registers that a syscall keeps.
TEXT ·StartFlip(SB), NOSPLIT, $0-48
	MOVQ    at+0(FP), R12
	MOVBLZX a+8(FP), R13
	MOVBLZX b+9(FP), BX
	MOVQ    death+24(FP), R15
	MOVQ    nap+32(FP), R14
	MOVQ    flags+16(FP), DI
	MOVQ    $0, SI
	MOVQ    $0, DX
	MOVQ    $0, R10
	MOVQ    $0, R8
	MOVQ    $const_sysClone, AX
	SYSCALL
	TESTQ AX, AX
	JEQ   child
	MOVQ  AX, ret+40(FP)
	RET

child:
	MOVQ $const_prSetPdeathsig, DI
	MOVQ R15, SI
	MOVQ $const_sysPrctl, AX
	SYSCALL

flip:
	MOVB R13, (R12)
	MOVQ $const_sysNanosleep, AX
	MOVQ R14, DI
	MOVQ $0, SI
	SYSCALL
	MOVB BX, (R12)
	MOVQ $const_sysNanosleep, AX
	MOVQ R14, DI
	MOVQ $0, SI
	SYSCALL
	JMP  flip
