#include "go_asm.h"
#include "textflag.h"

#define ARG(i) (Step_Args+8*(i))

// No fence beside the reads of a counter: the taking of a trap orders the
// hart's own CSR reads before and after it (privileged spec, CSR Access
// Ordering).
//
// Between the two reads of a call stands nothing but ECALL: the first CSRRS
// is all that OverheadInsns counts. In a batch it is BatchFixedInsns; a pass
// has seven loads, XOR, AND, BNEZ, ADDI and BNEZ: BatchPassInsns. The
// comparison has no branch of its own for AnyResult, so that the sums hold
// for every step.

#define READ(r) RDINSTRET r

// func runInstRet(l *Loop)
TEXT ·runInstRet(SB), NOSPLIT, $0-8
#include "loop_riscv64.h"

// func batchInstRet(l *Loop)
TEXT ·batchInstRet(SB), NOSPLIT, $0-8
#include "batch_riscv64.h"

// func readInstRet() uint64
TEXT ·readInstRet(SB), NOSPLIT, $0-8
	READ(X10)
	MOV X10, ret+0(FP)
	RET

#undef READ
#define READ(r) RDTIME r

// func runTime(l *Loop)
TEXT ·runTime(SB), NOSPLIT, $0-8
#include "loop_riscv64.h"

// func batchTime(l *Loop)
TEXT ·batchTime(SB), NOSPLIT, $0-8
#include "batch_riscv64.h"

// func readTime() uint64
TEXT ·readTime(SB), NOSPLIT, $0-8
	READ(X10)
	MOV X10, ret+0(FP)
	RET
