package notify

import (
	"errors"
	"testing"
	"unsafe"

	"golang.org/x/sys/unix"

	"unotify-bench/abi"
)

// has asks for features. What a kernel has must do what the test wants, what
// it has not must be refused: so that no test skips.
func (c *caller) has(t *testing.T, fs ...Feature) bool {
	t.Helper()
	all := true
	for _, f := range fs {
		has, err := c.Has(f)
		if err != nil {
			t.Fatal(err)
		}
		if *patched && !has {
			t.Errorf("a patched kernel has no %v", f)
		}
		all = all && has
	}
	return all
}

// TestFeatures: whatever this kernel is, it answers clearly, the same each
// time, and for every proposed ioctl as a call of it does.
func TestFeatures(t *testing.T) {
	c := startNotified(t)
	for _, f := range Features() {
		has, err := c.Has(f)
		if err != nil || *patched && !has {
			t.Errorf("%v: %v (%v)", f, has, err)
		}
		if again, err := c.Has(f); again != has || err != nil {
			t.Errorf("%v: first %v, then %v (%v)", f, has, again, err)
		}
		t.Logf("%v: %v", f, has)
	}
	const none = ^uint64(0) // no notification has this id
	nr := uint64(unix.SYS_WRITE)
	for _, tt := range []struct {
		f    Feature
		try  func() unix.Errno
		want unix.Errno // of a kernel that has it
	}{
		{FeatureInject, func() unix.Errno { return c.Inject(&abi.NotifInject{ID: none, Nr: nr}) }, unix.ENOENT},
		{FeatureTargetCall, func() unix.Errno { return c.TargetCall(&abi.NotifTargetCall{ID: none, Nr: nr}) }, unix.ENOENT},
		// The listener lacks the flag, which comes first.
		{FeaturePinInstall, func() unix.Errno { return c.InstallPin(&abi.NotifPinInstall{ID: none, Size: 4096}) }, unix.EPERM},
		{FeatureSendRedirect, func() unix.Errno {
			return c.SendRedirect(&abi.NotifRespRedirect{ID: none, Flags: abi.SECCOMP_REDIRECT_FLAG_CONTINUE})
		}, unix.EPERM},
	} {
		want := unix.EINVAL
		if c.has(t, tt.f) {
			want = tt.want
		}
		if e := tt.try(); e != want {
			t.Errorf("%v: %v, want %v", tt.f, e, want)
		}
	}
}

// TestUnclear: what is no listener gives no answer.
func TestUnclear(t *testing.T) {
	for _, f := range Features() {
		if f == FeatureRedirectFlag {
			continue // asks no listener
		}
		if has, err := (Listener{FD: -1}).Has(f); has || !errors.Is(err, ErrUnclear) || !errors.Is(err, unix.EBADF) {
			t.Errorf("%v: %v, %v", f, has, err)
		}
	}
	if got := Feature(200).String(); got != "Feature(200)" {
		t.Errorf("an unknown feature is %q", got)
	}
}

// opens makes a caller trap in an openat of a path that does not exist, while
// the supervisor approves of one that does.
func opens(t *testing.T, flags uint) (c *caller, n abi.Notif, path []byte, content string) {
	t.Helper()
	path, content = givenPath(t)
	c = startCaller(t, armSpec{Nr: unix.SYS_OPENAT, Action: abi.SECCOMP_RET_USER_NOTIF, Flags: flags | abi.SECCOMP_FILTER_FLAG_NEW_LISTENER})
	c.call(t, callSpec{Nr: unix.SYS_OPENAT, Args: [6]uint64{atFDCWD}, Data: []byte("/not/there"), DataArg: 1})
	return c, c.next(t), path, content
}

const atFDCWD = ^uint64(99) // -100, as a register has it

// opened checks that the caller opened what was approved.
func (c *caller) opened(t *testing.T, content string) {
	t.Helper()
	fd := c.result(t)
	if fd < 0 {
		t.Fatalf("the call returned %d", fd)
	}
	c.reads(t, int(fd), content, 0)
}

func TestInject(t *testing.T) {
	c, n, path, content := opens(t, 0)
	inject := abi.NotifInject{
		ID: n.ID, Nr: unix.SYS_OPENAT, Args: n.Data.Args,
		Buf: uint64(uintptr(unsafe.Pointer(&path[0]))), BufSize: uint32(len(path)), ArgsInBufMask: 1 << 1,
	}
	inject.Args[1] = 0
	e := c.Inject(&inject)
	if !c.has(t, FeatureInject) {
		if e != unix.EINVAL {
			t.Errorf("a kernel without INJECT says %v", e)
		}
		c.answer(t, n.ID, 1)
		return
	}
	if e != 0 {
		t.Fatalf("inject: %v", e)
	}
	if e := c.Inject(&inject); e != unix.EEXIST {
		t.Errorf("inject twice: %v, want EEXIST", e)
	}
	if e := c.Listener.Send(&abi.NotifResp{ID: n.ID, Flags: abi.SECCOMP_USER_NOTIF_FLAG_INJECTED}); e != 0 {
		t.Fatalf("send: %v", e)
	}
	c.opened(t, content)
}

func TestTargetCall(t *testing.T) {
	for _, flags := range []uint32{0, abi.SECCOMP_TARGET_CALL_FLAG_SEND} {
		c, n, path, content := opens(t, 0)
		call := abi.NotifTargetCall{ID: n.ID, Flags: flags, Nr: unix.SYS_OPENAT, Args: n.Data.Args}
		call.Args[1] = uint64(uintptr(unsafe.Pointer(&path[0])))
		e := c.TargetCall(&call)
		if !c.has(t, FeatureTargetCall) {
			if e != unix.EINVAL {
				t.Errorf("a kernel without TARGET_CALL says %v", e)
			}
			c.answer(t, n.ID, 1)
			continue
		}
		if e != 0 || call.Ret < 0 {
			t.Fatalf("flags %#x: target call: %v, ret %d", flags, e, call.Ret)
		}
		if flags == 0 {
			if e := c.Listener.Send(&abi.NotifResp{ID: n.ID, Val: call.Ret}); e != 0 {
				t.Fatalf("send: %v", e)
			}
		}
		c.opened(t, content)
	}
}

func TestRedirect(t *testing.T) {
	if !(&caller{}).has(t, FeatureRedirectFlag) {
		// startCaller fails the test if it cannot install its filter.
		p := start(t, roleInstaller)
		if err := p.Conn.Send([]uint{abi.SECCOMP_FILTER_FLAG_NEW_LISTENER | abi.SECCOMP_FILTER_FLAG_REDIRECT}, -1); err != nil {
			t.Fatal(err)
		}
		var got installed
		if _, err := p.Conn.Recv(&got); err != nil {
			t.Fatal(err)
		}
		if got.Errno != unix.EINVAL {
			t.Errorf("a kernel without the flag says %v", got.Errno)
		}
		return
	}
	c, n, path, content := opens(t, abi.SECCOMP_FILTER_FLAG_REDIRECT)
	pin := newPin(t, len(path))
	install := abi.NotifPinInstall{ID: n.ID, MemFD: uint32(pin.FD), Size: uint64(pin.Size())}
	if e := c.InstallPin(&install); e != 0 || install.TargetAddr == 0 {
		t.Fatalf("install a pin: %v, at %#x", e, install.TargetAddr)
	}
	pin.Write(path)
	redirect := abi.NotifRespRedirect{
		ID: n.ID, Flags: abi.SECCOMP_REDIRECT_FLAG_CONTINUE, ArgsMask: 1 << 1, PtrMask: 1 << 1, MemFD: uint32(pin.FD),
	}
	redirect.Args[1], redirect.PtrLen[1] = c.Scratch, uint64(len(path))
	if e := c.SendRedirect(&redirect); e != unix.EFAULT {
		t.Errorf("redirect to memory that is no pin: %v, want EFAULT", e)
	}
	redirect.Args[1] = install.TargetAddr
	if e := c.SendRedirect(&redirect); e != 0 {
		t.Fatalf("redirect: %v", e)
	}
	c.opened(t, content)
}
