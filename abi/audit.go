package abi

// An AUDIT_ARCH_* is the ELF machine number with two bits that say 64-bit
// and little endian; include/uapi/linux/audit.h:388-443, elf-em.h.
const (
	auditArch64Bit = 0x80000000
	auditArchLE    = 0x40000000

	AUDIT_ARCH_X86_64  = 62 | auditArch64Bit | auditArchLE
	AUDIT_ARCH_AARCH64 = 183 | auditArch64Bit | auditArchLE
	AUDIT_ARCH_RISCV64 = 243 | auditArch64Bit | auditArchLE

	// The 32-bit siblings that the same kernels may run.
	AUDIT_ARCH_I386 = 3 | auditArchLE
	AUDIT_ARCH_ARM  = 40 | auditArchLE
)
