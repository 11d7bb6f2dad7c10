package workload

import (
	"encoding/binary"
	"fmt"
	"unsafe"

	"golang.org/x/sys/unix"
)

// serve is server and client at once: a socket is bound, listened on and
// connected to, and a few bytes go each way. Nobody has to wait for it: the
// kernel completes a connection before anybody accepts it.
var serve = &Workload{
	Name: "serve", Doc: "bind, connect, accept and talk, 256 times AF_UNIX and AF_INET; every eighth address is forbidden",
	prepare: func(t *task) (func() error, error) {
		if err := plant(t.open("sockets", "none"), 0, 0o600); err != nil {
			return nil, err
		}
		if err := plant(t.shut("sockets", "none"), 0, 0o600); err != nil {
			return nil, err
		}
		var unixAddrs [2][]byte
		for i, p := range []string{t.open("sockets", "s"), t.shut("sockets", "s")} {
			if len(p) > 107 { // sizeof(sun_path) less the NUL, linux/un.h
				return nil, fmt.Errorf("the path of %d bytes to a socket is too long: set TMPDIR to a shorter one", len(p))
			}
			unixAddrs[i] = append(binary.NativeEndian.AppendUint16(nil, unix.AF_UNIX), append([]byte(p), 0)...)
		}
		inetAddrs := [2][]byte{inetAddr(1), inetAddr(2)}
		n := t.scaled(256, 8)
		return func() error {
			for i := range n {
				at := 0
				if i%8 == 5 {
					at = 1
				}
				if err := t.exchange(unix.AF_UNIX, unixAddrs[at]); err != nil {
					return err
				}
				if err := t.exchange(unix.AF_INET, inetAddrs[at]); err != nil {
					return err
				}
			}
			return nil
		}, nil
	},
}

// inetAddr is a port that the kernel chooses, of 127.0.0.host.
func inetAddr(host byte) []byte {
	a := binary.NativeEndian.AppendUint16(nil, unix.AF_INET)
	return append(a, 0, 0, 127, 0, 0, host, 0, 0, 0, 0, 0, 0, 0, 0)
}

// exchange serves one client at addr.
func (t *task) exchange(family int, addr []byte) error {
	server, err := t.socket(family)
	if err != nil {
		return err
	}
	defer t.close(server)
	_, _, e := unix.RawSyscall(unix.SYS_BIND, uintptr(server), uintptr(unsafe.Pointer(&addr[0])), uintptr(len(addr)))
	if ok, err := t.counted(e, "bind a socket"); !ok {
		return err
	}
	if family == unix.AF_UNIX {
		defer unix.RawSyscall(unix.SYS_UNLINKAT, ^uintptr(99), uintptr(unsafe.Pointer(&addr[2])), 0)
	}
	if _, _, e := unix.RawSyscall(unix.SYS_LISTEN, uintptr(server), 4, 0); e != 0 {
		return fmt.Errorf("listen: %w", e)
	}
	if family == unix.AF_INET {
		addr = append([]byte(nil), addr...)
		size := uint32(len(addr))
		if _, _, e := unix.RawSyscall(unix.SYS_GETSOCKNAME, uintptr(server), uintptr(unsafe.Pointer(&addr[0])), uintptr(unsafe.Pointer(&size))); e != 0 {
			return fmt.Errorf("ask for the port: %w", e)
		}
	}
	return t.talk(server, family, addr)
}

// talk connects to server, which listens at addr.
func (t *task) talk(server, family int, addr []byte) error {
	client, err := t.socket(family)
	if err != nil {
		return err
	}
	defer t.close(client)
	_, _, e := unix.RawSyscall(unix.SYS_CONNECT, uintptr(client), uintptr(unsafe.Pointer(&addr[0])), uintptr(len(addr)))
	if ok, err := t.counted(e, "connect"); !ok {
		return err
	}
	peer, _, e := unix.RawSyscall6(unix.SYS_ACCEPT4, uintptr(server), 0, 0, unix.SOCK_CLOEXEC, 0, 0)
	if e != 0 {
		return fmt.Errorf("accept: %w", e)
	}
	defer t.close(int(peer))
	var word [16]byte
	for _, way := range [][2]uintptr{{uintptr(client), peer}, {peer, uintptr(client)}} {
		if _, _, e := unix.RawSyscall(unix.SYS_WRITE, way[0], uintptr(unsafe.Pointer(&word[0])), uintptr(len(word))); e != 0 {
			return fmt.Errorf("send: %w", e)
		}
		n, _, e := unix.RawSyscall(unix.SYS_READ, way[1], uintptr(unsafe.Pointer(&word[0])), uintptr(len(word)))
		if e != 0 || int(n) != len(word) {
			return fmt.Errorf("receive %d bytes: got %d, %w", len(word), n, e)
		}
		t.calls += 2
	}
	t.calls++
	return nil
}

func (t *task) socket(family int) (int, error) {
	t.calls++
	fd, _, e := unix.RawSyscall(unix.SYS_SOCKET, uintptr(family), unix.SOCK_STREAM|unix.SOCK_CLOEXEC, 0)
	if e != 0 {
		return -1, fmt.Errorf("make a socket: %w", e)
	}
	return int(fd), nil
}
