package suite

import (
	"encoding/binary"
	"fmt"
	"os"
	"runtime"
	"slices"

	"golang.org/x/sys/unix"

	"unotify-bench/abi"
	"unotify-bench/internal/notify"
)

// ways are the mechanisms that have the target make the approved call with
// memory of the supervisor's: buf stands behind argument 1.
var ways = []struct {
	name   string
	source string
	needs  []notify.Feature
	flags  uint
	do     func(c *caller, n abi.Notif, args [6]uint64, buf []byte) report
}{
	{"inject", srcInject, needsInject, 0, func(c *caller, n abi.Notif, args [6]uint64, buf []byte) report {
		i := injectReq(&n, 1, buf)
		i.Args = args
		i.Args[1] = 0
		return c.inject(i, buf)
	}},
	{"target-call", srcCall, needsCall, 0, func(c *caller, n abi.Notif, args [6]uint64, buf []byte) report {
		args[1] = addressOf(buf)
		ret := c.targetCall(n.ID, flagSend, int(n.Data.Nr), args, buf)
		r := c.report()
		if resultOf(r) != ret {
			c.t.Errorf("the call returned %d, ret is %d", resultOf(r), ret)
		}
		return r
	}},
	{"redirect", srcRedirect, needsPins, redirectFlag, func(c *caller, n abi.Notif, args [6]uint64, buf []byte) report {
		p := &pinned{caller: c, n: n, pin: c.t.newPin(len(buf))}
		p.at = p.install(p.pin)
		p.pin.Write(buf)
		r := p.toPin(1, len(buf))
		args[1] = p.at
		r.ArgsMask, r.Args = 63, args
		c.t.must(c.SendRedirect(&r), "SEND_REDIRECT")
		return c.report()
	}},
}

// effect is what the target's context makes of an approved call: via makes it.
type effect struct {
	name, doc string
	nr        int
	run       func(t *T, c *caller, via func(args [6]uint64, buf []byte) int64)
}

var effects = []effect{
	{"umask", "creates a file by the umask of the target", unix.SYS_OPENAT,
		func(t *T, c *caller, via func([6]uint64, []byte) int64) {
			c.do(unix.SYS_UMASK, 0o077)
			path := t.dir + "/new"
			if fd := via([6]uint64{atFDCWD, 0, unix.O_CREAT | unix.O_WRONLY, 0o666}, cstring(path)); fd < 0 {
				t.Fatalf("openat returned %d", fd)
			}
			st, err := os.Stat(path)
			t.ok(err, "look at the file")
			if got := st.Mode().Perm(); got != 0o600 {
				t.Errorf("the file has mode %v, want 0600", got)
			}
		}},
	{"cloexec", "gives the target a descriptor that O_CLOEXEC makes close-on-exec", unix.SYS_OPENAT,
		func(t *T, c *caller, via func([6]uint64, []byte) int64) {
			path := cstring(t.file("f", ""))
			for flag, want := range map[uint64]int64{0: 0, unix.O_CLOEXEC: unix.FD_CLOEXEC} {
				fd := via([6]uint64{atFDCWD, 0, flag}, path)
				if got := c.do(unix.SYS_FCNTL, uint64(fd), unix.F_GETFD); got != want {
					t.Errorf("with flags %#x the descriptor %d has flags %d, want %d", flag, fd, got, want)
				}
			}
		}},
	{"error", "returns the error of the call itself, such as EEXIST, ENOTDIR and ELOOP", unix.SYS_OPENAT,
		func(t *T, _ *caller, via func([6]uint64, []byte) int64) {
			path := t.file("f", "")
			t.ok(os.Symlink(path, t.dir+"/link"), "make a link")
			for _, e := range []struct {
				path  string
				flags uint64
				want  unix.Errno
			}{
				{path, unix.O_CREAT | unix.O_EXCL, unix.EEXIST},
				{path + "/below", 0, unix.ENOTDIR},
				{t.dir + "/link", unix.O_NOFOLLOW, unix.ELOOP},
			} {
				if got := via([6]uint64{atFDCWD, 0, e.flags}, cstring(e.path)); got != -int64(e.want) {
					t.Errorf("openat returned %d, want -%s", got, errName(e.want))
				}
			}
		}},
	{"bind", "binds the target's socket to the approved address", unix.SYS_BIND,
		func(t *T, c *caller, via func([6]uint64, []byte) int64) {
			fd := c.socket(unix.AF_UNIX, unix.SOCK_STREAM)
			path := t.dir + "/s"
			addr := append(binary.NativeEndian.AppendUint16(nil, unix.AF_UNIX), cstring(path)...)
			if got := via([6]uint64{fd, 0, uint64(len(addr))}, addr); got != 0 {
				t.Errorf("bind returned %d", got)
			}
			if st, err := os.Stat(path); err != nil || st.Mode()&os.ModeSocket == 0 {
				t.Errorf("there is no socket at the address: %v", err)
			}
		}},
	{"position", "writes at the position of the target's file, and moves it", unix.SYS_WRITE,
		func(t *T, c *caller, via func([6]uint64, []byte) int64) {
			path := t.file("f", "0123456789")
			o := call(unix.SYS_OPENAT, atFDCWD, 0, unix.O_RDWR) // is not trapped
			o.Data[1] = cstring(path)
			c.tell(o)
			fd := uint64(c.result())
			c.do(unix.SYS_LSEEK, fd, 3, 0)
			for _, text := range []string{"abc", "de"} {
				if got := via([6]uint64{fd, 0, uint64(len(text))}, []byte(text)); got != int64(len(text)) {
					t.Errorf("write returned %d, want %d", got, len(text))
				}
			}
			if got := c.do(unix.SYS_LSEEK, fd, 0, 1); got != 8 {
				t.Errorf("the position is %d, want 8", got)
			}
			if got := t.content(path); got != "012abcde89" {
				t.Errorf("the file holds %q, want %q", got, "012abcde89")
			}
		}},
}

var _ = later(effectChecks)

func effectChecks() struct{} {
	for _, w := range ways {
		for _, e := range slices.Concat(effects, contexts) {
			add(Check{ID: w.name + ".effect-" + e.name, Level: Must, Source: w.source + "; conformance.md, E", Needs: w.needs,
				Doc: fmt.Sprintf("%s %s, and leaves the caller its registers", w.name, e.doc),
				run: func(t *T) {
					c := t.notified(e.nr, w.flags)
					e.run(t, c, func(args [6]uint64, buf []byte) int64 {
						n := c.trap(order{Op: opCall, Nr: e.nr, Args: six(callerArg)})
						r := w.do(c, n, args, buf)
						runtime.KeepAlive(buf)
						t.preserved(w.name, &r.Call, substitutes{})
						return resultOf(r)
					})
				}})
		}
	}
	return struct{}{}
}
