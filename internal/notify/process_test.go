package notify

import (
	"errors"
	"io"
	"os"
	"strings"
	"testing"

	"golang.org/x/sys/unix"
)

// rolePlain ends with the status it is told, after it has said who it is.
var rolePlain = role("plain", func(conn *Conn) error {
	who := map[string]string{"role": Role(), "group": "other"}
	if unix.Getpgrp() == unix.Getpid() {
		who["group"] = "own"
	}
	// A file of Start comes behind the channel.
	b, err := io.ReadAll(os.NewFile(RoleFD+1, "given"))
	if err != nil {
		return err
	}
	who["file"] = string(b)
	who["godebug"] = os.Getenv("GODEBUG")
	if err := conn.Send(who, -1); err != nil {
		return err
	}
	var status int
	if _, err := conn.Recv(&status); err != nil {
		return err
	}
	os.Exit(status)
	return nil
})

func startPlain(t *testing.T) *Process {
	t.Helper()
	r, w, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	_, _ = w.WriteString("hello")
	w.Close()
	defer r.Close()
	p := start(t, rolePlain, r)
	var who map[string]string
	if _, err := p.Conn.Recv(&who); err != nil {
		t.Fatal(err)
	}
	want := map[string]string{"role": rolePlain, "group": "own", "file": "hello"}
	for k, v := range want {
		if who[k] != v {
			t.Errorf("the child's %s is %q, want %q", k, who[k], v)
		}
	}
	if !strings.Contains(who["godebug"], "asyncpreemptoff=1") {
		t.Errorf("the child's GODEBUG is %q", who["godebug"])
	}
	return p
}

func TestRole(t *testing.T) {
	if r := Role(); r != "" {
		t.Errorf("the test itself has the role %q", r)
	}
}

func TestProcess(t *testing.T) {
	for _, status := range []int{0, 3} {
		p := startPlain(t)
		if err := p.Conn.Send(status, -1); err != nil {
			t.Fatal(err)
		}
		err := p.Wait()
		if status == 0 && err != nil || status != 0 && (err == nil || err.Error() != "exit status 3") {
			t.Errorf("Wait for a child with status %d: %v", status, err)
		}
		if again := p.Wait(); !errors.Is(again, err) {
			t.Errorf("the second Wait says %v, the first %v", again, err)
		}
	}
}

// The child ends when its parent drops the channel.
func TestProcessLeftAlone(t *testing.T) {
	p := startPlain(t)
	if err := unix.Shutdown(p.Conn.FD(), unix.SHUT_RDWR); err != nil {
		t.Fatal(err)
	}
	if err := p.Wait(); err != nil {
		t.Errorf("Wait: %v, want nil: the child sees ErrPeerGone", err)
	}
}

func TestProcessKilled(t *testing.T) {
	p := startPlain(t)
	p.Kill()
	checkKilled(t, p.Wait(), unix.SIGKILL)
	if err := p.Conn.Send(1, -1); err == nil {
		t.Error("Send to a child that has been waited for: no error")
	}
}

func TestProcessDiesSilently(t *testing.T) {
	p := startPlain(t)
	p.Kill()
	var v int
	if _, err := p.Conn.Recv(&v); !errors.Is(err, ErrPeerGone) {
		t.Errorf("Recv: %v, want ErrPeerGone", err)
	}
}

func TestThread(t *testing.T) {
	type state struct {
		masked bool
		cpus   []int
		err    error
	}
	got := make(chan state)
	go func() {
		var s state
		defer func() { got <- s }()
		if s.err = LockThread(); s.err != nil {
			return
		}
		var set unix.Sigset_t
		s.err = unix.PthreadSigmask(unix.SIG_BLOCK, nil, &set)
		s.masked = set.Val[0]&(1<<(unix.SIGURG-1)) != 0
		all, err := AllowedCPUs()
		if err != nil {
			s.err = err
			return
		}
		last := all[len(all)-1]
		if s.err = BindCPU(-1); s.err != nil {
			return
		}
		if same, err := AllowedCPUs(); err != nil || len(same) != len(all) {
			s.err = errors.New("BindCPU(-1) changed the CPUs")
			return
		}
		if s.err = BindCPU(last); s.err != nil {
			return
		}
		s.cpus, s.err = AllowedCPUs()
		if s.err == nil && (len(s.cpus) != 1 || s.cpus[0] != last) {
			s.err = errors.New("Pin did not leave the one CPU")
		}
		if err := BindCPU(1000); !errors.Is(err, unix.EINVAL) {
			s.err = errors.New("Pin to a CPU that is not there is no EINVAL")
		}
	}()
	s := <-got
	if s.err != nil {
		t.Errorf("cpus %v: %v", s.cpus, s.err)
	}
	if !s.masked {
		t.Error("LockThread left SIGURG open")
	}
}

func TestFutex(t *testing.T) {
	var word uint32
	FutexWait(&word, 1) // returns at once: the value is another
	woken := make(chan struct{})
	go func() {
		FutexWait(&word, 0)
		close(woken)
	}()
	for {
		FutexWake(&word) // again until the waiter was there
		select {
		case <-woken:
			return
		default:
		}
	}
}

// roleParent starts a child that holds the writing end of a pipe.
var roleParent = role("parent", func(conn *Conn) error {
	p, err := Start(roleHolder, os.NewFile(RoleFD+1, "pipe"))
	if err != nil {
		return err
	}
	if err := conn.Send(p.PID(), -1); err != nil {
		return err
	}
	return p.Wait()
})

// Not select {}: a program in which nothing else is left to do is ended by Go's
// runtime, as a deadlock.
var roleHolder = role("holder", func(*Conn) error { return unix.Pause() })

// TestGrandchildren: who is killed takes with him what he started.
func TestGrandchildren(t *testing.T) {
	r, w, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	p := start(t, roleParent, w)
	w.Close()
	var pid int
	if _, err := p.Conn.Recv(&pid); err != nil {
		t.Fatal(err)
	}
	if err := unix.Kill(pid, 0); err != nil {
		t.Fatalf("the grandchild is not there: %v", err)
	}
	p.Kill()
	// The end of file comes when the last holder has gone.
	if n, err := r.Read(make([]byte, 1)); n != 0 || err != io.EOF {
		t.Errorf("read %d bytes, %v; want the end of the pipe", n, err)
	}
}
