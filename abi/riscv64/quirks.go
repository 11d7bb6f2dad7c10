package riscv64

import "unotify-bench/abi"

var quirks = []abi.Quirk{
	{
		Name:   abi.QuirkArg0NotInRegset,
		Text:   "Argument 0 is taken from orig_a0, which is behind struct user_regs_struct in struct pt_regs: PTRACE_GET_SYSCALL_INFO shows it, no register set does, and a tracer's write to a0 sets the result only.",
		Source: "arch/riscv/kernel/ptrace.c:33, riscv_gpr_get; include/asm/ptrace.h:53, struct pt_regs; include/asm/syscall.h:64, syscall_get_arguments",
	},
	{
		Name:   abi.QuirkResultIsArg0,
		Text:   "a0 is argument 0 and result; what it was before the call is in orig_a0.",
		Source: "arch/riscv/kernel/traps.c:336, do_trap_ecall_u",
	},
	{
		Name:   abi.QuirkENOSYSAtEntry,
		Text:   "At an entry or seccomp stop a0 is -ENOSYS already, and stays so when the tracer skips the call with a7 = -1 and sets no result.",
		Source: "arch/riscv/kernel/traps.c:337, do_trap_ecall_u",
	},
	{
		Name:   abi.QuirkRestartArg0Early,
		Text:   "a0 is reloaded from orig_a0 before get_signal runs task work, so a restored argument 0 must be in orig_a0 by then.",
		Source: "arch/riscv/kernel/signal.c:421, arch_do_signal_or_restart; kernel/signal.c:2714, get_signal",
	},
	{
		Name:   abi.QuirkRestartChangesNr,
		Text:   "After ERESTART_RESTARTBLOCK a7 holds the number of restart_syscall.",
		Source: "arch/riscv/kernel/signal.c:456, arch_do_signal_or_restart",
	},
	{
		Name:   abi.QuirkExecKeepsRegs,
		Text:   "execve sets pc and sp, and a0 as its result; every other general register reaches the new image as the old one left it.",
		Source: "arch/riscv/kernel/process.c:139, start_thread; include/asm/elf.h has no ELF_PLAT_INIT",
	},
	{
		Name:   abi.QuirkNr64Unfiltered,
		Text:   "Without a filter or tracer all 64 bits of a7 are the number; with one only the low 32, sign extended, so a7 = 1<<32 | nr fails unfiltered and runs filtered.",
		Source: "arch/riscv/kernel/traps.c:333, do_trap_ecall_u; kernel/entry/common.c:61, syscall_trace_enter; include/asm/syscall.h:27, syscall_get_nr",
	},
	{
		Name:   abi.QuirkSigsysRollback,
		Text:   "The SIGSYS of a RET_TRAP shows a0 as argument 0, which becomes the result if the handler leaves it.",
		Source: "kernel/seccomp.c:1276, __seccomp_filter; arch/riscv/include/asm/syscall.h:33, syscall_rollback",
	},
	{
		Name:   abi.QuirkNoSARestorer,
		Text:   "struct sigaction has no sa_restorer, so the kernel's is 8 bytes shorter; handlers return through the vDSO.",
		Source: "include/linux/signal_types.h:45, __ARCH_HAS_SA_RESTORER; arch/riscv/kernel/signal.c:340, setup_rt_frame",
	},
	{
		Name:   abi.QuirkVectorLost,
		Text:   "A call sets all vector registers to ones and invalidates vtype.",
		Source: "arch/riscv/kernel/traps.c:339, do_trap_ecall_u; include/asm/vector.h:149, __riscv_v_vstate_discard",
	},
}
