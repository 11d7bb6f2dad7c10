// Package arm64 holds the facts of Linux on AArch64 as data.
package arm64

import "unotify-bench/abi"

// Arch is Linux on AArch64, little endian, in its 64-bit system call ABI.
var Arch = abi.Arch{
	Name:      "arm64",
	Machine:   "aarch64",
	LinuxArch: "arm64",
	AuditArch: abi.AUDIT_ARCH_AARCH64, // include/uapi/linux/audit.h:391
	PageSize:  4096,                   // CONFIG_ARM64_4K_PAGES; 16 and 64 KiB exist

	Regs: regs,
	// arch/arm64/include/asm/syscall.h:66, arch/arm64/kernel/syscall.c:149
	Args:   [6]string{"x0", "x1", "x2", "x3", "x4", "x5"},
	Nr:     "x8",
	Result: "x0",
	PC:     "pc",
	SP:     "sp",

	// SVC #0, 0xd4000001 in little endian; Arm ARM, C6.2 SVC
	SyscallInsn: []byte{0x01, 0x00, 0x00, 0xd4},
	// uc_mcontext.regs[0]: 176 bytes to uc_mcontext (168, rounded up as
	// __reserved is aligned to 16), in
	// arch/arm64/include/uapi/asm/ucontext.h:22, and regs[0] is behind
	// fault_address, sigcontext.h:28-31
	SigResultOffset: 184,

	Syscalls: syscalls,
	Compat:   &compat,
	Quirks:   quirks,
}
