#include "go_asm.h"
#include "textflag.h"

// func StartFlip(at unsafe.Pointer, a, b byte, flags, death uint64, nap unsafe.Pointer) uint64
//
// The child must leave the parent's stack as it is, and may not read it: all
// that it needs is in registers that a syscall keeps.
TEXT ·StartFlip(SB), NOSPLIT, $0-48
	MOV   at+0(FP), X18
	MOVBU a+8(FP), X19
	MOVBU b+9(FP), X20
	MOV   death+24(FP), X21
	MOV   nap+32(FP), X22
	MOV   flags+16(FP), X10
	MOV   $0, X11
	MOV   $0, X12
	MOV   $0, X13
	MOV   $0, X14
	MOV   $const_sysClone, X17
	ECALL
	BEQZ X10, child
	MOV  X10, ret+40(FP)
	RET

child:
	MOV $const_prSetPdeathsig, X10
	MOV X21, X11
	MOV $const_sysPrctl, X17
	ECALL

flip:
	MOVB X19, (X18)
	MOV  $const_sysNanosleep, X17
	MOV  X22, X10
	MOV  $0, X11
	ECALL
	MOVB X20, (X18)
	MOV  $const_sysNanosleep, X17
	MOV  X22, X10
	MOV  $0, X11
	ECALL
	JMP  flip
