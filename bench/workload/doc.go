// Package workload measures what a small policy costs a real program, enforced
// through each seccomp mechanism, on the kernel it runs on.
//
// The policy says which paths openat and execve may name, and which addresses
// bind and connect. It is the same for every mechanism, and so must be what it
// decides: the supervisor keeps a list of its verdicts, whose hash is in the
// row, and the program counts what it was denied.
//
// As in package bench there are three processes: the caller of Run, a worker
// for each row, which is the supervisor or the tracer, and the target. The
// target of a workload is this program once more; of a program, it executes
// that. Its children inherit filter and tracer.
//
//	policy.go    what is allowed
//	address.go   the same of socket addresses
//	kind.go      the calls that trap, and the filter
//	judge.go     reading what a call names, and the verdict
//	book.go      the list of verdicts
//	mech.go      the mechanisms, and which calls each can carry
//	listen.go    a supervisor with a listener
//	answer.go    how it lets an approved call happen
//	pins.go      redirect: a slot for each thread
//	trace.go     a tracer
//	family.go    its threads, and who shares memory
//	freeze.go    ptrace-freeze: stopping those
//	task.go      a workload's tools: raw calls that are checked
//	walk.go log.go serve.go spawn.go build.go attack.go    the workloads
//	target.go    the target's side of a row
//	worker.go    the supervisor's side
//	ending.go    what came of it
//	run.go       rows one after the other
//
// What the policy does not see, as a real one must: symbolic links (a path is
// judged as it is spelled, cleaned of its dots), a working directory or
// descriptor that another thread changes between the verdict and its use, and
// the older calls open and creat of amd64.
package workload
