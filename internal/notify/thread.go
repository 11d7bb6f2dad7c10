package notify

import (
	"fmt"
	"runtime"
	"unsafe"

	"golang.org/x/sys/unix"
)

// LockThread locks the calling goroutine to its OS thread and makes the
// thread fit for measuring: SIGURG is blocked, because the runtime's
// preemption signal would interrupt the notification wait and make SEND and
// RECV fail with ENOENT (a supervisor that needs 50 ms per answer then never
// gets one through). The thread is not to be unlocked again.
func LockThread() error {
	runtime.LockOSThread()
	set := unix.Sigset_t{}
	set.Val[0] = 1 << (unix.SIGURG - 1)
	if err := unix.PthreadSigmask(unix.SIG_BLOCK, &set, nil); err != nil {
		return fmt.Errorf("block SIGURG: %w", err)
	}
	return nil
}

// BindCPU binds the calling thread to one CPU; cpu < 0 leaves it free.
func BindCPU(cpu int) error {
	if cpu < 0 {
		return nil
	}
	return BindCPUs([]int{cpu})
}

// BindCPUs has the calling thread run on these CPUs only.
func BindCPUs(cpus []int) error {
	var set unix.CPUSet
	for _, cpu := range cpus {
		set.Set(cpu)
	}
	if err := unix.SchedSetaffinity(0, &set); err != nil {
		return fmt.Errorf("bind thread to cpus %d: %w", cpus, err)
	}
	return nil
}

// AllowedCPUs lists the CPUs the calling thread may run on.
func AllowedCPUs() ([]int, error) {
	var set unix.CPUSet
	if err := unix.SchedGetaffinity(0, &set); err != nil {
		return nil, fmt.Errorf("read cpu affinity: %w", err)
	}
	var cpus []int
	for i := 0; i < len(set)*64; i++ {
		if set.IsSet(i) {
			cpus = append(cpus, i)
		}
	}
	return cpus, nil
}

const (
	futexWait = 0 | 128 // FUTEX_WAIT | FUTEX_PRIVATE_FLAG, <linux/futex.h>
	futexWake = 1 | 128
)

// FutexWait sleeps while *addr is val. It keeps the P of its goroutine, so
// that a thread which measures never meets the scheduler.
func FutexWait(addr *uint32, val uint32) {
	unix.RawSyscall6(unix.SYS_FUTEX, uintptr(unsafe.Pointer(addr)), futexWait, uintptr(val), 0, 0, 0)
}

// FutexWake wakes every thread that sleeps on addr.
func FutexWake(addr *uint32) {
	unix.RawSyscall(unix.SYS_FUTEX, uintptr(unsafe.Pointer(addr)), futexWake, 1<<30)
}
