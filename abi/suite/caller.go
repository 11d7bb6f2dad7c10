package suite

import (
	"encoding/binary"
	"errors"
	"os"
	"unsafe"

	"golang.org/x/sys/unix"

	"unotify-bench/abi"
	"unotify-bench/asmstubs"
	"unotify-bench/internal/notify"
)

// caller is the supervisor's side of a target.
type caller struct {
	*notify.Process
	notify.Listener
	hello
	t *T
}

// start starts a target; files become its descriptors from firstFile on.
func (t *T) start(files ...*os.File) *caller {
	p, err := notify.Start(roleTarget, files...)
	t.ok(err, "start a target")
	c := &caller{Process: p, Listener: notify.Listener{FD: -1}, t: t}
	_, err = p.Conn.Recv(&c.hello)
	t.ok(err, "hear from the target")
	if c.Err != "" {
		t.Unclear("the target: %s", c.Err)
	}
	return c
}

// firstFile is the descriptor of start's first file in the target.
const firstFile = notify.RoleFD + 1

// page is where the supervisor may write in the target.
func (c *caller) page() uint64 { return c.Scratch + 6*uint64(os.Getpagesize()) }

// slot is where the target keeps the memory behind argument i.
func (c *caller) slot(i int) uint64 { return c.Scratch + uint64(i*os.Getpagesize()) }

// stack is where the stack of child i of opThread begins, going down.
func (c *caller) stack(i int) uint64 { return c.Stacks + uint64(i*os.Getpagesize()+stackTop) }

// did is what child i's own call returned, and whether it has.
func (c *caller) did(i int) (result int64, done bool) {
	b := c.peek(c.Stacks+uint64(i*os.Getpagesize()), 16)
	return int64(binary.NativeEndian.Uint64(b[8:])), b[0] != 0
}

// tell gives an order, and does not wait.
func (c *caller) tell(o order) { c.t.ok(c.Conn.Send(o, -1), "give the target an order") }

// report waits for what came of the last order.
func (c *caller) report() report {
	r, _ := c.reportFD()
	return r
}

func (c *caller) reportFD() (r report, fd int) {
	fd, err := c.Conn.Recv(&r)
	if errors.Is(err, notify.ErrPeerGone) {
		c.t.Fatalf("the target died: %v", c.Wait())
	}
	c.t.ok(err, "hear from the target")
	if r.Err != "" {
		c.t.Unclear("the target: %s", r.Err)
	}
	return r, fd
}

// ended is report for a call that was let go: to be trapped again would not do.
func (c *caller) ended() report {
	if spoke, notified := c.either(); !spoke && notified {
		c.t.Fatalf("the call does not end, it is trapped again: %+v", c.next())
	}
	return c.report()
}

// result waits for what the last call returned.
func (c *caller) result() int64 { return resultOf(c.report()) }

func resultOf(r report) int64 { return int64(r.Call.Out[asmstubs.ResultReg]) }

// do makes the target call, and waits.
func (c *caller) do(nr int, args ...uint64) int64 {
	c.tell(call(nr, args...))
	return c.result()
}

// call is an order to call, with what is not given left 0.
func call(nr int, args ...uint64) order {
	o := order{Op: opCall, Nr: nr}
	copy(o.Args[:], args)
	return o
}

// socket makes the target make a socket.
func (c *caller) socket(domain, kind uint64) uint64 {
	fd := c.do(unix.SYS_SOCKET, domain, kind)
	if fd < 0 {
		c.t.Unclear("the target cannot make a socket: %s", errName(unix.Errno(-fd)))
	}
	return uint64(fd)
}

// filter installs a filter, which must succeed.
func (c *caller) filter(s filterSpec) {
	fd, e := c.tryFilter(s)
	switch {
	case e == unix.EINVAL && s.Flags == abi.SECCOMP_FILTER_FLAG_NEW_LISTENER:
		c.t.Absent("SECCOMP_FILTER_FLAG_NEW_LISTENER")
	case e == unix.EPERM:
		c.t.Unclear("install a filter: EPERM: a container's own filter does that")
	}
	c.t.must(e, "install a filter")
	if fd >= 0 {
		c.FD = fd
	}
}

func (c *caller) tryFilter(s filterSpec) (fd int, e unix.Errno) {
	c.tell(order{Op: opInstall, Filter: s})
	r, fd := c.reportFD()
	if r.Errno == unix.ENOSYS {
		c.t.Absent("seccomp(2)")
	}
	return fd, r.Errno
}

// notified starts a target whose calls of nr are notified.
func (t *T) notified(nr int, flags uint, files ...*os.File) *caller {
	c := t.start(files...)
	c.filter(filterSpec{Nr: nr, Action: abi.SECCOMP_RET_USER_NOTIF, Flags: flags | abi.SECCOMP_FILTER_FLAG_NEW_LISTENER})
	return c
}

// next receives a notification, which must come.
func (c *caller) next() abi.Notif {
	var n abi.Notif
	if e := c.Next(&n, nil); e != 0 {
		c.t.Fatalf("receive a notification: %s", errName(e))
	}
	return n
}

// trap makes the target call and receives the notification.
func (c *caller) trap(o order) abi.Notif {
	c.tell(o)
	return c.next()
}

// send answers.
func (c *caller) send(r abi.NotifResp) unix.Errno { return c.Listener.Send(&r) }

// answer ends a notification with a value, which the target must get.
func (c *caller) answer(id uint64, val int64) {
	c.t.must(c.send(abi.NotifResp{ID: id, Val: val}), "SEND")
	if got := c.result(); got != val {
		c.t.Errorf("the call returned %d, the answer was %d", got, val)
	}
}

// resume lets the trapped call go on as it is.
func (c *caller) resume(id uint64) {
	c.t.must(c.send(abi.NotifResp{ID: id, Flags: abi.SECCOMP_USER_NOTIF_FLAG_CONTINUE}), "SEND with CONTINUE")
}

// pends wants the notification to be there still.
func (c *caller) pends(id uint64, after string) {
	if e := c.IDValid(&id); e != 0 {
		c.t.Fatalf("%s: the notification is over (%s), want that it is still pending", after, errName(e))
	}
}

// polled waits until the listener is readable, or has hung up.
func (c *caller) polled() int16 {
	fds := []unix.PollFd{{Fd: int32(c.FD), Events: unix.POLLIN | unix.POLLOUT}}
	for {
		_, err := unix.Poll(fds, -1)
		if err == unix.EINTR || err == nil && fds[0].Revents&(unix.POLLIN|unix.POLLHUP) == 0 {
			continue
		}
		c.t.ok(err, "poll the listener")
		return fds[0].Revents
	}
}

// raw makes an ioctl that has no method.
func (c *caller) raw(req uintptr, arg unsafe.Pointer) unix.Errno {
	_, _, e := unix.RawSyscall(unix.SYS_IOCTL, uintptr(c.FD), req, uintptr(arg))
	return e
}

// memory is the target's, to read and to write. Where nobody can, no check is
// to take that for what it looks for.
func (c *caller) memory() *notify.Mem {
	m := &notify.Mem{}
	m.Of(c.PID())
	if _, e := m.Read(c.Scratch, make([]byte, 1)); e == unix.ENOSYS || e == unix.EPERM {
		c.t.Unclear("read the target's memory: %s", errName(e))
	}
	return m
}

// peek reads the target's memory.
func (c *caller) peek(addr uint64, n int) []byte {
	b := make([]byte, n)
	if got, e := c.memory().Read(addr, b); e != 0 || got != n {
		c.t.Unclear("read %d bytes of the target's memory: %d, %s", n, got, errName(e))
	}
	return b
}

// gone wants that what an image held at an address is there no more, as another
// image has come. That one may have something else there: riscv64 places mappings
// by 18 bits of chance (ARCH_MMAP_RND_BITS_MIN), and has been seen to meet the old
// place.
func (c *caller) gone(what string, at uint64, held string) {
	b := make([]byte, len(held))
	n, e := c.memory().Read(at, b)
	if string(b[:n]) == held {
		c.t.Errorf("%s is still at %#x: %q", what, at, held)
	} else if e != 0 {
		c.t.errno("reading where "+what+" was", e, unix.EFAULT)
	}
}

// addressOf is where b lies; b must be kept alive by the caller of an ioctl.
func addressOf(b []byte) uint64 { return uint64(uintptr(unsafe.Pointer(unsafe.SliceData(b)))) }

// cstring is a path as the kernel wants it.
func cstring(s string) []byte { return append([]byte(s), 0) }

const atFDCWD = ^uint64(99) // -100, as a register has it
