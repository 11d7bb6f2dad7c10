package notify

import (
	"testing"
	"unsafe"

	"golang.org/x/sys/unix"

	"unotify-bench/abi"
)

// TestProposedErrors: each error leaves the notification pending. The errnos
// are those of the proposals, whose order a row with two faults tells.
func TestProposedErrors(t *testing.T) {
	const inPath = 1 << 1 // argument 1, in masks
	c, n, path, _ := opens(t, 0)
	buf := uint64(uintptr(unsafe.Pointer(&path[0])))
	inject := func(f func(*abi.NotifInject)) func() unix.Errno {
		return func() unix.Errno {
			i := abi.NotifInject{ID: n.ID, Nr: unix.SYS_OPENAT, Args: n.Data.Args, Buf: buf, BufSize: uint32(len(path)), ArgsInBufMask: inPath}
			i.Args[1] = 0
			f(&i)
			return c.Inject(&i)
		}
	}
	call := func(f func(*abi.NotifTargetCall)) func() unix.Errno {
		return func() unix.Errno {
			i := abi.NotifTargetCall{ID: n.ID, Nr: unix.SYS_WRITE, Args: [6]uint64{1, buf, 1}}
			f(&i)
			return c.TargetCall(&i)
		}
	}
	for _, tt := range []struct {
		name string
		f    Feature
		try  func() unix.Errno
		want unix.Errno
	}{
		{"not injectable", FeatureInject, inject(func(i *abi.NotifInject) { i.Nr, i.ArgsInBufMask = unix.SYS_GETPPID, 1<<6 }), unix.EOPNOTSUPP},
		{"mask over 5", FeatureInject, inject(func(i *abi.NotifInject) { i.ArgsInBufMask, i.BufSize = 1<<6, 2<<20 }), unix.EINVAL},
		{"too large", FeatureInject, inject(func(i *abi.NotifInject) { i.BufSize, i.Buf = 1<<20+1, 0 }), unix.E2BIG},
		{"no buffer", FeatureInject, inject(func(i *abi.NotifInject) { i.Buf = 0 }), unix.EINVAL},
		{"offset beyond", FeatureInject, inject(func(i *abi.NotifInject) { i.Args[1], i.Buf = uint64(len(path)+1), 1 }), unix.EINVAL},
		{"unreadable buffer", FeatureInject, inject(func(i *abi.NotifInject) { i.Buf = 1 }), unix.EFAULT},
		{"unknown id", FeatureInject, inject(func(i *abi.NotifInject) { i.ID += 1000 }), unix.ENOENT},
		{"another call", FeatureInject, inject(func(i *abi.NotifInject) { i.Nr = unix.SYS_WRITE }), unix.ESRCH},
		{"unknown flag", FeatureTargetCall, call(func(i *abi.NotifTargetCall) { i.Flags, i.Nr = 1<<1, unix.SYS_GETPPID }), unix.EINVAL},
		{"reserved", FeatureTargetCall, call(func(i *abi.NotifTargetCall) { i.Reserved = 1 }), unix.EINVAL},
		{"not callable", FeatureTargetCall, call(func(i *abi.NotifTargetCall) { i.Nr = unix.SYS_GETPPID }), unix.EOPNOTSUPP},
		{"too large a call", FeatureTargetCall, call(func(i *abi.NotifTargetCall) { i.Args[1], i.Args[2] = 1, 1<<20+1 }), unix.E2BIG},
		{"unreadable argument", FeatureTargetCall, call(func(i *abi.NotifTargetCall) { i.Args[1] = 1 }), unix.EFAULT},
		{"unknown id of a call", FeatureTargetCall, call(func(i *abi.NotifTargetCall) { i.ID += 1000 }), unix.ENOENT},
		{"injected, and nothing is", FeatureInject, func() unix.Errno {
			return c.Listener.Send(&abi.NotifResp{ID: n.ID, Flags: abi.SECCOMP_USER_NOTIF_FLAG_INJECTED})
		}, unix.EINVAL},
		{"exec event of another call", FeatureExecEvent, func() unix.Errno {
			return c.Listener.Send(&abi.NotifResp{ID: n.ID, Flags: abi.SECCOMP_USER_NOTIF_FLAG_CONTINUE | abi.SECCOMP_USER_NOTIF_FLAG_EXEC_EVENT})
		}, unix.EINVAL},
	} {
		want := unix.EINVAL
		if c.has(t, tt.f) {
			want = tt.want
		}
		if e := tt.try(); e != want {
			t.Errorf("%s: %v, want %v", tt.name, e, want)
		}
		if e := c.IDValid(&n.ID); e != 0 {
			t.Fatalf("%s: the notification is over: %v", tt.name, e)
		}
	}
	c.answer(t, n.ID, 1)
}

// TestPinErrors is the same for pins and redirects.
func TestPinErrors(t *testing.T) {
	if !(&caller{}).has(t, FeatureRedirectFlag) {
		return // there is no such listener: TestRedirect
	}
	c, n, path, content := opens(t, abi.SECCOMP_FILTER_FLAG_REDIRECT)
	pin := newPin(t, 2)
	bare, err := unix.MemfdCreate("bare", unix.MFD_CLOEXEC)
	if err != nil {
		t.Fatal(err)
	}
	defer unix.Close(bare)
	install := abi.NotifPinInstall{ID: n.ID, MemFD: uint32(pin.FD), Size: uint64(pin.Size())}
	if e := c.InstallPin(&install); e != 0 {
		t.Fatalf("install a pin: %v", e)
	}
	place := func(f func(*abi.NotifPinInstall)) func() unix.Errno {
		return func() unix.Errno {
			i := abi.NotifPinInstall{ID: n.ID, MemFD: uint32(pin.FD), Size: uint64(pin.Size())}
			f(&i)
			return c.InstallPin(&i)
		}
	}
	redirect := func(f func(*abi.NotifRespRedirect)) func() unix.Errno {
		return func() unix.Errno {
			r := abi.NotifRespRedirect{
				ID: n.ID, Flags: abi.SECCOMP_REDIRECT_FLAG_CONTINUE, ArgsMask: 1 << 1, PtrMask: 1 << 1, MemFD: uint32(pin.FD),
			}
			r.Args[1], r.PtrLen[1] = install.TargetAddr, uint64(len(path))
			f(&r)
			return c.SendRedirect(&r)
		}
	}
	for _, tt := range []struct {
		name string
		try  func() unix.Errno
		want unix.Errno
	}{
		{"unknown flag", place(func(i *abi.NotifPinInstall) { i.Flags = 1 }), unix.EINVAL},
		{"no size", place(func(i *abi.NotifPinInstall) { i.Size = 0 }), unix.EINVAL},
		{"part of a page", place(func(i *abi.NotifPinInstall) { i.Size-- }), unix.EINVAL},
		{"bad descriptor", place(func(i *abi.NotifPinInstall) { i.MemFD = 1 << 20 }), unix.EBADF},
		{"no seals", place(func(i *abi.NotifPinInstall) { i.MemFD = uint32(bare) }), unix.EINVAL},
		{"unknown id", place(func(i *abi.NotifPinInstall) { i.ID += 1000 }), unix.ENOENT},
		{"taken", place(func(i *abi.NotifPinInstall) { i.TargetAddr = install.TargetAddr }), unix.EEXIST},
		{"without CONTINUE", redirect(func(r *abi.NotifRespRedirect) { r.Flags = 0 }), unix.EINVAL},
		{"a pointer that is not replaced", redirect(func(r *abi.NotifRespRedirect) { r.ArgsMask = 1 }), unix.EINVAL},
		{"a pointer without a length", redirect(func(r *abi.NotifRespRedirect) { r.PtrLen[1] = 0 }), unix.EINVAL},
		{"a length without a pointer", redirect(func(r *abi.NotifRespRedirect) { r.PtrLen[2] = 1 }), unix.EINVAL},
		{"a bad descriptor", redirect(func(r *abi.NotifRespRedirect) { r.MemFD = 1 << 20 }), unix.EBADF},
		{"an unknown id", redirect(func(r *abi.NotifRespRedirect) { r.ID += 1000 }), unix.ENOENT},
		{"beyond the pin", redirect(func(r *abi.NotifRespRedirect) { r.PtrLen[1] = uint64(pin.Size() + 1) }), unix.EFAULT},
		{"no pin", redirect(func(r *abi.NotifRespRedirect) { r.Args[1] = c.Scratch }), unix.EFAULT},
		{"the exec event of another call", redirect(func(r *abi.NotifRespRedirect) { r.Flags |= abi.SECCOMP_REDIRECT_FLAG_EXEC_EVENT }), unix.EINVAL},
	} {
		if e := tt.try(); e != tt.want {
			t.Errorf("%s: %v, want %v", tt.name, e, tt.want)
		}
		if e := c.IDValid(&n.ID); e != 0 {
			t.Fatalf("%s: the notification is over: %v", tt.name, e)
		}
	}
	pin.Write(path)
	if e := redirect(func(*abi.NotifRespRedirect) {})(); e != 0 {
		t.Fatalf("redirect after all: %v", e)
	}
	c.opened(t, content)
}
