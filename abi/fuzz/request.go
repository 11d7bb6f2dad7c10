package fuzz

import (
	"os"
	"unsafe"

	"golang.org/x/sys/unix"

	"unotify-bench/abi"
	"unotify-bench/abi/model"
	"unotify-bench/internal/notify"
)

const atCWD = ^uint64(99) // AT_FDCWD, -100, as a register has it

// nr is a call's number.
func (*tools) nr(c model.Call) uint64 {
	return [...]uint64{model.Getppid: unix.SYS_GETPPID, model.Openat: unix.SYS_OPENAT, model.Write: unix.SYS_WRITE, model.Bind: unix.SYS_BIND, model.Execve: unix.SYS_EXECVE, model.Program: unix.SYS_EXECVE}[c]
}

// args are those that a task makes a call with.
func (w *world) args(c model.Call, task int) (a [6]uint64) {
	at := func(offset uintptr) uint64 { return w.Board + uint64(offset) }
	switch c {
	case model.Openat:
		a = [6]uint64{atCWD, at(unsafe.Offsetof(w.board.path)), unix.O_RDONLY | unix.O_CLOEXEC}
	case model.Write:
		a = [6]uint64{uint64(writeFD + task), at(unsafe.Offsetof(w.board.byte)), 1}
	case model.Bind:
		a = [6]uint64{sockFD, at(unsafe.Offsetof(w.board.address)), addressSize}
	case model.Execve:
		a = [6]uint64{at(unsafe.Offsetof(w.board.missing))}
	case model.Program:
		a = [6]uint64{at(unsafe.Offsetof(w.board.program)), at(unsafe.Offsetof(w.board.argv))}
	}
	a[5] = magic
	return a
}

// request is an operation's ioctl and its argument, as ioctl has it.
func (w *world) request(o model.Op, id uint64) (req uintptr, arg any) {
	switch o.Do {
	case model.Recv:
		return w.recv(o.How)
	case model.Send:
		return w.send(o.How, id)
	case model.IDValid:
		switch o.How {
		case model.IDOldNumber:
			return abi.SECCOMP_IOCTL_NOTIF_ID_VALID_WRONG_DIR, &id
		case model.IDNull:
			return abi.SECCOMP_IOCTL_NOTIF_ID_VALID, nil
		}
		return abi.SECCOMP_IOCTL_NOTIF_ID_VALID, &id
	case model.SetFlags:
		return abi.SECCOMP_IOCTL_NOTIF_SET_FLAGS, [...]uint64{
			model.FlagsNone: 0, model.FlagsSync: abi.SECCOMP_USER_NOTIF_FD_SYNC_WAKE_UP, model.FlagsUnknown: 1 << 7,
		}[o.How]
	case model.AddFD:
		return w.addFD(o.How, id)
	case model.DoInject:
		return w.inject(o, id)
	case model.DoTargetCall:
		return w.targetCall(o, id)
	case model.PinInstall:
		return w.installPin(o.How, id)
	case model.SendRedirect:
		return w.redirect(o.How, id)
	}
	return abi.SECCOMP_IOCTL_NOTIF_RECV ^ 0x40, &id // which no kernel knows
}

func (w *world) recv(how uint8) (req uintptr, arg any) {
	var n abi.Notif
	arg = &n
	switch how {
	case model.RecvDirty:
		n.Data.Nr = 1
	case model.RecvNull:
		arg = nil
	case model.RecvReadOnly:
		arg = w.tools.at(readOnly)
	}
	return abi.SECCOMP_IOCTL_NOTIF_RECV, arg
}

func (w *world) send(how uint8, id uint64) (req uintptr, arg any) {
	r := abi.NotifResp{ID: id}
	switch how {
	case model.SendValue:
		r.Val = model.ReplyValue
	case model.SendError:
		r.Error = -int32(unix.EPERM)
	case model.SendContinue:
		r.Flags = abi.SECCOMP_USER_NOTIF_FLAG_CONTINUE
	case model.SendInjected:
		r.Flags = abi.SECCOMP_USER_NOTIF_FLAG_INJECTED
	case model.SendEvent:
		r.Flags = abi.SECCOMP_USER_NOTIF_FLAG_CONTINUE | abi.SECCOMP_USER_NOTIF_FLAG_EXEC_EVENT
	case model.SendContinueValue:
		r.Flags, r.Val = abi.SECCOMP_USER_NOTIF_FLAG_CONTINUE, 1
	case model.SendInjectedValue:
		r.Flags, r.Error = abi.SECCOMP_USER_NOTIF_FLAG_INJECTED, -1
	case model.SendBoth:
		r.Flags = abi.SECCOMP_USER_NOTIF_FLAG_CONTINUE | abi.SECCOMP_USER_NOTIF_FLAG_INJECTED
	case model.SendUnknown:
		r.Flags = 1 << 31
	case model.SendNull:
		return abi.SECCOMP_IOCTL_NOTIF_SEND, nil
	}
	return abi.SECCOMP_IOCTL_NOTIF_SEND, &r
}

func (w *world) addFD(how uint8, id uint64) (req uintptr, arg any) {
	a := abi.NotifAddFD{ID: id, SrcFD: uint32(w.tools.given)}
	req, arg = abi.SECCOMP_IOCTL_NOTIF_ADDFD, &a
	switch how {
	case model.FDSend:
		a.Flags = abi.SECCOMP_ADDFD_FLAG_SEND
	case model.FDSet:
		a.Flags, a.NewFD = abi.SECCOMP_ADDFD_FLAG_SETFD, 100
	case model.FDSetSend:
		a.Flags, a.NewFD = abi.SECCOMP_ADDFD_FLAG_SETFD|abi.SECCOMP_ADDFD_FLAG_SEND, 101
	case model.FDCloexec:
		a.NewFDFlags = unix.O_CLOEXEC
	case model.FDBad:
		a.SrcFD = 1 << 20
	case model.FDNewWithoutSet:
		a.NewFD = 100
	case model.FDFlags:
		a.Flags = 1 << 7
	case model.FDNewFlags:
		a.NewFDFlags = unix.O_APPEND
	case model.FDShort:
		req -= 8 << 16 // the size of the struct is in the number
	case model.FDNull:
		arg = nil
	}
	return req, arg
}

func (w *world) inject(o model.Op, id uint64) (req uintptr, arg any) {
	t := w.tools
	i := abi.NotifInject{ID: id, Nr: t.nr(o.Call), ArgsInBufMask: 1 << 1}
	switch o.Call {
	case model.Write:
		i.Args, i.Buf, i.BufSize = [6]uint64{writeFD + uint64(w.taskOf(id)), 0, 1}, t.at(atByte), 1
	case model.Bind:
		i.Args, i.Buf, i.BufSize = [6]uint64{sockFD, 0, addressSize}, t.at(atAddress), addressSize
	default:
		i.Args, i.Buf, i.BufSize = [6]uint64{atCWD, 0, unix.O_RDONLY}, t.at(atPath), 1024
	}
	switch o.How {
	case model.InjectLarge:
		i.BufSize = largeSize
		if o.Call == model.Openat {
			i.Buf = t.at(atLarge)
		}
	case model.InjectUnterminated:
		i.Buf, i.Args[2] = t.at(atEndless), 2
		i.BufSize = 1
	case model.InjectUnmarked:
		i.ArgsInBufMask = 0
	case model.InjectNr:
		i.Nr = 1 << 20
	case model.InjectMask:
		i.ArgsInBufMask |= 1 << 6
	case model.InjectTooBig:
		i.BufSize = 1<<20 + 1
	case model.InjectNoBuffer:
		i.Buf = 0
	case model.InjectOffset:
		i.Args[1] = uint64(i.BufSize) + 1
	case model.InjectFault:
		i.Buf = t.at(nowhere)
	case model.InjectNull:
		return abi.SECCOMP_IOCTL_NOTIF_INJECT, nil
	}
	return abi.SECCOMP_IOCTL_NOTIF_INJECT, &i
}

// taskOf is the task whose notification has an id, 0 if the model knows none.
func (w *world) taskOf(id uint64) int {
	for i := range w.state.Tasks {
		if w.first+uint64(int64(w.state.Tasks[i].ID)) == id && w.state.Tasks[i].Phase != model.Idle {
			return i
		}
	}
	return 0
}

func (w *world) targetCall(o model.Op, id uint64) (req uintptr, arg any) {
	t := w.tools
	c := abi.NotifTargetCall{ID: id, Nr: t.nr(o.Call)}
	task := w.taskOf(id)
	switch o.Call {
	case model.Write:
		c.Args = [6]uint64{writeFD + uint64(task), t.at(atByte), 1}
	case model.Bind:
		c.Args = [6]uint64{sockFD, t.at(atAddress), addressSize}
	default:
		c.Args = [6]uint64{atCWD, t.at(atPath), unix.O_RDONLY}
	}
	switch o.How {
	case model.CallSend:
		c.Flags = abi.SECCOMP_TARGET_CALL_FLAG_SEND
	case model.CallBadFD:
		c.Nr, c.Args = unix.SYS_CLOSE, [6]uint64{1 << 20}
	case model.CallFlags:
		c.Flags = 1 << 1
	case model.CallReserved:
		c.Reserved = 1
	case model.CallNr:
		c.Nr = 1 << 20
	case model.CallTooBig:
		c.Args[1], c.Args[2] = t.at(atEndless), 2<<20
	case model.CallFault:
		c.Args[1] = t.at(nowhere)
	case model.CallNull:
		return abi.SECCOMP_IOCTL_NOTIF_TARGET_CALL, nil
	case model.CallRead:
		c.Nr, c.Args = unix.SYS_READ, [6]uint64{zeroFD, t.at(atRead), model.ReadSize}
	case model.CallFstat:
		c.Nr, c.Args = unix.SYS_FSTAT, [6]uint64{zeroFD, t.at(atStat)}
	case model.CallConnect:
		c.Nr, c.Args = unix.SYS_CONNECT, [6]uint64{sockFD, t.at(atNobody), addressSize}
	case model.CallReadFault:
		c.Nr, c.Args = unix.SYS_READ, [6]uint64{zeroFD, t.at(readOnly), model.ReadSize}
	case model.CallReadTooBig:
		c.Nr, c.Args = unix.SYS_READ, [6]uint64{zeroFD, t.at(atRead), 2 << 20}
	case model.CallFstatFault:
		c.Nr, c.Args = unix.SYS_FSTAT, [6]uint64{zeroFD, t.at(nowhere)}
	}
	return abi.SECCOMP_IOCTL_NOTIF_TARGET_CALL, &c
}

func (w *world) installPin(how uint8, id uint64) (req uintptr, arg any) {
	page := uint64(os.Getpagesize())
	p := abi.NotifPinInstall{ID: id, MemFD: uint32(w.tools.pin.FD), TargetAddr: w.pinAt(), Size: page}
	switch how {
	case model.PinAnywhere:
		p.TargetAddr = 0
	case model.PinOverlap:
		p.TargetAddr = w.Board // the target has that
		if w.state.Execed {
			p.TargetAddr = notify.ExecutableAt
		}
	case model.PinFlags:
		p.Flags = 1
	case model.PinMisaligned:
		p.TargetAddr++
	case model.PinEmpty:
		p.Size = 0
	case model.PinBadFD:
		p.MemFD = 1 << 20
	case model.PinUnsealed:
		p.MemFD = uint32(w.tools.other)
	case model.PinNull:
		return abi.SECCOMP_IOCTL_NOTIF_PIN_INSTALL, nil
	}
	return abi.SECCOMP_IOCTL_NOTIF_PIN_INSTALL, &p
}

// mapping is the call of a task that does something to where redirects point to.
func (w *world) mapping(o model.Op) (task int, nr uint64, args [6]uint64) {
	page, at := uint64(os.Getpagesize()), w.pinAt()
	nr, args = unix.SYS_MPROTECT, [6]uint64{at, page}
	switch o.How {
	case model.MapUnmap:
		nr = unix.SYS_MUNMAP
	case model.MapWritable:
		args[2] = unix.PROT_READ | unix.PROT_WRITE
	case model.MapMove:
		nr, args = unix.SYS_MREMAP, [6]uint64{at, page, 2 * page, unix.MREMAP_MAYMOVE}
	case model.MapOver:
		nr, args = unix.SYS_MMAP, [6]uint64{at, page, unix.PROT_READ, unix.MAP_PRIVATE | unix.MAP_ANONYMOUS | unix.MAP_FIXED, ^uint64(0)}
	case model.MapDiscard:
		nr, args[2] = unix.SYS_MADVISE, unix.MADV_DONTNEED
	}
	return int(o.Task), nr, args
}

// install is the call of a task that installs another filter.
func (w *world) install(o model.Op) (task int, nr uint64, args [6]uint64) {
	const listener, sync = abi.SECCOMP_FILTER_FLAG_NEW_LISTENER, abi.SECCOMP_FILTER_FLAG_TSYNC
	args = [6]uint64{abi.SECCOMP_SET_MODE_FILTER, 0, w.Board + uint64(unsafe.Offsetof(w.board.prog))}
	switch o.How {
	case model.FilterLog:
		args[1] = abi.SECCOMP_FILTER_FLAG_LOG
	case model.FilterSpec:
		args[1] = abi.SECCOMP_FILTER_FLAG_SPEC_ALLOW
	case model.FilterESRCH:
		args[1] = abi.SECCOMP_FILTER_FLAG_TSYNC_ESRCH
	case model.FilterSync:
		args[1] = sync | abi.SECCOMP_FILTER_FLAG_TSYNC_ESRCH
	case model.FilterSyncTID:
		args[1] = sync
	case model.FilterListener:
		args[1] = listener
	case model.FilterListenerSync:
		args[1] = listener | sync | abi.SECCOMP_FILTER_FLAG_TSYNC_ESRCH
	case model.FilterListenerKillable:
		args[1] = listener | abi.SECCOMP_FILTER_FLAG_WAIT_KILLABLE_RECV
	case model.FilterListenerRedirect:
		args[1] = listener | abi.SECCOMP_FILTER_FLAG_REDIRECT
	case model.FilterListenerTID:
		args[1] = listener | sync
	case model.FilterKillable:
		args[1] = abi.SECCOMP_FILTER_FLAG_WAIT_KILLABLE_RECV
	case model.FilterRedirect:
		args[1] = abi.SECCOMP_FILTER_FLAG_REDIRECT
	case model.FilterUnknown:
		args[1] = 1 << 31
	case model.FilterEmpty:
		args[2] = w.Board + uint64(unsafe.Offsetof(w.board.empty))
	case model.FilterNull:
		args[2] = 0
	}
	return int(o.Task), unix.SYS_SECCOMP, args
}

// memory does something to the memory of pins.
func (w *world) memory(how uint8) error {
	fd, page := w.tools.pin.FD, os.Getpagesize()
	switch how {
	case model.MemoryShrink:
		return unix.Ftruncate(fd, 0)
	case model.MemoryGrow:
		return unix.Ftruncate(fd, int64(2*page))
	case model.MemoryPunch:
		return unix.Fallocate(fd, unix.FALLOC_FL_PUNCH_HOLE|unix.FALLOC_FL_KEEP_SIZE, 0, int64(page))
	case model.MemoryMap:
		b, err := unix.Mmap(fd, 0, page, unix.PROT_READ|unix.PROT_WRITE, unix.MAP_SHARED)
		if err == nil {
			_ = unix.Munmap(b)
		}
		return err
	case model.MemorySeal:
		_, err := unix.FcntlInt(uintptr(fd), unix.F_ADD_SEALS, unix.F_SEAL_WRITE)
		return err
	}
	_, err := unix.Pwrite(fd, []byte{'?'}, 0)
	return err
}

func (w *world) pinAt() uint64 { return pins + w.slot*pinStep }

func (w *world) redirect(how uint8, id uint64) (req uintptr, arg any) {
	call := model.Openat
	if i := w.taskOf(id); w.state.Tasks[i].Phase != model.Idle {
		call = w.calls[i]
	}
	r := abi.NotifRespRedirect{
		ID: id, Flags: abi.SECCOMP_REDIRECT_FLAG_CONTINUE,
		ArgsMask: 1 << 1, PtrMask: 1 << 1, MemFD: uint32(w.tools.pin.FD),
	}
	r.Args[1], r.PtrLen[1] = w.pinAt(), 1024
	switch call {
	case model.Write:
		r.Args[1], r.PtrLen[1] = w.pinAt()+pinByte, 1
	case model.Bind:
		r.Args[1], r.PtrLen[1] = w.pinAt()+pinAddress, addressSize
	}
	switch how {
	case model.RedirectScalar:
		// Argument 2 alone: flags as they were, or a number of bytes.
		r.ArgsMask, r.PtrMask, r.MemFD = 1<<2, 0, 0
		r.Args, r.PtrLen = [6]uint64{}, [6]uint64{}
	case model.RedirectBeyond:
		r.PtrLen[1] = uint64(os.Getpagesize()) + 1
	case model.RedirectNoFlags:
		r.Flags = 0
	case model.RedirectNoLength:
		r.PtrLen[1] = 0
	case model.RedirectNotInMask:
		r.ArgsMask = 1
	case model.RedirectOverflow:
		r.PtrLen[1] = ^uint64(0)
	case model.RedirectBadFD:
		r.MemFD = 1 << 20
	case model.RedirectUnsealed:
		r.MemFD = uint32(w.tools.other)
	case model.RedirectNull:
		return abi.SECCOMP_IOCTL_NOTIF_SEND_REDIRECT, nil
	}
	return abi.SECCOMP_IOCTL_NOTIF_SEND_REDIRECT, &r
}
