// Package model says what a listener answers, and what becomes of the calls that
// it traps: the states of a notification, and each ioctl's answer in each of them.
// It is the wire ABI as a program, with no kernel behind it, so that a kernel can
// be held against it one operation after the other. What it says is written from
// the design's page of the wire ABI and seccomp_unotify(2), not from the code.
//
// Not here: what time it takes, what the memory of a target holds, and other
// filters than the listener's own.
//
//	state.go  what there is to know of a listener and its tasks
//	op.go     what can be done to them, with a text for each
//	step.go   what comes of it
//	pins.go   what a pin withstands
//	end.go    what comes of the end of a target or a listener, and is left after it
//	errors.go which errors a malformed request gives, before anything else is looked at
package model
