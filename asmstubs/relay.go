//go:build linux && (amd64 || arm64 || riscv64)

package asmstubs

import "unsafe"

// Relay is what the programs of a relay share. Each runs the code of
// RelayImage and executes the next, so that what a successful execve costs
// can be seen on both sides of it: Start is taken just before the call, the
// counter read again by the first instruction of the new program. Between
// them stand RelayOverheadInsns of ours and the kernel.
//
// It lies at RelayAddr in every program, which each maps there itself from
// descriptor RelayFD, RelaySize bytes. All that the pointers lead to lies
// there too.
type Relay struct {
	Path, Argv, Envp uint64 // arguments of execve
	Left             uint64 // programs still to come; the last one exits with 0
	Next             uint64 // where the next delta goes
	Start            uint64 // the counter, before execve
	Failed           uint64 // what execve returned, then the exit status is RelayFailed
}

const (
	RelayAddr = 0x30000000 // free in any Go program and in the relay's own
	RelaySize = 1 << 20
	// The last number that a new process has room for: for a higher one the
	// kernel first waits until no thread of the process reads the old table of
	// descriptors (expand_fdtable), which takes ten milliseconds.
	RelayFD = 63
)

// Exit statuses of a relay that does not come to its end.
const (
	RelayFailed = 1 // execve returned
	RelayLost   = 2 // the Relay could not be mapped
)

// RelayImage returns the code of a relay's program for counter c, which must
// be one of Counters. It runs at any address, from its first byte, and needs
// nothing but RelayFD.
func RelayImage(c Counter) []byte { return relayImage(c) }

// between returns the text from one function to another that follows it: the
// linker keeps the order of the source, and pads.
func between(begin, end unsafe.Pointer) []byte {
	return unsafe.Slice((*byte)(begin), uintptr(end)-uintptr(begin))
}

// StartRelay makes a child that executes the first program, as vfork(2)
// does: it runs in the caller's memory until then. The first delta, with a
// Start of the caller's, is thus no measure of anything. StartRelay returns
// what clone does, the child's pid or the negative of an errno; a child that
// could not execute ends like a relay that cannot.
//
// The child inherits the calling thread's mask, affinity and filters. No
// signal that Go's runtime handles may reach it before its execve.
func StartRelay() uint64

const (
	cloneFlags = 0x100 | 0x4000 | 17 // CLONE_VM | CLONE_VFORK | SIGCHLD, linux/sched.h
	protRW     = 0x1 | 0x2           // PROT_READ | PROT_WRITE, asm-generic/mman-common.h
	mapFixed   = 0x01 | 0x10         // MAP_SHARED | MAP_FIXED
)
