// Package suite checks that the kernel it runs on keeps its word about seccomp
// user notification: what is stock, and what is proposed where the kernel has
// it. It cannot know whether it is in a virtual machine.
//
// A check is one entry of the catalogue: an ID that never changes, one
// sentence, its source, a level, and a func that plays the supervisor. It runs
// in a process of its own (this program once more, told by argv[0]), and so
// does every target it starts, so that a check which hangs, or dies of what it
// does, is an outcome of that check only.
//
//	check.go    what a check is, and the catalogue of all
//	verdict.go  from an outcome to a verdict: what was expected of this kernel
//	run.go      runs checks, each in its child with a deadline
//	t.go        what a check's func reports with
//	target.go   the supervised process, which does as told
//	children.go its children, which find their registers in a stub as well
//	caller.go   the supervisor's side of it; kernelcall.go and pinned.go what
//	            it does with INJECT, TARGET_CALL and pins
//	state.go    waiting until a target is where a check wants it
//	regs.go     comparing register files
//	race.go     an attack on a mechanism, counted; racer.go the mechanisms, who
//	            attacks, the supervisor; race_target.go the target's side
//	*_checks.go the checks, one mechanism or subject a file
//
// What is not here: costs (bench), booting kernels (kernel), printing (cmd).
package suite
