package arm64

import "unotify-bench/abi"

var quirks = []abi.Quirk{
	{
		Name:   abi.QuirkResultIsArg0,
		Text:   "x0 is argument 0 and result; what it was before the call is in orig_x0, which no register set shows.",
		Source: "arch/arm64/kernel/syscall.c:78, el0_svc_common",
	},
	{
		Name:   abi.QuirkRestartArg0Early,
		Text:   "x0 is reloaded from orig_x0 before get_signal runs task work, so a restored argument 0 must be in orig_x0 by then.",
		Source: "arch/arm64/kernel/signal.c:1447, do_signal; kernel/signal.c:2714, get_signal",
	},
	{
		Name:   abi.QuirkArg0WriteMovesOrig,
		Text:   "A tracer's write of x0 at an entry or seccomp stop changes orig_x0 too, so filters, audit and a restart see the new value; kernels without this helper keep the old one there.",
		Source: "arch/arm64/kernel/ptrace.c:562, update_syscall_orig_x0_after_ptrace, called by gpr_set",
	},
	{
		Name:   abi.QuirkNrNotInRegset,
		Text:   "The number is read once from x8; a tracer changes it through the register set NT_ARM_SYSTEM_CALL (one int), not through x8.",
		Source: "arch/arm64/kernel/ptrace.c:786, system_call_set; kernel/syscall.c:151, do_el0_svc",
	},
	{
		Name:   abi.QuirkArgHiddenAtStop,
		Text:   "At a PTRACE_SYSCALL stop x7 is 0 on entry and 1 on exit and writes to it are dropped; seccomp stops show the real x7.",
		Source: "arch/arm64/kernel/ptrace.c:2294, report_syscall",
	},
	{
		Name:   abi.QuirkRestartChangesNr,
		Text:   "After ERESTART_RESTARTBLOCK x8 holds the number of restart_syscall.",
		Source: "arch/arm64/kernel/signal.c:1369, setup_restart_syscall",
	},
	{
		Name:   abi.QuirkSigsysRollback,
		Text:   "The SIGSYS of a RET_TRAP shows x0 as argument 0, which becomes the result if the handler leaves it.",
		Source: "kernel/seccomp.c:1276, __seccomp_filter; arch/arm64/include/asm/syscall.h:26, syscall_rollback",
	},
	{
		Name:   abi.QuirkVectorLost,
		Text:   "A call zeroes what SVE registers have beyond the 128 FPSIMD bits, and leaves streaming mode.",
		Source: "arch/arm64/kernel/entry-common.c:396, fpsimd_syscall_enter",
	},
}
