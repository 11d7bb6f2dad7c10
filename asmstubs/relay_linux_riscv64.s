#include "go_asm.h"
#include "textflag.h"

#define READ(r) RDINSTRET r

TEXT relayInstRet<>(SB), NOSPLIT|NOFRAME, $0-0
#include "relay_riscv64.h"

#undef READ
#define READ(r) RDTIME r

TEXT relayTime<>(SB), NOSPLIT|NOFRAME, $0-0
#include "relay_riscv64.h"

TEXT relayEnd<>(SB), NOSPLIT|NOFRAME, $0-0
	EBREAK

// func relayText() (instRet, time, end unsafe.Pointer)
TEXT ·relayText(SB), NOSPLIT, $0-24
	MOV $relayInstRet<>(SB), X10
	MOV X10, instRet+0(FP)
	MOV $relayTime<>(SB), X10
	MOV X10, time+8(FP)
	MOV $relayEnd<>(SB), X10
	MOV X10, end+16(FP)
	RET

// func StartRelay() uint64
//
// The child must leave the parent's stack as it is.
TEXT ·StartRelay(SB), NOSPLIT, $0-8
	MOV  $const_RelayAddr, X19
	MOV  $const_cloneFlags, X10
	MOV  $0, X11
	MOV  $0, X12
	MOV  $0, X13
	MOV  $0, X14
	MOV  $const_sysClone, X17
	ECALL
	BEQZ X10, child
	MOV  X10, ret+0(FP)
	RET

child:
	MOV Relay_Path(X19), X10
	MOV Relay_Argv(X19), X11
	MOV Relay_Envp(X19), X12
	MOV $const_sysExecve, X17
	ECALL
	MOV X10, Relay_Failed(X19)
	MOV $const_RelayFailed, X10
	MOV $const_sysExitGroup, X17
	ECALL
	EBREAK // never reached
