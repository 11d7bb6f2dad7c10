// The body of a loop function, once for each counter: READ(r) reads it.
//
// State across the syscall: X18 step, X19 deltas, X20 iterations left, X21
// end of the steps, X22 start of the delta, X24 first step.

	MOV l+0(FP), X5
	MOV Loop_Deltas(X5), X19
	MOV Loop_Iter(X5), X20
	MOV Loop_Steps(X5), X24
	MOV Loop_NSteps(X5), X6
	MOV $Step__size, X7
	MUL X6, X7, X21
	ADD X24, X21

pass:
	BEQZ X20, done
	MOV  X24, X18

step:
	MOV ARG(0)(X18), X10
	MOV ARG(1)(X18), X11
	MOV ARG(2)(X18), X12
	MOV ARG(3)(X18), X13
	MOV ARG(4)(X18), X14
	MOV ARG(5)(X18), X15
	MOV Step_Nr(X18), X17
	READ(X22)
	ECALL // the trap
	READ(X23)

	MOV  Step_Flags(X18), X6
	MOV  Step_Want(X18), X7
	AND  $const_Timed, X6, X5
	BEQZ X5, check
	SUB  X22, X23
	MOV  X23, (X19)
	ADD  $8, X19

check:
	BNE X10, X7, differs

next:
	ADD $Step__size, X18
	BNE X18, X21, step
	ADD $-1, X20
	JMP pass

differs:
	AND  $const_AnyResult, X6, X5
	BNEZ X5, next

	// BadStep leaves as an offset in bytes; Run makes an index of it.
	MOV l+0(FP), X5
	SUB X24, X18
	MOV X18, Loop_BadStep(X5)
	MOV X10, Loop_BadResult(X5)

done:
	MOV l+0(FP), X5
	MOV Loop_Iter(X5), X6
	SUB X20, X6
	MOV X6, Loop_Done(X5)
	RET
