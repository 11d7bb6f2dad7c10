package amd64

import "unotify-bench/abi"

const userRegs = "arch/x86/include/asm/user_64.h:"

// regs is struct user_regs_struct, under the names that <sys/user.h> gives
// its members, as genregs_get of arch/x86/kernel/ptrace.c fills it. Roles are
// those of entry_SYSCALL_64 in arch/x86/entry/entry_64.S:68-79.
var regs = []abi.Reg{
	{Name: "r15", Offset: 0, Role: abi.Preserved, Source: userRegs + "70"},
	{Name: "r14", Offset: 8, Role: abi.Preserved, Source: userRegs + "71"},
	{Name: "r13", Offset: 16, Role: abi.Preserved, Source: userRegs + "72"},
	{Name: "r12", Offset: 24, Role: abi.Preserved, Source: userRegs + "73"},
	{Name: "rbp", Offset: 32, Role: abi.Preserved, Source: userRegs + "74"},
	{Name: "rbx", Offset: 40, Role: abi.Preserved, Source: userRegs + "75"},
	{Name: "r11", Offset: 48, Role: abi.Clobbered, Source: userRegs + "76"},
	{Name: "r10", Offset: 56, Role: abi.Argument, Source: userRegs + "77"},
	{Name: "r9", Offset: 64, Role: abi.Argument, Source: userRegs + "78"},
	{Name: "r8", Offset: 72, Role: abi.Argument, Source: userRegs + "79"},
	{Name: "rax", Offset: 80, Role: abi.Result, Source: userRegs + "80"},
	{Name: "rcx", Offset: 88, Role: abi.Clobbered, Source: userRegs + "81"},
	{Name: "rdx", Offset: 96, Role: abi.Argument, Source: userRegs + "82"},
	{Name: "rsi", Offset: 104, Role: abi.Argument, Source: userRegs + "83"},
	{Name: "rdi", Offset: 112, Role: abi.Argument, Source: userRegs + "84"},
	{Name: "orig_rax", Offset: 120, Role: abi.Special, Source: userRegs + "85"},
	{Name: "rip", Offset: 128, Role: abi.Special, Source: userRegs + "86"},
	{Name: "cs", Offset: 136, Role: abi.Special, Source: userRegs + "87"},
	{Name: "eflags", Offset: 144, Role: abi.Special, Source: userRegs + "88"},
	{Name: "rsp", Offset: 152, Role: abi.Preserved, Source: userRegs + "89"},
	{Name: "ss", Offset: 160, Role: abi.Special, Source: userRegs + "90"},
	{Name: "fs_base", Offset: 168, Role: abi.Special, Source: userRegs + "91"},
	{Name: "gs_base", Offset: 176, Role: abi.Special, Source: userRegs + "92"},
	{Name: "ds", Offset: 184, Role: abi.Special, Source: userRegs + "93"},
	{Name: "es", Offset: 192, Role: abi.Special, Source: userRegs + "94"},
	{Name: "fs", Offset: 200, Role: abi.Special, Source: userRegs + "95"},
	{Name: "gs", Offset: 208, Role: abi.Special, Source: userRegs + "96"},
}
