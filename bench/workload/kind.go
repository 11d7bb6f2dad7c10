package workload

import (
	"golang.org/x/sys/unix"

	"unotify-bench/abi"
	"unotify-bench/internal/notify"
)

// kind is a call that traps.
type kind uint8

const (
	kindOpen kind = iota
	kindExec
	kindBind
	kindConnect
	kindWrite // to logFD only
	numKinds
)

// kinds says of each its number, and which argument points to what is judged.
var kinds = [numKinds]struct {
	name    string
	nr      int
	pointer int
}{
	kindOpen:    {"openat", unix.SYS_OPENAT, 1},
	kindExec:    {"execve", unix.SYS_EXECVE, 0},
	kindBind:    {"bind", unix.SYS_BIND, 1},
	kindConnect: {"connect", unix.SYS_CONNECT, 1},
	kindWrite:   {"write", unix.SYS_WRITE, 1},
}

// kindOf is the kind of a call that trapped.
func kindOf(nr uint64) (kind, bool) {
	for k := range kinds {
		if uint64(kinds[k].nr) == nr {
			return kind(k), true
		}
	}
	return 0, false
}

// always are the kinds that every target traps. stat is not among them: it
// tells, and changes nothing. Nor is write, as a policy of names has no word
// for it: it traps where a workload has a policy of its own for what is written.
var always = []kind{kindOpen, kindExec, kindBind, kindConnect}

// closed are newer calls that would get around those that trap. Whoever tries
// one has an older call to fall back on.
var closed = []int{unix.SYS_OPENAT2, unix.SYS_EXECVEAT, unix.SYS_IO_URING_SETUP}

// filter is the program that traps: all mechanisms have the same, but for what
// it says. A program that does not trap is what a filter alone costs.
func filter(verdict uint32, log bool) (notify.Program, error) {
	var rules []notify.Rule
	for _, k := range always {
		rules = append(rules, notify.Rule{Nr: kinds[k].nr, Action: verdict})
	}
	if log {
		rules = append(rules, notify.Rule{Nr: kinds[kindWrite].nr, Only: true, Value: logFD, Action: verdict})
	}
	for _, nr := range closed {
		rules = append(rules, notify.Rule{Nr: nr, Action: abi.SECCOMP_RET_ERRNO | uint32(unix.ENOSYS)})
	}
	return notify.FilterOf(rules)
}
