// Package riscv64 holds the facts of Linux on 64-bit RISC-V as data.
package riscv64

import "unotify-bench/abi"

// Arch is Linux on RV64, in its 64-bit system call ABI.
var Arch = abi.Arch{
	Name:      "riscv64",
	Machine:   "riscv64",
	LinuxArch: "riscv",
	AuditArch: abi.AUDIT_ARCH_RISCV64, // include/uapi/linux/audit.h:430
	PageSize:  4096,                   // arch/riscv/include/asm/page.h, PAGE_SHIFT

	Regs: regs,
	// arch/riscv/include/asm/syscall.h:60, arch/riscv/kernel/traps.c:330
	Args:   [6]string{"a0", "a1", "a2", "a3", "a4", "a5"},
	Nr:     "a7",
	Result: "a0",
	PC:     "pc",
	SP:     "sp",
	StopNr: "a7", // arch/riscv/include/asm/syscall.h:27, syscall_get_nr

	// ECALL, 0x00000073; RISC-V unprivileged ISA, chapter 2.8
	SyscallInsn: []byte{0x73, 0x00, 0x00, 0x00},
	// uc_mcontext.__gregs[REG_A0]: 176 bytes to uc_mcontext (168, rounded
	// up as the floating point state is aligned to 16), in
	// arch/riscv/include/uapi/asm/ucontext.h:13, and a0 is the 11th word of
	// sc_regs, sigcontext.h:30
	SigResultOffset: 256,

	Syscalls: syscalls,
	Quirks:   quirks,
}
