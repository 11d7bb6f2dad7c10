package notify

import (
	"sync/atomic"
	"unsafe"

	"golang.org/x/sys/unix"

	"unotify-bench/abi"
)

// Listener is the supervisor's end: the descriptor that NEW_LISTENER gave.
type Listener struct{ FD int }

func (l Listener) ioctl(req uintptr, arg unsafe.Pointer) unix.Errno {
	_, _, e := unix.RawSyscall(unix.SYS_IOCTL, uintptr(l.FD), req, uintptr(arg))
	return e
}

// Recv waits for the next notification and stores it in n. It clears n first:
// the kernel refuses memory that is not zero (check_zeroed_user in
// seccomp_notify_recv). ENOENT means that the target was interrupted or died
// between the wake-up and the copy, or that the last task with the filter is
// gone (since 6.11); EINTR that the supervisor was signalled. Both are
// retried by Next.
func (l Listener) Recv(n *abi.Notif) unix.Errno {
	*n = abi.Notif{}
	return l.ioctl(abi.SECCOMP_IOCTL_NOTIF_RECV, unsafe.Pointer(n))
}

// Next is Recv as seccomp_unotify(2) asks for it: EINTR is retried, ENOENT is
// retried as long as some task still has the filter. It returns ENOENT once
// none has, and EINTR when stop has become non-zero, which is how a watchdog
// frees a supervisor on kernels before 6.11: set stop, then signal the thread
// (InterruptBy) until it has returned, since the first signal can come just
// before the wait.
func (l Listener) Next(n *abi.Notif, stop *uint32) unix.Errno {
	for {
		e := l.Recv(n)
		switch {
		case e == 0:
			return 0
		case e == unix.EINTR && (stop == nil || atomic.LoadUint32(stop) == 0):
		case e == unix.ENOENT && !l.HungUp():
		default:
			return e
		}
	}
}

// HungUp reports whether no task has the filter any more.
func (l Listener) HungUp() bool {
	pfd := unix.PollFd{Fd: int32(l.FD), Events: unix.POLLIN}
	var zero unix.Timespec
	_, _, e := unix.RawSyscall6(unix.SYS_PPOLL, uintptr(unsafe.Pointer(&pfd)), 1, uintptr(unsafe.Pointer(&zero)), 0, 0, 0)
	return e == 0 && pfd.Revents&unix.POLLHUP != 0
}

// Send answers the notification r.ID. ENOENT means that the target left its
// wait (a signal, or death): the answer is moot, and the call, if it restarts,
// traps again under a new id. It does so, rarely, also after a Send that gave
// 0: a signal can have woken the target just before, and then it looks at
// nothing else (interrupted in seccomp_do_user_notification).
func (l Listener) Send(r *abi.NotifResp) unix.Errno {
	return l.ioctl(abi.SECCOMP_IOCTL_NOTIF_SEND, unsafe.Pointer(r))
}

// IDValid is 0 while the notification id still waits, else ENOENT. A
// supervisor asks after reading the target's memory: only then is it sure
// that what it read belonged to the task that trapped, and not to a later
// owner of its pid.
func (l Listener) IDValid(id *uint64) unix.Errno {
	return l.ioctl(abi.SECCOMP_IOCTL_NOTIF_ID_VALID, unsafe.Pointer(id))
}

// AddFD installs a.SrcFD of the supervisor into the target and returns the
// number it got there. A signal that comes while it waits for the target takes
// the descriptor back; with SECCOMP_ADDFD_FLAG_SEND the call was answered
// already, with 0, and the ioctl, restarted, is EINPROGRESS (seccomp_notify_addfd,
// as of 6.18). Call it on a thread that blocks signals: LockThread.
func (l Listener) AddFD(a *abi.NotifAddFD) (fd int, e unix.Errno) {
	r, _, e := unix.RawSyscall(unix.SYS_IOCTL, uintptr(l.FD), abi.SECCOMP_IOCTL_NOTIF_ADDFD, uintptr(unsafe.Pointer(a)))
	return int(r), e
}

// SetFlags sets the listener's flags (SECCOMP_USER_NOTIF_FD_SYNC_WAKE_UP);
// EINVAL on kernels before 6.6.
func (l Listener) SetFlags(flags uint64) unix.Errno {
	_, _, e := unix.RawSyscall(unix.SYS_IOCTL, uintptr(l.FD), abi.SECCOMP_IOCTL_NOTIF_SET_FLAGS, uintptr(flags))
	return e
}
