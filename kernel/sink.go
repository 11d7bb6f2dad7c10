package kernel

import (
	"errors"
	"fmt"
	"io"
	"os"

	"golang.org/x/sys/unix"
)

// sink is where QEMU writes what the guest says: memory of a fixed size that
// the host reads along. A pipe or pty would fill up when the host is slow,
// and a guest that waits for room executes instructions: the insns clock would
// depend on the host. Writing here always succeeds at once, up to a hard
// bound that the guest cannot pass (F_SEAL_GROW: the write fails).
//
// QEMU gets w itself, by -add-fd, so that both processes share one file
// offset, which tells the host how much has been written.
type sink struct {
	mem    *os.File // whole contents, read with ReadAt
	w      *os.File // QEMU's, write-only as -add-fd asks for exactly that
	size   int64
	sealed bool
	pos    int64 // read so far
	buf    []byte
}

// unopened is the size that tells that QEMU has not opened a sink: it then
// truncates (append=off; append=on would write behind what is reserved).
const unopened = 1

func newSink(name string, size int64) (*sink, error) {
	mem, err := memfd("unotify-"+name, unix.MFD_ALLOW_SEALING)
	if err != nil {
		return nil, err
	}
	s := &sink{mem: mem, size: size}
	if err = mem.Truncate(unopened); err == nil {
		s.w, err = os.OpenFile(fmt.Sprintf("/proc/self/fd/%d", mem.Fd()), os.O_WRONLY, 0)
	}
	if err != nil {
		s.close()
		return nil, fmt.Errorf("make memory file for %s: %w", name, err)
	}
	return s, nil
}

// seal fixes the size, once QEMU has opened the sink.
func (s *sink) seal() error {
	st, err := s.mem.Stat()
	if err != nil || st.Size() == unopened {
		return err
	}
	if err := s.mem.Truncate(s.size); err != nil {
		return err
	}
	_, err = unix.FcntlInt(s.mem.Fd(), unix.F_ADD_SEALS, unix.F_SEAL_GROW|unix.F_SEAL_SHRINK)
	s.sealed = err == nil
	return err
}

func memfd(name string, flags int) (*os.File, error) {
	fd, err := unix.MemfdCreate(name, flags|unix.MFD_CLOEXEC)
	if err != nil {
		return nil, fmt.Errorf("memfd_create %s: %w", name, err)
	}
	return os.NewFile(uintptr(fd), name), nil
}

// poll hands over what was written since the last poll, in pieces, and says
// whether there was anything.
func (s *sink) poll(f func([]byte) error) (bool, error) {
	if !s.sealed {
		if err := s.seal(); err != nil {
			return false, fmt.Errorf("bound what the guest writes: %w", err)
		}
	}
	end, err := s.w.Seek(0, io.SeekCurrent)
	if err != nil {
		return false, fmt.Errorf("see what the guest wrote: %w", err)
	}
	if s.buf == nil {
		s.buf = make([]byte, 64<<10)
	}
	heard := s.pos < end
	for s.pos < end {
		p := s.buf[:min(int64(len(s.buf)), end-s.pos)]
		n, err := s.mem.ReadAt(p, s.pos)
		s.pos += int64(n)
		if err != nil && !errors.Is(err, io.EOF) {
			return true, fmt.Errorf("read what the guest wrote: %w", err)
		}
		if n == 0 {
			break
		}
		if err := f(p[:n]); err != nil {
			return true, err
		}
	}
	return heard, nil
}

// full says that the guest has nearly or wholly used up its room.
func (s *sink) full() bool { return s.pos >= s.size-slack }

// slack is how much of a sink may stay unused when it is called full, for a
// write that does not fit may be refused whole (virtio-console writes up to
// 32 KiB at once).
const slack = 64 << 10

func (s *sink) close() {
	s.mem.Close()
	if s.w != nil {
		s.w.Close()
	}
}
