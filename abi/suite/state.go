package suite

import (
	"bytes"
	"fmt"
	"os"
	"time"

	"golang.org/x/sys/unix"

	"unotify-bench/internal/notify"
)

// becomes waits until a thread is in a state: this is what checks wait for, not
// a time. The deadline of the check bounds it.
func (t *T) becomes(tid int, want byte) {
	for {
		switch notify.ThreadState(tid) {
		case want:
			return
		case 0:
			t.Fatalf("the target has gone, where it was to be in state %c", want)
		}
		time.Sleep(time.Millisecond)
	}
}

// sleeps waits until the target's thread blocks in the call that it was let go
// on with. A waker marks the sleeper runnable before its ioctl returns, so
// that this cannot be the sleep it was woken from.
func (c *caller) sleeps() { c.t.becomes(c.TID, 'S') }

// signal sends a signal to the thread that calls.
func (c *caller) signal(sig unix.Signal) {
	c.t.ok(unix.Tgkill(c.PID(), c.TID, sig), "send a signal")
}

// sleepsIn waits until the thread that calls sleeps in a syscall of its own
// accord, where no ioctl tells when it has begun.
func (c *caller) sleepsIn(nr int) { c.t.waitsIn(c.TID, nr) }

// waitsIn waits until a thread sleeps in a syscall.
func (t *T) waitsIn(tid, nr int) {
	for {
		b, err := os.ReadFile(fmt.Sprintf("/proc/%d/syscall", tid))
		t.ok(err, "see which call a thread is in")
		if bytes.HasPrefix(b, fmt.Appendf(nil, "%d ", nr)) && notify.ThreadState(tid) == 'S' {
			return
		}
		time.Sleep(time.Millisecond)
	}
}
