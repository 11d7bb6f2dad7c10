package suite

import (
	"strings"
	"testing"

	"golang.org/x/sys/unix"

	"unotify-bench/asmstubs"
)

// TestFloated: each register that changes is named, among those it belongs to.
func TestFloated(t *testing.T) {
	var r report
	asmstubs.FPValues(&r.Float[0])
	r.Float[1] = r.Float[0]
	for _, reg := range asmstubs.FPRegs() {
		for _, thread := range []bool{false, true} {
			if got := floated(&r, thread); got != "" {
				t.Fatalf("of a call that changes nothing: %s", got)
			}
			r.Float[1][reg.Word] ^= reg.Mask
			if got := floated(&r, thread); strings.HasPrefix(got, reg.Name+" was ") != (thread == reg.Thread) {
				t.Errorf("%s changes: %q", reg.Name, got)
			}
			r.Float[1][reg.Word] ^= reg.Mask
		}
	}
}

// TestChildren: who shares the target's memory finds its registers as the
// target does, on the stack it was given, and each reports for itself.
func TestChildren(t *testing.T) {
	r := (&T{dir: t.TempDir()}).perform(&Check{run: func(t *T) {
		c := t.start()
		defer func() { c.Kill(); _ = c.Wait() }() // a check's own process ends
		for i, flags := range []uint64{asThread, uint64(unix.CLONE_VM | unix.SIGCHLD), uint64(unix.CLONE_VM | unix.CLONE_VFORK | unix.SIGCHLD)} {
			o := c.threading(i, flags)
			o.Args[5] = callerArg(5)
			o.Then[0] = unix.SYS_GETPID
			c.tell(o)
			r := c.report()
			t.childKeeps("clone", r, substitutes{})
			if got := r.Child.Out[spReg]; got != c.stack(i) || r.Call.Out[spReg] == got {
				t.Errorf("the child's stack pointer is %#x, want %#x; its parent's %#x", got, c.stack(i), r.Call.Out[spReg])
			}
			// A change of the child's is seen.
			r.Child.Out[asmstubs.ArgRegs[5]] ^= 1
			if changes(&r.Child, substitutes{}) == "" {
				t.Errorf("a change in the child is not seen")
			}
			want := int64(c.PID())
			if flags&unix.CLONE_THREAD == 0 {
				want = resultOf(r)
			}
			if got, done := c.did(i); got != want || !done {
				t.Errorf("the child's getpid returned %d (%v), want %d", got, done, want)
			}
		}
	}})
	if r.Outcome != Held {
		t.Errorf("%+v", r)
	}
}
