package notify

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"testing"

	"golang.org/x/sys/unix"
)

func newPin(t *testing.T, size int) *Pin {
	t.Helper()
	p, err := NewPin(size)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(p.Close)
	return p
}

func TestPinSize(t *testing.T) {
	size := os.Getpagesize()
	for _, tt := range []struct{ ask, want int }{
		{1, size}, {size - 1, size}, {size, size}, {size + 1, 2 * size}, {1 << 20, 1 << 20}, {1<<20 + 1, 1<<20 + size},
	} {
		p := newPin(t, tt.ask)
		var st unix.Stat_t
		if err := unix.Fstat(p.FD, &st); err != nil {
			t.Fatal(err)
		}
		if p.Size() != tt.want || st.Size != int64(tt.want) {
			t.Errorf("a pin for %d bytes has %d, its memfd %d, want %d", tt.ask, p.Size(), st.Size, tt.want)
		}
	}
	for _, size := range []int{0, -1} {
		if p, err := NewPin(size); !errors.Is(err, unix.EINVAL) {
			t.Errorf("a pin for %d bytes: %v, %v", size, p, err)
		}
	}
}

// TestPinSeals asks for the seals, and then tries what they are there
// against, also through a second descriptor, as another process would get it.
func TestPinSeals(t *testing.T) {
	p := newPin(t, 1)
	seals, err := unix.FcntlInt(uintptr(p.FD), unix.F_GET_SEALS, 0)
	if err != nil || seals&PinSeals != PinSeals {
		t.Errorf("the seals are %#x (%v), want %#x", seals, err, PinSeals)
	}
	p.Write([]byte("approved"))
	again, err := os.OpenFile(fmt.Sprintf("/proc/self/fd/%d", p.FD), os.O_RDWR, 0)
	if err != nil {
		t.Fatal(err)
	}
	defer again.Close()
	for name, fd := range map[string]int{"the memfd": p.FD, "the reopened memfd": int(again.Fd())} {
		for _, tt := range []struct {
			what string
			try  func() error
		}{
			{"write", func() error { _, err := unix.Pwrite(fd, []byte("x"), 0); return err }},
			{"map writable", func() error {
				m, err := unix.Mmap(fd, 0, 1, unix.PROT_READ|unix.PROT_WRITE, unix.MAP_SHARED)
				if err == nil {
					unix.Munmap(m)
				}
				return err
			}},
			{"cut", func() error { return unix.Ftruncate(fd, 4) }},
			{"grow", func() error { return unix.Ftruncate(fd, 1<<20) }},
			{"punch a hole", func() error {
				return unix.Fallocate(fd, unix.FALLOC_FL_PUNCH_HOLE|unix.FALLOC_FL_KEEP_SIZE, 0, 4)
			}},
		} {
			if err := tt.try(); !errors.Is(err, unix.EPERM) {
				t.Errorf("%s: %s: %v, want EPERM", name, tt.what, err)
			}
		}
	}
}

// TestPinShows: what is written is seen through another mapping at once, which
// is how a target has it.
func TestPinShows(t *testing.T) {
	p := newPin(t, 1)
	theirs, err := unix.Mmap(p.FD, 0, p.Size(), unix.PROT_READ, unix.MAP_SHARED)
	if err != nil {
		t.Fatal(err)
	}
	defer unix.Munmap(theirs)
	if err := unix.Mprotect(theirs, unix.PROT_READ|unix.PROT_WRITE); err == nil {
		t.Error("the other mapping can be made writable")
	}
	for _, text := range []string{"/etc/passwd\x00", "/tmp\x00", string(bytes.Repeat([]byte{'x'}, p.Size()))} {
		p.Write([]byte(text))
		if got := string(theirs[:len(text)]); got != text {
			t.Errorf("the other mapping has %.40q, written was %.40q", got, text)
		}
	}
	if allocs := testing.AllocsPerRun(10, func() { p.Write(theirs[:100]) }); allocs != 0 {
		t.Errorf("a write allocates %v times", allocs)
	}
}

func TestPinIsFull(t *testing.T) {
	p := newPin(t, 1)
	defer func() {
		if recover() == nil {
			t.Error("more than a pin holds was written")
		}
	}()
	p.Write(make([]byte, p.Size()+1))
}
