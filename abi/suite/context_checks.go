package suite

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"os"

	"golang.org/x/sys/unix"
)

// contexts are more of effects: what the target, and not the supervisor, may do,
// and what happens to it. Each makes the same call natively, by another number,
// where there is one that is not trapped: that tells what is right here.
var contexts = []effect{
	{"creds", "opens what the credentials of the target allow, which has given up root's", unix.SYS_OPENAT,
		func(t *T, c *caller, via func([6]uint64, []byte) int64) {
			t.ok(os.Chmod(t.dir, 0o755), "open the directory to all")
			secret, public := t.file("secret", "s"), t.file("public", "p")
			t.ok(os.Chmod(public, 0o644), "open a file to all")
			const nobody = 65534
			c.allowed("setresuid", c.do(unix.SYS_SETRESUID, nobody, nobody, nobody))
			for _, path := range []string{secret, public} {
				const rOK = 4
				control := c.doAt(unix.SYS_FACCESSAT, path, rOK)
				got := via([6]uint64{atFDCWD}, cstring(path))
				if got != control && (got < 0 || control != 0) {
					t.Errorf("openat of %s returned %d, and access %d", path, got, control)
				}
				if path == secret && control != -int64(unix.EACCES) {
					t.Unclear("access of a file of root's is %d, want -EACCES", control)
				}
			}
		}},
	{"nofile", "is EMFILE where the target's limit allows no further descriptor", unix.SYS_OPENAT,
		func(t *T, c *caller, via func([6]uint64, []byte) int64) {
			c.limit(unix.RLIMIT_NOFILE, 0)
			if got := via([6]uint64{atFDCWD}, cstring(t.dir)); got != -int64(unix.EMFILE) {
				t.Errorf("openat returned %d, want -EMFILE", got)
			}
		}},
	{"cwd", "takes a relative path from the target's working directory", unix.SYS_OPENAT,
		func(t *T, c *caller, via func([6]uint64, []byte) int64) {
			t.ok(os.Mkdir(t.dir+"/below", 0o700), "make a directory")
			t.file("below/relative", "below\n")
			t.file("relative", "here\n")
			if got := c.doPath(unix.SYS_CHDIR, t.dir+"/below"); got != 0 {
				t.Unclear("the target's chdir is %d", got)
			}
			c.opened(via([6]uint64{atFDCWD}, cstring("relative")), "below\n")
		}},
	{"chroot", "takes a path from the target's root directory", unix.SYS_OPENAT,
		func(t *T, c *caller, via func([6]uint64, []byte) int64) {
			t.file("inside", "inside\n")
			c.allowed("chroot", c.doPath(unix.SYS_CHROOT, t.dir))
			c.opened(via([6]uint64{atFDCWD}, cstring("/inside")), "inside\n")
			if got := via([6]uint64{atFDCWD}, cstring(t.dir+"/inside")); got != -int64(unix.ENOENT) {
				t.Errorf("openat of a path outside returned %d, want -ENOENT", got)
			}
		}},
	{"mount", "takes a path in the target's mount namespace", unix.SYS_OPENAT,
		func(t *T, c *caller, via func([6]uint64, []byte) int64) {
			for _, dir := range []string{"over", "under"} {
				t.ok(os.Mkdir(t.dir+"/"+dir, 0o700), "make a directory")
				t.file(dir+"/f", dir+"\n")
			}
			c.allowed("unshare", c.do(unix.SYS_UNSHARE, unix.CLONE_NEWNS))
			mount := func(from, to string, flags uint64) {
				o := call(unix.SYS_MOUNT, 0, 0, 0, flags)
				o.Data[0], o.Data[1] = cstring(from), cstring(to)
				c.tell(o)
				c.allowed("mount", c.result())
			}
			mount("none", "/", unix.MS_REC|unix.MS_PRIVATE)
			mount(t.dir+"/over", t.dir+"/under", unix.MS_BIND)
			c.opened(via([6]uint64{atFDCWD}, cstring(t.dir+"/under/f")), "over\n")
		}},
	{"empty-path", "is ENOENT of the empty path, and does not open the directory itself", unix.SYS_OPENAT,
		func(t *T, _ *caller, via func([6]uint64, []byte) int64) {
			if got := via([6]uint64{atFDCWD, 0, unix.O_DIRECTORY}, cstring("")); got != -int64(unix.ENOENT) {
				t.Errorf("openat returned %d, want -ENOENT", got)
			}
		}},
	{"append", "writes at the end of a file that was opened so, wherever its position is", unix.SYS_WRITE,
		func(t *T, c *caller, via func([6]uint64, []byte) int64) {
			path := t.file("f", "0123")
			fd := c.open(path, unix.O_RDWR|unix.O_APPEND)
			for _, text := range []string{"abc", "de"} {
				if got := via([6]uint64{fd, 0, uint64(len(text))}, []byte(text)); got != int64(len(text)) {
					t.Errorf("write returned %d, want %d", got, len(text))
				}
				c.do(unix.SYS_LSEEK, fd, 1, 0)
			}
			if got := t.content(path); got != "0123abcde" {
				t.Errorf("the file holds %q, want %q", got, "0123abcde")
			}
		}},
	{"nothing", "writes nothing where the length is 0, and returns 0", unix.SYS_WRITE,
		func(t *T, c *caller, via func([6]uint64, []byte) int64) {
			path := t.file("f", "0123")
			fd := c.open(path, unix.O_RDWR)
			if got := via([6]uint64{fd}, []byte("x")); got != 0 {
				t.Errorf("write returned %d, want 0", got)
			}
			if got := t.content(path); got != "0123" {
				t.Errorf("the file holds %q, want %q", got, "0123")
			}
		}},
	{"mode", "is EBADF of a descriptor of the target's that is not open for writing", unix.SYS_WRITE,
		func(t *T, c *caller, via func([6]uint64, []byte) int64) {
			fd := c.open(t.file("f", "0123"), unix.O_RDONLY)
			if got := via([6]uint64{fd, 0, 1}, []byte("x")); got != -int64(unix.EBADF) {
				t.Errorf("write returned %d, want -EBADF", got)
			}
		}},
	{"dev-null", "writes to a device as the target does, of which /dev/null has two ways", unix.SYS_WRITE,
		func(t *T, c *caller, via func([6]uint64, []byte) int64) {
			fd := c.open("/dev/null", unix.O_WRONLY)
			if got, control := via([6]uint64{fd, 0, 3}, []byte("abc")), c.writev(fd, 3); got != control {
				t.Errorf("write returned %d, and writev %d", got, control)
			}
		}},
	{"fsize", "stops at the target's limit on the size of a file, and raises SIGXFSZ in the target", unix.SYS_WRITE,
		func(t *T, c *caller, via func([6]uint64, []byte) int64) {
			c.block(unix.SIGXFSZ)
			fd := c.open(t.file("f", ""), unix.O_RDWR)
			c.limit(unix.RLIMIT_FSIZE, 4)
			c.raises(unix.SIGXFSZ, func() int64 { return c.writev(fd, 6) }, 4, false)
			c.raises(unix.SIGXFSZ, func() int64 { return c.writev(fd, 6) }, -int64(unix.EFBIG), true)
			c.do(unix.SYS_LSEEK, fd, 0, 0)
			write := func() int64 { return via([6]uint64{fd, 0, 6}, []byte("abcdef")) }
			c.raises(unix.SIGXFSZ, write, 4, false)
			c.raises(unix.SIGXFSZ, write, -int64(unix.EFBIG), true)
		}},
	{"sigpipe", "is EPIPE of a pipe that nobody reads, and raises SIGPIPE in the target", unix.SYS_WRITE,
		func(t *T, c *caller, via func([6]uint64, []byte) int64) {
			c.block(unix.SIGPIPE)
			o := call(unix.SYS_PIPE2)
			o.Data[0] = make([]byte, 8)
			c.tell(o)
			if got := c.result(); got != 0 {
				t.Unclear("the target's pipe2 is %d", got)
			}
			ends := c.peek(c.slot(0), 8)
			c.do(unix.SYS_CLOSE, uint64(binary.NativeEndian.Uint32(ends)))
			fd := uint64(binary.NativeEndian.Uint32(ends[4:]))
			c.raises(unix.SIGPIPE, func() int64 { return c.writev(fd, 3) }, -int64(unix.EPIPE), true)
			c.raises(unix.SIGPIPE, func() int64 { return via([6]uint64{fd, 0, 3}, []byte("abc")) }, -int64(unix.EPIPE), true)
		}},
	{"bind-errors", "returns bind's own errors: EBADF, ENOTSOCK, EADDRINUSE, and EINVAL of a length", unix.SYS_BIND,
		func(t *T, c *caller, via func([6]uint64, []byte) int64) {
			addr := append(binary.NativeEndian.AppendUint16(nil, unix.AF_UNIX), cstring(t.dir+"/s")...)
			first := c.socket(unix.AF_UNIX, unix.SOCK_STREAM)
			second := c.socket(unix.AF_UNIX, unix.SOCK_STREAM)
			long := append(addr, make([]byte, 200)...)
			for _, b := range []struct {
				fd   uint64
				addr []byte
				want unix.Errno
			}{
				{999, addr, unix.EBADF}, {2, addr, unix.ENOTSOCK}, {first, long, unix.EINVAL},
				{first, addr[:1], unix.EINVAL}, {first, addr, 0}, {second, addr, unix.EADDRINUSE},
			} {
				if got := via([6]uint64{b.fd, 0, uint64(len(b.addr))}, b.addr); got != -int64(b.want) {
					t.Errorf("bind of descriptor %d to %d bytes returned %d, want %s", b.fd, len(b.addr), got, errName(b.want))
				}
			}
		}},
	{"bind-inet", "binds the target's AF_INET socket to the approved port", unix.SYS_BIND,
		func(t *T, c *caller, via func([6]uint64, []byte) int64) {
			fd := c.socket(unix.AF_INET, unix.SOCK_DGRAM)
			// struct sockaddr_in: the kernel picks a port.
			addr := append(binary.NativeEndian.AppendUint16(nil, unix.AF_INET), make([]byte, 14)...)
			if got := via([6]uint64{fd, 0, uint64(len(addr))}, addr); got != 0 {
				t.Fatalf("bind returned %d", got)
			}
			o := call(unix.SYS_GETSOCKNAME, fd)
			o.Data[1], o.Data[2] = make([]byte, 16), []byte{16, 0, 0, 0}
			c.tell(o)
			if got := c.result(); got != 0 {
				t.Fatalf("getsockname returned %d", got)
			}
			if b := c.peek(c.slot(1), 4); bytes.Equal(b[2:], []byte{0, 0}) {
				t.Errorf("the socket has no port: %x", b)
			}
		}},
}

// allowed wants a call that only root can make to have worked: without, the
// check cannot tell.
func (c *caller) allowed(what string, got int64) {
	if got != 0 {
		c.t.Unclear("the target's %s is %d; this check has to run as root", what, got)
	}
}

// doPath makes the target call with a path as argument 0.
func (c *caller) doPath(nr int, path string) int64 {
	o := call(nr)
	o.Data[0] = cstring(path)
	c.tell(o)
	return c.result()
}

// doAt is doPath for a call that has the path behind a directory.
func (c *caller) doAt(nr int, path string, args ...uint64) int64 {
	o := call(nr, append([]uint64{atFDCWD, 0}, args...)...)
	o.Data[1] = cstring(path)
	c.tell(o)
	return c.result()
}

// open opens a file in the target, whose openat is not trapped.
func (c *caller) open(path string, flags uint64) uint64 {
	fd := c.doAt(unix.SYS_OPENAT, path, flags)
	if fd < 0 {
		c.t.Unclear("the target cannot open %s: %d", path, fd)
	}
	return uint64(fd)
}

// writev writes n bytes of zero.
func (c *caller) writev(fd uint64, n int) int64 {
	o := call(unix.SYS_WRITEV, fd, 0, 1)
	o.Data[1] = binary.NativeEndian.AppendUint64(binary.NativeEndian.AppendUint64(nil, c.slot(3)), uint64(n))
	o.Data[3] = make([]byte, n)
	o.Args[3] = 0
	c.tell(o)
	return c.result()
}

// limit sets a soft limit of the target.
func (c *caller) limit(resource int, n uint64) {
	var old unix.Rlimit
	c.t.ok(unix.Prlimit(c.PID(), resource, nil, &old), "ask for a limit of the target")
	c.t.ok(unix.Prlimit(c.PID(), resource, &unix.Rlimit{Cur: n, Max: old.Max}, nil), "set a limit of the target")
}

// block keeps a signal pending in the thread that calls, where it can be seen.
func (c *caller) block(sig unix.Signal) {
	o := call(unix.SYS_RT_SIGPROCMASK, 0, 0, 0, 8) // SIG_BLOCK
	o.Data[1] = sigset(sig)
	c.tell(o)
	if got := c.result(); got != 0 {
		c.t.Unclear("the target cannot block a signal: %d", got)
	}
}

func sigset(sig unix.Signal) []byte {
	return binary.NativeEndian.AppendUint64(nil, 1<<(sig-1))
}

// raises wants a call to return that, and to leave the signal pending, or
// not. It takes the signal away.
func (c *caller) raises(sig unix.Signal, act func() int64, want int64, raised bool) {
	got := act()
	b, err := os.ReadFile(fmt.Sprintf("/proc/%d/task/%d/status", c.PID(), c.TID))
	c.t.ok(err, "see which signals are pending")
	_, after, _ := bytes.Cut(b, []byte("SigPnd:\t"))
	var pending uint64
	_, err = fmt.Sscanf(string(after), "%x", &pending)
	c.t.ok(err, "see which signals are pending")
	if is := pending>>(sig-1)&1 != 0; got != want || is != raised {
		c.t.Errorf("the call returned %d, and %v is pending: %v; want %d, %v", got, sig, is, want, raised)
	}
	o := call(unix.SYS_RT_SIGTIMEDWAIT, 0, 0, 0, 8)
	o.Data[0], o.Data[2] = sigset(sig), make([]byte, 16)
	c.tell(o)
	c.result()
}
