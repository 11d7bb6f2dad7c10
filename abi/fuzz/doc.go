// Package fuzz drives a listener of the kernel it runs on with long, odd and
// hostile sequences of operations, and holds every answer against package model.
// A difference, a call that never returns, a complaint of the kernel and what it loses
// are findings.
//
//	program.go    a sequence of steps, and its text
//	target.go     who is trapped: this program again, with a thread a task
//	world.go      a listener and its target
//	tools.go      what a supervisor has at hand for every target
//	do.go         an operation done, and what it gave
//	request.go    an operation as an ioctl and its argument, and a task's calls
//	hand.go       threads that do two at once
//	watch.go      what frees a supervisor that waits in vain
//	step.go       a step done, and what the model says of it
//	show.go       answers and results in words
//	every.go      all short sequences
//	ends.go       all situations with an end, and what comes after
//	random.go     programs by chance, and what leads them
//	generator.go  whether all these are what they were
//	situations.go what has been seen
//	health.go     what the kernel complains of, and what it loses
//	cover.go      which code of the kernel was reached, where that tells
//	shrink.go     a finding as short as it can be
//	reproduce.go  a finding as a program in C, of which reproduce.c.in is the most, and as a test in Go
//	run.go        the process that does all this
package fuzz
