#include "go_asm.h"
#include "textflag.h"

// func StartFlip(at unsafe.Pointer, a, b byte, flags, death uint64, nap unsafe.Pointer) uint64
//
// The child must leave the parent's stack as it is, and may not read it: all
// that it needs is in registers that a syscall keeps.
TEXT ·StartFlip(SB), NOSPLIT, $0-48
	MOVD  at+0(FP), R19
	MOVBU a+8(FP), R20
	MOVBU b+9(FP), R21
	MOVD  death+24(FP), R22
	MOVD  nap+32(FP), R23
	MOVD  flags+16(FP), R0
	MOVD  $0, R1
	MOVD  $0, R2
	MOVD  $0, R3
	MOVD  $0, R4
	MOVD  $const_sysClone, R8
	SVC
	CBZ  R0, child
	MOVD R0, ret+40(FP)
	RET

child:
	MOVD $const_prSetPdeathsig, R0
	MOVD R22, R1
	MOVD $const_sysPrctl, R8
	SVC

flip:
	MOVB R20, (R19)
	MOVD $const_sysNanosleep, R8
	MOVD R23, R0
	MOVD $0, R1
	SVC
	MOVB R21, (R19)
	MOVD $const_sysNanosleep, R8
	MOVD R23, R0
	MOVD $0, R1
	SVC
	B    flip
