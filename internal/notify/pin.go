package notify

import (
	"fmt"
	"os"

	"golang.org/x/sys/unix"
)

// Pin is memory that a supervisor writes and targets can only read: the memfd
// behind PIN_INSTALL. The one writable mapping is made before the seals, which
// allow no other: not to a target, and not to whoever reopens the memfd.
type Pin struct {
	FD  int
	mem []byte
}

// PinSeals are the seals of a Pin. Against SHRINK alone a page could not be
// cut and grown again, which zeroes its tail; GROW goes with it, as a pin never
// changes its size. They cannot be taken off.
const PinSeals = unix.F_SEAL_FUTURE_WRITE | unix.F_SEAL_SHRINK | unix.F_SEAL_GROW

// NewPin makes a pin with room for size bytes, in whole pages.
func NewPin(size int) (*Pin, error) {
	page := os.Getpagesize()
	if size < 1 {
		return nil, fmt.Errorf("make a pin of %d bytes: %w", size, unix.EINVAL)
	}
	size = (size + page - 1) / page * page
	fd, err := unix.MemfdCreate("pin", unix.MFD_CLOEXEC|unix.MFD_ALLOW_SEALING)
	if err != nil {
		return nil, fmt.Errorf("create memory for a pin: %w", err)
	}
	p := &Pin{FD: fd}
	if err := unix.Ftruncate(fd, int64(size)); err != nil {
		p.Close()
		return nil, fmt.Errorf("size a pin to %d bytes: %w", size, err)
	}
	p.mem, err = unix.Mmap(fd, 0, size, unix.PROT_READ|unix.PROT_WRITE, unix.MAP_SHARED|unix.MAP_POPULATE)
	if err != nil {
		p.Close()
		return nil, fmt.Errorf("map a pin of %d bytes: %w", size, err)
	}
	if _, err := unix.FcntlInt(uintptr(fd), unix.F_ADD_SEALS, PinSeals); err != nil {
		p.Close()
		return nil, fmt.Errorf("seal a pin: %w", err)
	}
	return p, nil
}

// Size is the pin's size in bytes, whole pages.
func (p *Pin) Size() int { return len(p.mem) }

// Write copies b to the pin's start, where targets see it at once. It panics
// if there is no room.
func (p *Pin) Write(b []byte) { p.WriteAt(b, 0) }

// WriteAt is Write at an offset.
func (p *Pin) WriteAt(b []byte, offset int) { copy(p.mem[offset:offset+len(b)], b) }

// Close gives up this process' side. What is installed in a target stays.
func (p *Pin) Close() {
	if p.mem != nil {
		unix.Munmap(p.mem)
		p.mem = nil
	}
	unix.Close(p.FD)
}
