package notify

import (
	"testing"
	"unsafe"

	"github.com/google/go-cmp/cmp"
	"golang.org/x/sys/unix"

	"unotify-bench/abi"
)

func TestRecv(t *testing.T) {
	c := startNotified(t)
	c.getppid(t)
	c.pending(t)
	dirty := abi.Notif{ID: 1, PID: 2, Flags: 3}
	// Why Recv clears first.
	if e := c.ioctl(abi.SECCOMP_IOCTL_NOTIF_RECV, unsafe.Pointer(&dirty)); e != unix.EINVAL {
		t.Errorf("the kernel took memory that is not zero: %v, want EINVAL", e)
	}
	n := dirty
	if e := c.Recv(&n); e != 0 {
		t.Fatalf("Recv into a used struct: %v", e)
	}
	if n.Data.InstructionPointer == 0 || n.ID == 1 {
		t.Errorf("Recv left fields unset: %+v", n)
	}
	want := abi.Notif{
		ID: n.ID, PID: uint32(c.TID),
		Data: abi.Data{
			Nr: unix.SYS_GETPPID, Arch: Native.AuditArch,
			InstructionPointer: n.Data.InstructionPointer, Args: testArgs,
		},
	}
	if d := cmp.Diff(want, n); d != "" {
		t.Errorf("notification (-want +got):\n%s", d)
	}
	c.answer(t, n.ID, 1)
}

// TestSend: errors leave the notification as it was. The errnos are those of
// seccomp_notify_send and seccomp_unotify(2).
func TestSend(t *testing.T) {
	c := startNotified(t)
	c.getppid(t)
	id := c.next(t).ID
	for _, tt := range []struct {
		name string
		resp abi.NotifResp
		want unix.Errno
	}{
		{"unknown id", abi.NotifResp{ID: id + 1000}, unix.ENOENT},
		{"unknown flag", abi.NotifResp{ID: id, Flags: 1 << 31}, unix.EINVAL},
		{"continue with a value", abi.NotifResp{ID: id, Flags: abi.SECCOMP_USER_NOTIF_FLAG_CONTINUE, Val: 1}, unix.EINVAL},
		{"continue with an error", abi.NotifResp{ID: id, Flags: abi.SECCOMP_USER_NOTIF_FLAG_CONTINUE, Error: -1}, unix.EINVAL},
	} {
		if e := c.Listener.Send(&tt.resp); e != tt.want {
			t.Errorf("%s: %v, want %v", tt.name, e, tt.want)
		}
		if e := c.IDValid(&id); e != 0 {
			t.Fatalf("%s: the notification is over: %v", tt.name, e)
		}
	}
	c.answer(t, id, 3)
	if e := c.Listener.Send(&abi.NotifResp{ID: id}); e != unix.ENOENT {
		t.Errorf("a second answer: %v, want ENOENT", e)
	}

	// Ids count up (seccomp_next_notify_id), so the next is known before it
	// is received.
	c.getppid(t)
	c.pending(t)
	if e := c.Listener.Send(&abi.NotifResp{ID: id + 1}); e != unix.EINPROGRESS {
		t.Errorf("an answer before RECV: %v, want EINPROGRESS", e)
	}
	if _, e := c.AddFD(&abi.NotifAddFD{ID: id + 1}); e != unix.EINPROGRESS {
		t.Errorf("AddFD before RECV: %v, want EINPROGRESS", e)
	}
	n := c.next(t)
	if n.ID != id+1 {
		t.Fatalf("after id %#x came %#x", id, n.ID)
	}
	c.answer(t, n.ID, 4)
}

func TestAnswers(t *testing.T) {
	c := startNotified(t)
	for _, tt := range []struct {
		name string
		resp abi.NotifResp
		want int64
	}{
		{"value", abi.NotifResp{Val: 1 << 40}, 1 << 40},
		{"error", abi.NotifResp{Error: -int32(unix.EXDEV)}, -int64(unix.EXDEV)},
		{"continue", abi.NotifResp{Flags: abi.SECCOMP_USER_NOTIF_FLAG_CONTINUE}, int64(unix.Getpid())},
	} {
		c.getppid(t)
		tt.resp.ID = c.next(t).ID
		if e := c.Listener.Send(&tt.resp); e != 0 {
			t.Fatalf("%s: %v", tt.name, e)
		}
		if got := c.result(t); got != tt.want {
			t.Errorf("%s: the call returned %d, want %d", tt.name, got, tt.want)
		}
	}
}

func TestIDValid(t *testing.T) {
	c := startNotified(t)
	c.getppid(t)
	id := c.next(t).ID
	if e := c.IDValid(&id); e != 0 {
		t.Errorf("a notification that waits: %v", e)
	}
	if e := c.ioctl(abi.SECCOMP_IOCTL_NOTIF_ID_VALID_WRONG_DIR, unsafe.Pointer(&id)); e != 0 {
		t.Errorf("the same by the number of before 5.9: %v", e)
	}
	other := id + 1
	if e := c.IDValid(&other); e != unix.ENOENT {
		t.Errorf("an id that was never given: %v, want ENOENT", e)
	}
	c.answer(t, id, 0)
	if e := c.IDValid(&id); e != unix.ENOENT {
		t.Errorf("after the answer: %v, want ENOENT", e)
	}
}

func TestSetFlags(t *testing.T) {
	c := startNotified(t)
	for _, tt := range []struct {
		flags uint64
		want  unix.Errno
	}{
		{abi.SECCOMP_USER_NOTIF_FD_SYNC_WAKE_UP, 0},
		{1 << 7, unix.EINVAL},
		{0, 0},
		{abi.SECCOMP_USER_NOTIF_FD_SYNC_WAKE_UP, 0},
	} {
		if e := c.SetFlags(tt.flags); e != tt.want {
			t.Errorf("SetFlags(%#x): %v, want %v", tt.flags, e, tt.want)
		}
	}
	for i := range int64(5) {
		c.getppid(t)
		c.answer(t, c.next(t).ID, i)
	}
}

// An ioctl that no kernel has looks at nothing.
func TestUnknownIoctl(t *testing.T) {
	c := startNotified(t)
	if e := c.ioctl(abi.SECCOMP_IOCTL_NOTIF_RECV+99, nil); e != unix.EINVAL {
		t.Errorf("unknown ioctl: %v, want EINVAL", e)
	}
}
