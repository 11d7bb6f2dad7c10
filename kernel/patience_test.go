package kernel

import (
	"context"
	"errors"
	"os"
	"os/exec"
	"syscall"
	"testing"
	"time"
)

// TestPatience: an hour in which this process was stopped is not waited.
func TestPatience(t *testing.T) {
	var p patience
	if got := p.passed(); got != 0 {
		t.Errorf("%v have passed at the start", got)
	}
	p.last = p.last.Add(-time.Hour)
	if got := p.passed(); got != mostAtOnce {
		t.Errorf("%v have passed in an hour's stop, want %v", got, mostAtOnce)
	}
	ctx, cancel := withPatience(t.Context(), time.Millisecond)
	defer cancel()
	<-ctx.Done()
	if err := context.Cause(ctx); !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("the cause is %v", err)
	}
}

// TestStopped: a machine may be silent for as long as QEMU is stopped, and no longer.
func TestStopped(t *testing.T) {
	for _, tt := range []struct {
		name    string
		stopped bool
		want    error
	}{{"stopped", true, nil}, {"runs", false, ErrIdle}} {
		t.Run(tt.name, func(t *testing.T) {
			child := exec.Command("sleep", "infinity")
			if err := child.Start(); err != nil {
				t.Fatal(err)
			}
			defer func() { _ = child.Process.Kill(); _ = child.Wait() }()
			if tt.stopped {
				if err := child.Process.Signal(syscall.SIGSTOP); err != nil {
					t.Fatal(err)
				}
				for !childStopped() {
					time.Sleep(time.Millisecond) // until go test's own limit
				}
			}
			con, err := newConsole(defaultLimits.console, defaultLimits.log, "")
			if err != nil {
				t.Fatal(err)
			}
			defer con.sink.close()
			events, err := newSink("events", defaultLimits.channel)
			if err != nil {
				t.Fatal(err)
			}
			defer events.close()
			w := watch{m: &Machine{Arch: fakeArch, Idle: 1, lim: &defaultLimits}, con: con, events: events}
			ended := make(chan error, 2)
			end := func() { ended <- nil }
			if tt.stopped {
				time.AfterFunc(20*pollEvery, end) // it was looked at meanwhile, often
			}
			if why, _ := w.until(t.Context(), end, ended); !errors.Is(why, tt.want) {
				t.Errorf("it was ended as %v, want %v", why, tt.want)
			}
		})
	}
}

// TestParentIsGone: a QEMU that is started when its parent has ended already is none.
func TestParentIsGone(t *testing.T) {
	for _, tt := range []struct {
		parent int
		want   string
	}{{os.Getpid(), "started"}, {1, ""}} {
		argv := append(dieWithUs(tt.parent), "echo", "-n", "started")
		if len(argv) == 3 {
			t.Skip("no setpriv here")
		}
		out, _ := exec.Command(argv[0], argv[1:]...).Output()
		if string(out) != tt.want {
			t.Errorf("child of %d prints %q, want %q", tt.parent, out, tt.want)
		}
	}
}
