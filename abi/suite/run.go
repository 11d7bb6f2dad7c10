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
)

// Roles of this program's children.
const (
	roleCheck  = "check"
	roleAsk    = "ask"
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
		r := Result{ID: c.ID}
		for _, f := range c.Needs {
			switch a, known := has[f]; {
			case !known || a.Err != "":
				r.Outcome, r.Text = Unclear, "ask for "+f.String()+": "+a.Err
			case !a.Has:
				r.Outcome, r.Text = Absent, f.String()
			}
			if r.Outcome != "" {
				break
			}
		}
		if r.Outcome == "" {
			r = runOne(ctx, c, deadline)
		}
		if err := ctx.Err(); err != nil {
			return err
		}
		if err := emit(r); err != nil {
			return err
		}
	}
	return nil
}

// runOne runs a check in a child, and ends all that is left of it.
func runOne(ctx context.Context, c *Check, deadline time.Duration) Result {
	r := Result{ID: c.ID, Outcome: Unclear}
	dir, err := os.MkdirTemp("", "unotify-bench-abi-")
	if err != nil {
		r.Text = fmt.Sprintf("make a directory for the check's files: %v", err)
		return r
	}
	defer os.RemoveAll(dir)
	p, err := notify.Start(roleCheck)
	if err != nil {
		r.Text = err.Error()
		return r
	}
	defer func() { p.Kill(); _ = p.Wait() }()
	stop := context.AfterFunc(ctx, p.Kill)
	defer stop()
	late := time.AfterFunc(deadline, p.Kill)
	var got Result
	if err = p.Conn.Send(checkOrder{ID: c.ID, Dir: dir}, -1); err == nil {
		_, err = p.Conn.Recv(&got)
	}
	switch {
	case !late.Stop():
		r.Text = fmt.Sprintf("the check did not end within %v: killed", deadline)
	case errors.Is(err, notify.ErrPeerGone):
		r.Text = fmt.Sprintf("the check's process ended without a word: %v", p.Wait())
	case err != nil:
		r.Text = err.Error()
	default:
		r.Outcome, r.Text = got.Outcome, got.Text
	}
	return r
}

// checkOrder tells a child which check it is.
type checkOrder struct{ ID, Dir string }

func checkMain() {
	conn := notify.NewConn(notify.RoleFD)
	var o checkOrder
	if _, err := conn.Recv(&o); err != nil {
		return
	}
	// A supervisor keeps a P while it waits, and stops for no collection.
	runtime.GOMAXPROCS(8)
	debug.SetGCPercent(-1)
	r := Result{ID: o.ID, Outcome: Unclear, Text: "there is no such check"}
	if c := Find(o.ID); c != nil {
		r = (&T{dir: o.Dir}).perform(c)
	}
	const most = 16 << 10 // of a message
	if len(r.Text) > most {
		r.Text = r.Text[:most] + " …"
	}
	_ = conn.Send(r, -1)
}

// answer is what a kernel says when it is asked for a feature.
type answer struct {
	Has bool
	Err string
}

// ask asks this kernel for everything proposed, in a child, as a filter cannot
// be taken off again.
func ask(ctx context.Context) (map[notify.Feature]answer, error) {
	p, err := notify.Start(roleAsk)
	if err != nil {
		return nil, err
	}
	defer func() { p.Kill(); _ = p.Wait() }()
	defer context.AfterFunc(ctx, p.Kill)()
	has := map[notify.Feature]answer{}
	if _, err := p.Conn.Recv(&has); err != nil {
		return nil, fmt.Errorf("ask the kernel what it has: %w", errors.Join(ctx.Err(), err))
	}
	return has, nil
}

func askMain() {
	has := map[notify.Feature]answer{}
	fd, err := askListener()
	for _, f := range notify.Features() {
		var a answer
		if err == nil {
			var e error
			if a.Has, e = (notify.Listener{FD: fd}).Has(f); e != nil {
				a.Err = e.Error()
			}
		} else {
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
