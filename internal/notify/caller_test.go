package notify

import (
	"testing"
	"unsafe"

	"golang.org/x/sys/unix"

	"unotify-bench/abi"
)

// armSpec is how a caller prepares itself.
type armSpec struct {
	Nr         int // the call that the filter is about
	Action     uint32
	Flags      uint
	OpenSIGURG bool // Go's preemption signal is not blocked
}

// callSpec is a call that a caller makes, Times times. Data goes to memory of
// the caller, whose address becomes argument DataArg.
type callSpec struct {
	Nr      int
	Args    [6]uint64
	Data    []byte
	DataArg int
	Times   int // 0 means once
}

// callResult is what the last of them returned: a result or a negative errno.
type callResult struct{ R int64 }

type callerReady struct {
	TID     int
	Scratch uint64 // a page for the supervisor's use
	Err     string
}

// roleCaller is a process whose main thread has a filter and does as told.
var roleCaller = role("caller", func(conn *Conn) error {
	var spec armSpec
	if _, err := conn.Recv(&spec); err != nil {
		return err
	}
	if err := LockThread(); err != nil {
		return err
	}
	if spec.OpenSIGURG {
		if err := unix.PthreadSigmask(unix.SIG_SETMASK, &unix.Sigset_t{}, nil); err != nil {
			return err
		}
	}
	// A tracer that is not our parent needs our consent where Yama restricts
	// ptrace; elsewhere there is no such option, and none is needed.
	_ = unix.Prctl(unix.PR_SET_PTRACER, uintptr(^uint32(0)), 0, 0, 0)
	// One page for arguments, one for the supervisor, a hole.
	mem, err := unix.Mmap(-1, 0, 3*4096, unix.PROT_READ|unix.PROT_WRITE, unix.MAP_PRIVATE|unix.MAP_ANONYMOUS)
	if err != nil {
		return err
	}
	if err := unix.Mprotect(mem[2*4096:], unix.PROT_NONE); err != nil {
		return err
	}
	at := uint64(uintptr(unsafe.Pointer(&mem[0])))
	ready := callerReady{TID: unix.Gettid(), Scratch: at + 4096}
	listener := -1
	if spec.Action != 0 {
		p, err := FilterFor(spec.Nr, spec.Action)
		if err != nil {
			return err
		}
		if listener, err = p.Install(spec.Flags); err != nil {
			ready.Err = err.Error()
		}
	}
	if err := conn.Send(ready, listener); err != nil {
		return err
	}
	if listener >= 0 {
		unix.Close(listener)
	}
	for {
		var c callSpec
		if _, err := conn.Recv(&c); err != nil {
			return err
		}
		if c.Data != nil {
			copy(mem, append(c.Data, 0))
			c.Args[c.DataArg] = at
		}
		var res callResult
		for range max(c.Times, 1) {
			res.R = rawCall(c.Nr, c.Args)
		}
		if err := conn.Send(res, -1); err != nil {
			return err
		}
	}
})

func rawCall(nr int, a [6]uint64) int64 {
	r, _, e := unix.RawSyscall6(uintptr(nr), uintptr(a[0]), uintptr(a[1]), uintptr(a[2]), uintptr(a[3]), uintptr(a[4]), uintptr(a[5]))
	if e != 0 {
		return -int64(e)
	}
	return int64(r)
}

// caller is the test's side of a roleCaller.
type caller struct {
	*Process
	callerReady
	Listener
}

func startCaller(t *testing.T, spec armSpec) *caller {
	t.Helper()
	c := &caller{Process: start(t, roleCaller)}
	if err := c.Conn.Send(spec, -1); err != nil {
		t.Fatal(err)
	}
	fd, err := c.Conn.Recv(&c.callerReady)
	if err != nil {
		t.Fatal(err)
	}
	if c.Err != "" {
		t.Fatal(c.Err)
	}
	c.FD = fd
	if fd >= 0 {
		t.Cleanup(func() { unix.Close(fd) })
	}
	return c
}

// startNotified starts a caller whose getppid is notified.
func startNotified(t *testing.T) *caller {
	t.Helper()
	return startCaller(t, armSpec{Nr: unix.SYS_GETPPID, Action: abi.SECCOMP_RET_USER_NOTIF, Flags: abi.SECCOMP_FILTER_FLAG_NEW_LISTENER})
}

func (c *caller) call(t *testing.T, s callSpec) {
	t.Helper()
	if err := c.Conn.Send(s, -1); err != nil {
		t.Fatal(err)
	}
}

// getppid makes the caller call, with arguments that the notification shows.
func (c *caller) getppid(t *testing.T) {
	t.Helper()
	c.call(t, callSpec{Nr: unix.SYS_GETPPID, Args: testArgs})
}

var testArgs = [6]uint64{11, 12, 13, 14, 15, 16}

func (c *caller) result(t *testing.T) int64 {
	t.Helper()
	var r callResult
	if _, err := c.Conn.Recv(&r); err != nil {
		t.Fatal(err)
	}
	return r.R
}

// next receives a notification that must come.
func (c *caller) next(t *testing.T) abi.Notif {
	t.Helper()
	var n abi.Notif
	if e := c.Next(&n, nil); e != 0 {
		t.Fatalf("receive a notification: %v", e)
	}
	return n
}

// answer ends the notification with val and checks that the caller gets it.
func (c *caller) answer(t *testing.T, id uint64, val int64) {
	t.Helper()
	if e := c.Listener.Send(&abi.NotifResp{ID: id, Val: val}); e != 0 {
		t.Fatalf("answer: %v", e)
	}
	if got := c.result(t); got != val {
		t.Errorf("the call returned %d, the answer was %d", got, val)
	}
}

// pending waits until a notification can be received.
func (c *caller) pending(t *testing.T) {
	t.Helper()
	fds := []unix.PollFd{{Fd: int32(c.FD), Events: unix.POLLIN}}
	for {
		_, err := unix.Poll(fds, -1)
		if err == unix.EINTR {
			continue
		}
		if err != nil || fds[0].Revents&unix.POLLIN == 0 {
			t.Fatalf("poll the listener: %v, events %#x", err, fds[0].Revents)
		}
		return
	}
}

// traps waits until the caller traps, true, or sends a result.
func (c *caller) traps(t *testing.T) bool {
	t.Helper()
	fds := []unix.PollFd{{Fd: int32(c.FD), Events: unix.POLLIN}, {Fd: int32(c.Conn.FD()), Events: unix.POLLIN}}
	for {
		_, err := unix.Poll(fds, -1)
		if err == unix.EINTR {
			continue
		}
		if err != nil || fds[0].Revents&unix.POLLHUP != 0 {
			t.Fatalf("wait for the caller: %v, events %#x", err, fds[0].Revents)
		}
		return fds[1].Revents == 0
	}
}
