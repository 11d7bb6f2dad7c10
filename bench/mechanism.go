package bench

import (
	"fmt"
	"sort"
	"strings"

	"unotify-bench/abi"
	"unotify-bench/internal/notify"
)

// Mechanism is one way of handling a trapped syscall. Each has a file of its
// own, mech_NAME.go, which registers it; nothing else knows it by name.
type Mechanism struct {
	Name string
	Doc  string // one line, for --list
	Rank int    // place in the table

	// Verdict is what the filter says for the syscall, a SECCOMP_RET_*
	// value with its data. Zero (KILL_THREAD) installs no filter.
	Verdict uint32
	// Replaces is set when the syscall does not run and Verdict, handler or
	// supervisor say what it returns: ReplacedResult.
	Replaces bool
	// Sigsys installs the SIGSYS handler in the target.
	Sigsys bool
	// Peers is how many threads the target keeps beside the caller.
	Peers int

	// MaxCalls bounds how many calls of a row are measured; 0 is no bound.
	MaxCalls int

	// Needs are what the kernel must have and no released one has.
	Needs []notify.Feature

	// Serve answers the target's traps until it is gone. nil: the kernel
	// alone answers.
	Serve func(*supervisor) error
	// Traced says that Serve is a tracer, not a listener.
	Traced bool

	// Unable says why a case cannot be handled this way, "" if it can.
	Unable func(*Case) string
}

// ReplacedErrno is the errno that the mechanisms which replace a call make it
// return: one that none of the measured calls gives by itself.
const ReplacedErrno = 85 // ERESTART's number: user space never sees it otherwise

// ReplacedResult is what the caller then finds in its result register.
const ReplacedResult = ^uint64(ReplacedErrno) + 1

var mechanisms []*Mechanism

func register(m *Mechanism) *Mechanism {
	mechanisms = append(mechanisms, m)
	sort.SliceStable(mechanisms, func(i, j int) bool { return mechanisms[i].Rank < mechanisms[j].Rank })
	return m
}

// Mechanisms lists all, in table order.
func Mechanisms() []*Mechanism { return mechanisms }

// FindMechanism returns the mechanism called name, or nil.
func FindMechanism(name string) *Mechanism {
	for _, m := range mechanisms {
		if m.Name == name {
			return m
		}
	}
	return nil
}

// SelectMechanisms returns those named, in table order; none named is all.
// An unknown name is an error that lists the known ones.
func SelectMechanisms(names []string) ([]*Mechanism, error) {
	if len(names) == 0 {
		return mechanisms, nil
	}
	want := map[string]bool{}
	for _, n := range names {
		if FindMechanism(n) == nil {
			var known []string
			for _, m := range mechanisms {
				known = append(known, m.Name)
			}
			return nil, fmt.Errorf("unknown mechanism %q; known: %s", n, strings.Join(known, ", "))
		}
		want[n] = true
	}
	var out []*Mechanism
	for _, m := range mechanisms {
		if want[m.Name] {
			out = append(out, m)
		}
	}
	return out, nil
}

func (m *Mechanism) listens() bool { return m.Verdict == abi.SECCOMP_RET_USER_NOTIF }

// wakes lists the values of the wake dimension: only a listener has one.
func (m *Mechanism) wakes() []string {
	if m.listens() {
		return []string{"sync", "async"}
	}
	return []string{""}
}

// needsPointer is the Unable of mechanisms that exist to look behind a
// pointer argument.
func needsPointer(c *Case) string {
	if c.Pointer < 0 {
		return c.Syscall + " has no pointer argument to read"
	}
	return ""
}
