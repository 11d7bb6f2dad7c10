package amd64

import "unotify-bench/abi"

var quirks = []abi.Quirk{
	{
		Name:   abi.QuirkInsnClobbers,
		Text:   "SYSCALL puts the return address into rcx and the flags into r11; both are lost.",
		Source: "arch/x86/entry/entry_64.S:62-64, entry_SYSCALL_64",
	},
	{
		Name:   abi.QuirkFREDKeeps,
		Text:   "On a CPU with FRED enabled SYSCALL saves to the stack instead, and rcx and r11 are kept.",
		Source: "arch/x86/entry/entry_fred.c:87, fred_other; entry_64_fred.S:38, asm_fred_entrypoint_user",
	},
	{
		Name:   abi.QuirkResultIsNr,
		Text:   "rax is number and result; the number survives in orig_rax, which is what a restart puts back.",
		Source: "arch/x86/kernel/signal.c:279 and 350, handle_signal and arch_do_signal_or_restart",
	},
	{
		Name:   abi.QuirkENOSYSAtEntry,
		Text:   "At an entry or seccomp stop rax is -ENOSYS already, and stays so when the tracer skips the call with orig_rax = -1 and sets no result.",
		Source: "arch/x86/entry/entry_64.S:109, PUSH_AND_CLEAR_REGS rax=$-ENOSYS; entry/common.c:78, do_syscall_64",
	},
	{
		Name:   abi.QuirkSigsysRollback,
		Text:   "The SIGSYS of a RET_TRAP shows rax as the number, which becomes the result if the handler leaves it.",
		Source: "kernel/seccomp.c:1276, __seccomp_filter; arch/x86/include/asm/syscall.h:54, syscall_rollback",
	},
	{
		Name:   abi.QuirkX32,
		Text:   "Bit 30 of the number selects the x32 table, while seccomp_data.arch stays AUDIT_ARCH_X86_64: a filter must look at the bit.",
		Source: "arch/x86/include/uapi/asm/unistd.h:13, __X32_SYSCALL_BIT; include/asm/syscall.h:137, syscall_get_arch",
	},
	{
		Name:   abi.QuirkCompatEntry,
		Text:   "INT $0x80 works in a 64-bit task: i386 numbers, arguments in ebx, ecx, edx, esi, edi, ebp, and arch is AUDIT_ARCH_I386.",
		Source: "arch/x86/entry/common.c, do_int80_emulation; arch/x86/include/asm/syscall.h:113-143",
	},
	{
		Name:   abi.QuirkSARestorerRequired,
		Text:   "A signal handler without SA_RESTORER gets no frame: the task dies of SIGSEGV.",
		Source: "arch/x86/kernel/signal_64.c:172, x64_setup_rt_frame",
	},
}
