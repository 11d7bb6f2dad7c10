// Package fuzz drives a listener of the kernel it runs on with long, odd and
// hostile sequences of operations, and holds every answer against package model.
// A difference, a call that never returns and a complaint of the kernel are
// findings.
//
//	program.go   a sequence of steps, and its text
//	target.go    who is trapped: this program again, with a thread a task
//	world.go     a listener and its target
//	do.go        an operation as a syscall
//	step.go      a step done, and what the model says of it
//	every.go     all short sequences
//	random.go    programs by chance, and what leads them
//	shrink.go    a finding as short as it can be
//	reproduce.go that as a Go test and as a C program
//	run.go       the process that does all this
package fuzz
