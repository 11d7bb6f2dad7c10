package suite

import (
	"unsafe"

	"golang.org/x/sys/unix"

	"unotify-bench/internal/notify"
)

// startFlip attacks a check. Whoever does it gets no filter, as none is there
// yet.
func startFlip(args [6]uint64) (e unix.Errno, trouble string) {
	e, err := notify.Flip(pointer(args[0]), byte(args[1]), byte(args[2]), args[3])
	if err != nil {
		return 0, err.Error()
	}
	return e, ""
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
