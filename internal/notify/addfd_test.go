package notify

import (
	"os"
	"path/filepath"
	"testing"
	"unsafe"

	"golang.org/x/sys/unix"

	"unotify-bench/abi"
)

// given opens a file whose content a target can recognise.
func given(t *testing.T) (fd uint32, content string) {
	t.Helper()
	path, content := givenPath(t)
	f, err := os.Open(unix.ByteSliceToString(path))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { f.Close() })
	return uint32(f.Fd()), content
}

// givenPath names such a file, as a string of C.
func givenPath(t *testing.T) (path []byte, content string) {
	t.Helper()
	content = "given by the supervisor"
	name := filepath.Join(t.TempDir(), "given")
	if err := os.WriteFile(name, []byte(content), 0o600); err != nil {
		t.Fatal(err)
	}
	return append([]byte(name), 0), content
}

// reads checks what the target finds in its descriptor fd, and the
// descriptor's flags.
func (c *caller) reads(t *testing.T, fd int, content string, flags int64) {
	t.Helper()
	c.call(t, callSpec{Nr: unix.SYS_PREAD64, Args: [6]uint64{uint64(fd), c.Scratch, 100}})
	if got := c.result(t); got != int64(len(content)) {
		t.Fatalf("the target reads %d from its descriptor %d, want %d bytes", got, fd, len(content))
	}
	buf := make([]byte, len(content))
	var m Mem
	m.Of(c.TID)
	if n, e := m.Read(c.Scratch, buf); e != 0 || string(buf[:n]) != content {
		t.Errorf("the target read %q (%v), want %q", buf[:n], e, content)
	}
	c.call(t, callSpec{Nr: unix.SYS_FCNTL, Args: [6]uint64{uint64(fd), unix.F_GETFD}})
	if got := c.result(t); got != flags {
		t.Errorf("the descriptor's flags are %d, want %d", got, flags)
	}
}

func TestAddFD(t *testing.T) {
	for _, tt := range []struct {
		name  string
		add   abi.NotifAddFD
		fd    int // -1: the lowest free one
		flags int64
	}{
		{"plain", abi.NotifAddFD{}, -1, 0},
		{"close-on-exec", abi.NotifAddFD{NewFDFlags: unix.O_CLOEXEC}, -1, unix.FD_CLOEXEC},
		{"at a number", abi.NotifAddFD{Flags: abi.SECCOMP_ADDFD_FLAG_SETFD, NewFD: 77}, 77, 0},
		{"with the answer", abi.NotifAddFD{Flags: abi.SECCOMP_ADDFD_FLAG_SEND}, -1, 0},
		{"at a number, with the answer", abi.NotifAddFD{Flags: abi.SECCOMP_ADDFD_FLAG_SETFD | abi.SECCOMP_ADDFD_FLAG_SEND, NewFD: 78}, 78, 0},
	} {
		t.Run(tt.name, func(t *testing.T) {
			if err := LockThread(); err != nil {
				t.Fatal(err)
			}
			src, content := given(t)
			c := startNotified(t)
			c.getppid(t)
			n := c.next(t)
			tt.add.ID, tt.add.SrcFD = n.ID, src
			fd, e := c.AddFD(&tt.add)
			if e != 0 {
				t.Fatalf("AddFD: %v", e)
			}
			if tt.fd >= 0 && fd != tt.fd {
				t.Errorf("AddFD gave descriptor %d, want %d", fd, tt.fd)
			}
			if tt.add.Flags&abi.SECCOMP_ADDFD_FLAG_SEND != 0 {
				if got := c.result(t); got != int64(fd) {
					t.Errorf("the call returned %d, AddFD %d", got, fd)
				}
			} else {
				c.answer(t, n.ID, 1)
			}
			c.reads(t, fd, content, tt.flags)
		})
	}
}

func TestAddFDErrors(t *testing.T) {
	src, _ := given(t)
	c := startNotified(t)
	c.getppid(t)
	id := c.next(t).ID
	for _, tt := range []struct {
		name string
		add  abi.NotifAddFD
		want unix.Errno
	}{
		{"unknown id", abi.NotifAddFD{ID: id + 1000, SrcFD: src}, unix.ENOENT},
		{"bad descriptor", abi.NotifAddFD{ID: id, SrcFD: 1 << 20}, unix.EBADF},
		{"unknown flag", abi.NotifAddFD{ID: id, SrcFD: src, Flags: 1 << 5}, unix.EINVAL},
		{"unknown descriptor flag", abi.NotifAddFD{ID: id, SrcFD: src, NewFDFlags: unix.O_APPEND}, unix.EINVAL},
		{"number without SETFD", abi.NotifAddFD{ID: id, SrcFD: src, NewFD: 9}, unix.EINVAL},
	} {
		if _, e := c.AddFD(&tt.add); e != tt.want {
			t.Errorf("%s: %v, want %v", tt.name, e, tt.want)
		}
	}
	// The struct can grow; a tail that this kernel does not know must be 0.
	grown := struct {
		abi.NotifAddFD
		tail uint64
	}{abi.NotifAddFD{ID: id, SrcFD: src}, 1}
	const bigger = abi.SECCOMP_IOCTL_NOTIF_ADDFD + 8<<16
	if e := c.ioctl(bigger, unsafe.Pointer(&grown)); e != unix.E2BIG {
		t.Errorf("a longer struct with a tail: %v, want E2BIG", e)
	}
	c.answer(t, id, 2)
}
