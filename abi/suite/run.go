package suite

import (
	"context"
	"errors"
	"fmt"
	"os"
	"runtime"
	"runtime/debug"
	"time"

	"golang.org/x/sys/unix"

	"unotify-bench/abi"
	"unotify-bench/internal/notify"
	"unotify-bench/internal/tempdir"
)

// Roles of this program's children.
const (
	roleCheck  = "check"
	roleAsk    = "ask"
	roleRace   = "race"
	roleTarget = "check-target"
)

// Deadline is how long a check may take, on the machine's clock. It is for
// those that hang: the slowest takes a few seconds of an emulated machine.
const Deadline = time.Minute

// Main takes over a process that Run or a check started; in any other it
// returns at once. Call it first thing in main, before bench.Main, which ends
// a process in a role that it does not know.
func Main() {
	switch notify.Role() {
	case roleCheck:
		checkMain()
	case roleAsk:
		askMain()
	case roleRace:
		raceMain()
	case roleTarget:
		targetMain()
	default:
		return
	}
	os.Exit(0)
}

// Run runs checks on this kernel, one after the other, and hands each result
// to emit as soon as it is there. It returns early with ctx's error, emit's,
// or when no child can be started.
func Run(ctx context.Context, checks []*Check, deadline time.Duration, emit func(Result) error) error {
	has, err := ask(ctx)
	if err != nil {
		return err
	}
	for _, c := range checks {
		r := Result{ID: c.ID, Began: uptime()}
		if r.Outcome, r.Text = has.all(c.Needs); r.Outcome == Held {
			r.Outcome, r.Text = runOne(ctx, c, deadline)
		}
		r.Took = uptime() - r.Began
		if err := ctx.Err(); err != nil {
			return err
		}
		if err := emit(r); err != nil {
			return err
		}
	}
	return nil
}

// uptime is how long this machine has been up. Go's monotonic clock begins
// where it likes.
func uptime() time.Duration {
	var ts unix.Timespec
	if err := unix.ClockGettime(unix.CLOCK_BOOTTIME, &ts); err != nil {
		return 0 // no Linux that has seccomp listeners lacks it
	}
	return time.Duration(ts.Nano())
}

// runOne runs a check in a child.
func runOne(ctx context.Context, c *Check, deadline time.Duration) (o Outcome, text string) {
	err := inChild(ctx, roleCheck, deadline, func(conn *notify.Conn, dir string, _ *time.Timer) error {
		if err := conn.Send(checkOrder{ID: c.ID, Dir: dir}, -1); err != nil {
			return err
		}
		var got Result
		_, err := conn.Recv(&got)
		o, text = got.Outcome, got.Text
		return err
	})
	if err != nil {
		return Unclear, err.Error()
	}
	return o, text
}

// inChild has a child with a role and a directory for its files, and ends all
// that is left of it. Talk may set late, which kills the child, anew.
func inChild(ctx context.Context, role string, deadline time.Duration, talk func(conn *notify.Conn, dir string, late *time.Timer) error) error {
	dir, err := tempdir.New("")
	if err != nil {
		return fmt.Errorf("make a directory for the check's files: %w", err)
	}
	defer func() { _ = dir.Remove() }()
	p, err := notify.Start(role)
	if err != nil {
		return err
	}
	defer func() { p.Kill(); _ = p.Wait() }()
	stop := context.AfterFunc(ctx, p.Kill)
	defer stop()
	late := time.AfterFunc(deadline, p.Kill)
	err = talk(p.Conn, dir.Path, late)
	switch {
	case !late.Stop():
		return fmt.Errorf("the check did not end within %v: killed", deadline)
	case errors.Is(err, notify.ErrPeerGone):
		return fmt.Errorf("the check's process ended without a word: %s", fmt.Sprint(p.Wait()))
	}
	return err
}

// checkOrder tells a child which check it is.
type checkOrder struct{ ID, Dir string }

func checkMain() {
	conn := notify.NewConn(notify.RoleFD)
	var o checkOrder
	if _, err := conn.Recv(&o); err != nil {
		return
	}
	supervise()
	r := Result{ID: o.ID, Outcome: Unclear, Text: "there is no such check"}
	// The runtime's preemption signal would interrupt an ioctl that waits for
	// the target, on a loaded machine.
	if err := notify.LockThread(); err != nil {
		r.Text = err.Error()
		_ = conn.Send(r, -1)
		return
	}
	if c := Find(o.ID); c != nil {
		r = (&T{dir: o.Dir}).perform(c)
	}
	_ = conn.Send(r, -1)
}

// supervise readies a process that supervises: who waits in RECV keeps a P,
// and stops for no collection.
func supervise() {
	runtime.GOMAXPROCS(8)
	debug.SetGCPercent(-1)
}

// answer is what a kernel says when it is asked for a feature.
type answer struct {
	Has bool
	Err string
}

type answers map[notify.Feature]answer

// all is Held if the kernel has all that is needed, and else names what it has
// not, or could not say.
func (as answers) all(needs []notify.Feature) (Outcome, string) {
	for _, f := range needs {
		switch a, known := as[f]; {
		case !known || a.Err != "":
			return Unclear, "ask for " + f.String() + ": " + a.Err
		case !a.Has:
			return Absent, f.String()
		}
	}
	return Held, ""
}

// ask asks this kernel for everything proposed, in a child, as a filter cannot
// be taken off again.
func ask(ctx context.Context) (answers, error) {
	p, err := notify.Start(roleAsk)
	if err != nil {
		return nil, err
	}
	defer func() { p.Kill(); _ = p.Wait() }()
	defer context.AfterFunc(ctx, p.Kill)()
	has := answers{}
	if _, err := p.Conn.Recv(&has); err != nil {
		return nil, fmt.Errorf("ask the kernel what it has: %w", errors.Join(ctx.Err(), err))
	}
	return has, nil
}

func askMain() {
	has := answers{}
	fd, err := askListener()
	for _, f := range notify.Features() {
		var a answer
		switch {
		case err == nil:
			var e error
			if a.Has, e = (notify.Listener{FD: fd}).Has(f); e != nil {
				a.Err = e.Error()
			}
		case errors.Is(err, unix.ENOSYS), errors.Is(err, unix.EINVAL):
			// No seccomp(2), or no listeners: nothing that builds on them.
		default:
			a.Err = err.Error()
		}
		has[f] = a
	}
	_ = notify.NewConn(notify.RoleFD).Send(has, -1)
}

func askListener() (fd int, err error) {
	if err := notify.LockThread(); err != nil {
		return -1, err
	}
	p, err := notify.FilterFor(unix.SYS_GETPPID, abi.SECCOMP_RET_USER_NOTIF)
	if err != nil {
		return -1, err
	}
	return p.Install(abi.SECCOMP_FILTER_FLAG_NEW_LISTENER)
}
