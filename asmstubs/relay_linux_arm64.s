#include "go_asm.h"
#include "textflag.h"

// The program of a relay. The kernel enters it with a stack that it does not
// use; R20 is the Relay.
//
// The second MRS and the store of it are RelayOverheadInsns; SVC is not
// counted, nor is the MRS at the entry.
TEXT relayImage<>(SB), NOSPLIT|NOFRAME, $0-0
	MRS CNTVCT_EL0, R19

	MOVD $const_RelayAddr, R0
	MOVD $const_RelaySize, R1
	MOVD $const_protRW, R2
	MOVD $const_mapFixed, R3
	MOVD $const_RelayFD, R4
	MOVD $0, R5
	MOVD $const_sysMmap, R8
	SVC
	MOVD $const_RelayAddr, R20
	MOVD R0, R1
	MOVD $const_RelayLost, R0
	CMP  R20, R1
	BNE  exit

	MOVD Relay_Start(R20), R1
	SUB  R1, R19
	MOVD Relay_Next(R20), R1
	MOVD.P R19, 8(R1)
	MOVD R1, Relay_Next(R20)
	MOVD $0, R0
	MOVD Relay_Left(R20), R1
	SUB  $1, R1
	MOVD R1, Relay_Left(R20)
	CBZ  R1, exit

	MOVD Relay_Path(R20), R0
	MOVD Relay_Argv(R20), R1
	MOVD Relay_Envp(R20), R2
	MOVD $const_sysExecve, R8
	MRS  CNTVCT_EL0, R3
	MOVD R3, Relay_Start(R20)
	SVC // the trap
	MOVD R0, Relay_Failed(R20)
	MOVD $const_RelayFailed, R0

exit:
	MOVD $const_sysExitGroup, R8
	SVC
	BRK // never reached

TEXT relayEnd<>(SB), NOSPLIT|NOFRAME, $0-0
	BRK

// func relayText() (begin, end unsafe.Pointer)
TEXT ·relayText(SB), NOSPLIT, $0-16
	MOVD $relayImage<>(SB), R0
	MOVD R0, begin+0(FP)
	MOVD $relayEnd<>(SB), R0
	MOVD R0, end+8(FP)
	RET

// func StartRelay() uint64
//
// The child must leave the parent's stack as it is.
TEXT ·StartRelay(SB), NOSPLIT, $0-8
	MOVD $const_RelayAddr, R20
	MOVD $const_cloneFlags, R0
	MOVD $0, R1
	MOVD $0, R2
	MOVD $0, R3
	MOVD $0, R4
	MOVD $const_sysClone, R8
	SVC
	CBZ  R0, child
	MOVD R0, ret+0(FP)
	RET

child:
	MOVD Relay_Path(R20), R0
	MOVD Relay_Argv(R20), R1
	MOVD Relay_Envp(R20), R2
	MOVD $const_sysExecve, R8
	SVC
	MOVD R0, Relay_Failed(R20)
	MOVD $const_RelayFailed, R0
	MOVD $const_sysExitGroup, R8
	SVC
	BRK // never reached
