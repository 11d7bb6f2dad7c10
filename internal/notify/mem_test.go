package notify

import (
	"bytes"
	"os"
	"strings"
	"testing"
	"unsafe"

	"golang.org/x/sys/unix"
)

const page = 4096

// pages maps n pages with a hole behind them, and returns their address.
func pages(t *testing.T, n int) ([]byte, uint64) {
	t.Helper()
	size := os.Getpagesize()
	if size != page {
		t.Fatalf("pages of %d bytes; this test is written for %d", size, page)
	}
	m, err := unix.Mmap(-1, 0, (n+1)*page, unix.PROT_READ|unix.PROT_WRITE, unix.MAP_PRIVATE|unix.MAP_ANONYMOUS)
	if err != nil {
		t.Fatal(err)
	}
	if err := unix.Mprotect(m[n*page:], unix.PROT_NONE); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = unix.Munmap(m) })
	return m[:n*page], uint64(uintptr(unsafe.Pointer(&m[0])))
}

func TestMemRead(t *testing.T) {
	mem, at := pages(t, 2)
	for i := range mem {
		mem[i] = byte(i * 3)
	}
	var m Mem
	m.Of(os.Getpid())
	for _, tt := range []struct {
		name     string
		from, n  int
		want     int
		wantFail unix.Errno
	}{
		{"nothing", 0, 0, 0, 0},
		{"inside a page", 10, 100, 100, 0},
		{"across pages", page - 10, 20, 20, 0},
		{"up to the hole", 2*page - 30, 30, 30, 0},
		{"into the hole", 2*page - 30, 31, 30, 0},
		{"from the hole", 2 * page, 1, 0, unix.EFAULT},
	} {
		buf := make([]byte, tt.n)
		n, e := m.Read(at+uint64(tt.from), buf)
		if n != tt.want || e != tt.wantFail {
			t.Errorf("%s: read %d, %v; want %d, %v", tt.name, n, e, tt.want, tt.wantFail)
		}
		if n > 0 && !bytes.Equal(buf[:n], mem[tt.from:tt.from+n]) {
			t.Errorf("%s: other bytes", tt.name)
		}
	}
	if n, e := m.Read(^uint64(0)-10, make([]byte, 5)); e != unix.EFAULT {
		t.Errorf("read at the end of the address space: %d, %v, want EFAULT", n, e)
	}
}

func TestReadPath(t *testing.T) {
	mem, at := pages(t, 3)
	const end = 3 * page
	long := "/" + strings.Repeat("d/", 1500)
	for _, tt := range []struct {
		name string
		from int
		text string
		nul  bool
		buf  int
		want unix.Errno
	}{
		{"short", 100, "/etc/passwd", true, page, 0},
		{"empty", 100, "", true, page, 0},
		{"longer than the first look", 0, long[:300], true, page, 0},
		{"long", 1, long, true, page, 0},
		{"across a page", page - 5, "/etc/passwd", true, page, 0},
		{"ends with a page", page - 12, "/etc/passwd", true, page, 0},
		{"NUL first of a page", page - 11, "/etc/passwd", true, page, 0},
		{"ends at the hole", end - 12, "/etc/passwd", true, page, 0},
		{"NUL last of a long one at the hole", end - 3002, long, true, page, 0},
		{"no NUL before the hole", end - 11, "/etc/passwd", false, page, unix.EFAULT},
		{"long and no NUL before the hole", end - 3001, long, false, page, unix.EFAULT},
		{"in the hole", end, "", false, page, unix.EFAULT},
		{"fits the buffer", 0, "/etc/passwd", true, 12, 0},
		{"one too long for the buffer", 0, "/etc/passwd", true, 11, unix.ENAMETOOLONG},
		{"no buffer", 0, "", true, 0, unix.ENAMETOOLONG},
	} {
		for i := range mem {
			mem[i] = 'x'
		}
		n := copy(mem[tt.from:], tt.text)
		if n != len(tt.text) {
			t.Fatalf("%s: the text does not fit", tt.name)
		}
		if tt.nul {
			mem[tt.from+n] = 0
		}
		var m Mem
		m.Of(os.Getpid())
		got, e := m.ReadPath(at+uint64(tt.from), make([]byte, tt.buf))
		if e != tt.want {
			t.Errorf("%s: %v, want %v", tt.name, e, tt.want)
		}
		if e == 0 && string(got) != tt.text {
			t.Errorf("%s: read %.40q, want %.40q", tt.name, got, tt.text)
		}
	}
}

// TestMemOther reads and writes another process, by process and by thread.
func TestMemOther(t *testing.T) {
	c := startCaller(t, armSpec{})
	var m Mem
	want := []byte("over there")
	m.Of(c.TID)
	if n, e := m.Write(c.Scratch, want); n != len(want) || e != 0 {
		t.Fatalf("write: %d, %v", n, e)
	}
	got := make([]byte, len(want))
	m.Of(c.PID())
	if n, e := m.Read(c.Scratch, got); n != len(want) || e != 0 || !bytes.Equal(got, want) {
		t.Errorf("read %d, %v: %q, want %q", n, e, got, want)
	}
	if n, e := m.Write(c.Scratch+page-4, want); n != 4 || e != 0 {
		t.Errorf("write into a hole: %d, %v; want 4", n, e)
	}
	c.Kill()
	_ = c.Wait()
	if _, e := m.Read(c.Scratch, got); e != unix.ESRCH {
		t.Errorf("read from a process that is gone: %v, want ESRCH", e)
	}
}

func TestMemAllocatesNothing(t *testing.T) {
	mem, at := pages(t, 1)
	copy(mem, "/etc/passwd\x00")
	buf := make([]byte, page)
	var m Mem
	m.Of(os.Getpid())
	if n := testing.AllocsPerRun(100, func() {
		_, _ = m.Read(at, buf[:10])
		_, _ = m.Write(at, buf[:10])
		_, _ = m.ReadPath(at, buf)
	}); n != 0 {
		t.Errorf("%v allocations", n)
	}
}
