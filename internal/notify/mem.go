package notify

import (
	"unsafe"

	"golang.org/x/sys/unix"
)

// Mem reads and writes the memory of a process or thread through
// process_vm_readv(2) and process_vm_writev(2), which need ptrace access to
// it (EPERM otherwise: see kernel.yama.ptrace_scope) and no stop.
type Mem struct {
	pid           int
	local, remote unix.Iovec
}

// Of makes m access the memory of process or thread pid: the one that a
// notification or a stop names.
func (m *Mem) Of(pid int) { m.pid = pid }

// Read copies len(buf) bytes from addr of the target. It returns the number
// of bytes read, less than len(buf) when the range runs into a hole.
func (m *Mem) Read(addr uint64, buf []byte) (int, unix.Errno) {
	return m.move(unix.SYS_PROCESS_VM_READV, addr, buf)
}

// Write copies buf to addr of the target; the same holds.
func (m *Mem) Write(addr uint64, buf []byte) (int, unix.Errno) {
	return m.move(unix.SYS_PROCESS_VM_WRITEV, addr, buf)
}

func (m *Mem) move(nr uintptr, addr uint64, buf []byte) (int, unix.Errno) {
	if len(buf) == 0 {
		return 0, 0
	}
	m.local.Base = &buf[0]
	m.local.SetLen(len(buf))
	// The remote address is not one of ours: it must not look like a Go
	// pointer to the collector for longer than the call.
	*(*uint64)(unsafe.Pointer(&m.remote.Base)) = addr
	m.remote.SetLen(len(buf))
	n, _, e := unix.RawSyscall6(nr, uintptr(m.pid), uintptr(unsafe.Pointer(&m.local)), 1, uintptr(unsafe.Pointer(&m.remote)), 1, 0)
	*(*uint64)(unsafe.Pointer(&m.remote.Base)) = 0
	if e != 0 {
		return 0, e
	}
	return int(n), 0
}

// ReadPath reads the NUL-terminated string at addr into buf and returns it
// without the NUL. Most paths are short, so it asks for a little first and
// for the rest only when the NUL is not there; it never asks beyond a page
// that the path does not reach, since the next one may not be mapped.
// ENAMETOOLONG means that buf holds no NUL.
func (m *Mem) ReadPath(addr uint64, buf []byte) ([]byte, unix.Errno) {
	const first, page = 256, 4096
	for n := 0; n < len(buf); {
		want := min(len(buf)-n, page-int((addr+uint64(n))%page))
		if n == 0 {
			want = min(want, first)
		}
		got, e := m.Read(addr+uint64(n), buf[n:n+want])
		if e != 0 {
			return nil, e
		}
		for i, c := range buf[n : n+got] {
			if c == 0 {
				return buf[:n+i], 0
			}
		}
		if n += got; got < want {
			return nil, unix.EFAULT
		}
	}
	return nil, unix.ENAMETOOLONG
}
