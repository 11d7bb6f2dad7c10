package notify

import (
	"errors"
	"fmt"
	"os"
	"os/exec"
	"strings"
	"sync"
	"syscall"

	"golang.org/x/sys/unix"
)

// rolePrefix marks argv[0] of a process that this program started again.
// A role travels in argv[0] so that it needs neither an environment variable
// nor a subcommand, and shows in ps.
const rolePrefix = "unotify-bench:"

// Role returns the role this process was started in by Start, "" for none.
// main, and TestMain of a package that uses Start, ask it first.
func Role() string {
	role, ok := strings.CutPrefix(os.Args[0], rolePrefix)
	if !ok {
		return ""
	}
	return role
}

// RoleArg is argv[0] of this program in a role, for a process in a role that
// executes it once more: its control channel stays open.
func RoleArg(role string) string { return rolePrefix + role }

// RoleFD is the descriptor of the control channel in a process with a role;
// the descriptors in Start's files follow it.
const RoleFD = 3

// Process is this program, running once more in a role.
type Process struct {
	Conn *Conn // to the other end's NewConn(RoleFD)

	cmd    *exec.Cmd
	leads  bool // its process group
	waited sync.Once
	err    error
	done   chan struct{}
}

// Start runs this program in the given role, with a control channel as
// RoleFD and files after it. It leads a process group of its own, so that a
// Ctrl-C reaches only the parent, which then ends it in order; what it starts
// itself stays in that group, and ends with it. When the parent dies instead,
// the control channel closes and the child sees ErrPeerGone.
// (PR_SET_PDEATHSIG would follow the parent's thread, not the process.)
func Start(role string, files ...*os.File) (*Process, error) {
	here, there, err := Pair()
	if err != nil {
		return nil, err
	}
	theirs := os.NewFile(uintptr(there.fd), "control")
	defer theirs.Close()
	cmd := exec.Command("/proc/self/exe")
	cmd.Args = []string{rolePrefix + role}
	cmd.ExtraFiles = append([]*os.File{theirs}, files...)
	cmd.Stderr = os.Stderr
	cmd.Stdout = os.Stderr
	// The runtime's preemption signal must not come between two measured
	// calls, and it shall not open files of cgroups when it likes.
	cmd.Env = append(os.Environ(), "GODEBUG=asyncpreemptoff=1,containermaxprocs=0,updatemaxprocs=0")
	leads := Role() == ""
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: leads}
	if err := cmd.Start(); err != nil {
		here.Close()
		return nil, fmt.Errorf("start %s process: %w", role, err)
	}
	return &Process{Conn: here, cmd: cmd, leads: leads, done: make(chan struct{})}, nil
}

// PID is the process id.
func (p *Process) PID() int { return p.cmd.Process.Pid }

// Kill ends the process and, if it leads its group, what it started; Wait
// still has to be called, and may have been.
func (p *Process) Kill() {
	select {
	case <-p.done:
		return // the number can belong to somebody else by now
	default:
	}
	if p.leads {
		_ = unix.Kill(-p.PID(), unix.SIGKILL)
	}
	_ = p.cmd.Process.Kill()
}

// Wait returns once the process has ended, with nil for exit status 0. It
// may be called several times and from several goroutines. A process that a
// tracer has reaped counts as ended well.
func (p *Process) Wait() error {
	p.waited.Do(func() {
		err := p.cmd.Wait()
		if errors.Is(err, unix.ECHILD) {
			err = nil
		}
		p.err = err
		p.Conn.Close()
		close(p.done)
	})
	<-p.done
	return p.err
}
