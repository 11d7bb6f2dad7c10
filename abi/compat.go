package abi

// Compat is what an architecture's kernels call a compat task: a 32-bit
// program, with a table of syscalls and registers of its own.
type Compat struct {
	Name      string // as the kernel's tools spell it: "i386", "arm"
	AuditArch uint32 // AUDIT_ARCH_*, seccomp_data.arch of its calls

	// Regs are the general registers that a program of its own sees, but for
	// the program counter.
	Regs []string
	// Args, Nr, Result and SP name those of Regs that carry the arguments,
	// the number, the result and the stack.
	Args           [6]string
	Nr, Result, SP string

	// Syscalls maps a name to its number, for the calls this project uses.
	Syscalls map[string]int
}
