package workload

import (
	"errors"
	"fmt"

	"golang.org/x/sys/unix"

	"unotify-bench/abi"
	"unotify-bench/internal/notify"
)

// pins is what redirect works with: one pin, of which each thread has a slot of
// its own, as another thread's call may still read from its. Every address
// space gets the whole pin when a call comes from there for the first time. A
// forked child has it already, where its parent has it.
type pins struct {
	pin   *notify.Pin
	slots map[uint32]*slot // by thread
	free  []int
	last  uint64 // where a pin was installed last
	req   abi.NotifPinInstall
}

type slot struct {
	offset int
	at     uint64 // of the pin in the thread's memory, as far as is known
}

const (
	slotSize = maxNamed
	numSlots = 1024
)

func newPins() (*pins, error) {
	pin, err := notify.NewPin(slotSize * numSlots)
	if err != nil {
		return nil, err
	}
	p := &pins{pin: pin, slots: map[uint32]*slot{}}
	for i := numSlots - 1; i >= 0; i-- {
		p.free = append(p.free, i*slotSize)
	}
	return p, nil
}

// slot is the one of a thread. Those of threads that have ended are used again.
func (p *pins) slot(tid uint32) (*slot, error) {
	if s := p.slots[tid]; s != nil {
		return s, nil
	}
	if len(p.free) == 0 {
		for t, s := range p.slots {
			if unix.Kill(int(t), 0) == unix.ESRCH {
				delete(p.slots, t)
				p.free = append(p.free, s.offset)
			}
		}
	}
	if len(p.free) == 0 {
		return nil, fmt.Errorf("more than %d threads call at once: no room in the pin", numSlots)
	}
	s := &slot{offset: p.free[len(p.free)-1], at: p.last}
	p.free = p.free[:len(p.free)-1]
	p.slots[tid] = s
	return s, nil
}

// install maps the pin into the memory of the caller.
func (l *listener) install(n *abi.Notif, s *slot) (unix.Errno, error) {
	p := l.pins
	p.req = abi.NotifPinInstall{ID: n.ID, MemFD: uint32(p.pin.FD), Size: uint64(p.pin.Size())}
	if e, err := answered(l.InstallPin(&p.req), "install a pin"); e != 0 {
		return e, err
	}
	if p.req.TargetAddr == 0 {
		return 0, errors.New("install a pin: the kernel does not say where")
	}
	s.at, p.last = p.req.TargetAddr, p.req.TargetAddr
	return 0, nil
}

// redirectCall lets the call go on with what was judged, from the pin. EFAULT
// says that the memory which it was in has gone, by an execve.
func (l *listener) redirectCall(n *abi.Notif, k kind, raw []byte) (unix.Errno, error) {
	s, err := l.pins.slot(n.PID)
	if err != nil {
		return 0, err
	}
	l.pins.pin.WriteAt(raw, s.offset)
	for try := 0; ; try++ {
		if s.at == 0 || try == 1 {
			if e, err := l.install(n, s); e != 0 || err != nil {
				return e, err
			}
		}
		p := kinds[k].pointer
		l.redirect = abi.NotifRespRedirect{
			ID: n.ID, Flags: abi.SECCOMP_REDIRECT_FLAG_CONTINUE, ArgsMask: 1 << p, PtrMask: 1 << p, MemFD: uint32(l.pins.pin.FD),
		}
		l.redirect.Args[p], l.redirect.PtrLen[p] = s.at+uint64(s.offset), uint64(len(raw))
		e := l.SendRedirect(&l.redirect)
		if e == unix.EFAULT && try == 0 {
			continue
		}
		return answered(e, "redirect the call")
	}
}
