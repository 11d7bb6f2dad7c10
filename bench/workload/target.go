package workload

import (
	"errors"
	"fmt"
	"os"
	"runtime"
	"runtime/debug"
	"slices"
	"strings"
	"syscall"
	"time"

	"golang.org/x/sys/unix"

	"unotify-bench/abi"
	"unotify-bench/internal/notify"
)

// order is what the worker tells the target first.
type order struct {
	Cell    Cell
	Size    int
	Dir     string
	Program []string
	Words   string // file for the last words of a program
}

// ready is the target's answer, with the listener's descriptor if there is
// one. The target then waits for an empty message.
type ready struct {
	NA, Err string
	TID     int
}

// done ends a workload. A program says nothing when it ends.
type done struct {
	Err             string
	Elapsed         int64 // of the machine's clock, which counts what the row's unit is
	Calls, Refused  int
	Tries, Breaches int
}

// errNA wraps the reason why a cell cannot exist on this machine.
type errNA struct{ reason string }

func (e errNA) Error() string { return e.reason }

func targetMain() {
	conn := notify.NewConn(notify.RoleFD)
	unix.CloseOnExec(notify.RoleFD)
	if err := beTarget(conn); err != nil && !errors.Is(err, notify.ErrPeerGone) {
		r := ready{Err: err.Error()}
		if na := (errNA{}); errors.As(err, &na) {
			r = ready{NA: na.reason}
		}
		_ = conn.Send(r, -1)
		os.Exit(1)
	}
	os.Exit(0)
}

func beTarget(conn *notify.Conn) error {
	if err := notify.LockThread(); err != nil {
		return err
	}
	debug.SetGCPercent(-1)
	var o order
	if _, err := conn.Recv(&o); err != nil {
		return err
	}
	m, w := findMechanism(o.Cell.Mech), Find(o.Cell.Workload)
	if m == nil || w == nil && len(o.Program) == 0 {
		return fmt.Errorf("no such cell: %s", o.Cell.Name())
	}
	t := &task{dir: o.Dir, size: o.Size}
	run := func() error { return execute(&o) }
	if len(o.Program) > 0 {
		if err := dress(&o); err != nil {
			return err
		}
	} else {
		var err error
		if run, err = w.prepare(t); err != nil {
			return err
		}
		if err := bindFirst(); err != nil {
			return err
		}
		// No signal of a child, nor of the runtime, comes between two calls.
		all := unix.Sigset_t{}
		for i := range all.Val {
			all.Val[i] = ^uint64(0)
		}
		if err := unix.PthreadSigmask(unix.SIG_SETMASK, &all, nil); err != nil {
			return fmt.Errorf("block all signals: %w", err)
		}
	}
	listener, err := m.arm(w != nil && w.log)
	if err != nil {
		return err
	}
	err = conn.Send(ready{TID: unix.Gettid()}, listener)
	if listener >= 0 {
		unix.Close(listener)
	}
	if err != nil {
		return err
	}
	if _, err := conn.Recv(&struct{}{}); err != nil {
		return err
	}
	begun := now()
	err = run()
	d := done{Elapsed: now() - begun, Calls: t.calls, Refused: t.refused, Tries: t.tries, Breaches: t.breaches}
	if err != nil {
		d.Err = err.Error()
	}
	return conn.Send(d, -1)
}

// now is the machine's clock, which counts instructions where whoever started
// the machine made it so.
func now() int64 {
	var ts unix.Timespec
	_ = unix.ClockGettime(unix.CLOCK_MONOTONIC, &ts)
	return ts.Nano()
}

// arm installs the filter on this thread, and returns the listener, or -1.
func (m *Mechanism) arm(log bool) (int, error) {
	// A program shall be the same with and without a filter.
	if err := unix.Prctl(unix.PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0); err != nil {
		return -1, fmt.Errorf("set no_new_privs: %w", err)
	}
	if m.verdict == 0 {
		return -1, nil
	}
	p, err := filter(m.verdict, log)
	if err != nil {
		return -1, err
	}
	flags := m.flags
	if m.listens() {
		flags |= abi.SECCOMP_FILTER_FLAG_NEW_LISTENER
	}
	if slices.Contains(m.needs, notify.FeatureRedirectFlag) {
		if err := needs(notify.Listener{}, notify.FeatureRedirectFlag); !errors.Is(err, notify.ErrUnclear) && err != nil {
			return -1, err
		}
	}
	fd, err := p.Install(flags)
	var e unix.Errno
	if errors.As(err, &e) {
		return -1, errNA{fmt.Sprintf("needs to install a seccomp filter: seccomp(2) fails with %s; in a container, allow seccomp(2)", unix.ErrnoName(e))}
	}
	return fd, err
}

// needs is the reason why a kernel cannot do what a mechanism needs: the first
// of fs that it has not.
func needs(l notify.Listener, fs ...notify.Feature) error {
	why, err := l.Lacks(fs...)
	if err == nil && why != "" {
		err = errNA{why}
	}
	return err
}

// dress gives the program its descriptors, before its policy is there.
func dress(o *order) error {
	null, err := unix.Open("/dev/null", unix.O_RDWR|unix.O_CLOEXEC, 0)
	if err != nil {
		return fmt.Errorf("open /dev/null for the program: %w", err)
	}
	words, err := unix.Open(o.Words, unix.O_WRONLY|unix.O_CREAT|unix.O_APPEND|unix.O_CLOEXEC, 0o600)
	if err != nil {
		return fmt.Errorf("open a file for what the program says: %w", err)
	}
	for to, from := range []int{null, null, words} {
		if err := unix.Dup3(from, to, 0); err != nil {
			return fmt.Errorf("give the program its descriptors: %w", err)
		}
	}
	return nil
}

// execute becomes the program. It returns if it cannot.
func execute(o *order) error {
	if err := unix.PthreadSigmask(unix.SIG_SETMASK, &unix.Sigset_t{}, nil); err != nil {
		return fmt.Errorf("unblock signals for the program: %w", err)
	}
	// Ours is there for us, see notify.Start.
	env := slices.DeleteFunc(os.Environ(), func(v string) bool { return strings.HasPrefix(v, "GODEBUG=") })
	err := syscall.Exec(o.Program[0], o.Program, env)
	return fmt.Errorf("execute %s: %w", o.Program[0], err)
}

// bindFirst binds the calling thread to the CPU that workloads and their
// supervisors share, which repeats best. A program runs where it likes.
func bindFirst() error {
	cpus, err := notify.AllowedCPUs()
	if err != nil {
		return err
	}
	return notify.BindCPU(cpus[0])
}

// supervise makes a worker fit for a supervisor's thread.
func supervise() error {
	runtime.GOMAXPROCS(4) // it keeps one while it waits
	debug.SetGCPercent(-1)
	return notify.InterruptBy(unix.SIGWINCH)
}

const pollEvery = 10 * time.Millisecond
