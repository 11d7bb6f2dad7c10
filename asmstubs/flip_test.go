//go:build linux && (amd64 || arm64 || riscv64)

package asmstubs

import (
	"fmt"
	"runtime"
	"strconv"
	"sync/atomic"
	"testing"
	"unsafe"

	"golang.org/x/sys/unix"
)

// TestStartFlip: whoever is made changes the byte, and ends with the thread
// that made it.
func TestStartFlip(t *testing.T) {
	for name, flags := range map[string]uint64{
		"thread":           unix.CLONE_VM | unix.CLONE_FS | unix.CLONE_FILES | unix.CLONE_SIGHAND | unix.CLONE_THREAD | unix.CLONE_SYSVSEM,
		"same memory":      unix.CLONE_VM | uint64(unix.SIGCHLD),
		"shared mapping":   uint64(unix.SIGCHLD),
		"what is no clone": unix.CLONE_THREAD,
	} {
		out, err := runChild("flip", strconv.FormatUint(flags, 10))
		if isNoExec(err) {
			t.Skip("the kernel cannot execute this binary: run this in a VM")
		}
		if refused := flags == unix.CLONE_THREAD; refused != (err != nil) {
			t.Errorf("%s: %v\n%s", name, err, out)
		}
	}
}

var nap = unix.NsecToTimespec(1000)

// childFlip waits until the byte has changed both ways many times.
func childFlip(arg string) error {
	flags, err := strconv.ParseUint(arg, 10, 64)
	if err != nil {
		return err
	}
	mem, err := unix.Mmap(-1, 0, 4096, unix.PROT_READ|unix.PROT_WRITE, unix.MAP_SHARED|unix.MAP_ANONYMOUS)
	if err != nil {
		return err
	}
	runtime.LockOSThread()
	set := unix.Sigset_t{}
	for i := range set.Val {
		set.Val[i] = ^uint64(0)
	}
	if err := unix.PthreadSigmask(unix.SIG_BLOCK, &set, nil); err != nil {
		return err
	}
	death := uint64(unix.SIGKILL)
	if flags&unix.CLONE_THREAD != 0 {
		death = 0
	}
	// Little-endian, and the three bytes behind it stay 0.
	word := (*uint32)(unsafe.Pointer(&mem[0]))
	if r := int64(StartFlip(unsafe.Pointer(word), 'A', 'B', flags, death, unsafe.Pointer(&nap))); r < 0 {
		return fmt.Errorf("clone with flags %#x: %w", flags, unix.Errno(-r))
	}
	for last, changes := uint32(0), 0; changes < 100; {
		switch got := atomic.LoadUint32(word); {
		case got == last:
			unix.RawSyscall(unix.SYS_SCHED_YIELD, 0, 0, 0)
		case got != 'A' && got != 'B':
			return fmt.Errorf("the byte became %#x", got)
		default:
			last, changes = got, changes+1
		}
	}
	return nil
}
