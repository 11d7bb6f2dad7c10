package riscv64

import "unotify-bench/abi"

const userRegs = "arch/riscv/include/uapi/asm/ptrace.h:"

// regs is struct user_regs_struct, the prefix of the kernel's struct pt_regs
// that riscv_gpr_get of arch/riscv/kernel/ptrace.c:33 copies. Roles are those
// of do_trap_ecall_u in arch/riscv/kernel/traps.c:330 and of
// syscall_get_arguments in arch/riscv/include/asm/syscall.h:60.
var regs = []abi.Reg{
	{Name: "pc", Offset: 0, Role: abi.Special, Source: userRegs + "25"},
	{Name: "ra", Offset: 8, Role: abi.Preserved, Source: userRegs + "26"},
	{Name: "sp", Offset: 16, Role: abi.Preserved, Source: userRegs + "27"},
	{Name: "gp", Offset: 24, Role: abi.Preserved, Source: userRegs + "28"},
	{Name: "tp", Offset: 32, Role: abi.Preserved, Source: userRegs + "29"},
	{Name: "t0", Offset: 40, Role: abi.Preserved, Source: userRegs + "30"},
	{Name: "t1", Offset: 48, Role: abi.Preserved, Source: userRegs + "31"},
	{Name: "t2", Offset: 56, Role: abi.Preserved, Source: userRegs + "32"},
	{Name: "s0", Offset: 64, Role: abi.Preserved, Source: userRegs + "33"},
	{Name: "s1", Offset: 72, Role: abi.Preserved, Source: userRegs + "34"},
	{Name: "a0", Offset: 80, Role: abi.Result, Source: userRegs + "35"},
	{Name: "a1", Offset: 88, Role: abi.Argument, Source: userRegs + "36"},
	{Name: "a2", Offset: 96, Role: abi.Argument, Source: userRegs + "37"},
	{Name: "a3", Offset: 104, Role: abi.Argument, Source: userRegs + "38"},
	{Name: "a4", Offset: 112, Role: abi.Argument, Source: userRegs + "39"},
	{Name: "a5", Offset: 120, Role: abi.Argument, Source: userRegs + "40"},
	{Name: "a6", Offset: 128, Role: abi.Preserved, Source: userRegs + "41"},
	{Name: "a7", Offset: 136, Role: abi.Number, Source: userRegs + "42"},
	{Name: "s2", Offset: 144, Role: abi.Preserved, Source: userRegs + "43"},
	{Name: "s3", Offset: 152, Role: abi.Preserved, Source: userRegs + "44"},
	{Name: "s4", Offset: 160, Role: abi.Preserved, Source: userRegs + "45"},
	{Name: "s5", Offset: 168, Role: abi.Preserved, Source: userRegs + "46"},
	{Name: "s6", Offset: 176, Role: abi.Preserved, Source: userRegs + "47"},
	{Name: "s7", Offset: 184, Role: abi.Preserved, Source: userRegs + "48"},
	{Name: "s8", Offset: 192, Role: abi.Preserved, Source: userRegs + "49"},
	{Name: "s9", Offset: 200, Role: abi.Preserved, Source: userRegs + "50"},
	{Name: "s10", Offset: 208, Role: abi.Preserved, Source: userRegs + "51"},
	{Name: "s11", Offset: 216, Role: abi.Preserved, Source: userRegs + "52"},
	{Name: "t3", Offset: 224, Role: abi.Preserved, Source: userRegs + "53"},
	{Name: "t4", Offset: 232, Role: abi.Preserved, Source: userRegs + "54"},
	{Name: "t5", Offset: 240, Role: abi.Preserved, Source: userRegs + "55"},
	{Name: "t6", Offset: 248, Role: abi.Preserved, Source: userRegs + "56"},
}
