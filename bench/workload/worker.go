package workload

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"sync/atomic"
	"time"

	"golang.org/x/sys/unix"

	"unotify-bench/internal/notify"
)

const (
	roleWorker = "workload-worker"
	roleTarget = "workload-target"
)

// Main takes over a process that Run or a worker started; in any other it
// returns at once. Call it first thing in main.
func Main() {
	switch notify.Role() {
	case roleWorker:
		workerMain()
		os.Exit(0)
	case roleTarget:
		targetMain()
	}
}

// job is what a worker is told.
type job struct {
	Cell   Cell
	Config Config
}

func workerMain() {
	conn := notify.NewConn(notify.RoleFD)
	unix.CloseOnExec(notify.RoleFD)
	var j job
	if _, err := conn.Recv(&j); err != nil {
		return
	}
	row := Row{Cell: j.Cell, Unit: j.Config.Unit}
	ended := make(chan error)
	// The supervisor's thread is never unlocked: it ends with the goroutine.
	go func() {
		err := supervise()
		if err == nil {
			err = notify.LockThread()
		}
		if err == nil {
			err = j.measure(&row)
		}
		ended <- err
	}()
	err := <-ended
	if na := (errNA{}); errors.As(err, &na) {
		row.NA = na.reason
	} else if err != nil {
		row.Err = err.Error()
	}
	_ = conn.Send(row, -1)
}

// startTarget starts it from another thread: as a child of this one it would
// show up in the tracer's wait, which then reaped it.
func startTarget() (p *notify.Process, err error) {
	started := make(chan struct{})
	go func() {
		p, err = notify.Start(roleTarget)
		close(started)
	}()
	<-started
	return p, err
}

// measure runs a cell once, on a locked thread.
func (j *job) measure(row *Row) error {
	m, w := findMechanism(j.Cell.Mech), Find(j.Cell.Workload)
	if m == nil {
		return fmt.Errorf("no mechanism is called %q", j.Cell.Mech)
	}
	if w != nil && w.attacks && !m.decides() {
		return errNA{"there is no policy that could be attacked"}
	}
	p := j.Config.Policy
	if len(j.Config.Program) == 0 {
		p = policy(j.Config.Dir)
	}
	rules, err := p.compile()
	if err != nil {
		return err
	}
	rules.line = []byte(secret)
	s := &session{job: j, m: m, judge: newJudge(rules), tid: unix.Gettid(), over: make(chan struct{})}
	if s.target, err = startTarget(); err != nil {
		return err
	}
	defer func() {
		s.target.Kill()
		_ = s.target.Wait()
	}()
	if err := s.begin(); err != nil {
		return err
	}
	defer s.close()
	if len(j.Config.Program) == 0 {
		if err := bindFirst(); err != nil {
			return err
		}
	}
	if err := s.run(); err != nil {
		return err
	}
	return s.report(row)
}

// session is one run of a cell.
type session struct {
	*job
	*judge
	m      *Mechanism
	target *notify.Process
	tid    int // of the supervisor

	listener *listener
	tracer   *tracer
	stop     uint32
	over     chan struct{} // nobody serves any more

	begun, ended int64
	done         done
	exit         error
	expired      atomic.Bool
}

func (s *session) words() string { return filepath.Join(s.Config.Dir, "words") }

// begin readies target and supervisor.
func (s *session) begin() error {
	o := order{Cell: s.Cell, Size: s.Config.Size, Dir: s.Config.Dir, Program: s.Config.Program, Words: s.words()}
	if err := s.target.Conn.Send(o, -1); err != nil {
		return fmt.Errorf("talk to the target: %w", err)
	}
	var r ready
	fd, err := s.target.Conn.Recv(&r)
	switch {
	case err != nil:
		return fmt.Errorf("hear from the target: %w", err)
	case r.NA != "":
		return errNA{r.NA}
	case r.Err != "":
		return fmt.Errorf("target: %s", r.Err)
	case s.m.listens() != (fd >= 0):
		return errors.New("the target sent no listener, or one too many")
	}
	switch {
	case s.m.traced:
		s.tracer = &tracer{judge: s.judge, freezes: s.m.freezes}
		if err := s.tracer.attach(s.target.PID(), r.TID); err != nil {
			s.target.Kill()
			s.tracer.Release()
			return needsPtrace(err)
		}
	case s.m.listens():
		s.listener = &listener{Listener: notify.Listener{FD: fd}, judge: s.judge, m: s.m}
		if err := needs(s.listener.Listener, s.m.needs...); err != nil {
			return err
		}
		// The wake-up that a supervisor who cares would use, since 6.6.
		_ = s.listener.SetFlags(1)
		if s.m.flags != 0 {
			if s.listener.pins, err = newPins(); err != nil {
				return err
			}
		}
	}
	return nil
}

func (s *session) close() {
	if l := s.listener; l != nil {
		unix.Close(l.FD)
		if l.pins != nil {
			l.pins.pin.Close()
		}
	}
}

// run lets the target go, and serves until it has ended.
func (s *session) run() error {
	watchdog := time.AfterFunc(s.Config.Limit, func() {
		s.expired.Store(true)
		s.target.Kill()
		if s.tracer != nil {
			s.tracer.kill()
		}
	})
	defer watchdog.Stop()
	s.begun = now()
	if err := s.target.Conn.Send(struct{}{}, -1); err != nil {
		return fmt.Errorf("talk to the target: %w", err)
	}
	heard := make(chan struct{})
	go func() {
		defer close(heard)
		// A program that is executed closes the channel.
		if _, err := s.target.Conn.Recv(&s.done); err != nil && (len(s.Config.Program) == 0 || !errors.Is(err, notify.ErrPeerGone)) {
			s.done.Err = fmt.Sprintf("hear the end from the target: %v", err)
		}
		// A wait for a tracee, by whichever thread, takes stops away from its
		// tracer (wait_task_stopped in kernel/exit.c).
		if s.tracer == nil {
			s.exit = s.target.Wait()
			s.ended = now()
			atomic.StoreUint32(&s.stop, 1)
			s.interrupt()
		}
	}()
	err := s.serve()
	close(s.over)
	if err != nil {
		s.target.Kill()
	}
	if t := s.tracer; t != nil {
		t.kill()
		t.Release()
		s.ended = t.ended
	}
	<-heard
	if s.tracer != nil {
		s.exit = s.target.Wait()
	}
	if s.expired.Load() {
		return fmt.Errorf("not done after %v: it was killed", s.Config.Limit)
	}
	return err
}

// interrupt makes the supervisor end who still serves children that the target
// has left behind. They are killed by who started this worker.
func (s *session) interrupt() {
	for {
		_ = unix.Tgkill(os.Getpid(), s.tid, unix.SIGWINCH)
		select {
		case <-s.over:
			return
		case <-time.After(pollEvery):
		}
	}
}

func (s *session) serve() error {
	switch {
	case s.listener != nil:
		return s.listener.serve(&s.stop)
	case s.tracer != nil:
		return s.tracer.serve()
	}
	return nil
}

// needsPtrace turns a refusal to trace into the reason why a cell cannot exist.
func needsPtrace(err error) error {
	if !errors.Is(err, unix.EPERM) {
		return err
	}
	return errNA{"needs ptrace access to the target: " + err.Error() + "; see kernel.yama.ptrace_scope, and in a container allow ptrace(2)"}
}
