package notify

import (
	"errors"
	"os"
	"sync/atomic"
	"syscall"
	"unsafe"

	"golang.org/x/sys/unix"

	"unotify-bench/abi"
)

// lifeMech is a mechanism that TestLifecycle keeps busy.
type lifeMech struct {
	name  string
	needs []Feature
	nr    int  // the call that is trapped
	flags uint // of the filter, besides NEW_LISTENER
	serve func(*lifeServer, *abi.Notif) unix.Errno
	call  func(*lifeTarget) int64 // nil: nr, with the target's arguments
	ok    func(*lifeTarget, int64) bool
	fed   bool // something reads from the target's pipe
}

// lifeServer is a supervisor's thread, which serves one target.
type lifeServer struct {
	Listener
	null  int
	path  []byte // of what is opened, as a string of C
	long  []byte // at longAt in more than the 256 bytes that are copied to the stack
	got   []byte
	pin   *Pin
	at    uint64 // where pin is in the target
	count int

	resp     abi.NotifResp
	add      abi.NotifAddFD
	inject   abi.NotifInject
	tcall    abi.NotifTargetCall
	install  abi.NotifPinInstall
	redirect abi.NotifRespRedirect
}

const longAt = 600

func (s *lifeServer) answer(r abi.NotifResp) unix.Errno {
	s.resp = r
	return s.Send(&s.resp)
}

// pass answers with what a call gave.
func (s *lifeServer) pass(id uint64, ret int64) unix.Errno {
	if ret < 0 {
		return s.answer(abi.NotifResp{ID: id, Error: int32(ret)})
	}
	return s.answer(abi.NotifResp{ID: id, Val: ret})
}

func (s *lifeServer) injectPath(n *abi.Notif, buf []byte, at uint64) unix.Errno {
	s.inject = abi.NotifInject{
		ID: n.ID, Nr: unix.SYS_OPENAT, Args: n.Data.Args, ArgsInBufMask: 1 << 1,
		Buf: uint64(uintptr(unsafe.Pointer(&buf[0]))), BufSize: uint32(len(buf)),
	}
	s.inject.Args[1] = at
	if e := s.Inject(&s.inject); e != 0 {
		return e
	}
	// One in eight is not wanted after all: the record goes unused.
	if s.count++; s.count%8 == 0 {
		return s.answer(abi.NotifResp{ID: n.ID, Error: -int32(unix.ENOENT)})
	}
	return s.answer(abi.NotifResp{ID: n.ID, Flags: abi.SECCOMP_USER_NOTIF_FLAG_INJECTED})
}

func (s *lifeServer) callPath(n *abi.Notif, flags uint32) unix.Errno {
	s.tcall = abi.NotifTargetCall{ID: n.ID, Flags: flags, Nr: unix.SYS_OPENAT, Args: n.Data.Args}
	s.tcall.Args[1] = uint64(uintptr(unsafe.Pointer(&s.path[0])))
	if e := s.TargetCall(&s.tcall); e != 0 || flags != 0 {
		return e
	}
	return s.pass(n.ID, s.tcall.Ret)
}

// callRead reads from the pipe that argument 0 names.
func (s *lifeServer) callRead(n *abi.Notif, flags uint32) unix.Errno {
	s.tcall = abi.NotifTargetCall{ID: n.ID, Flags: flags, Nr: unix.SYS_READ}
	s.tcall.Args = [6]uint64{n.Data.Args[0], uint64(uintptr(unsafe.Pointer(&s.got[0]))), 1}
	if e := s.TargetCall(&s.tcall); e != 0 || flags != 0 {
		return e
	}
	return s.pass(n.ID, s.tcall.Ret)
}

func (s *lifeServer) installPin(n *abi.Notif) unix.Errno {
	s.install = abi.NotifPinInstall{ID: n.ID, MemFD: uint32(s.pin.FD), Size: uint64(s.pin.Size())}
	e := s.InstallPin(&s.install)
	if e == 0 {
		s.at = s.install.TargetAddr
	}
	return e
}

// redirectPath leads the call to a pin, of which a target gets up to a hundred.
func (s *lifeServer) redirectPath(n *abi.Notif) unix.Errno {
	if s.count++; s.at == 0 || s.count%16 == 0 && s.count < 1600 {
		if e := s.installPin(n); e != 0 {
			return e
		}
	}
	s.redirect = abi.NotifRespRedirect{
		ID: n.ID, Flags: abi.SECCOMP_REDIRECT_FLAG_CONTINUE, ArgsMask: 1 << 1, PtrMask: 1 << 1, MemFD: uint32(s.pin.FD),
	}
	s.redirect.Args[1], s.redirect.PtrLen[1] = s.at, uint64(len(s.path))
	return s.SendRedirect(&s.redirect)
}

// serveExec asks for the exec event, and gives the new image a pin.
func (s *lifeServer) serveExec(n *abi.Notif) unix.Errno {
	if n.Flags&abi.SECCOMP_NOTIF_FLAG_EXECED == 0 {
		// The program goes on for ever, if it may.
		if s.count++; s.count%64 == 0 {
			return s.answer(abi.NotifResp{ID: n.ID, Error: -int32(unix.EACCES)})
		}
		return s.answer(abi.NotifResp{ID: n.ID, Flags: abi.SECCOMP_USER_NOTIF_FLAG_CONTINUE | abi.SECCOMP_USER_NOTIF_FLAG_EXEC_EVENT})
	}
	if e := s.installPin(n); e != 0 {
		return e
	}
	return s.answer(abi.NotifResp{ID: n.ID})
}

// lifeTarget is the process whose calls are trapped.
type lifeTarget struct {
	parent int64
	first  int64 // the first descriptor that a call can give
	pipe   [2]int
	args   [6]uint64
	argv   []string
	gone   *atomic.Uint32
}

// exec runs the program in a child, which inherits the filter.
func (t *lifeTarget) exec() int64 {
	pid, err := syscall.ForkExec(t.argv[0], t.argv, &syscall.ProcAttr{Env: []string{}})
	if err != nil {
		var e syscall.Errno
		errors.As(err, &e)
		return -int64(e)
	}
	var status unix.WaitStatus
	for {
		_, err := unix.Wait4(pid, &status, unix.WALL, nil)
		if err != unix.EINTR {
			return int64(status)
		}
	}
}

// againProgram executes itself, as argv[0] on its stack names it, until it is
// not let: then exit(0).
var againProgram = map[string]string{
	// mov 8(%rsp),%rdi; lea 8(%rsp),%rsi; xor %edx,%edx; mov $59,%eax; syscall;
	// mov $60,%eax; xor %edi,%edi; syscall
	"amd64": "\x48\x8b\x7c\x24\x08\x48\x8d\x74\x24\x08\x31\xd2\xb8\x3b\x00\x00\x00\x0f\x05" +
		"\xb8\x3c\x00\x00\x00\x31\xff\x0f\x05",
	// ldr x0,[sp,#8]; add x1,sp,#8; mov x2,#0; mov x8,#221; svc #0;
	// mov x8,#93; mov x0,#0; svc #0
	"arm64": "\xe0\x07\x40\xf9\xe1\x23\x00\x91\x02\x00\x80\xd2\xa8\x1b\x80\xd2\x01\x00\x00\xd4" +
		"\xa8\x0b\x80\xd2\x00\x00\x80\xd2\x01\x00\x00\xd4",
	// ld a0,8(sp); addi a1,sp,8; li a2,0; li a7,221; ecall; li a7,93; li a0,0; ecall
	"riscv64": "\x03\x35\x81\x00\x93\x05\x81\x00\x13\x06\x00\x00\x93\x08\xd0\x0d\x73\x00\x00\x00" +
		"\x93\x08\xd0\x05\x13\x05\x00\x00\x73\x00\x00\x00",
}

const nullPath = "/dev/null"

var errnoSysGone = -int64(unix.ENOSYS)

func isParent(t *lifeTarget, r int64) bool { return r == t.parent }
func isFD(t *lifeTarget, r int64) bool     { return r >= t.first && r < 1<<10 }

// isAdded: an ADDFD that answers is taken back when its supervisor is killed,
// the answer is not, and is 0 then (seccomp_notify_addfd, as of 6.12).
func isAdded(t *lifeTarget, r int64) bool { return isFD(t, r) || r == 0 && t.gone.Load() != 0 }

func isRead(_ *lifeTarget, r int64) bool { return r == 1 || r == -int64(unix.EINTR) }

// isExecuted: it may also be the first exec that is refused.
func isExecuted(_ *lifeTarget, r int64) bool { return r == 0 || r == -int64(unix.EACCES) }

func isInjected(t *lifeTarget, r int64) bool { return isFD(t, r) || r == -int64(unix.ENOENT) }

var lifeMechs = []lifeMech{
	{name: "continue", nr: unix.SYS_GETPPID, ok: isParent, serve: func(s *lifeServer, n *abi.Notif) unix.Errno {
		return s.answer(abi.NotifResp{ID: n.ID, Flags: abi.SECCOMP_USER_NOTIF_FLAG_CONTINUE})
	}},
	{name: "reply", nr: unix.SYS_GETPPID, ok: func(_ *lifeTarget, r int64) bool { return r == 7777 }, serve: func(s *lifeServer, n *abi.Notif) unix.Errno {
		return s.answer(abi.NotifResp{ID: n.ID, Val: 7777})
	}},
	{name: "addfd", nr: unix.SYS_GETPPID, ok: isAdded, serve: func(s *lifeServer, n *abi.Notif) unix.Errno {
		s.add = abi.NotifAddFD{ID: n.ID, SrcFD: uint32(s.null), Flags: abi.SECCOMP_ADDFD_FLAG_SEND}
		_, e := s.AddFD(&s.add)
		if e == unix.ESRCH { // it went while it was waited for
			e = unix.ENOENT
		}
		return e
	}},
	{name: "inject", needs: []Feature{FeatureInject}, nr: unix.SYS_OPENAT, ok: isInjected, serve: func(s *lifeServer, n *abi.Notif) unix.Errno {
		return s.injectPath(n, s.path, 0)
	}},
	{name: "inject-large", needs: []Feature{FeatureInject}, nr: unix.SYS_OPENAT, ok: isInjected, serve: func(s *lifeServer, n *abi.Notif) unix.Errno {
		return s.injectPath(n, s.long, longAt)
	}},
	{name: "target-call", needs: []Feature{FeatureTargetCall}, nr: unix.SYS_OPENAT, ok: isFD, serve: func(s *lifeServer, n *abi.Notif) unix.Errno {
		return s.callPath(n, 0)
	}},
	{name: "target-call-send", needs: []Feature{FeatureTargetCall}, nr: unix.SYS_OPENAT, ok: isFD, serve: func(s *lifeServer, n *abi.Notif) unix.Errno {
		return s.callPath(n, abi.SECCOMP_TARGET_CALL_FLAG_SEND)
	}},
	// It waits for a byte: it is there when the signals and kills come.
	{name: "target-call-waits", needs: []Feature{FeatureTargetCall}, nr: unix.SYS_GETPPID, ok: isRead, fed: true, serve: func(s *lifeServer, n *abi.Notif) unix.Errno {
		s.count++
		return s.callRead(n, uint32(s.count%2)*abi.SECCOMP_TARGET_CALL_FLAG_SEND)
	}},
	{name: "redirect", needs: []Feature{FeatureRedirectFlag, FeaturePinInstall, FeatureSendRedirect}, nr: unix.SYS_OPENAT,
		flags: abi.SECCOMP_FILTER_FLAG_REDIRECT, ok: isFD, serve: (*lifeServer).redirectPath},
	{name: "exec-event", needs: []Feature{FeatureRedirectFlag, FeaturePinInstall, FeatureExecEvent}, nr: unix.SYS_EXECVE,
		flags: abi.SECCOMP_FILTER_FLAG_REDIRECT, ok: isExecuted, serve: (*lifeServer).serveExec, call: (*lifeTarget).exec},
}

func findLifeMech(name string) *lifeMech {
	for i := range lifeMechs {
		if lifeMechs[i].name == name {
			return &lifeMechs[i]
		}
	}
	return nil
}

func newLifeServer(fd int) (*lifeServer, error) {
	s := &lifeServer{Listener: Listener{FD: fd}, path: append([]byte(nullPath), 0), long: make([]byte, 2*longAt), got: make([]byte, 8)}
	copy(s.long[longAt:], nullPath)
	var err error
	if s.null, err = unix.Open(nullPath, os.O_RDWR|unix.O_CLOEXEC, 0); err != nil {
		return nil, err
	}
	if s.pin, err = NewPin(len(s.path)); err != nil {
		unix.Close(s.null)
		return nil, err
	}
	s.pin.Write(s.path)
	return s, nil
}

func (s *lifeServer) close() {
	s.pin.Close()
	unix.Close(s.null)
}
