#include "go_asm.h"
#include "textflag.h"

#define ARG(i) (Step_Args+8*(i))

// No ISB beside the reads of the counter: taking the SVC exception and
// returning from it are context synchronization events (Arm ARM, D1), so
// the first read cannot happen after the kernel was entered, nor the second
// before it was left.

// func run(l *Loop)
//
// Between the two reads stands nothing but SVC: the first MRS is all that
// OverheadInsns counts.
//
// State across the syscall: R19 step, R20 deltas, R21 iterations left, R22
// end of the steps, R23 start of the delta, R25 first step.
TEXT ·run(SB), NOSPLIT, $0-8
	MOVD l+0(FP), R9
	MOVD Loop_Deltas(R9), R20
	MOVD Loop_Iter(R9), R21
	MOVD Loop_Steps(R9), R25
	MOVD Loop_NSteps(R9), R10
	MOVD $Step__size, R11
	MADD R10, R25, R11, R22

pass:
	CBZ  R21, done
	MOVD R25, R19

step:
	LDP  ARG(0)(R19), (R0, R1)
	LDP  ARG(2)(R19), (R2, R3)
	LDP  ARG(4)(R19), (R4, R5)
	MOVD Step_Nr(R19), R8
	MRS  CNTVCT_EL0, R23
	SVC // the trap
	MRS  CNTVCT_EL0, R24

	MOVD Step_Flags(R19), R10
	MOVD Step_Want(R19), R11
	TST  $const_Timed, R10
	BEQ  check
	SUB  R23, R24
	MOVD.P R24, 8(R20)

check:
	CMP R11, R0
	BNE differs

next:
	ADD $Step__size, R19
	CMP R22, R19
	BNE step
	SUB $1, R21
	B   pass

differs:
	TST $const_AnyResult, R10
	BNE next

	// BadStep leaves as an offset in bytes; Run makes an index of it.
	MOVD l+0(FP), R9
	SUB  R25, R19
	MOVD R19, Loop_BadStep(R9)
	MOVD R0, Loop_BadResult(R9)

done:
	MOVD l+0(FP), R9
	MOVD Loop_Iter(R9), R10
	SUB  R21, R10
	MOVD R10, Loop_Done(R9)
	RET

// func runBatch(l *Loop)
//
// A delta spans Batch passes of one step. MRS makes BatchFixedInsns; the
// three LDP, MOVD, EOR, AND, CBNZ, SUB and CBNZ of a pass make
// BatchPassInsns. The comparison has no branch of its own for AnyResult, so
// that the sums hold for every step.
//
// State across the syscall: R19 step, R20 deltas, R21 iterations left, R22
// passes left in the batch, R23 start of the delta, R25 the result that is
// wanted, R26 0 for AnyResult, else all ones.
TEXT ·runBatch(SB), NOSPLIT, $0-8
	MOVD l+0(FP), R9
	MOVD Loop_Deltas(R9), R20
	MOVD Loop_Iter(R9), R21
	MOVD Loop_Steps(R9), R19
	MOVD Step_Want(R19), R25
	MOVD $0, R26
	MOVD Step_Flags(R19), R10
	TST  $const_AnyResult, R10
	BNE  batch
	MVN  R26, R26

batch:
	MOVD l+0(FP), R9
	MOVD Loop_Batch(R9), R22
	CBZ  R21, done
	MRS  CNTVCT_EL0, R23

pass:
	LDP  ARG(0)(R19), (R0, R1)
	LDP  ARG(2)(R19), (R2, R3)
	LDP  ARG(4)(R19), (R4, R5)
	MOVD Step_Nr(R19), R8
	SVC // the trap
	EOR  R25, R0
	AND  R26, R0, R1
	CBNZ R1, bad
	SUB  $1, R22
	CBNZ R22, pass

	MRS  CNTVCT_EL0, R24
	SUB  R23, R24
	MOVD.P R24, 8(R20)
	MOVD l+0(FP), R9
	MOVD Loop_Batch(R9), R10
	SUB  R10, R21
	B    batch

bad:
	// R22 passes of this batch are left, so Batch-R22 of it are done.
	EOR  R25, R0
	MOVD l+0(FP), R9
	MOVD R0, Loop_BadResult(R9)
	MOVD Loop_Batch(R9), R10
	SUB  R22, R10
	SUB  R10, R21

done:
	MOVD l+0(FP), R9
	MOVD Loop_Iter(R9), R10
	SUB  R21, R10
	MOVD R10, Loop_Done(R9)
	RET

// func readCNTVCT() uint64
TEXT ·readCNTVCT(SB), NOSPLIT, $0-8
	MRS  CNTVCT_EL0, R0
	MOVD R0, ret+0(FP)
	RET
