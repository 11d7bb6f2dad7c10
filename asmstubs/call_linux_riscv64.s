#include "go_asm.h"
#include "textflag.h"

// Registers go by number here: Regs starts at x1.
#define IN(x) (Frame_In+8*(x)-8)
#define OUT(x) (Frame_Out+8*(x)-8)
#define SKIP ADD $-1, X10
#define SPOIL(r) ADD $-1, X10; BNEZ X10, 2(PC); NOT r, r

// X27 is g, and without cgo a signal handler finds g nowhere else
// (runtime·sigtramp): it is captured, never loaded. TP carries a sentinel
// only in builds without cgo, where nothing uses it: with cgo a signal
// handler reads g through it. GP is unused by Go. X31 is the assembler's
// temporary, which MOV with these small offsets does not need. RA comes back
// from the frame in the epilogue.

// func call(f *Frame, spoil uint64)
TEXT ·call(SB), NOSPLIT, $24-16
	MOV f+0(FP), X10
	MOV GP, gp-8(SP)
	MOV TP, tp-16(SP)

	MOV ZERO, Frame_FlagsIn(X10)
	MOV X2, IN(2)(X10)
	MOV g, IN(27)(X10)
	MOV $const_tpLoadable, X5
	BNEZ X5, 2(PC)
	MOV TP, IN(4)(X10)

	MOV IN(1)(X10), X1
	MOV IN(3)(X10), GP
	MOV IN(4)(X10), TP
	MOV IN(5)(X10), X5
	MOV IN(6)(X10), X6
	MOV IN(7)(X10), X7
	MOV IN(8)(X10), X8
	MOV IN(9)(X10), X9
	MOV IN(11)(X10), X11
	MOV IN(12)(X10), X12
	MOV IN(13)(X10), X13
	MOV IN(14)(X10), X14
	MOV IN(15)(X10), X15
	MOV IN(16)(X10), X16
	MOV IN(17)(X10), X17
	MOV IN(18)(X10), X18
	MOV IN(19)(X10), X19
	MOV IN(20)(X10), X20
	MOV IN(21)(X10), X21
	MOV IN(22)(X10), X22
	MOV IN(23)(X10), X23
	MOV IN(24)(X10), X24
	MOV IN(25)(X10), X25
	MOV IN(26)(X10), X26
	MOV IN(28)(X10), X28
	MOV IN(29)(X10), X29
	MOV IN(30)(X10), X30
	MOV IN(31)(X10), X31
	MOV IN(10)(X10), X10

	ECALL // the trap

	// Count spoil, made a register number, down to the register it names;
	// X10 is in its parking slot.
	MOV  X10, park-24(SP)
	MOV  spoil+8(FP), X10
	ADD  $(1-10), X10
	BNEZ X10, others
	MOV  park-24(SP), X10
	NOT  X10, X10
	MOV  X10, park-24(SP)
	MOV  $-10, X10

others:
	ADD $10, X10
	SPOIL(X1)
	SKIP // X2
	SPOIL(GP)
	SPOIL(TP)
	SPOIL(X5)
	SPOIL(X6)
	SPOIL(X7)
	SPOIL(X8)
	SPOIL(X9)
	SKIP // X10
	SPOIL(X11)
	SPOIL(X12)
	SPOIL(X13)
	SPOIL(X14)
	SPOIL(X15)
	SPOIL(X16)
	SPOIL(X17)
	SPOIL(X18)
	SPOIL(X19)
	SPOIL(X20)
	SPOIL(X21)
	SPOIL(X22)
	SPOIL(X23)
	SPOIL(X24)
	SPOIL(X25)
	SPOIL(X26)
	SKIP // X27
	SPOIL(X28)
	SPOIL(X29)
	SPOIL(X30)
	SPOIL(X31)

	MOV f+0(FP), X10
	MOV X1, OUT(1)(X10)
	MOV X2, OUT(2)(X10)
	MOV GP, OUT(3)(X10)
	MOV TP, OUT(4)(X10)
	MOV X5, OUT(5)(X10)
	MOV X6, OUT(6)(X10)
	MOV X7, OUT(7)(X10)
	MOV X8, OUT(8)(X10)
	MOV X9, OUT(9)(X10)
	MOV X11, OUT(11)(X10)
	MOV X12, OUT(12)(X10)
	MOV X13, OUT(13)(X10)
	MOV X14, OUT(14)(X10)
	MOV X15, OUT(15)(X10)
	MOV X16, OUT(16)(X10)
	MOV X17, OUT(17)(X10)
	MOV X18, OUT(18)(X10)
	MOV X19, OUT(19)(X10)
	MOV X20, OUT(20)(X10)
	MOV X21, OUT(21)(X10)
	MOV X22, OUT(22)(X10)
	MOV X23, OUT(23)(X10)
	MOV X24, OUT(24)(X10)
	MOV X25, OUT(25)(X10)
	MOV X26, OUT(26)(X10)
	MOV g, OUT(27)(X10)
	MOV X28, OUT(28)(X10)
	MOV X29, OUT(29)(X10)
	MOV X30, OUT(30)(X10)
	MOV X31, OUT(31)(X10)
	MOV park-24(SP), X11
	MOV X11, OUT(10)(X10)
	MOV ZERO, Frame_FlagsOut(X10)
	MOV gp-8(SP), GP
	MOV tp-16(SP), TP
	RET

// func callText() unsafe.Pointer
TEXT ·callText(SB), NOSPLIT, $0-8
	MOV $·call(SB), X10
	MOV X10, ret+0(FP)
	RET
