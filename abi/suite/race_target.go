package suite

import (
	"unsafe"

	"golang.org/x/sys/unix"

	"unotify-bench/asmstubs"
)

// nap is how long an attacker sleeps: about as long as a call takes that is
// notified in a virtual machine of TCG. There a thread that flips and yields
// all the time wins one call in a hundred, as only the scheduler's tick lets it
// in; one that wakes up is let in at once, and wins every third. On a host that
// is busy it wins three to ten times as often, too.
var nap = unix.NsecToTimespec(100_000)

// startFlip attacks a check. Whoever does it gets no signal, and no filter, as
// none is there yet.
func startFlip(args [6]uint64) (e unix.Errno, trouble string) {
	var all, mine unix.Sigset_t
	for i := range all.Val {
		all.Val[i] = ^uint64(0)
	}
	if err := unix.PthreadSigmask(unix.SIG_SETMASK, &all, &mine); err != nil {
		return 0, err.Error()
	}
	// The attacker gets the slack of who makes it.
	if err := unix.Prctl(unix.PR_SET_TIMERSLACK, 1, 0, 0, 0); err != nil {
		return 0, err.Error()
	}
	death := uint64(unix.SIGKILL)
	if args[3]&unix.CLONE_THREAD != 0 {
		death = 0
	}
	r := int64(asmstubs.StartFlip(pointer(args[0]), byte(args[1]), byte(args[2]), args[3], death, unsafe.Pointer(&nap)))
	if err := unix.PthreadSigmask(unix.SIG_SETMASK, &mine, nil); err != nil {
		return 0, err.Error()
	}
	return unix.Errno(max(0, -r)), ""
}

// pointer is to memory that Go's runtime knows nothing of.
func pointer(addr uint64) unsafe.Pointer { return *(*unsafe.Pointer)(unsafe.Pointer(&addr)) }

// openAll is a loop of nothing but calls, until one is cancelled. How often one
// succeeded is argument 4 of the next, and an errno that none should give is
// argument 5: openat looks at neither, and the supervisor gets both for nothing.
func openAll(path uintptr) {
	for opened, odd := uintptr(0), uintptr(0); ; {
		fd, _, e := unix.RawSyscall6(unix.SYS_OPENAT, uintptr(atFDCWD), path, unix.O_RDONLY, 0, opened, odd)
		switch e {
		case 0:
			opened++
			unix.RawSyscall(unix.SYS_CLOSE, fd, 0, 0)
		case unix.ENOENT, unix.EPERM: // what was approved is not there, and what was not is refused
		case unix.ECANCELED:
			return
		default:
			odd = uintptr(e)
		}
	}
}
