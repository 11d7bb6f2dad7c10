package abi

// Names of quirks. What each means exactly, and where the kernel does it, is
// in the tables; some are true of more than one architecture.
const (
	// QuirkArg0NotInRegset: the register set of ptrace does not show the
	// value that the call's argument 0 is taken from, so a tracer can
	// neither read it there nor change it.
	QuirkArg0NotInRegset = "arg0-not-in-regset"
	// QuirkArg0WriteMovesOrig: a tracer that writes argument 0 before the
	// call also changes what filters, audit and a restart see.
	QuirkArg0WriteMovesOrig = "arg0-write-moves-orig"
	// QuirkResultIsArg0: one register is argument 0 and result.
	QuirkResultIsArg0 = "result-is-arg0"
	// QuirkResultIsNr: one register is number and result.
	QuirkResultIsNr = "result-is-nr"
	// QuirkNrNotInRegset: NT_PRSTATUS does not change the number.
	QuirkNrNotInRegset = "nr-not-in-regset"
	// QuirkNr64Unfiltered: without a filter or tracer the number has 64
	// bits, with one it has 32.
	QuirkNr64Unfiltered = "nr-64-unfiltered"
	// QuirkENOSYSAtEntry: before the call the result register of the
	// register set holds -ENOSYS.
	QuirkENOSYSAtEntry = "enosys-at-entry"
	// QuirkArgHiddenAtStop: a syscall stop shows entry or exit in a general
	// register in place of its value.
	QuirkArgHiddenAtStop = "x7-hidden-at-stop"
	// QuirkRestartArg0Early: a restarted call's argument 0 is reloaded
	// before task work and signals run.
	QuirkRestartArg0Early = "restart-arg0-early"
	// QuirkRestartChangesNr: a call restarted by restart_syscall leaves that
	// number in the number register.
	QuirkRestartChangesNr = "restart-changes-nr"
	// QuirkExecKeepsRegs: the new image sees the old one's registers.
	QuirkExecKeepsRegs = "exec-keeps-regs"
	// QuirkSigsysRollback: the frame of a RET_TRAP's SIGSYS shows the result
	// register as it was before the call.
	QuirkSigsysRollback = "sigsys-rollback"
	// QuirkNoSARestorer: struct sigaction has no sa_restorer, the vDSO
	// returns from signal handlers.
	QuirkNoSARestorer = "no-sa-restorer"
	// QuirkSARestorerRequired: a handler without sa_restorer kills.
	QuirkSARestorerRequired = "sa-restorer-required"
	// QuirkInsnClobbers: the syscall instruction itself overwrites general
	// registers.
	QuirkInsnClobbers = "insn-clobbers"
	// QuirkFREDKeeps: with FRED the instruction overwrites none.
	QuirkFREDKeeps = "fred-keeps"
	// QuirkX32: a bit of the number selects another table.
	QuirkX32 = "x32-bit"
	// QuirkCompatEntry: the instruction of the 32-bit ABI works in a 64-bit
	// task, with other numbers and argument registers.
	QuirkCompatEntry = "compat-entry"
	// QuirkVectorLost: a call may destroy vector registers.
	QuirkVectorLost = "vector-lost"
)
