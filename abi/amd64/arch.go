// Package amd64 holds the facts of Linux on x86-64 as data.
package amd64

import "unotify-bench/abi"

// Arch is Linux on x86-64, in its 64-bit system call ABI.
var Arch = abi.Arch{
	Name:      "amd64",
	Machine:   "x86_64",
	LinuxArch: "x86",
	AuditArch: abi.AUDIT_ARCH_X86_64, // include/uapi/linux/audit.h:443
	PageSize:  4096,                  // arch/x86/include/asm/page_types.h, PAGE_SHIFT

	Regs: regs,
	// arch/x86/entry/entry_64.S:68-79
	Args:      [6]string{"rdi", "rsi", "rdx", "r10", "r8", "r9"},
	Nr:        "rax",
	Result:    "rax",
	Clobbered: []string{"rcx", "r11"},
	PC:        "rip",
	SP:        "rsp",
	StopNr:    "orig_rax", // arch/x86/include/asm/syscall.h:49, syscall_get_nr

	// SYSCALL; Intel SDM volume 2, opcode 0F 05
	SyscallInsn: []byte{0x0f, 0x05},
	// uc_mcontext.gregs[REG_RAX]: 40 bytes to uc_mcontext, in
	// include/uapi/asm-generic/ucontext.h:5, and rax is the 14th word of
	// struct sigcontext, arch/x86/include/uapi/asm/sigcontext.h:325-339
	SigResultOffset: 144,

	Syscalls: syscalls,
	Compat:   &compat,
	Quirks:   quirks,
}
