package report

import "slices"

// A Safety says what a mechanism promises about memory that a pointer
// argument of the trapped call points to.
type Safety int

const (
	Unknown    Safety = iota // not in the catalogue
	NoDecision               // nothing outside the target looks at memory
	Racy                     // memory can change between the check and its use
	RaceFree                 // what was checked is what is used
)

func (s Safety) String() string {
	switch s {
	case NoDecision:
		return "no decision"
	case Racy:
		return "racy"
	case RaceFree:
		return "race-free"
	}
	return "unknown"
}

// mark is the sign a table row carries.
func (s Safety) mark() string {
	switch s {
	case NoDecision:
		return "·"
	case Racy:
		return "!"
	case RaceFree:
		return "✓"
	}
	return "?"
}

// A Mechanism is what a reader has to know of a mech= value.
type Mechanism struct {
	Name   string
	Safety Safety
	Why    string // why it is as safe as that
}

// mechanisms is in the order of a table's rows: baselines, then what is
// racy, then what is not, so that a reader in need of a safe one compares
// neighbours.
//
// Sources: for continue, include/uapi/linux/seccomp.h on
// SECCOMP_USER_NOTIF_FLAG_CONTINUE ("It should be absolutely clear that this
// means that the seccomp notifier _cannot_ be used to implement a security
// policy!"); for the rest, what each does in a call, as package bench describes it.
var mechanisms = []Mechanism{
	{"native", NoDecision, "no filter"},
	{"allow", NoDecision, "the filter sees register values only"},
	{"errno", NoDecision, "the filter sees register values only"},
	{"sigsys", NoDecision, "the target's own handler answers: no boundary"},

	{"continue", Racy, "the kernel reads the memory after the answer, whatever it holds by then"},
	{"continue-read", Racy, "the kernel reads the memory again after the supervisor has"},
	{"ptrace-seccomp", Racy, "the checked copy lies in memory that the target's other threads can write"},
	{"ptrace-syscall", Racy, "the checked copy lies in memory that the target's other threads can write"},

	{"reply", RaceFree, "the supervisor acts on its own copy, the kernel reads nothing"},
	{"addfd", RaceFree, "the supervisor opens what it has read, the kernel reads nothing"},
	{"ptrace-freeze", RaceFree, "every thread that could write the memory is stopped"},
	{"inject", RaceFree, "the kernel acts on the supervisor's copy"},
	{"target-call", RaceFree, "the kernel acts on the supervisor's copy"},
	{"target-call-send", RaceFree, "the kernel acts on the supervisor's copy"},
	{"redirect", RaceFree, "the kernel reads a mapping that the target cannot write"},
	{"redirect-cold", RaceFree, "the kernel reads a mapping that the target cannot write"},
}

// Mechanisms returns the catalogue, in the order of a table's rows.
func Mechanisms() []Mechanism { return slices.Clone(mechanisms) }

// SafetyOf returns the safety of the mechanism called name.
func SafetyOf(name string) Safety {
	if i := mechRank(name); i < len(mechanisms) {
		return mechanisms[i].Safety
	}
	return Unknown
}

func mechRank(name string) int {
	i := slices.IndexFunc(mechanisms, func(m Mechanism) bool { return m.Name == name })
	if i < 0 {
		return len(mechanisms)
	}
	return i
}

// syscalls is the order of a table's blocks: from the mechanism alone to the
// call that does most.
var syscalls = []string{"getppid", "openat", "bind", "connect", "write", "execve"}

func syscallRank(name string) int {
	i := slices.Index(syscalls, name)
	if i < 0 {
		return len(syscalls)
	}
	return i
}
