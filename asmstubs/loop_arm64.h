// The body of a loop function, once for each counter: READ(r) reads it.
//
// State across the syscall: R19 step, R20 deltas, R21 iterations left, R22
// end of the steps, R23 start of the delta, R25 first step.

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
	READ(R23)
	SVC // the trap
	READ(R24)

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
