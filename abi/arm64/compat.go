package arm64

import "unotify-bench/abi"

// compat is Linux on AArch32, in the EABI, with CONFIG_COMPAT.
var compat = abi.Compat{
	Name:      "arm",
	AuditArch: abi.AUDIT_ARCH_ARM, // arch/arm64/include/asm/syscall.h:83, syscall_get_arch

	Regs: []string{
		"r0", "r1", "r2", "r3", "r4", "r5", "r6", "r7",
		"r8", "r9", "r10", "r11", "r12", "sp", "lr",
	},
	// arch/arm64/kernel/syscall.c:157, do_el0_svc_compat takes the number from
	// r7; the arguments are those of the 64-bit table's registers.
	Args:   [6]string{"r0", "r1", "r2", "r3", "r4", "r5"},
	Nr:     "r7",
	Result: "r0",
	SP:     "sp",

	// arch/arm64/tools/syscall_32.tbl, arch/arm64/include/asm/unistd32.h before
	// 6.11
	Syscalls: map[string]int{
		"execve":  11,
		"exit":    1,
		"getppid": 64,
		"openat":  322,
		"read":    3,
		"write":   4,
	},
}
