package bench

import (
	"encoding/binary"
	"fmt"
	"os"
	"path/filepath"
	"unsafe"

	"golang.org/x/sys/unix"

	"unotify-bench/asmstubs"
	"unotify-bench/internal/notify"
)

// relay makes calls of execve that succeed: a child executes a program which
// executes itself, again and again (asmstubs.Relay). The child inherits the
// filter of the thread that starts it.
type relay struct {
	*asmstubs.Relay
	path    []byte // in the shared memory
	scratch uint64 // there too: room for as much
	deltas  []uint64
}

// The shared memory: the Relay, argv, path and scratch in one page, so that
// an execve which reads the path meets no page that the program has not
// touched; then the deltas.
const (
	relayArgv   = 256
	relayPath   = relayArgv + 16
	relayDeltas = 4096
)

// newRelay writes the program to the scene's directory and maps the shared
// memory, for the whole life of the target.
func newRelay(s *scene) (*relay, error) {
	path := filepath.Join(s.dir, "relay")
	if err := os.WriteFile(path, notify.Executable(asmstubs.RelayImage(s.counter)), 0o700); err != nil {
		return nil, fmt.Errorf("write the program to execute: %w", err)
	}
	room := len(path) + 1
	if relayPath+2*room > relayDeltas {
		return nil, fmt.Errorf("the path of %d bytes to the program to execute is too long: set TMPDIR to a shorter one", len(path))
	}
	mem, err := mapRelay()
	if err != nil {
		return nil, err
	}
	copy(mem[relayPath:], path)
	argv := mem[relayArgv:]
	binary.NativeEndian.PutUint64(argv, asmstubs.RelayAddr+relayPath)
	r := &relay{
		Relay:   (*asmstubs.Relay)(unsafe.Pointer(&mem[0])),
		path:    mem[relayPath:][:len(path)],
		scratch: asmstubs.RelayAddr + relayPath + uint64(room),
		deltas:  unsafe.Slice((*uint64)(unsafe.Pointer(&mem[relayDeltas])), (len(mem)-relayDeltas)/8),
	}
	r.Path = asmstubs.RelayAddr + relayPath
	r.Argv = asmstubs.RelayAddr + relayArgv
	r.Envp = r.Argv + 8 // no variables: the NULL that ends argv
	return r, nil
}

// mapRelay creates the shared memory where the programs expect it.
func mapRelay() ([]byte, error) {
	fd, err := unix.MemfdCreate("relay", unix.MFD_CLOEXEC)
	if err != nil {
		return nil, fmt.Errorf("create memory for a relay: %w", err)
	}
	defer unix.Close(fd)
	if err := unix.Ftruncate(fd, asmstubs.RelaySize); err != nil {
		return nil, fmt.Errorf("size memory for a relay: %w", err)
	}
	// dup3 leaves close-on-exec off.
	if err := unix.Dup3(fd, asmstubs.RelayFD, 0); err != nil {
		return nil, fmt.Errorf("make the relay's memory descriptor %d: %w", asmstubs.RelayFD, err)
	}
	at, _, e := unix.RawSyscall6(unix.SYS_MMAP, asmstubs.RelayAddr, asmstubs.RelaySize, unix.PROT_READ|unix.PROT_WRITE,
		unix.MAP_SHARED|unix.MAP_FIXED_NOREPLACE, asmstubs.RelayFD, 0)
	if e != 0 {
		return nil, fmt.Errorf("map memory for a relay at %#x: %w", asmstubs.RelayAddr, e)
	}
	// Not Go's memory, so its address is no pointer until now.
	p := *(*unsafe.Pointer)(unsafe.Pointer(&at))
	return unsafe.Slice((*byte)(p), asmstubs.RelaySize), nil
}

// run makes n calls and one before them, which is not measured: it starts
// the first program, out of this one.
func (r *relay) run(n int, deltas []uint64) (made int, err error) {
	if n+1 > len(r.deltas) {
		return 0, fmt.Errorf("%d calls of execve in a row are too many; at most %d", n, len(r.deltas)-1)
	}
	r.Left, r.Next, r.Failed = uint64(n+1), asmstubs.RelayAddr+relayDeltas, 0
	r.Start = 0
	pid := asmstubs.StartRelay()
	if e := -int64(pid); e > 0 {
		return 0, fmt.Errorf("make a child: %w", unix.Errno(e))
	}
	var status unix.WaitStatus
	for {
		// The raw call keeps the P, as a loop of calls does: no thread of the
		// runtime starts up beside the child.
		_, _, e := unix.RawSyscall6(unix.SYS_WAIT4, uintptr(pid), uintptr(unsafe.Pointer(&status)), unix.WALL, 0, 0, 0)
		if e == 0 {
			break
		}
		if e != unix.EINTR {
			return 0, fmt.Errorf("wait for child %d: %w", pid, e)
		}
	}
	made = n + 1 - int(r.Left)
	switch {
	case status.ExitStatus() == asmstubs.RelayFailed:
		return made + 1, fmt.Errorf("call %d: execve of %s returned %s", made, r.path, resultText(r.Failed))
	case status.ExitStatus() == asmstubs.RelayLost:
		return made + 1, fmt.Errorf("call %d: the program that execve started cannot map its memory", made)
	case status.Signaled():
		return made, fmt.Errorf("call %d: the program that execve started died of %v", made, status.Signal())
	case status != 0 || r.Left != 0:
		return made, fmt.Errorf("call %d: the program that execve started ended with %#x, %d before its time", made, status, r.Left)
	}
	copy(deltas, r.deltas[1:n+1])
	return made, nil
}
