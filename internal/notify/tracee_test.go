package notify

import (
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"syscall"
	"testing"

	"github.com/google/go-cmp/cmp"
	"golang.org/x/sys/unix"

	"unotify-bench/abi"
)

// elsewhere runs f on another thread than the caller's, which is locked: a
// child of the tracing thread would show up in its waits.
func elsewhere[T any](f func() T) T {
	got := make(chan T)
	go func() { got <- f() }()
	return <-got
}

// newTracer ties the test to its thread, which ends with the test. What is
// traced must be a child of another thread.
func newTracer(t *testing.T) *Tracer {
	t.Helper()
	runtime.LockOSThread()
	return new(Tracer)
}

// traceCaller starts a caller with a filter that says TRACE, and attaches.
func traceCaller(t *testing.T, tr *Tracer, nr int) *caller {
	t.Helper()
	c := elsewhere(func() *caller {
		return startCaller(t, armSpec{Nr: nr, Action: abi.SECCOMP_RET_TRACE})
	})
	if err := tr.Attach(c.TID); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { c.Kill(); tr.Release() })
	return c
}

// until passes stops until one of the wanted kind comes.
func (t *Tracer) until(tb testing.TB, want Stop, syscalls bool) Event {
	tb.Helper()
	var ev Event
	for {
		if e := t.Wait(-1, &ev); e != 0 {
			tb.Fatalf("wait for a stop: %v", e)
		}
		if ev.Stop == want {
			return ev
		}
		t.Pass(&ev, syscalls)
	}
}

// TestRewritePath points openat's path at another one.
func TestRewritePath(t *testing.T) {
	dir := t.TempDir()
	path := func(name string) []byte { return []byte(filepath.Join(dir, name)) }
	for _, name := range []string{"asked", "given"} {
		if err := os.WriteFile(string(path(name)), []byte("the "+name+" one"), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	tr := newTracer(t)
	c := traceCaller(t, tr, unix.SYS_OPENAT)
	at := int64(unix.AT_FDCWD)
	c.call(t, callSpec{
		Nr: unix.SYS_OPENAT, Args: [6]uint64{uint64(at), 0, unix.O_RDONLY, 0, 14, 15},
		Data: path("asked"), DataArg: 1,
	})
	ev := tr.until(t, StopSeccomp, false)
	if ev.TID != c.TID {
		t.Fatalf("thread %d stopped, the caller is %d", ev.TID, c.TID)
	}
	nr, args, e := tr.Syscall(ev.TID)
	if e != 0 || nr != unix.SYS_OPENAT {
		t.Fatalf("Syscall: number %d, %v", nr, e)
	}
	want := [6]uint64{uint64(at), c.Scratch - 4096, unix.O_RDONLY, 0, 14, 15}
	if d := cmp.Diff(want, *args); d != "" {
		t.Errorf("arguments (-want +got):\n%s", d)
	}
	if e := tr.GetRegs(ev.TID); e != 0 {
		t.Fatal(e)
	}
	for i := range want {
		if off, rewritable := ArgOffset(i); rewritable && tr.Reg(off) != want[i] {
			t.Errorf("argument %d in the register set is %#x, want %#x", i, tr.Reg(off), want[i])
		}
	}
	var m Mem
	m.Of(ev.TID)
	if got, e := m.ReadPath(want[1], make([]byte, 4096)); e != 0 || string(got) != string(path("asked")) {
		t.Errorf("the path is %q, %v", got, e)
	}
	if _, e := m.Write(c.Scratch, append(path("given"), 0)); e != 0 {
		t.Fatal(e)
	}
	off, rewritable := ArgOffset(1)
	if !rewritable {
		t.Fatal("ArgOffset says that argument 1 cannot be rewritten")
	}
	tr.SetReg(off, c.Scratch)
	if e := tr.SetRegs(ev.TID); e != 0 {
		t.Fatal(e)
	}
	tr.Pass(&ev, false)
	fd := c.result(t)
	if fd < 0 {
		t.Fatalf("openat returned %d", fd)
	}
	c.reads(t, int(fd), "the given one", 0)
}

// TestRewriteArg0: a tracer sees argument 0 everywhere; whether it can change
// it is as ArgOffset says. umask returns what the call before it was given.
func TestRewriteArg0(t *testing.T) {
	const asked, given = 0o123, 0o456
	tr := newTracer(t)
	c := traceCaller(t, tr, unix.SYS_UMASK)
	c.call(t, callSpec{Nr: unix.SYS_UMASK, Args: [6]uint64{asked}})
	ev := tr.until(t, StopSeccomp, false)
	if _, args, e := tr.Syscall(ev.TID); e != 0 || args[0] != asked {
		t.Errorf("Syscall says argument 0 is %#o, %v", args[0], e)
	}
	if e := tr.GetRegs(ev.TID); e != 0 {
		t.Fatal(e)
	}
	off, rewritable := ArgOffset(0)
	if rewritable && tr.Reg(off) != asked {
		t.Errorf("the register set says argument 0 is %#o", tr.Reg(off))
	}
	tr.SetReg(off, given)
	if e := tr.SetRegs(ev.TID); e != 0 {
		t.Fatal(e)
	}
	tr.Pass(&ev, false)
	c.result(t)
	c.call(t, callSpec{Nr: unix.SYS_UMASK})
	ev = tr.until(t, StopSeccomp, false)
	tr.Pass(&ev, false)
	want := int64(asked)
	if rewritable {
		want = given
	}
	if got := c.result(t); got != want {
		t.Errorf("the call got %#o, want %#o (rewritable: %v)", got, want, rewritable)
	}
}

// TestSyscallStops: entry and exit alternate, and the call is seen at entry.
func TestSyscallStops(t *testing.T) {
	tr := newTracer(t)
	c := traceCaller(t, tr, unix.SYS_UMASK)
	if e := tr.Interrupt(c.TID); e != 0 {
		t.Fatal(e)
	}
	ev := tr.until(t, StopGroup, true)
	tr.Pass(&ev, true)
	c.call(t, callSpec{Nr: unix.SYS_GETPPID, Args: testArgs, Times: 3})
	const entry, exit = 1, 2 // PTRACE_SYSCALL_INFO_*, <linux/ptrace.h>
	seen, stops := 0, 0
	for seen < 3 {
		ev := tr.until(t, StopSyscall, true)
		nr, args, e := tr.Syscall(ev.TID)
		if e != 0 {
			t.Fatal(e)
		}
		if want := uint8(entry + stops%2); tr.info.Op != want {
			t.Fatalf("stop %d: kind %d, want %d", stops, tr.info.Op, want)
		}
		stops++
		if tr.info.Op == entry && nr == unix.SYS_GETPPID {
			if *args != testArgs {
				t.Errorf("arguments %v, want %v", *args, testArgs)
			}
			tr.Pass(&ev, true)
			ev = tr.until(t, StopSyscall, true)
			stops++
			if r, _, e := tr.Syscall(ev.TID); e != 0 || tr.info.Op != exit || int64(r) != int64(os.Getpid()) {
				t.Errorf("after the entry came kind %d with %d, %v; want an exit with %d", tr.info.Op, r, e, os.Getpid())
			}
			seen++
		}
		tr.Pass(&ev, true)
	}
	// The target's last words are syscalls too.
	if e := tr.Interrupt(c.TID); e != 0 {
		t.Fatal(e)
	}
	ev = tr.until(t, StopGroup, false)
	tr.Pass(&ev, false)
	if got := c.result(t); got != int64(os.Getpid()) {
		t.Errorf("getppid returned %d, want %d", got, os.Getpid())
	}
}

// TestSignalsPass: a traced thread gets its signals, and a fatal one kills.
func TestSignalsPass(t *testing.T) {
	tr := newTracer(t)
	c := traceCaller(t, tr, unix.SYS_UMASK)
	// SIGCONT stops nothing and is ignored by default; the tracer sees it.
	for _, sig := range []unix.Signal{unix.SIGCONT, unix.SIGWINCH, unix.SIGTERM} {
		if err := unix.Tgkill(c.PID(), c.TID, sig); err != nil {
			t.Fatal(err)
		}
		ev := tr.until(t, StopSignal, false)
		if ev.Signal != sig {
			t.Fatalf("the thread stopped for %v, sent was %v", ev.Signal, sig)
		}
		tr.Pass(&ev, false)
	}
	tr.Release()
	checkKilled(t, elsewhere(c.Wait), unix.SIGTERM)
}

// checkKilled checks that a process ended by sig. The runtime raises SIGTERM
// again for itself, so the status is the same as without it.
func checkKilled(t *testing.T, err error, sig unix.Signal) {
	t.Helper()
	var exit *exec.ExitError
	if !errors.As(err, &exit) {
		t.Fatalf("the process ended with %v, want %v", err, sig)
	}
	if ws := exit.Sys().(syscall.WaitStatus); !ws.Signaled() || ws.Signal() != sig {
		t.Errorf("the process ended with %v, want %v", err, sig)
	}
}

// roleTracer attaches to the thread it is told and waits for its stops.
var roleTracer = role("tracer", func(conn *Conn) error {
	runtime.LockOSThread()
	var tid int
	if _, err := conn.Recv(&tid); err != nil {
		return err
	}
	tr := new(Tracer)
	if err := tr.Attach(tid); err != nil {
		return err
	}
	if err := conn.Send("attached", -1); err != nil {
		return err
	}
	for {
		var ev Event
		if e := tr.Wait(-1, &ev); e != 0 {
			return e
		}
		tr.Pass(&ev, false)
	}
})

// TestExitKill: what is traced does not outlive its tracer.
func TestExitKill(t *testing.T) {
	c := startCaller(t, armSpec{})
	tracer := start(t, roleTracer)
	if err := tracer.Conn.Send(c.TID, -1); err != nil {
		t.Fatal(err)
	}
	var ok string
	if _, err := tracer.Conn.Recv(&ok); err != nil {
		t.Fatal(err)
	}
	c.call(t, callSpec{Nr: unix.SYS_GETPPID})
	if got := c.result(t); got != int64(os.Getpid()) {
		t.Errorf("getppid returned %d while traced", got)
	}
	tracer.Kill()
	checkKilled(t, c.Wait(), unix.SIGKILL)
}

func TestAttachErrors(t *testing.T) {
	tr := newTracer(t)
	c := elsewhere(func() *caller { return startCaller(t, armSpec{}) })
	c.Kill()
	_ = elsewhere(c.Wait)
	if err := tr.Attach(c.TID); !errors.Is(err, unix.ESRCH) {
		t.Errorf("attach to a thread that is gone: %v, want ESRCH", err)
	}
	if n, err := tr.AttachPeers(c.PID(), c.TID); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("attach to the peers of a process that is gone: %d, %v, want not exist", n, err)
	}
	if _, _, e := tr.Syscall(c.TID); e != unix.ESRCH {
		t.Errorf("Syscall of a thread that is gone: %v, want ESRCH", e)
	}
	var ev Event
	if e := tr.Wait(-1, &ev); e != unix.ECHILD {
		t.Errorf("Wait without a tracee: %v, want ECHILD", e)
	}
}

// TestRelease: after it nothing is traced, and the parent can reap.
func TestRelease(t *testing.T) {
	tr := newTracer(t)
	c := traceCaller(t, tr, unix.SYS_UMASK)
	if _, err := tr.AttachPeers(c.PID(), c.TID); err != nil {
		t.Fatal(err)
	}
	c.call(t, callSpec{Nr: unix.SYS_UMASK})
	tr.until(t, StopSeccomp, false)
	c.Kill()
	tr.Release()
	var ev Event
	if e := tr.Wait(-1, &ev); e != unix.ECHILD {
		t.Errorf("Wait after Release: %v, want ECHILD", e)
	}
	checkKilled(t, elsewhere(c.Wait), unix.SIGKILL)
}
