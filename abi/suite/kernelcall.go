package suite

import (
	"runtime"

	"golang.org/x/sys/unix"

	"unotify-bench/abi"
)

// injectReq is an INJECT of the trapped call with buf behind argument arg.
func injectReq(n *abi.Notif, arg int, buf []byte) abi.NotifInject {
	i := abi.NotifInject{
		ID: n.ID, Nr: uint64(n.Data.Nr), Args: n.Data.Args,
		Buf: addressOf(buf), BufSize: uint32(len(buf)), ArgsInBufMask: 1 << arg,
	}
	i.Args[arg] = 0
	return i
}

// inject attaches and commits a substitute, and returns what the call gave.
func (c *caller) inject(i abi.NotifInject, buf []byte) report {
	c.t.must(c.Inject(&i), "INJECT")
	runtime.KeepAlive(buf)
	c.t.must(c.send(abi.NotifResp{ID: i.ID, Flags: abi.SECCOMP_USER_NOTIF_FLAG_INJECTED}), "SEND with INJECTED")
	return c.report()
}

// targetCall runs a call in the target.
func (c *caller) targetCall(id uint64, flags uint32, nr int, args [6]uint64, buf []byte) int64 {
	r := abi.NotifTargetCall{ID: id, Flags: flags, Nr: uint64(nr), Args: args}
	c.t.must(c.TargetCall(&r), "TARGET_CALL")
	runtime.KeepAlive(buf)
	return r.Ret
}

// wrongOpen is an openat of what is not there; the file approved in its place
// has content. Both paths are in the same directory.
func (t *T) wrongOpen() (o order, path []byte, content string) {
	content = "approved\n"
	path = cstring(t.file("approved", content))
	o = call(unix.SYS_OPENAT, atFDCWD, 0, unix.O_RDONLY)
	o.Args[3], o.Args[4], o.Args[5] = 0, callerArg(4), callerArg(5)
	o.Data[1] = cstring(t.dir + "/not-there")
	return o, path, content
}

// opened wants the call to have opened the file with this content.
func (c *caller) opened(fd int64, content string) {
	if fd < 0 {
		c.t.Fatalf("the call returned %s, want a descriptor", errName(unix.Errno(-fd)))
	}
	o := call(unix.SYS_READ, uint64(fd))
	o.Data[1], o.Args[2] = make([]byte, len(content)+1), uint64(len(content)+1)
	c.tell(o)
	if n := c.result(); n != int64(len(content)) {
		c.t.Fatalf("reading what was opened gives %d, want %d bytes", n, len(content))
	}
	if got := string(c.peek(c.slot(1), len(content))); got != content {
		c.t.Errorf("what was opened holds %q, want %q", got, content)
	}
	c.do(unix.SYS_CLOSE, uint64(fd))
}
