package workload

import (
	"errors"
	"fmt"
	"os"
	"unsafe"

	"golang.org/x/sys/unix"

	"unotify-bench/internal/notify"
)

// attack is the attack of the conformance suite against this policy: a thread
// changes one letter of a path all the time, so that it leads into a directory
// that is allowed, where there is no such file, or into one that is not, where
// there is. Whoever gets a descriptor has got around the policy.
var attack = &Workload{
	Name: "attack", Doc: "open a path 4096 times that a thread changes between an allowed and a forbidden one", attacks: true,
	prepare: func(t *task) (func() error, error) {
		// Two names that differ in one letter.
		wrong, right := t.dir+"/opex", t.dir+"/"+openDir
		if err := plant(wrong+"/forbidden", 1, 0o600); err != nil {
			return nil, err
		}
		if err := os.MkdirAll(right, 0o755); err != nil {
			return nil, fmt.Errorf("make a directory: %w", err)
		}
		path := append([]byte(right+"/forbidden"), 0)
		if len(path) > os.Getpagesize() {
			return nil, errors.New("the path is too long: set TMPDIR to a shorter one")
		}
		mem, err := unix.Mmap(-1, 0, os.Getpagesize(), unix.PROT_READ|unix.PROT_WRITE, unix.MAP_SHARED|unix.MAP_ANONYMOUS)
		if err != nil {
			return nil, fmt.Errorf("map memory for a path: %w", err)
		}
		copy(mem, path)
		letter := unsafe.Pointer(&mem[len(right)-1])
		e, err := notify.Flip(letter, 'n', 'x', unix.CLONE_VM|unix.CLONE_FS|unix.CLONE_FILES|unix.CLONE_SIGHAND|unix.CLONE_THREAD|unix.CLONE_SYSVSEM)
		if err != nil || e != 0 {
			return nil, fmt.Errorf("make an attacker: %w", errors.Join(err, errnoError(e)))
		}
		t.tries = t.scaled(4096, 512)
		return func() error { return t.attempt(&mem[0]) }, nil
	},
}

// attempt opens path again and again.
func (t *task) attempt(path *byte) error {
	for range t.tries {
		fd, _, e := unix.RawSyscall6(unix.SYS_OPENAT, ^uintptr(99), uintptr(unsafe.Pointer(path)), unix.O_RDONLY|unix.O_CLOEXEC, 0, 0, 0)
		if e == unix.ENOENT { // approved, and not there
			t.calls++
			continue
		}
		ok, err := t.counted(e, "open the path that is changed")
		if err != nil {
			return err
		}
		if ok {
			t.breaches++
			t.close(int(fd))
		}
	}
	return nil
}

func errnoError(e unix.Errno) error {
	if e == 0 {
		return nil
	}
	return e
}
