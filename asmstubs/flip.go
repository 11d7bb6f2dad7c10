//go:build linux && (amd64 || arm64 || riscv64)

package asmstubs

import "unsafe"

// StartFlip makes a thread or process by clone(2) with flags, which writes the
// bytes a and b in turn to at, for ever: what a check of that memory has to
// withstand. In between it sleeps for the struct timespec at nap, which has to
// stay there: who wakes up is let in between others, where there is one CPU
// too. It returns what clone does: a number, or the negative of an errno.
//
// What it makes runs on registers alone and knows nothing of Go: no signal
// that Go's runtime handles may reach it, and it keeps the mask of the caller.
// The signal death reaches it when the calling thread ends; 0 for none, as a
// thread of the same process needs none.
func StartFlip(at unsafe.Pointer, a, b byte, flags, death uint64, nap unsafe.Pointer) uint64

const prSetPdeathsig = 1 // linux/prctl.h
