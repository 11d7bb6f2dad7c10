// Package asmstubs issues syscalls from Plan 9 assembly, so that nothing of
// Go stands between the caller's values and the trap. It has three stubs, a
// signal handler and a program, for linux on amd64, arm64 and riscv64:
//
//   - Call (frame.go) loads the general registers with chosen values, issues
//     one syscall, and captures the registers after it: what a check of
//     register preservation needs. CallSpoiled proves that it sees a change.
//   - CallFP (fp.go) does the same for what is in no general register: floating
//     point, vectors as far as a syscall keeps them, and the thread pointer.
//   - Run (loop.go) issues a script of syscalls many times and records what
//     one of them costs, by a counter (counter.go): what a benchmark needs.
//   - SigsysHandler (sigsys.go) answers a syscall that a seccomp filter traps.
//   - RelayImage (relay.go) is the code of a program that executes itself many
//     times and records what an execve costs.
//   - StartFlip (flip.go) makes a thread or process that changes memory all the
//     time: what a check of that memory has to withstand.
//
// One call, and what changed but should not have:
//
//	var f asmstubs.Frame
//	for i := range f.In {
//		f.In[i] = 0x5eed<<48 | uint64(i)
//	}
//	f.In[asmstubs.NrReg] = unix.SYS_GETPPID
//	asmstubs.Call(&f)
//	fmt.Println("parent:", f.Out[asmstubs.ResultReg])
//	for i, name := range asmstubs.RegNames {
//		if i != asmstubs.ResultReg && f.Out[i] != f.In[i] {
//			fmt.Println(name, "changed") // rcx and r11 on amd64
//		}
//	}
//
// # Beside Go's runtime
//
// The assembly runs on the goroutine's stack without growing it, and what
// signal handlers of the runtime need (the stack pointer; g on arm64 and
// riscv64) keeps its value. A preemption signal is harmless to registers: the
// runtime finds itself in assembly and goes away. It does interrupt a
// syscall that blocks.
//
// The runtime does not know that a syscall is under way. Until the stub
// returns, its processor is not handed on and a garbage collection cannot
// begin, so whoever has to answer the syscall must not depend on this
// process' runtime: a supervisor belongs in another process. Memory that the
// syscalls point to must not be on a goroutine's stack, unless it is used
// within the stub only.
//
// What is not here: filters and listeners (internal/notify), statistics
// (bench), facts about registers beyond names and order (abi, which this
// leaf agrees with in a test).
package asmstubs
