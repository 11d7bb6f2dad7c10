// Package profile says which function of a kernel the instructions of a call
// are spent in, from a trace of all that a machine executed.
//
//	symbols.go  addresses to functions, of the kernel and of the guest's program
//	marks.go    where in the guest's program a measured call begins and ends
//	flow.go     follows the trace: who runs, and who called what
//	calls.go    the calls of one row, and the one in the middle: a Profile
//	pprof.go    profiles as files, for go tool pprof and back
//	folded.go   stacks as text, for flamegraph.pl and speedscope
//	flame.go    a flame graph, as SVG
//	table.go    functions, dearest first
//	compare.go  which function grew between two profiles
//
// Counts are exact: those of a call add up to what the counter said of it, or
// there is no profile. Functions that the compiler inlined are part of their
// callers, here as in every profile by symbols.
//
// It knows nothing of QEMU, nor how a trace is made.
package profile
