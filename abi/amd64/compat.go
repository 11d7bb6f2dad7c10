package amd64

import "unotify-bench/abi"

// compat is Linux on i386, with CONFIG_IA32_EMULATION.
var compat = abi.Compat{
	Name:      "i386",
	AuditArch: abi.AUDIT_ARCH_I386, // arch/x86/include/asm/syscall.h:137, syscall_get_arch

	// In the order in which instructions number them: Intel SDM volume 2,
	// table 2-2.
	Regs: []string{"eax", "ecx", "edx", "ebx", "esp", "ebp", "esi", "edi"},
	// INT 0x80: arch/x86/entry/entry_64_compat.S:226-243. The other two ways
	// in take argument 5 from the stack, and put it into ebp.
	Args:   [6]string{"ebx", "ecx", "edx", "esi", "edi", "ebp"},
	Nr:     "eax",
	Result: "eax",
	SP:     "esp",

	// arch/x86/entry/syscalls/syscall_32.tbl
	Syscalls: map[string]int{
		"execve":  11,
		"exit":    1,
		"getppid": 64,
		"openat":  295,
		"read":    3,
		"write":   4,
	},
}
