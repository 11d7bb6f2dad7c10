#include "go_asm.h"
#include "textflag.h"

#define ARG(i) (Step_Args+8*(i))

// Plain RDTSC, without LFENCE or RDTSCP, as the kernel's own sched_clock
// reads it (arch/x86/kernel/tsc.c, native_sched_clock): what may slip past
// it out of order is a few dozen cycles of the thousands that a trapped call
// costs, the same on both sides, while a fence adds its own cost to every
// delta. Under QEMU's icount RDTSC is the virtual clock, hence exact, and a
// fence would be one more instruction.
//
// State across the syscall: R12 step, R13 deltas, R15 and BX start of the
// delta, BP iterations left. RCX is free once the call is back, as SYSCALL
// itself destroys it.

// func run(l *Loop)
//
// Between the two reads, in OverheadInsns: RDTSC itself, two moves that save
// it, two loads of what RDTSC and its copy may not hold before, and the move
// that saves the result. SYSCALL is not counted, nor is the second RDTSC.
TEXT ·run(SB), NOSPLIT, $16-8
	MOVQ  l+0(FP), AX
	MOVQ  Loop_Deltas(AX), R13
	MOVQ  Loop_Iter(AX), BP
	IMUL3Q $Step__size, Loop_NSteps(AX), CX
	ADDQ  Loop_Steps(AX), CX
	MOVQ  CX, end-8(SP)

pass:
	MOVQ  l+0(FP), AX
	MOVQ  Loop_Steps(AX), R12
	TESTQ BP, BP
	JEQ   done

step:
	MOVQ ARG(0)(R12), DI
	MOVQ ARG(1)(R12), SI
	MOVQ ARG(3)(R12), R10
	MOVQ ARG(4)(R12), R8
	MOVQ ARG(5)(R12), R9
	RDTSC
	MOVQ AX, R15
	MOVQ DX, BX
	MOVQ Step_Nr(R12), AX
	MOVQ ARG(2)(R12), DX
	SYSCALL // the trap
	MOVQ AX, CX
	RDTSC

	TESTQ $const_Timed, Step_Flags(R12)
	JEQ   check
	SHLQ  $32, DX
	ORQ   DX, AX
	SHLQ  $32, BX
	ORQ   BX, R15
	SUBQ  R15, AX
	MOVQ  AX, (R13)
	ADDQ  $8, R13

check:
	CMPQ CX, Step_Want(R12)
	JNE  differs

next:
	ADDQ $Step__size, R12
	CMPQ R12, end-8(SP)
	JNE  step
	DECQ BP
	JMP  pass

differs:
	TESTQ $const_AnyResult, Step_Flags(R12)
	JNE   next

	// BadStep leaves as an offset in bytes; Run makes an index of it.
	MOVQ l+0(FP), AX
	SUBQ Loop_Steps(AX), R12
	MOVQ R12, Loop_BadStep(AX)
	MOVQ CX, Loop_BadResult(AX)

done:
	MOVQ Loop_Iter(AX), CX
	SUBQ BP, CX
	MOVQ CX, Loop_Done(AX)
	RET

// func runBatch(l *Loop)
//
// A delta spans Batch passes of one step. RDTSC and the three instructions
// that save it make BatchFixedInsns; the seven loads, XOR, AND, branch, DEC
// and branch of a pass make BatchPassInsns. The comparison has no branch
// of its own for AnyResult, so that the sums hold for every step.
TEXT ·runBatch(SB), NOSPLIT, $24-8
	MOVQ l+0(FP), AX
	MOVQ Loop_Deltas(AX), R13
	MOVQ Loop_Steps(AX), R12
	MOVQ Loop_Iter(AX), CX
	MOVQ CX, left-8(SP)
	MOVQ Step_Flags(R12), CX
	ANDQ $const_AnyResult, CX
	SHRQ $1, CX
	DECQ CX // 0 for AnyResult, else all ones
	MOVQ CX, BX

batch:
	MOVQ l+0(FP), AX
	MOVQ Loop_Batch(AX), BP
	CMPQ left-8(SP), $0
	JEQ  done
	RDTSC
	SHLQ $32, DX
	ORQ  DX, AX
	MOVQ AX, R15

pass:
	MOVQ ARG(0)(R12), DI
	MOVQ ARG(1)(R12), SI
	MOVQ ARG(2)(R12), DX
	MOVQ ARG(3)(R12), R10
	MOVQ ARG(4)(R12), R8
	MOVQ ARG(5)(R12), R9
	MOVQ Step_Nr(R12), AX
	SYSCALL // the trap
	XORQ  Step_Want(R12), AX
	TESTQ BX, AX
	JNE   bad
	DECQ  BP
	JNE   pass

	RDTSC
	SHLQ $32, DX
	ORQ  DX, AX
	SUBQ R15, AX
	MOVQ AX, (R13)
	ADDQ $8, R13
	MOVQ l+0(FP), AX
	MOVQ Loop_Batch(AX), CX
	SUBQ CX, left-8(SP)
	JMP  batch

bad:
	// BP passes of this batch are left, so Batch-BP of it are done.
	XORQ Step_Want(R12), AX
	MOVQ l+0(FP), DX
	MOVQ AX, Loop_BadResult(DX)
	MOVQ DX, AX
	MOVQ $0, Loop_BadStep(AX)
	MOVQ Loop_Batch(AX), CX
	SUBQ BP, CX
	SUBQ CX, left-8(SP)

done:
	MOVQ Loop_Iter(AX), CX
	SUBQ left-8(SP), CX
	MOVQ CX, Loop_Done(AX)
	RET

// func readTSC() uint64
TEXT ·readTSC(SB), NOSPLIT, $0-8
	RDTSC
	SHLQ $32, DX
	ORQ  DX, AX
	MOVQ AX, ret+0(FP)
	RET
