// The body of a batch loop function, once for each counter: READ(r) reads it.
//
// State across the syscall: R19 step, R20 deltas, R21 iterations left, R22
// passes left in the batch, R23 start of the delta, R25 the result that is
// wanted, R26 0 for AnyResult, else all ones.

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
	READ(R23)

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

	READ(R24)
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
