package suite

import (
	"bytes"
	"encoding/binary"
	"os"

	"golang.org/x/sys/unix"

	"unotify-bench/abi"
)

var _ = add(
	Check{ID: "target-call.error-order", Level: Must, Source: srcCall + ", errors in order", Needs: needsCall,
		Doc: "of two errors at once the first in uapi.md's order is the one reported",
		run: func(t *T) {
			c := t.notified(unix.SYS_GETPPID, 0)
			n := c.trap(call(unix.SYS_GETPPID))
			for _, bad := range []struct {
				what string
				r    abi.NotifTargetCall
				want unix.Errno
			}{
				{"a reserved field and a syscall that cannot be called", abi.NotifTargetCall{Reserved: 1, Nr: unix.SYS_GETPPID}, unix.EINVAL},
				{"a flag and too large a buffer", abi.NotifTargetCall{Flags: 1 << 31, Nr: unix.SYS_WRITE, Args: [6]uint64{2, 1, kernelMax + 1}}, unix.EINVAL},
				{"a syscall that cannot be called, and too large a buffer", abi.NotifTargetCall{Nr: unix.SYS_PWRITE64, Args: [6]uint64{2, 1, kernelMax + 1}}, unix.EOPNOTSUPP},
				{"a number of more than 32 bits", abi.NotifTargetCall{Nr: 1<<32 | unix.SYS_WRITE}, unix.EOPNOTSUPP},
				{"too large a buffer to read into, and an unknown id", abi.NotifTargetCall{ID: 1000, Nr: unix.SYS_READ, Args: [6]uint64{0, 1, kernelMax + 1}}, unix.E2BIG},
				{"an unreadable path, and an unknown id", abi.NotifTargetCall{ID: 1000, Nr: unix.SYS_OPENAT, Args: [6]uint64{atFDCWD, 1}}, unix.EFAULT},
				{"memory for fstat that is not there", abi.NotifTargetCall{Nr: unix.SYS_FSTAT, Args: [6]uint64{2, 1}}, unix.EFAULT},
			} {
				bad.r.ID += n.ID
				t.errno(bad.what, c.TargetCall(&bad.r), bad.want)
				c.pends(n.ID, bad.what)
			}
			c.answer(n.ID, 1)
		}},
	Check{ID: "target-call.read-fault", Level: Must, Source: srcCall + ": unreadable buffer; read goes into the supervisor's", Needs: needsCall,
		Doc: "a read into memory of the supervisor's that is read-only is EFAULT before anything is read",
		run: func(t *T) {
			r, w, err := os.Pipe()
			t.ok(err, "make a pipe")
			_, err = w.WriteString("stays")
			t.ok(err, "fill it")
			mem, err := unix.Mmap(-1, 0, os.Getpagesize(), unix.PROT_READ, unix.MAP_PRIVATE|unix.MAP_ANONYMOUS)
			t.ok(err, "map memory")
			c := t.notified(unix.SYS_GETPPID, 0, r)
			n := c.trap(call(unix.SYS_GETPPID))
			bad := abi.NotifTargetCall{ID: n.ID, Nr: unix.SYS_READ, Args: [6]uint64{firstFile, addressOf(mem), 5}}
			t.errno("a read", c.TargetCall(&bad), unix.EFAULT)
			c.pends(n.ID, "EFAULT")
			buf := make([]byte, 8)
			if got := c.targetCall(n.ID, flagSend, unix.SYS_READ, [6]uint64{firstFile, addressOf(buf), 8}, buf); got != 5 || string(buf[:5]) != "stays" {
				t.Errorf("the next read gave %d, %q, want 5 bytes", got, buf)
			}
			c.report()
		}},
	Check{ID: "target-call.fstat", Level: Must, Source: srcCall + "; fstat(2)", Needs: needsCall,
		Doc: "fstat gives the supervisor, to the byte, what it gives the target",
		run: func(t *T) {
			f, err := os.Open(t.file("f", "some content\n"))
			t.ok(err, "open a file")
			r, _, _ := t.pipes()
			c := t.notified(unix.SYS_GETPPID, 0, f, t.listening(), r)
			const size = 256
			for fd := uint64(firstFile); fd < firstFile+3; fd++ {
				o := call(unix.SYS_FSTAT, fd)
				o.Data[1] = make([]byte, size)
				c.tell(o)
				if got := c.result(); got != 0 {
					t.Fatalf("fstat in the target returned %d", got)
				}
				want := c.peek(c.slot(1), size)
				n := c.trap(call(unix.SYS_GETPPID))
				got := make([]byte, size)
				if ret := c.targetCall(n.ID, flagSend, unix.SYS_FSTAT, [6]uint64{fd, addressOf(got)}, got); ret != 0 {
					t.Errorf("fstat gave %d", ret)
				}
				c.report()
				if !bytes.Equal(got, want) {
					t.Errorf("of descriptor %d fstat gave\n%x, the target gets\n%x", fd, got, want)
				}
			}
		}},
	Check{ID: "target-call.connect", Level: Must, Source: srcCall + ": connect", Needs: needsCall,
		Doc: "connect connects the target's socket to the approved address, and returns its own errors",
		run: func(t *T) {
			l := t.listening()
			c := t.notified(unix.SYS_CONNECT, 0)
			fd := c.socket(unix.AF_UNIX, unix.SOCK_STREAM)
			connect := func(fd uint64, path string) int64 {
				addr := append(binary.NativeEndian.AppendUint16(nil, unix.AF_UNIX), cstring(path)...)
				o := call(unix.SYS_CONNECT, fd, 0, uint64(len(addr)))
				o.Data[1] = append(binary.NativeEndian.AppendUint16(nil, unix.AF_UNIX), cstring("/not/there")...)
				n := c.trap(o)
				c.targetCall(n.ID, flagSend, unix.SYS_CONNECT, [6]uint64{fd, addressOf(addr), uint64(len(addr))}, addr)
				rep := c.report()
				t.preserved("connect", &rep.Call, substitutes{})
				return resultOf(rep)
			}
			for _, b := range []struct {
				fd   uint64
				path string
				want unix.Errno
			}{
				{999, t.dir + "/listening", unix.EBADF}, {2, t.dir + "/listening", unix.ENOTSOCK},
				{fd, t.dir + "/nobody", unix.ENOENT}, {fd, t.dir + "/listening", 0}, {fd, t.dir + "/listening", unix.EISCONN},
			} {
				if got := connect(b.fd, b.path); got != -int64(b.want) {
					t.Errorf("connect of descriptor %d to %s returned %d, want %s", b.fd, b.path, got, errName(b.want))
				}
			}
			o := call(unix.SYS_WRITE, fd, 0, 5)
			o.Data[1] = []byte("hello")
			c.tell(o)
			if got := c.result(); got != 5 {
				t.Fatalf("a write to the socket returned %d", got)
			}
			peer, _, err := unix.Accept4(int(l.Fd()), unix.SOCK_CLOEXEC)
			t.ok(err, "accept the connection")
			got := make([]byte, 8)
			if n, err := unix.Read(peer, got); n != 5 || string(got[:5]) != "hello" {
				t.Errorf("the peer reads %d bytes, %q (%v)", n, got, err)
			}
		}},
)
