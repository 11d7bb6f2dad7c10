#include "go_asm.h"
#include "textflag.h"

#define ARG(i) (Step_Args+8*(i))

// No ISB beside the reads of a counter: taking the SVC exception and
// returning from it are context synchronization events (Arm ARM, D1), so
// the first read cannot happen after the kernel was entered, nor the second
// before it was left.
//
// Between the two reads of a call stands nothing but SVC: the first MRS is
// all that OverheadInsns counts. In a batch it is BatchFixedInsns; a pass has
// three LDP, MOVD, EOR, AND, CBNZ, SUB and CBNZ: BatchPassInsns. The
// comparison has no branch of its own for AnyResult, so that the sums hold
// for every step.

#define READ(r) MRS PMCCNTR_EL0, r

// func runPMCCNTR(l *Loop)
TEXT ·runPMCCNTR(SB), NOSPLIT, $0-8
#include "loop_arm64.h"

// func batchPMCCNTR(l *Loop)
TEXT ·batchPMCCNTR(SB), NOSPLIT, $0-8
#include "batch_arm64.h"

// func readPMCCNTR() uint64
TEXT ·readPMCCNTR(SB), NOSPLIT, $0-8
	READ(R0)
	MOVD R0, ret+0(FP)
	RET

#undef READ
#define READ(r) MRS CNTVCT_EL0, r

// func runCNTVCT(l *Loop)
TEXT ·runCNTVCT(SB), NOSPLIT, $0-8
#include "loop_arm64.h"

// func batchCNTVCT(l *Loop)
TEXT ·batchCNTVCT(SB), NOSPLIT, $0-8
#include "batch_arm64.h"

// func readCNTVCT() uint64
TEXT ·readCNTVCT(SB), NOSPLIT, $0-8
	READ(R0)
	MOVD R0, ret+0(FP)
	RET
