package workload

import (
	"slices"
	"unsafe"

	"golang.org/x/sys/unix"

	"unotify-bench/abi"
)

// Each of these lets an approved call happen, in the way of a mechanism. What
// that cannot carry goes by proceed.

func (l *listener) proceed(n *abi.Notif, _ kind, _ []byte) (unix.Errno, error) {
	// What was read is the caller's only if that still waits.
	if e, err := answered(l.IDValid(&n.ID), "check that the notification stands"); e != 0 {
		return e, err
	}
	e, err := l.send(abi.NotifResp{ID: n.ID, Flags: abi.SECCOMP_USER_NOTIF_FLAG_CONTINUE})
	if e == 0 && err == nil {
		l.book.racy++
	}
	return e, err
}

// ownPlaces are where a path means something else to each process.
var ownPlaces = [][]byte{[]byte("/proc"), []byte("/dev")}

// openFor opens a file as the supervisor, whose root, user and umask the target
// must share, and gives it away.
func (l *listener) openFor(n *abi.Notif, k kind, raw []byte) (unix.Errno, error) {
	if slices.ContainsFunc(ownPlaces, func(p []byte) bool { return below(l.text, p) }) {
		return l.proceed(n, k, raw)
	}
	path := append(l.text, 0)
	l.text = path[:len(path)-1]
	flags := n.Data.Args[2]
	fd, _, e := unix.RawSyscall6(unix.SYS_OPENAT, ^uintptr(0), uintptr(unsafe.Pointer(unsafe.SliceData(path))),
		uintptr(flags)|unix.O_CLOEXEC, uintptr(n.Data.Args[3]), 0, 0)
	if e != 0 {
		return l.send(abi.NotifResp{ID: n.ID, Error: -int32(e)})
	}
	l.addfd = abi.NotifAddFD{
		ID: n.ID, Flags: abi.SECCOMP_ADDFD_FLAG_SEND, SrcFD: uint32(fd), NewFDFlags: uint32(flags) & unix.O_CLOEXEC,
	}
	_, e = l.AddFD(&l.addfd)
	unix.RawSyscall(unix.SYS_CLOSE, fd, 0, 0)
	return answered(e, "add a descriptor")
}

func (l *listener) injectCall(n *abi.Notif, k kind, raw []byte) (unix.Errno, error) {
	p := kinds[k].pointer
	l.inject = abi.NotifInject{
		ID: n.ID, Nr: uint64(n.Data.Nr), Args: n.Data.Args,
		Buf: addressOf(raw), BufSize: uint32(len(raw)), ArgsInBufMask: 1 << p,
	}
	l.inject.Args[p] = 0 // the buffer's start
	if e, err := answered(l.Inject(&l.inject), "inject the call"); e != 0 {
		return e, err
	}
	return l.send(abi.NotifResp{ID: n.ID, Flags: abi.SECCOMP_USER_NOTIF_FLAG_INJECTED})
}

// callTarget issues the call in the target, with what was judged.
func (l *listener) callTarget(n *abi.Notif, k kind, raw []byte, flags uint32) (unix.Errno, error) {
	l.call = abi.NotifTargetCall{ID: n.ID, Flags: flags, Nr: uint64(n.Data.Nr), Args: n.Data.Args}
	l.call.Args[kinds[k].pointer] = addressOf(raw)
	return answered(l.TargetCall(&l.call), "issue the call in the target")
}

func (l *listener) callSending(n *abi.Notif, k kind, raw []byte) (unix.Errno, error) {
	return l.callTarget(n, k, raw, abi.SECCOMP_TARGET_CALL_FLAG_SEND)
}

func (l *listener) callAndSend(n *abi.Notif, k kind, raw []byte) (unix.Errno, error) {
	if e, err := l.callTarget(n, k, raw, 0); e != 0 {
		return e, err
	}
	r := abi.NotifResp{ID: n.ID, Val: l.call.Ret}
	if l.call.Ret < 0 {
		r.Val, r.Error = 0, int32(l.call.Ret)
	}
	return l.send(r)
}

// addressOf is where b lies. The judge's buffer outlives every call.
func addressOf(b []byte) uint64 { return uint64(uintptr(unsafe.Pointer(unsafe.SliceData(b)))) }
