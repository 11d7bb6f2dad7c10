package model

import "syscall"

// malformed is the error of a request that no notification could be the right
// one for, 0 for one that is looked at further. The order is the wire ABI's.
func (s *State) malformed(o Op) syscall.Errno {
	f := s.Features
	switch o.Do {
	case Recv:
		switch o.How {
		case RecvDirty:
			return syscall.EINVAL
		case RecvNull:
			return syscall.EFAULT
		}
	case IDValid:
		if o.How == IDNull {
			return syscall.EFAULT
		}
	case SetFlags:
		if o.How == FlagsUnknown {
			return syscall.EINVAL
		}
	case Send:
		return f.malformedSend(o.How)
	case AddFD:
		return malformedFD(o.How)
	case DoInject:
		return f.malformedInject(o)
	case DoTargetCall:
		return f.malformedCall(o)
	case PinInstall:
		return f.malformedPin(o.How)
	case SendRedirect:
		return f.malformedRedirect(o.How)
	case Unknown:
		return syscall.EINVAL
	}
	return 0
}

func (f Features) malformedSend(how uint8) syscall.Errno {
	switch how {
	case SendNull:
		return syscall.EFAULT
	case SendContinueValue, SendInjectedValue, SendBoth, SendUnknown:
		return syscall.EINVAL
	case SendInjected:
		if !f.Has(Inject) {
			return syscall.EINVAL
		}
	case SendEvent:
		if !f.Has(Event) {
			return syscall.EINVAL
		}
	}
	return 0
}

func malformedFD(how uint8) syscall.Errno {
	switch how {
	case FDShort, FDNewWithoutSet, FDFlags, FDNewFlags:
		return syscall.EINVAL
	case FDNull:
		return syscall.EFAULT
	case FDBad:
		return syscall.EBADF
	}
	return 0
}

// inKernel reports whether a call can be made with its memory in the kernel.
func (c Call) inKernel() bool { return c == Openat || c == Write || c == Bind }

func (f Features) malformedInject(o Op) syscall.Errno {
	switch {
	case !f.Has(Inject):
		return syscall.EINVAL
	case o.How == InjectNull:
		return syscall.EFAULT
	case o.How == InjectNr || !o.Call.inKernel():
		return syscall.EOPNOTSUPP
	}
	switch o.How {
	case InjectMask, InjectNoBuffer, InjectOffset:
		return syscall.EINVAL
	case InjectTooBig:
		return syscall.E2BIG
	case InjectFault:
		return syscall.EFAULT
	}
	return 0
}

func (f Features) malformedCall(o Op) syscall.Errno {
	switch {
	case !f.Has(TargetCall):
		return syscall.EINVAL
	case o.How == CallNull:
		return syscall.EFAULT
	case o.How == CallFlags || o.How == CallReserved:
		return syscall.EINVAL
	case o.How == CallBadFD || o.How == CallRead || o.How == CallFstat || o.How == CallConnect:
		return 0
	case o.How == CallReadTooBig:
		return syscall.E2BIG
	case o.How == CallReadFault || o.How == CallFstatFault:
		return syscall.EFAULT
	case o.How == CallNr || !o.Call.inKernel():
		return syscall.EOPNOTSUPP
	case o.How == CallTooBig && o.Call == Openat:
		return syscall.ENAMETOOLONG
	case o.How == CallTooBig:
		return syscall.E2BIG
	case o.How == CallFault:
		return syscall.EFAULT
	}
	return 0
}

// noPins is what a kernel says to every request about pins: that it has none, that
// nothing is where the request should be, or that the filter is none for them.
func (f Features) noPins(null bool) syscall.Errno {
	switch {
	case !f.Has(Pins):
		return syscall.EINVAL
	case null:
		return syscall.EFAULT
	case !f.Has(Redirect):
		return syscall.EPERM
	}
	return 0
}

func (f Features) malformedPin(how uint8) syscall.Errno {
	if e := f.noPins(how == PinNull); e != 0 {
		return e
	}
	switch how {
	case PinFlags, PinMisaligned, PinEmpty, PinUnsealed:
		return syscall.EINVAL
	case PinBadFD:
		return syscall.EBADF
	}
	return 0
}

func (f Features) malformedRedirect(how uint8) syscall.Errno {
	if e := f.noPins(how == RedirectNull); e != 0 {
		return e
	}
	switch how {
	case RedirectNoFlags, RedirectNoLength, RedirectNotInMask, RedirectOverflow, RedirectUnsealed:
		return syscall.EINVAL
	case RedirectBadFD:
		return syscall.EBADF
	}
	return 0
}
