package notify

import (
	"fmt"
	"runtime"
	"unsafe"

	"golang.org/x/sys/unix"

	"unotify-bench/asmstubs"
)

// nap is how long an attacker sleeps: about as long as a call takes that is
// notified in a virtual machine of TCG. There a thread that flips and yields
// all the time wins one call in a hundred, as only the scheduler's tick lets it
// in; one that wakes up is let in at once, and wins every third. On a host that
// is busy it wins three to ten times as often, too. On riscv64 calls take longest there,
// and whoever woke up each 100 µs won three of five: a race of all mechanisms took
// 338 s with it, and 290 s with 200 µs, of which two of five are won.
var nap = func() unix.Timespec {
	if runtime.GOARCH == "riscv64" {
		return unix.NsecToTimespec(200_000)
	}
	return unix.NsecToTimespec(100_000)
}()

// Flip makes somebody, by clone(2) with flags, who writes a and b in turn to
// at, for ever. They get no signal, and the filters of the calling thread. The
// errno is clone's.
func Flip(at unsafe.Pointer, a, b byte, flags uint64) (unix.Errno, error) {
	var all, mine unix.Sigset_t
	for i := range all.Val {
		all.Val[i] = ^uint64(0)
	}
	if err := unix.PthreadSigmask(unix.SIG_SETMASK, &all, &mine); err != nil {
		return 0, fmt.Errorf("block all signals: %w", err)
	}
	// The attacker gets the slack of who makes it.
	if err := unix.Prctl(unix.PR_SET_TIMERSLACK, 1, 0, 0, 0); err != nil {
		return 0, fmt.Errorf("set the timer slack: %w", err)
	}
	death := uint64(unix.SIGKILL)
	if flags&unix.CLONE_THREAD != 0 {
		death = 0
	}
	r := int64(asmstubs.StartFlip(at, a, b, flags, death, unsafe.Pointer(&nap)))
	if err := unix.PthreadSigmask(unix.SIG_SETMASK, &mine, nil); err != nil {
		return 0, fmt.Errorf("restore the signal mask: %w", err)
	}
	return unix.Errno(max(0, -r)), nil
}
