// Package bench measures what a syscall costs under each seccomp mechanism,
// on the kernel it runs on. It cannot know whether that is a host, a board or
// a virtual machine.
//
// Three processes take part, all of them this program:
//
//   - the caller of Run, which selects cells and receives rows;
//   - the worker, which is the supervisor (or the tracer) and keeps nothing
//     else going while it measures;
//   - the target, one for each row, which issues the calls from assembly.
//
// A program that calls Run gives control to Main first thing in main (or
// TestMain), so that it can serve as worker and target.
//
//	cell.go        what one row measures, and its name
//	row.go         what was measured
//	case*.go       the syscalls: their script, and what must have happened
//	mech*.go       the mechanisms, one file each: add one by adding a file
//	sweep.go       cells in which one dimension is varied
//	relay.go       the programs that execute each other, for execve
//	target.go      the target's side of a row
//	stretch.go     its calls, in turns with those of a thread without a filter
//	crowd.go       the same by many processes at once
//	supervisor.go  the worker's side of a row
//	team.go        several supervisors of one row
//	access.go      what an environment may deny, and what to do about it
//	worker.go      a run: rows one after the other
//	measure.go     one row, from start to end
//	stats.go       percentiles, modes
//	clock.go       counters and what a tick is worth
package bench
