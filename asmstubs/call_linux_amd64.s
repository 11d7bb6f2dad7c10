#include "go_asm.h"
#include "textflag.h"

#define IN(i) (Frame_In+8*(i))
#define OUT(i) (Frame_Out+8*(i))
#define SPOIL(i, r) CMPQ spoil+8(FP), $(i); JNE 2(PC); NOTQ r

// In assembly of ABI0 no register but SP is kept for the caller: BP goes to
// the frame in the prologue, and R14 is no g here (the wrapper around an
// ABI0 function reloads it from TLS on return, and a signal handler finds g
// in TLS), so both carry sentinels like the rest.

// func call(f *Frame, spoil uint64)
TEXT ·call(SB), NOSPLIT, $24-16
	MOVQ f+0(FP), AX

	MOVQ Frame_FlagsIn(AX), DX
	ANDQ $const_FlagMask, DX
	MOVQ DX, Frame_FlagsIn(AX)
	PUSHFQ
	POPQ CX
	ANDQ $~const_FlagMask, CX
	ORQ  DX, CX
	PUSHQ CX
	POPFQ

	// From here on MOVs only: they keep the flags.
	MOVQ SP, IN(const_rsp)(AX)
	MOVQ IN(const_rcx)(AX), CX
	MOVQ IN(const_rdx)(AX), DX
	MOVQ IN(const_rbx)(AX), BX
	MOVQ IN(const_rbp)(AX), BP
	MOVQ IN(const_rsi)(AX), SI
	MOVQ IN(const_rdi)(AX), DI
	MOVQ IN(const_r8)(AX), R8
	MOVQ IN(const_r9)(AX), R9
	MOVQ IN(const_r10)(AX), R10
	MOVQ IN(const_r11)(AX), R11
	MOVQ IN(const_r12)(AX), R12
	MOVQ IN(const_r13)(AX), R13
	MOVQ IN(const_r14)(AX), R14
	MOVQ IN(const_r15)(AX), R15
	MOVQ IN(const_rax)(AX), AX

	SYSCALL // the trap

	MOVQ AX, park-8(SP)
	PUSHFQ
	POPQ AX
	CLD // DF may be among the flags that were loaded; Go's ABI wants it clear
	MOVQ AX, flags-16(SP)
	MOVQ park-8(SP), AX

	SPOIL(const_rax, AX)
	SPOIL(const_rcx, CX)
	SPOIL(const_rdx, DX)
	SPOIL(const_rbx, BX)
	SPOIL(const_rbp, BP)
	SPOIL(const_rsi, SI)
	SPOIL(const_rdi, DI)
	SPOIL(const_r8, R8)
	SPOIL(const_r9, R9)
	SPOIL(const_r10, R10)
	SPOIL(const_r11, R11)
	SPOIL(const_r12, R12)
	SPOIL(const_r13, R13)
	SPOIL(const_r14, R14)
	SPOIL(const_r15, R15)

	MOVQ AX, park-8(SP)
	MOVQ f+0(FP), AX
	MOVQ CX, OUT(const_rcx)(AX)
	MOVQ DX, OUT(const_rdx)(AX)
	MOVQ BX, OUT(const_rbx)(AX)
	MOVQ SP, OUT(const_rsp)(AX)
	MOVQ BP, OUT(const_rbp)(AX)
	MOVQ SI, OUT(const_rsi)(AX)
	MOVQ DI, OUT(const_rdi)(AX)
	MOVQ R8, OUT(const_r8)(AX)
	MOVQ R9, OUT(const_r9)(AX)
	MOVQ R10, OUT(const_r10)(AX)
	MOVQ R11, OUT(const_r11)(AX)
	MOVQ R12, OUT(const_r12)(AX)
	MOVQ R13, OUT(const_r13)(AX)
	MOVQ R14, OUT(const_r14)(AX)
	MOVQ R15, OUT(const_r15)(AX)
	MOVQ park-8(SP), CX
	MOVQ CX, OUT(const_rax)(AX)
	MOVQ flags-16(SP), CX
	ANDQ $const_FlagMask, CX
	MOVQ CX, Frame_FlagsOut(AX)
	RET

// func callText() unsafe.Pointer
TEXT ·callText(SB), NOSPLIT, $0-8
	MOVQ $·call(SB), AX
	MOVQ AX, ret+0(FP)
	RET
