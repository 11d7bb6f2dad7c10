#include "go_asm.h"
#include "textflag.h"

#define IN(i) (Frame_In+8*(i))
#define OUT(i) (Frame_Out+8*(i))
#define SKIP SUB $1, R0
#define SPOIL(r) SUB $1, R0; CBNZ R0, 2(PC); MVN r, r

// R28 is g, and without cgo a signal handler finds g nowhere else
// (runtime·sigtramp): it is captured, never loaded. R27 is the assembler's
// temporary, which MOVD and LDP with these small offsets do not need. R29 is
// rebuilt from SP in the epilogue; R30 is not, as this is a leaf.

// func call(f *Frame, spoil uint64)
TEXT ·call(SB), NOSPLIT, $24-16
	MOVD R30, lr-8(SP)
	MOVD f+0(FP), R0

	MOVD Frame_FlagsIn(R0), R1
	AND  $const_FlagMask, R1
	MOVD R1, Frame_FlagsIn(R0)
	MSR  R1, NZCV

	MOVD RSP, R1
	MOVD R1, IN(31)(R0)
	MOVD g, IN(28)(R0)
	LDP  IN(2)(R0), (R2, R3)
	LDP  IN(4)(R0), (R4, R5)
	LDP  IN(6)(R0), (R6, R7)
	LDP  IN(8)(R0), (R8, R9)
	LDP  IN(10)(R0), (R10, R11)
	LDP  IN(12)(R0), (R12, R13)
	LDP  IN(14)(R0), (R14, R15)
	LDP  IN(16)(R0), (R16, R17)
	LDP  IN(18)(R0), (R18_PLATFORM, R19)
	LDP  IN(20)(R0), (R20, R21)
	LDP  IN(22)(R0), (R22, R23)
	LDP  IN(24)(R0), (R24, R25)
	LDP  IN(26)(R0), (R26, R27)
	LDP  IN(29)(R0), (R29, R30)
	LDP  IN(0)(R0), (R0, R1)

	SVC // the trap

	MOVD R0, park-16(SP)
	MRS  NZCV, R0
	MOVD R0, flags-24(SP)

	// Count spoil down to the register it names; R0 is in its parking slot.
	MOVD spoil+8(FP), R0
	CBNZ R0, others
	MOVD park-16(SP), R0
	MVN  R0, R0
	MOVD R0, park-16(SP)
	MOVD $0, R0

others:
	SPOIL(R1)
	SPOIL(R2)
	SPOIL(R3)
	SPOIL(R4)
	SPOIL(R5)
	SPOIL(R6)
	SPOIL(R7)
	SPOIL(R8)
	SPOIL(R9)
	SPOIL(R10)
	SPOIL(R11)
	SPOIL(R12)
	SPOIL(R13)
	SPOIL(R14)
	SPOIL(R15)
	SPOIL(R16)
	SPOIL(R17)
	SPOIL(R18_PLATFORM)
	SPOIL(R19)
	SPOIL(R20)
	SPOIL(R21)
	SPOIL(R22)
	SPOIL(R23)
	SPOIL(R24)
	SPOIL(R25)
	SPOIL(R26)
	SPOIL(R27)
	SKIP // R28
	SPOIL(R29)
	SPOIL(R30)

	MOVD f+0(FP), R0
	STP  (R2, R3), OUT(2)(R0)
	STP  (R4, R5), OUT(4)(R0)
	STP  (R6, R7), OUT(6)(R0)
	STP  (R8, R9), OUT(8)(R0)
	STP  (R10, R11), OUT(10)(R0)
	STP  (R12, R13), OUT(12)(R0)
	STP  (R14, R15), OUT(14)(R0)
	STP  (R16, R17), OUT(16)(R0)
	STP  (R18_PLATFORM, R19), OUT(18)(R0)
	STP  (R20, R21), OUT(20)(R0)
	STP  (R22, R23), OUT(22)(R0)
	STP  (R24, R25), OUT(24)(R0)
	STP  (R26, R27), OUT(26)(R0)
	MOVD g, OUT(28)(R0)
	STP  (R29, R30), OUT(29)(R0)
	MOVD park-16(SP), R2
	STP  (R2, R1), OUT(0)(R0)
	MOVD RSP, R2
	MOVD R2, OUT(31)(R0)
	MOVD flags-24(SP), R2
	AND  $const_FlagMask, R2
	MOVD R2, Frame_FlagsOut(R0)
	MOVD lr-8(SP), R30
	RET

// func callText() unsafe.Pointer
TEXT ·callText(SB), NOSPLIT, $0-8
	MOVD $·call(SB), R0
	MOVD R0, ret+0(FP)
	RET
