package bench

import (
	"strconv"
	"strings"
	"sync"
	"sync/atomic"

	"golang.org/x/sys/unix"
)

// Why a supervisor is interrupted.
const (
	stopLate = 1 + iota // its time is over
	stopGone            // the target has ended
)

// recvSleepsOn reports whether a RECV may go on waiting when no task has the
// filter any more. It ends since 6.11 (seccomp: interrupt
// SECCOMP_IOCTL_NOTIF_RECV when all users have exited). To believe the version
// is safe here: who helps a kernel that needs none does no harm.
var recvSleepsOn = sync.OnceValue(func() bool {
	var u unix.Utsname
	if unix.Uname(&u) != nil {
		return true
	}
	return olderThan(unix.ByteSliceToString(u.Release[:]), 6, 11)
})

// olderThan compares a kernel's release, such as "6.1.0-56-amd64".
func olderThan(release string, major, minor int) bool {
	first, rest, _ := strings.Cut(release, ".")
	second, _, _ := strings.Cut(rest, ".")
	if i := strings.IndexFunc(second, func(r rune) bool { return r < '0' || r > '9' }); i >= 0 {
		second = second[:i]
	}
	a, errA := strconv.Atoi(first)
	b, errB := strconv.Atoi(second)
	return errA != nil || errB != nil || a < major || a == major && b < minor
}

// endAfter ends the team's wait for notifications when process pid, which made
// them, has ended. Whoever started that reaps it.
func (s *supervisor) endAfter(pid int, ended <-chan struct{}) {
	for {
		switch err := unix.Waitid(unix.P_PID, pid, nil, unix.WEXITED|unix.WNOWAIT, nil); err {
		case unix.EINTR:
			continue
		case nil, unix.ECHILD: // it was reaped
			if atomic.CompareAndSwapUint32(s.stop, 0, stopGone) {
				s.team.interrupt(ended)
			}
		}
		return
	}
}
