package bench

import (
	"context"
	"fmt"
	"os"
	"time"

	"golang.org/x/sys/unix"

	"unotify-bench/abi"
	"unotify-bench/internal/notify"
)

// State is what a probe found.
type State string

const (
	Works   State = "works"
	Missing State = "missing"
	Unclear State = "could not tell" // never kept as an answer
)

// Finding is one feature of the kernel, found by behaviour, never by version.
type Finding struct {
	Feature string `json:"feature"`
	State   State  `json:"state"`
	Detail  string `json:"detail,omitempty"` // what was tried and seen
	// Proposed features are in no released kernel.
	Proposed bool `json:"proposed,omitempty"`
}

const roleProbe = "probe"

// Probe finds out what this kernel offers: every mechanism is used for a few
// real calls, whose results are checked; the proposed ones are asked for.
func Probe(ctx context.Context) []Finding {
	cfg := Config{Unit: UnitNanoseconds, Calls: chunk, Warmup: 1, Limit: 20 * time.Second}
	var cells []Cell
	for _, m := range mechanisms {
		c := Cell{Mech: m.Name, Syscall: "openat", CPUs: "free"}
		if m.listens() {
			c.Wake = "async"
		}
		cells = append(cells, c)
	}
	// The wake-up flag is a feature of its own.
	cells = append(cells, Cell{Mech: "reply", Syscall: "openat", CPUs: "free", Wake: "sync"})
	var out []Finding
	err := Run(ctx, cfg, cells, func(r Row) error {
		f := Finding{Feature: r.Cell.Mech, State: Works, Detail: fmt.Sprintf("%d calls of openat, each checked", r.Calls)}
		if r.Cell.Wake == "sync" {
			f.Feature = "sync-wake"
		}
		switch {
		case r.NA != "":
			f.State, f.Detail = Missing, r.NA
		case r.Err != "":
			f.State, f.Detail = Unclear, r.Err
		}
		out = append(out, f)
		return nil
	})
	if err != nil {
		return append(out, Finding{Feature: "everything else", State: Unclear, Detail: err.Error()})
	}
	return append(out, askForProposed()...)
}

// askForProposed runs probeMain in a child, since a filter cannot be taken
// off again.
func askForProposed() []Finding {
	unclear := func(err error) []Finding {
		return []Finding{{Feature: "proposed ioctls", State: Unclear, Detail: err.Error(), Proposed: true}}
	}
	p, err := notify.Start(roleProbe)
	if err != nil {
		return unclear(err)
	}
	defer func() { p.Kill(); _ = p.Wait() }()
	var fs []Finding
	if _, err := p.Conn.Recv(&fs); err != nil {
		return unclear(err)
	}
	return fs
}

// probeMain asks a listener of its own for each proposed ioctl with a null
// pointer. A kernel that knows the ioctl looks at the argument first: EFAULT.
// One that does not answers EINVAL, and looks at nothing.
func probeMain() {
	conn := notify.NewConn(notify.RoleFD)
	fs := probeProposed()
	if err := conn.Send(fs, -1); err != nil {
		os.Exit(1)
	}
	os.Exit(0)
}

func probeProposed() []Finding {
	ask := func(name string, errno, present, absent unix.Errno) Finding {
		f := Finding{Feature: name, Proposed: true, Detail: fmt.Sprintf("asked with a null pointer: %v", errno)}
		switch errno {
		case present:
			f.State = Works
		case absent:
			f.State = Missing
		default:
			f.State = Unclear
		}
		return f
	}
	fail := func(err error) []Finding {
		return []Finding{{Feature: "proposed ioctls", State: Unclear, Detail: err.Error(), Proposed: true}}
	}
	if err := notify.LockThread(); err != nil {
		return fail(err)
	}
	// The flag, without a program: EFAULT when the flag is known.
	_, _, e := unix.RawSyscall(unix.SYS_SECCOMP, abi.SECCOMP_SET_MODE_FILTER,
		abi.SECCOMP_FILTER_FLAG_NEW_LISTENER|abi.SECCOMP_FILTER_FLAG_REDIRECT, 0)
	fs := []Finding{ask("filter-flag-redirect", e, unix.EFAULT, unix.EINVAL)}
	p, err := notify.FilterFor(int(nr("getppid")), abi.SECCOMP_RET_USER_NOTIF)
	if err != nil {
		return fail(err)
	}
	fd, err := p.Install(abi.SECCOMP_FILTER_FLAG_NEW_LISTENER)
	if err != nil {
		return append(fs, fail(err)...)
	}
	for _, i := range []struct {
		name string
		nr   uintptr
	}{
		{"inject", abi.SECCOMP_IOCTL_NOTIF_INJECT},
		{"target-call", abi.SECCOMP_IOCTL_NOTIF_TARGET_CALL},
		{"pin-install", abi.SECCOMP_IOCTL_NOTIF_PIN_INSTALL},
		{"send-redirect", abi.SECCOMP_IOCTL_NOTIF_SEND_REDIRECT},
	} {
		_, _, e := unix.RawSyscall(unix.SYS_IOCTL, uintptr(fd), i.nr, 0)
		fs = append(fs, ask(i.name, e, unix.EFAULT, unix.EINVAL))
	}
	return fs
}
