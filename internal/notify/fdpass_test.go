package notify

import (
	"errors"
	"os"
	"strings"
	"testing"

	"golang.org/x/sys/unix"

	"unotify-bench/internal/leak"
)

func pair(t *testing.T) (a, b *Conn) {
	t.Helper()
	a, b, err := Pair()
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { a.Close(); b.Close() })
	return a, b
}

func TestPassDescriptor(t *testing.T) {
	a, b := pair(t)
	r, w, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	defer w.Close()
	if err := a.Send("one", int(w.Fd())); err != nil {
		t.Fatal(err)
	}
	if err := a.Send("two", -1); err != nil {
		t.Fatal(err)
	}
	var text string
	fd, err := b.Recv(&text)
	if err != nil || fd < 0 || text != "one" {
		t.Fatalf("received %q, descriptor %d, %v", text, fd, err)
	}
	if fl, err := unix.FcntlInt(uintptr(fd), unix.F_GETFD, 0); err != nil || fl != unix.FD_CLOEXEC {
		t.Errorf("the descriptor's flags are %d, %v; want close-on-exec", fl, err)
	}
	if _, err := unix.Write(fd, []byte("x")); err != nil {
		t.Errorf("write to the received descriptor: %v", err)
	}
	unix.Close(fd)
	buf := make([]byte, 2)
	if n, err := r.Read(buf); n != 1 || err != nil {
		t.Errorf("the pipe gave %d bytes, %v", n, err)
	}
	if fd, err := b.Recv(&text); err != nil || fd != -1 || text != "two" {
		t.Errorf("received %q, descriptor %d, %v; want two and none", text, fd, err)
	}
	if err := a.Send("bad", 1<<20); !errors.Is(err, unix.EBADF) {
		t.Errorf("send a descriptor that is none: %v, want EBADF", err)
	}
}

func TestPeerGone(t *testing.T) {
	a, b, err := Pair()
	if err != nil {
		t.Fatal(err)
	}
	defer b.Close()
	if err := a.Send(42, -1); err != nil {
		t.Fatal(err)
	}
	a.Close()
	var v int
	if _, err := b.Recv(&v); err != nil || v != 42 {
		t.Errorf("what was sent before the end: %d, %v", v, err)
	}
	if _, err := b.Recv(&v); !errors.Is(err, ErrPeerGone) {
		t.Errorf("Recv: %v, want ErrPeerGone", err)
	}
	if err := b.Send(1, -1); !errors.Is(err, ErrPeerGone) {
		t.Errorf("Send: %v, want ErrPeerGone", err)
	}
}

// TestBadMessages: what a peer sends that does not keep to the protocol is an
// error, and its descriptors are closed.
func TestBadMessages(t *testing.T) {
	for _, tt := range []struct {
		name string
		data string
		fds  int
		want string // in the error; "" for none
	}{
		{"garbage", "\x00\xff{", 0, "decode message"},
		{"garbage with a descriptor", "{", 1, "decode message"},
		{"another type", `{"a":1}`, 0, "decode message"},
		{"more than the limit", `"` + strings.Repeat("x", maxMessage) + `"`, 0, "decode message"},
		{"two descriptors", "1", 2, ""},
		{"many descriptors", "1", 9, ""},
	} {
		t.Run(tt.name, func(t *testing.T) {
			a, b := pair(t)
			var oob []byte
			if tt.fds > 0 {
				oob = unix.UnixRights(make([]int, tt.fds)...)
			}
			before, err := leak.Descriptors()
			if err != nil {
				t.Fatal(err)
			}
			if err := unix.Sendmsg(a.FD(), []byte(tt.data), oob, nil, 0); err != nil {
				t.Fatal(err)
			}
			var v int
			fd, err := b.Recv(&v)
			if fd >= 0 {
				unix.Close(fd)
			}
			switch {
			case tt.want == "" && err != nil:
				t.Errorf("Recv: %v", err)
			case tt.want != "" && (err == nil || !strings.Contains(err.Error(), tt.want) || fd >= 0):
				t.Errorf("Recv: descriptor %d, %v; want no descriptor and %q", fd, err, tt.want)
			case err != nil && len(err.Error()) > 1000:
				t.Errorf("the error has %d bytes", len(err.Error()))
			}
			after, err := leak.Descriptors()
			if err != nil {
				t.Fatal(err)
			}
			if len(after) != len(before) {
				t.Errorf("%d descriptors before, %d after", len(before), len(after))
			}
		})
	}
}

func TestSendBounds(t *testing.T) {
	a, b := pair(t)
	if err := a.Send(strings.Repeat("x", maxMessage-1), -1); err == nil || !strings.Contains(err.Error(), "over the limit") {
		t.Errorf("a message of one byte too many: %v", err)
	}
	long := strings.Repeat("x", maxMessage-2)
	if err := a.Send(long, -1); err != nil {
		t.Fatalf("a message of the limit: %v", err)
	}
	var got string
	if _, err := b.Recv(&got); err != nil || got != long {
		t.Errorf("received %d bytes, %v", len(got), err)
	}
	if err := a.Send(func() {}, -1); err == nil || !strings.Contains(err.Error(), "encode message") {
		t.Errorf("a value that is no JSON: %v", err)
	}
}
