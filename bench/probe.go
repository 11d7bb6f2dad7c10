package bench

import (
	"context"
	"fmt"
	"os"
	"time"

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
// real calls, whose results are checked; the proposed ioctls and flags are
// asked for as well.
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
	// Two features are no mechanisms of their own: the flag of the wake-up, and
	// the exec event, which redirect asks for where each call is an execve.
	cells = append(cells,
		Cell{Mech: "reply", Syscall: "openat", CPUs: "free", Wake: "sync"},
		Cell{Mech: "redirect", Syscall: "execve", CPUs: "free", Wake: "async"})
	var out []Finding
	err := Run(ctx, cfg, cells, func(r Row) error {
		f := Finding{
			Feature: r.Cell.Mech, State: Works, Detail: fmt.Sprintf("%d calls of %s, each checked", r.Calls, r.Cell.Syscall),
			Proposed: len(FindMechanism(r.Cell.Mech).Needs) > 0,
		}
		switch {
		case r.Cell.Wake == "sync":
			f.Feature = "sync-wake"
		case r.Cell.Syscall == "execve":
			f.Feature = "exec-event"
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

// probeMain asks through a listener of its own.
func probeMain() {
	conn := notify.NewConn(notify.RoleFD)
	fs := probeProposed()
	if err := conn.Send(fs, -1); err != nil {
		os.Exit(1)
	}
	os.Exit(0)
}

func probeProposed() []Finding {
	fail := func(err error) []Finding {
		return []Finding{{Feature: "proposed ioctls", State: Unclear, Detail: err.Error(), Proposed: true}}
	}
	if err := notify.LockThread(); err != nil {
		return fail(err)
	}
	p, err := notify.FilterFor(int(nr("getppid")), abi.SECCOMP_RET_USER_NOTIF)
	if err != nil {
		return fail(err)
	}
	fd, err := p.Install(abi.SECCOMP_FILTER_FLAG_NEW_LISTENER)
	if err != nil {
		return fail(err)
	}
	var fs []Finding
	for _, f := range notify.Features() {
		found := Finding{Feature: "ask for " + f.String(), State: Missing, Detail: "the kernel does not know it", Proposed: true}
		switch has, err := (notify.Listener{FD: fd}).Has(f); {
		case err != nil:
			found.State, found.Detail = Unclear, err.Error()
		case has:
			found.State, found.Detail = Works, "the kernel knows it"
		}
		fs = append(fs, found)
	}
	return fs
}
