#include "go_asm.h"
#include "textflag.h"

// The program of a relay. The kernel enters it with a stack that it does not
// use; BX is the Relay.
//
// After the second RDTSC come two stores of it, and two moves of what it
// and its copy may not hold before: RelayOverheadInsns with RDTSC itself.
// SYSCALL is not counted, nor is the RDTSC at the entry.
TEXT relayImage<>(SB), NOSPLIT|NOFRAME, $0-0
	RDTSC
	SHLQ $32, DX
	ORQ  DX, AX
	MOVQ AX, R12

	MOVQ $const_RelayAddr, DI
	MOVQ $const_RelaySize, SI
	MOVQ $const_protRW, DX
	MOVQ $const_mapFixed, R10
	MOVQ $const_RelayFD, R8
	MOVQ $0, R9
	MOVQ $const_sysMmap, AX
	SYSCALL
	MOVQ $const_RelayLost, DI
	MOVQ $const_RelayAddr, BX
	CMPQ AX, BX
	JNE  exit

	SUBQ Relay_Start(BX), R12
	MOVQ Relay_Next(BX), CX
	MOVQ R12, (CX)
	ADDQ $8, CX
	MOVQ CX, Relay_Next(BX)
	MOVQ $0, DI
	DECQ Relay_Left(BX)
	JEQ  exit

	MOVQ Relay_Path(BX), DI
	MOVQ Relay_Argv(BX), SI
	RDTSC
	MOVL AX, Relay_Start+0(BX)
	MOVL DX, Relay_Start+4(BX)
	MOVQ Relay_Envp(BX), DX
	MOVQ $const_sysExecve, AX
	SYSCALL // the trap
	MOVQ AX, Relay_Failed(BX)
	MOVQ $const_RelayFailed, DI

exit:
	MOVQ $const_sysExitGroup, AX
	SYSCALL
	INT $3 // never reached

TEXT relayEnd<>(SB), NOSPLIT|NOFRAME, $0-0
	INT $3

// func relayText() (begin, end unsafe.Pointer)
TEXT ·relayText(SB), NOSPLIT, $0-16
	MOVQ $relayImage<>(SB), AX
	MOVQ AX, begin+0(FP)
	MOVQ $relayEnd<>(SB), AX
	MOVQ AX, end+8(FP)
	RET

// func StartRelay() uint64
//
// The child must leave the parent's stack as it is.
TEXT ·StartRelay(SB), NOSPLIT, $0-8
	MOVQ $const_RelayAddr, BX
	MOVQ $const_cloneFlags, DI
	MOVQ $0, SI
	MOVQ $0, DX
	MOVQ $0, R10
	MOVQ $0, R8
	MOVQ $const_sysClone, AX
	SYSCALL
	TESTQ AX, AX
	JEQ   child
	MOVQ  AX, ret+0(FP)
	RET

child:
	MOVQ Relay_Path(BX), DI
	MOVQ Relay_Argv(BX), SI
	MOVQ Relay_Envp(BX), DX
	MOVQ $const_sysExecve, AX
	SYSCALL
	MOVQ AX, Relay_Failed(BX)
	MOVQ $const_RelayFailed, DI
	MOVQ $const_sysExitGroup, AX
	SYSCALL
	INT $3 // never reached
