package model

import "syscall"

// Values of Op.How of Install. Each filter allows everything, so that no call is trapped
// that was not, and none goes free: the strictest answer of all filters counts.
const (
	FilterPlain uint8 = iota
	FilterLog
	FilterSpec
	FilterESRCH // without TSYNC, of which it says how that fails
	FilterSync
	FilterSyncTID // without TSYNC_ESRCH: it fails with the id of a thread, which here is ESRCH, too
	FilterListener
	FilterListenerSync
	FilterListenerKillable
	FilterListenerRedirect
	FilterListenerTID // with TSYNC, without TSYNC_ESRCH: two meanings of what it returns
	FilterKillable    // without a listener
	FilterRedirect    // without a listener
	FilterUnknown
	FilterEmpty
	FilterNull
)

var filterHow = []string{
	"plain", "log", "spec-allow", "esrch", "sync", "sync-tid", "listener", "listener-sync", "listener-killable",
	"listener-redirect", "listener-tid", "killable", "redirect", "unknown", "empty", "null",
}

// Listens reports whether o is to get a task a second listener.
func (o Op) Listens() bool {
	return o.Do == Install && o.How >= FilterListener && o.How <= FilterListenerRedirect
}

// install is what a task is told that installs a filter. It has a listener already, so
// another is EBUSY (has_duplicate_listener of kernel/seccomp.c), and one with redirects also
// if the first is closed that has them (has_redirect of the series). A filter of its own
// keeps others from having the task's filters put on it (seccomp_can_sync_threads).
func (s *State) install(task int, how uint8) syscall.Errno {
	switch how {
	case FilterPlain, FilterLog, FilterSpec, FilterESRCH:
		s.Apart[task] = true
		return 0
	case FilterSync, FilterSyncTID:
		for i, apart := range s.Apart {
			if apart && i != task {
				return syscall.ESRCH
			}
		}
		s.Apart = [Tasks]bool{}
		return 0
	case FilterListenerRedirect:
		if !s.Features.Has(Pins) {
			return syscall.EINVAL
		}
		fallthrough
	case FilterListener, FilterListenerSync, FilterListenerKillable:
		return syscall.EBUSY
	case FilterNull:
		return syscall.EFAULT
	}
	return syscall.EINVAL
}
