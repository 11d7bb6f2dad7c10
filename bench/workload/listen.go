package workload

import (
	"fmt"
	"slices"

	"golang.org/x/sys/unix"

	"unotify-bench/abi"
	"unotify-bench/internal/notify"
)

// listener is a supervisor who answers the notifications of all targets, one
// after the other.
type listener struct {
	notify.Listener
	*judge
	m *Mechanism

	notif    abi.Notif
	resp     abi.NotifResp
	addfd    abi.NotifAddFD
	inject   abi.NotifInject
	call     abi.NotifTargetCall
	redirect abi.NotifRespRedirect
	pins     *pins
}

// serve answers until no task has the filter any more, or stop is set.
func (l *listener) serve(stop *uint32) error {
	for {
		switch e := l.Next(&l.notif, stop); e {
		case 0:
		case unix.ENOENT, unix.EINTR:
			return nil
		default:
			return fmt.Errorf("receive a notification: %w", e)
		}
		if err := l.handle(&l.notif); err != nil {
			return err
		}
	}
}

// handle judges a call and answers it. A call whose caller has left its wait
// traps again, and counts then.
func (l *listener) handle(n *abi.Notif) error {
	k, ok := kindOf(uint64(n.Data.Nr))
	if !ok {
		return fmt.Errorf("syscall %d trapped, which nobody asked for", n.Data.Nr)
	}
	raw, v, errno := l.look(int(n.PID), k, &n.Data.Args)
	var e unix.Errno
	var err error
	switch v {
	case gone:
		return nil
	case allowed:
		act := l.m.act
		if len(raw) == 0 || !slices.Contains(l.m.carries, k) {
			act = (*listener).proceed
		}
		e, err = act(l, n, k, raw)
	default:
		e, err = l.send(abi.NotifResp{ID: n.ID, Error: -int32(errno)})
	}
	if err == nil && e == 0 {
		l.book.add(k, v, l.text)
	}
	return err
}

// send answers.
func (l *listener) send(r abi.NotifResp) (unix.Errno, error) {
	l.resp = r
	return answered(l.Send(&l.resp), "send the answer")
}

// answered makes an error of what an ioctl that answers gave, if it is one.
// ENOENT is none: the target was interrupted, and will trap again. Nor is EINTR,
// which ends a supervisor whose target has ended (session.interrupt).
func answered(e unix.Errno, what string) (unix.Errno, error) {
	if e == 0 || e == unix.ENOENT || e == unix.EINTR {
		return e, nil
	}
	return e, fmt.Errorf("%s: %w", what, e)
}
