// Package asmstubs issues syscalls from Plan 9 assembly, so that nothing of
// Go stands between the caller's values and the trap.
package asmstubs
