// Package notify is the engine below bench and suite: a seccomp listener, a
// supervised target process, and tracers, on the kernel it runs on.
//
// The hot calls (Listener.Recv, Listener.Send, Mem.Read, the Tracee methods)
// go through RawSyscall, return a unix.Errno and allocate nothing: the
// scheduler of the Go runtime must not sit between a trap and its answer. It
// follows that a goroutine blocked in one of them keeps its P, so a process
// that uses them sets GOMAXPROCS above the number of such threads, and locks
// each to its OS thread. Everything else returns a wrapped error.
//
//	filter.go    the classic BPF programs and their installation
//	rules.go     a filter of many rules
//	listener.go  SECCOMP_IOCTL_NOTIF_*
//	proposed.go  those of no released kernel, and which of them this one has
//	pin.go       memory that only the supervisor can write
//	mem.go       reading and writing a target's memory
//	tracee.go    ptrace: stops, registers, freezing the peers of a thread
//	deny.go      ptrace: a call that does not run
//	executable.go  a program of a few instructions
//	flip.go      somebody who changes memory all the time
//	process.go   a target is this same program, started again in a role
//	fdpass.go    messages and descriptors between supervisor and target
//	thread.go    what a measuring OS thread needs: affinity, signals, futexes
package notify
