package abi

// Arch is everything the project knows about one architecture, as data.
// The three literals are amd64.Arch, arm64.Arch and riscv64.Arch in the
// child packages; each row there names its source.
type Arch struct {
	Name      string // GOARCH spelling: "amd64", "arm64", "riscv64"
	Machine   string // uname(2) machine: "x86_64", "aarch64", "riscv64"
	LinuxArch string // ARCH= of the kernel build: "x86", "arm64", "riscv"
	AuditArch uint32 // AUDIT_ARCH_*, seccomp_data.arch
	PageSize  int    // bytes, of the kernels this project builds

	// Regs is the general register file in the order and layout of
	// NT_PRSTATUS (PTRACE_GETREGSET). asmstubs captures a subset.
	Regs []Reg

	// Args names the registers of Regs that hold syscall arguments 0 to 5.
	Args [6]string
	// Nr and Result name the registers that hold the number and the result.
	Nr, Result string
	// Clobbered names registers whose value the syscall instruction or
	// the kernel may change although they carry no result.
	Clobbered []string

	// PC and SP name the program counter and the stack pointer.
	PC, SP string
	// StopNr names the register that shows the number at a syscall or
	// seccomp stop, and changes it when a tracer writes there. It is empty
	// where only another register set does (QuirkNrNotInRegset).
	StopNr string

	// SyscallInsn is the instruction that traps, as bytes in memory. At a
	// stop the program counter is len(SyscallInsn) behind its start.
	SyscallInsn []byte
	// SigResultOffset is where a signal handler finds the register Result:
	// bytes into the ucontext_t that is its third argument. A SIGSYS
	// handler answers the call there.
	SigResultOffset int

	// Syscalls maps a name to its number, for the calls this project uses.
	Syscalls map[string]int

	// Compat is what 32-bit tasks are, which a kernel may be built to run;
	// nil where this project does not look at them.
	Compat *Compat

	// Quirks says what a tracer or a check must know about this
	// architecture and would not guess.
	Quirks []Quirk
}

// Reg is one general register as ptrace shows it.
type Reg struct {
	Name   string // as the psABI and ptrace(2) headers spell it: "rdi", "x0", "a0"
	Offset int    // bytes into the NT_PRSTATUS register set
	Role   Role
	Source string // header and line, or psABI section
}

// Role says who owns a register across a syscall.
type Role uint8

const (
	// Preserved registers hold after the call what they held before it.
	Preserved Role = iota
	// Argument registers are preserved, and carry an argument in.
	Argument
	// Number is the register that carries the syscall number in.
	Number
	// Result carries the result out. On amd64 it is also the number, on
	// arm64 and riscv64 argument 0.
	Result
	// Clobbered registers hold anything after the call.
	Clobbered
	// Special entries are not general registers: pc, flags, orig_rax,
	// segment bases.
	Special
)

// Quirk is one fact of an architecture that a reader would not guess.
type Quirk struct {
	Name   string // stable key: "arg0-not-in-regset"
	Text   string // one sentence
	Source string // kernel file and function, or commit
}

// Has reports whether the architecture has the quirk called name.
func (a *Arch) Has(name string) bool {
	for _, q := range a.Quirks {
		if q.Name == name {
			return true
		}
	}
	return false
}

// Reg returns the register called name, and whether there is one.
func (a *Arch) Reg(name string) (Reg, bool) {
	for _, r := range a.Regs {
		if r.Name == name {
			return r, true
		}
	}
	return Reg{}, false
}
