package workload

import (
	"fmt"
	"os"
	"path/filepath"
	"unsafe"

	"golang.org/x/sys/unix"
)

// Workload is a program that is built in. What it does is the same each time.
type Workload struct {
	Name string
	Doc  string
	// prepare makes what run works on, before the filter is there. A size of
	// 100 is the whole workload.
	prepare func(t *task) (run func() error, err error)
	// log makes writes to logFD trap.
	log bool
	// attacks says that what is counted is the policy's losses: nothing
	// repeats.
	attacks bool
}

var workloads = []*Workload{walk, logging, serve, spawn, build, attack}

// Workloads lists all.
func Workloads() []*Workload { return workloads }

// Find returns the workload called name, or nil.
func Find(name string) *Workload {
	for _, w := range workloads {
		if w.Name == name {
			return w
		}
	}
	return nil
}

// task is a workload's tools. Calls are raw, and each result is looked at.
type task struct {
	dir   string
	size  int // in per cent
	calls int // operations
	// refused counts what the policy denied; the baseline has none.
	refused         int
	tries, breaches int
}

// The directories of a workload: what is in the first may be used, what is in
// the second not.
const (
	openDir   = "open"
	closedDir = "shut"
)

// policy is what all workloads run under. Go's own runtime, which starts no
// thread while the workload runs, opens nothing.
func policy(dir string) Policy {
	own := filepath.Join(dir, openDir)
	return Policy{Paths: []string{own}, Addrs: []string{"unix:" + own, "127.0.0.1"}}
}

// secret begins a line that must not reach the log.
const secret = "secret "

func (t *task) open(elem ...string) string {
	return filepath.Join(append([]string{t.dir, openDir}, elem...)...)
}

func (t *task) shut(elem ...string) string {
	return filepath.Join(append([]string{t.dir, closedDir}, elem...)...)
}

// scaled is n for the whole workload, and at least low.
func (t *task) scaled(n, low int) int { return max(low, n*t.size/100) }

// cpath is a path as the kernel takes it.
func cpath(p string) *byte {
	b := append([]byte(p), 0)
	return &b[0]
}

// counted looks at the result of a call that the policy judges.
func (t *task) counted(e unix.Errno, what string) (ok bool, err error) {
	t.calls++
	switch e {
	case 0:
		return true, nil
	case unix.EACCES:
		t.refused++
		return false, nil
	}
	return false, fmt.Errorf("%s: %w", what, e)
}

// openat opens, and returns -1 where the policy has denied it.
func (t *task) openat(path *byte, flags int) (int, error) {
	fd, _, e := unix.RawSyscall6(unix.SYS_OPENAT, ^uintptr(99), uintptr(unsafe.Pointer(path)), uintptr(flags), 0o600, 0, 0)
	ok, err := t.counted(e, "open a file")
	if !ok {
		return -1, err
	}
	return int(fd), nil
}

// visit opens a file, reads its beginning, and closes it.
func (t *task) visit(path *byte, buf []byte) error {
	fd, err := t.openat(path, unix.O_RDONLY|unix.O_CLOEXEC)
	if fd < 0 {
		return err
	}
	_, _, e := unix.RawSyscall(unix.SYS_READ, uintptr(fd), uintptr(unsafe.Pointer(&buf[0])), uintptr(len(buf)))
	if e != 0 {
		return fmt.Errorf("read a file: %w", e)
	}
	t.close(fd)
	t.calls += 2
	return nil
}

func (t *task) close(fd int) { unix.RawSyscall(unix.SYS_CLOSE, uintptr(fd), 0, 0) }

func (t *task) stat(path *byte, st *unix.Stat_t) error {
	t.calls++
	if _, _, e := unix.RawSyscall6(unix.SYS_NEWFSTATAT, ^uintptr(99), uintptr(unsafe.Pointer(path)), uintptr(unsafe.Pointer(st)), 0, 0, 0); e != 0 {
		return fmt.Errorf("stat a file: %w", e)
	}
	return nil
}

// plant makes a file below the task's directory.
func plant(path string, size int, mode os.FileMode) error {
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		return fmt.Errorf("make a workload's tree: %w", err)
	}
	if err := os.WriteFile(path, make([]byte, size), mode); err != nil {
		return fmt.Errorf("make a workload's tree: %w", err)
	}
	return nil
}
