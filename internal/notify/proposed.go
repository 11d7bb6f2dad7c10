package notify

import (
	"errors"
	"fmt"
	"unsafe"

	"golang.org/x/sys/unix"

	"unotify-bench/abi"
)

// Inject attaches a substitute for the trapped call to the notification i.ID.
// It runs in the target once Send has committed it, with FLAG_INJECTED.
// EOPNOTSUPP means that i.Nr is not injectable, EEXIST that something is
// attached already, ENOENT that the target left its wait.
func (l Listener) Inject(i *abi.NotifInject) unix.Errno {
	return l.ioctl(abi.SECCOMP_IOCTL_NOTIF_INJECT, unsafe.Pointer(i))
}

// TargetCall runs a call in the target while it stays trapped, and returns
// once it has: c.Ret is what it gave. Pointers in c.Args are this process' own.
// With FLAG_SEND the result is the answer too, and the notification is over.
// ENOENT means that nothing ran, since the target left its wait.
func (l Listener) TargetCall(c *abi.NotifTargetCall) unix.Errno {
	return l.ioctl(abi.SECCOMP_IOCTL_NOTIF_TARGET_CALL, unsafe.Pointer(c))
}

// InstallPin maps the sealed memfd p.MemFD into the address space of the
// trapped task, read-only and for good; see Pin. With p.TargetAddr 0 the
// kernel picks the address and writes it there. EPERM means that the filter
// was installed without FLAG_REDIRECT.
func (l Listener) InstallPin(p *abi.NotifPinInstall) unix.Errno {
	return l.ioctl(abi.SECCOMP_IOCTL_NOTIF_PIN_INSTALL, unsafe.Pointer(p))
}

// SendRedirect answers the notification r.ID: the trapped call goes on with
// other arguments. EFAULT means that a pointer does not lead into a pin of
// r.MemFD, and leaves the notification pending, as every error does.
func (l Listener) SendRedirect(r *abi.NotifRespRedirect) unix.Errno {
	return l.ioctl(abi.SECCOMP_IOCTL_NOTIF_SEND_REDIRECT, unsafe.Pointer(r))
}

// Feature is something proposed that a kernel has or has not.
type Feature uint8

const (
	FeatureRedirectFlag Feature = iota // the filter flag that pins need
	FeatureInject
	FeatureTargetCall
	FeaturePinInstall
	FeatureSendRedirect
	FeatureExecEvent
	numFeatures
)

// Features lists all.
func Features() []Feature {
	var all []Feature
	for f := range numFeatures {
		all = append(all, f)
	}
	return all
}

// asked is how a kernel is asked for a feature, without any effect, and what
// one that has it answers. EINVAL is the answer of one that has not.
var asked = [numFeatures]struct {
	name string
	ask  func(Listener) unix.Errno
	has  unix.Errno
}{
	// Flags are looked at before the program, which is not there.
	FeatureRedirectFlag: {"SECCOMP_FILTER_FLAG_REDIRECT", func(Listener) unix.Errno {
		_, _, e := unix.RawSyscall(unix.SYS_SECCOMP, abi.SECCOMP_SET_MODE_FILTER,
			abi.SECCOMP_FILTER_FLAG_NEW_LISTENER|abi.SECCOMP_FILTER_FLAG_REDIRECT, 0)
		return e
	}, unix.EFAULT},
	// An ioctl that is known reads its argument first, an unknown one nothing.
	FeatureInject:       {"INJECT", askIoctl(abi.SECCOMP_IOCTL_NOTIF_INJECT), unix.EFAULT},
	FeatureTargetCall:   {"TARGET_CALL", askIoctl(abi.SECCOMP_IOCTL_NOTIF_TARGET_CALL), unix.EFAULT},
	FeaturePinInstall:   {"PIN_INSTALL", askIoctl(abi.SECCOMP_IOCTL_NOTIF_PIN_INSTALL), unix.EFAULT},
	FeatureSendRedirect: {"SEND_REDIRECT", askIoctl(abi.SECCOMP_IOCTL_NOTIF_SEND_REDIRECT), unix.EFAULT},
	// SEND looks for unknown flags before it looks for the notification, and
	// no kernel has given this id to one.
	FeatureExecEvent: {"exec event", func(l Listener) unix.Errno {
		return l.Send(&abi.NotifResp{
			ID:    ^uint64(0),
			Flags: abi.SECCOMP_USER_NOTIF_FLAG_CONTINUE | abi.SECCOMP_USER_NOTIF_FLAG_EXEC_EVENT,
		})
	}, unix.ENOENT},
}

func askIoctl(req uintptr) func(Listener) unix.Errno {
	return func(l Listener) unix.Errno { return l.ioctl(req, nil) }
}

// String names the feature as its series does.
func (f Feature) String() string {
	if f < numFeatures {
		return asked[f].name
	}
	return fmt.Sprintf("Feature(%d)", uint8(f))
}

// ErrUnclear is what Has returns when the answer was neither yes nor no.
var ErrUnclear = errors.New("the kernel's answer is neither that of one which has it nor of one which has not")

// Lacks is the first of fs that the kernel has not, in the words that tell a
// person, "" if it has them all. An answer that is neither yes nor no is an error.
func (l Listener) Lacks(fs ...Feature) (why string, err error) {
	for _, f := range fs {
		if has, err := l.Has(f); err != nil {
			return "", err
		} else if !has {
			return fmt.Sprintf("this kernel has no %v", f), nil
		}
	}
	return "", nil
}

// Has asks the kernel for f, through any listener of it; FeatureRedirectFlag
// needs none.
func (l Listener) Has(f Feature) (bool, error) {
	e := asked[f].ask(l)
	switch e {
	case asked[f].has:
		return true, nil
	case unix.EINVAL:
		return false, nil
	}
	return false, fmt.Errorf("ask for %v: %w: %w", f, ErrUnclear, e)
}
