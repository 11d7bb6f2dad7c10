package arm64

import "unotify-bench/abi"

const userRegs = "arch/arm64/include/uapi/asm/ptrace.h:"

// regs is struct user_pt_regs, as gpr_get of arch/arm64/kernel/ptrace.c fills
// it. Roles are those of do_el0_svc in arch/arm64/kernel/syscall.c:149 and of
// syscall_get_arguments in arch/arm64/include/asm/syscall.h:66. The kernel
// keeps x18, whatever the platform's psABI says of it.
var regs = []abi.Reg{
	{Name: "x0", Offset: 0, Role: abi.Result, Source: userRegs + "89"},
	{Name: "x1", Offset: 8, Role: abi.Argument, Source: userRegs + "89"},
	{Name: "x2", Offset: 16, Role: abi.Argument, Source: userRegs + "89"},
	{Name: "x3", Offset: 24, Role: abi.Argument, Source: userRegs + "89"},
	{Name: "x4", Offset: 32, Role: abi.Argument, Source: userRegs + "89"},
	{Name: "x5", Offset: 40, Role: abi.Argument, Source: userRegs + "89"},
	{Name: "x6", Offset: 48, Role: abi.Preserved, Source: userRegs + "89"},
	{Name: "x7", Offset: 56, Role: abi.Preserved, Source: userRegs + "89"},
	{Name: "x8", Offset: 64, Role: abi.Number, Source: userRegs + "89"},
	{Name: "x9", Offset: 72, Role: abi.Preserved, Source: userRegs + "89"},
	{Name: "x10", Offset: 80, Role: abi.Preserved, Source: userRegs + "89"},
	{Name: "x11", Offset: 88, Role: abi.Preserved, Source: userRegs + "89"},
	{Name: "x12", Offset: 96, Role: abi.Preserved, Source: userRegs + "89"},
	{Name: "x13", Offset: 104, Role: abi.Preserved, Source: userRegs + "89"},
	{Name: "x14", Offset: 112, Role: abi.Preserved, Source: userRegs + "89"},
	{Name: "x15", Offset: 120, Role: abi.Preserved, Source: userRegs + "89"},
	{Name: "x16", Offset: 128, Role: abi.Preserved, Source: userRegs + "89"},
	{Name: "x17", Offset: 136, Role: abi.Preserved, Source: userRegs + "89"},
	{Name: "x18", Offset: 144, Role: abi.Preserved, Source: userRegs + "89"},
	{Name: "x19", Offset: 152, Role: abi.Preserved, Source: userRegs + "89"},
	{Name: "x20", Offset: 160, Role: abi.Preserved, Source: userRegs + "89"},
	{Name: "x21", Offset: 168, Role: abi.Preserved, Source: userRegs + "89"},
	{Name: "x22", Offset: 176, Role: abi.Preserved, Source: userRegs + "89"},
	{Name: "x23", Offset: 184, Role: abi.Preserved, Source: userRegs + "89"},
	{Name: "x24", Offset: 192, Role: abi.Preserved, Source: userRegs + "89"},
	{Name: "x25", Offset: 200, Role: abi.Preserved, Source: userRegs + "89"},
	{Name: "x26", Offset: 208, Role: abi.Preserved, Source: userRegs + "89"},
	{Name: "x27", Offset: 216, Role: abi.Preserved, Source: userRegs + "89"},
	{Name: "x28", Offset: 224, Role: abi.Preserved, Source: userRegs + "89"},
	{Name: "x29", Offset: 232, Role: abi.Preserved, Source: userRegs + "89"},
	{Name: "x30", Offset: 240, Role: abi.Preserved, Source: userRegs + "89"},
	{Name: "sp", Offset: 248, Role: abi.Preserved, Source: userRegs + "90"},
	{Name: "pc", Offset: 256, Role: abi.Special, Source: userRegs + "91"},
	{Name: "pstate", Offset: 264, Role: abi.Special, Source: userRegs + "92"},
}
