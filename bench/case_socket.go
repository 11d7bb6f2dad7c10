package bench

import (
	"errors"
	"fmt"
	"path/filepath"
	"unsafe"

	"golang.org/x/sys/unix"

	"unotify-bench/asmstubs"
)

func init() {
	for _, family := range []string{"inet", "unix"} {
		registerCase(&Case{
			Syscall: "bind", Addr: family, Doc: "bind a new socket to an AF_" + family + " address",
			Pointer: 1, Size: SizeArg2,
			prepare: func(s *scene) (*script, error) { return prepareSocket(s, "bind", family) },
		})
		registerCase(&Case{
			Syscall: "connect", Addr: family, Doc: "connect a new datagram socket to an AF_" + family + " address",
			Pointer: 1, Size: SizeArg2,
			prepare: func(s *scene) (*script, error) { return prepareSocket(s, "connect", family) },
		})
	}
}

// prepareSocket makes a datagram socket for every call, since a socket can be
// bound once, and closes it again. Datagram sockets need nobody to accept.
// That the right address was used shows afterwards: a bound AF_UNIX socket
// has a file, which unlinkat removes; an AF_INET port answers getsockname or
// getpeername, whose result is compared at the end of each stretch.
func prepareSocket(s *scene, call, family string) (*script, error) {
	fd, err := nextFD()
	if err != nil {
		return nil, err
	}
	domain := uint64(unix.AF_UNIX)
	sockaddr, err := sockaddrUnix(filepath.Join(s.dir, "s"))
	if err != nil {
		return nil, err
	}
	if family == "inet" {
		domain = unix.AF_INET
		port, err := freePort()
		if err != nil {
			return nil, err
		}
		sockaddr = sockaddrInet(port)
	}
	if call == "connect" {
		// Somebody must be there; it keeps its descriptor above ours.
		peer, err := listenAt(domain, sockaddr)
		if err != nil {
			return nil, err
		}
		if uint64(peer) == fd {
			if fd, err = nextFD(); err != nil {
				return nil, err
			}
		}
	}
	addr, mem := s.put(sockaddr)
	sc := &script{
		before: []asmstubs.Step{step("socket", fd, domain, unix.SOCK_DGRAM|unix.SOCK_CLOEXEC, 0)},
		call:   step(call, 0, fd, addr, uint64(len(sockaddr))),
		memory: mem,
	}
	name := "getsockname"
	if call == "connect" {
		name = "getpeername"
	}
	nameAt, nameMem := s.put(make([]byte, 128))
	lenAt, lenMem := s.put(make([]byte, 8))
	size := (*uint32)(unsafe.Pointer(&lenMem[0]))
	sc.after = append(sc.after, step(name, 0, fd, nameAt, lenAt), step("close", 0, fd))
	if call == "bind" && family == "unix" {
		at := int64(unix.AT_FDCWD)
		path, _ := s.put(append([]byte(filepath.Join(s.dir, "s")), 0))
		sc.after = append(sc.after, step("unlinkat", 0, uint64(at), path, 0))
	}
	sc.reset = func() error {
		clear(nameMem)
		*size = uint32(len(nameMem))
		return nil
	}
	sc.verify = func() error {
		if string(nameMem[:len(sockaddr)]) != string(sockaddr) {
			return fmt.Errorf("%s used another address: %s says %x, want %x", call, name, nameMem[:len(sockaddr)], sockaddr)
		}
		return nil
	}
	return sc, nil
}

func sockaddrUnix(path string) ([]byte, error) {
	var sa unix.RawSockaddrUnix
	if len(path) >= len(sa.Path) {
		return nil, fmt.Errorf("a socket cannot be called %s: more than %d bytes; set TMPDIR to a shorter directory", path, len(sa.Path)-1)
	}
	sa.Family = unix.AF_UNIX
	for i := range path {
		sa.Path[i] = int8(path[i])
	}
	n := int(unsafe.Offsetof(sa.Path)) + len(path) + 1
	return append([]byte{}, unsafe.Slice((*byte)(unsafe.Pointer(&sa)), n)...), nil
}

// sockaddrInet is 127.0.0.1 with the port, in network order.
func sockaddrInet(port uint16) []byte {
	sa := unix.RawSockaddrInet4{Family: unix.AF_INET, Addr: [4]byte{127, 0, 0, 1}}
	p := (*[2]byte)(unsafe.Pointer(&sa.Port))
	p[0], p[1] = byte(port>>8), byte(port)
	return append([]byte{}, unsafe.Slice((*byte)(unsafe.Pointer(&sa)), unix.SizeofSockaddrInet4)...)
}

// freePort finds a UDP port of 127.0.0.1 that nobody uses now, nor gets in
// the middle of a measurement: it is above net.ipv4.ip_local_port_range as
// Linux sets it (ip-sysctl.rst: 32768 to 60999), out of which come the ports
// of those who ask for none. Two runs at once start at different ones.
func freePort() (uint16, error) {
	const first, last = 61000, 65535
	var err error
	for try := range last - first + 1 {
		port := first + (unix.Getpid()+try)%(last-first+1)
		var fd int
		if fd, err = unix.Socket(unix.AF_INET, unix.SOCK_DGRAM|unix.SOCK_CLOEXEC, 0); err != nil {
			return 0, fmt.Errorf("create a socket: %w", err)
		}
		err = unix.Bind(fd, &unix.SockaddrInet4{Port: port, Addr: [4]byte{127, 0, 0, 1}})
		unix.Close(fd)
		if err == nil {
			return uint16(port), nil
		}
		if !errors.Is(err, unix.EADDRINUSE) {
			break
		}
	}
	return 0, fmt.Errorf("bind to a free port of 127.0.0.1 (is lo up?): %w", err)
}

// listenAt binds a datagram socket to the raw address and leaves it open.
func listenAt(domain uint64, sockaddr []byte) (int, error) {
	fd, err := unix.Socket(int(domain), unix.SOCK_DGRAM|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		return -1, fmt.Errorf("create the peer's socket: %w", err)
	}
	if _, _, e := unix.Syscall(unix.SYS_BIND, uintptr(fd), uintptr(unsafe.Pointer(&sockaddr[0])), uintptr(len(sockaddr))); e != 0 {
		unix.Close(fd)
		return -1, fmt.Errorf("bind the peer's socket: %w", e)
	}
	return fd, nil
}
