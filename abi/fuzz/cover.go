package fuzz

import (
	"errors"
	"fmt"
	"os"
	"sync/atomic"
	"unsafe"

	"golang.org/x/sys/unix"

	"unotify-bench/abi/model"
)

// KCOV tells a thread which instrumented places of the kernel it came by: of debug
// kernels, those of the series. <linux/kcov.h>, Documentation/dev-tools/kcov.rst.
const (
	kcovFile      = "/sys/kernel/debug/kcov"
	kcovInitTrace = 2<<30 | 8<<16 | 'c'<<8 | 1 // _IOR('c', 1, unsigned long)
	kcovEnable    = 'c'<<8 | 100               // _IO('c', 100)
	kcovTracePC   = 0
)

// coverWords is the room of one record, in words: a program of forty steps takes some
// thousands, and what does not fit is lost, not an error.
const coverWords = 1 << 16

// record is where the kernel writes how many places one thread came by, and which.
type record struct {
	file  *os.File
	words []uint64
}

// coverage is which places have been reached, nil where the kernel does not tell.
type coverage struct {
	// Of the supervisor's thread, of its hand, and from atTasks on of the target's
	// tasks, one target after the other.
	records [atTasks + model.Tasks]*record
	seen    map[uint64]struct{}
	recent  [1 << 12]uint64 // of seen, each at its low bits: a program comes by few, often
}

const atTasks = 2

// newCoverage makes the records. Whoever is to be followed asks for it: see follow.
func newCoverage() (*coverage, error) {
	c := &coverage{seen: map[uint64]struct{}{}}
	for i := range c.records {
		var err error
		if c.records[i], err = newRecord(); err != nil {
			c.close()
			if errors.Is(err, unix.ENOENT) || errors.Is(err, unix.EACCES) {
				return nil, nil //nolint:nilnil // it has none, or none for us
			}
			return nil, err
		}
	}
	return c, nil
}

func newRecord() (*record, error) {
	f, err := os.OpenFile(kcovFile, os.O_RDWR, 0)
	if err != nil {
		return nil, fmt.Errorf("ask the kernel where it goes: %w", err)
	}
	if _, _, e := unix.Syscall(unix.SYS_IOCTL, f.Fd(), kcovInitTrace, coverWords); e != 0 {
		f.Close()
		return nil, fmt.Errorf("KCOV_INIT_TRACE: %w", e)
	}
	mem, err := unix.Mmap(int(f.Fd()), 0, coverWords*8, unix.PROT_READ|unix.PROT_WRITE, unix.MAP_SHARED)
	if err != nil {
		f.Close()
		return nil, fmt.Errorf("map what KCOV records: %w", err)
	}
	return &record{f, unsafe.Slice((*uint64)(unsafe.Pointer(unsafe.SliceData(mem))), coverWords)}, nil
}

// follow has the calling thread recorded in what a descriptor stands for.
func follow(fd uintptr) error {
	if _, _, e := unix.Syscall(unix.SYS_IOCTL, fd, kcovEnable, kcovTracePC); e != 0 {
		return fmt.Errorf("KCOV_ENABLE: %w", e)
	}
	return nil
}

// followMe has the supervisor's thread, or a hand's, recorded.
func (c *coverage) followMe(i int) error {
	if c == nil {
		return nil
	}
	return follow(c.records[i].file.Fd())
}

// files are for the target's tasks: see follow.
func (c *coverage) files() (files []*os.File) {
	if c == nil {
		return nil
	}
	for _, r := range c.records[atTasks:] {
		files = append(files, r.file)
	}
	return files
}

// take counts what was recorded since it was last called as seen. Nobody who is
// followed does anything meanwhile.
func (c *coverage) take() {
	if c == nil {
		return
	}
	for _, r := range c.records {
		words := r.words
		n := min(atomic.LoadUint64(&words[0]), coverWords-1)
		for _, pc := range words[1 : 1+n] {
			if at := &c.recent[pc%uint64(len(c.recent))]; *at != pc {
				*at = pc
				c.seen[pc] = struct{}{}
			}
		}
		atomic.StoreUint64(&words[0], 0)
	}
}

// places is how many there are by now.
func (c *coverage) places() int {
	if c == nil {
		return 0
	}
	return len(c.seen)
}

func (c *coverage) close() {
	for _, r := range c.records {
		if r != nil {
			_ = unix.Munmap(unsafe.Slice((*byte)(unsafe.Pointer(unsafe.SliceData(r.words))), coverWords*8))
			r.file.Close()
		}
	}
}
