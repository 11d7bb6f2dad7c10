// The body of a batch loop function, once for each counter: READ(r) reads it.
//
// State across the syscall: X18 step, X19 deltas, X20 iterations left, X21
// passes left in the batch, X22 start of the delta, X24 the result that is
// wanted, X25 0 for AnyResult, else all ones.

	MOV  l+0(FP), X5
	MOV  Loop_Deltas(X5), X19
	MOV  Loop_Iter(X5), X20
	MOV  Loop_Steps(X5), X18
	MOV  Step_Want(X18), X24
	MOV  ZERO, X25
	MOV  Step_Flags(X18), X6
	AND  $const_AnyResult, X6
	BNEZ X6, batch
	NOT  X25, X25

batch:
	MOV  l+0(FP), X5
	MOV  Loop_Batch(X5), X21
	BEQZ X20, done
	READ(X22)

pass:
	MOV ARG(0)(X18), X10
	MOV ARG(1)(X18), X11
	MOV ARG(2)(X18), X12
	MOV ARG(3)(X18), X13
	MOV ARG(4)(X18), X14
	MOV ARG(5)(X18), X15
	MOV Step_Nr(X18), X17
	ECALL // the trap
	XOR  X24, X10
	AND  X25, X10, X11
	BNEZ X11, bad
	ADD  $-1, X21
	BNEZ X21, pass

	READ(X23)
	SUB X22, X23
	MOV X23, (X19)
	ADD $8, X19
	MOV l+0(FP), X5
	MOV Loop_Batch(X5), X6
	SUB X6, X20
	JMP batch

bad:
	// X21 passes of this batch are left, so Batch-X21 of it are done.
	XOR X24, X10
	MOV l+0(FP), X5
	MOV X10, Loop_BadResult(X5)
	MOV Loop_Batch(X5), X6
	SUB X21, X6
	SUB X6, X20

done:
	MOV l+0(FP), X5
	MOV Loop_Iter(X5), X6
	SUB X20, X6
	MOV X6, Loop_Done(X5)
	RET
