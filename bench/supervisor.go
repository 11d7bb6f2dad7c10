package bench

import (
	"bytes"
	"errors"
	"fmt"
	"sync/atomic"

	"golang.org/x/sys/unix"

	"unotify-bench/abi"
	"unotify-bench/asmstubs"
	"unotify-bench/internal/notify"
)

// supervisor is the worker's side of one row: what a mechanism's Serve works
// with. Everything the loops need lies here, so that they allocate nothing.
type supervisor struct {
	conn *notify.Conn
	kill func()
	stop *uint32 // one of stopLate and stopGone, once there is a reason
	team *team

	pid, tid int
	nr       uint64 // the trapped syscall
	execs    bool   // the calls come from children of thread tid

	// The policy: the memory behind argument pointer must be length bytes
	// that begin with head.
	pointer   int
	size      SizeRule
	argOffset int  // of the pointer in the tracee's register set
	restores  bool // that register is the caller's again after the call
	lenOffset int  // of argument 2
	head      []byte
	length    int
	buf       []byte // room for the argument and a NUL
	mem       notify.Mem

	listener notify.Listener
	notif    abi.Notif
	resp     abi.NotifResp
	addfd    abi.NotifAddFD
	inject   abi.NotifInject
	call     abi.NotifTargetCall
	pin      abi.NotifPinInstall
	redirect abi.NotifRespRedirect
	// execed handles an exec event, where a mechanism asks for them.
	execed func(*abi.Notif) error

	tracer  notify.Tracer
	event   notify.Event
	scratch uint64
	stopped int

	counter asmstubs.Counter
	shares  []uint64 // ticks between a trap's arrival and its answer
	served  int

	cpu      float64
	switches int64
}

// begin lets the target start its calls.
func (s *supervisor) begin() error {
	if s.conn == nil {
		return nil // another of the team does
	}
	return s.conn.Send(targetGo{}, -1)
}

// serve answers notifications until the target is gone: handle gets each and
// has sent the answer when it returns.
func (s *supervisor) serve(handle func(*abi.Notif) error) error {
	if err := s.begin(); err != nil {
		return err
	}
	for {
		switch e := s.listener.Next(&s.notif, s.stop); e {
		case 0:
		case unix.ENOENT:
			return nil
		case unix.EINTR:
			if atomic.LoadUint32(s.stop) == stopGone {
				return nil
			}
			fallthrough
		default:
			return fmt.Errorf("receive a notification: %w", e)
		}
		arrived := asmstubs.ReadCounter(s.counter)
		if s.notif.Flags&abi.SECCOMP_NOTIF_FLAG_EXECED != 0 {
			// No trap, but the rest of the execve that was answered last.
			if s.execed == nil || s.served == 0 {
				return errors.New("an exec event came that nobody asked for")
			}
			if err := s.execed(&s.notif); err != nil {
				return err
			}
			s.shares[(s.served-1)%len(s.shares)] += asmstubs.ReadCounter(s.counter) - arrived
			continue
		}
		if err := handle(&s.notif); err != nil {
			return err
		}
		s.shares[s.served%len(s.shares)] = asmstubs.ReadCounter(s.counter) - arrived
		s.served++
	}
}

// answer is serve for the mechanisms that answer with SEND: decide fills in
// the response, whose ID is set and whose other fields are zero.
func (s *supervisor) answer(decide func(*abi.Notif, *abi.NotifResp) error) error {
	return s.serve(func(n *abi.Notif) error {
		s.resp = abi.NotifResp{ID: n.ID}
		if err := decide(n, &s.resp); err != nil {
			return err
		}
		return s.send()
	})
}

// send answers with s.resp.
func (s *supervisor) send() error { return answered(s.listener.Send(&s.resp), "send the answer") }

// answered is the error of an ioctl that answers, or helps to. ENOENT is none:
// the target was interrupted, and will trap again.
func answered(e unix.Errno, what string) error {
	if e == 0 || e == unix.ENOENT {
		return nil
	}
	return fmt.Errorf("%s: %w", what, e)
}

// inspect does what a policy does: it reads the memory behind the pointer
// argument, makes sure that the notification still stands, so that what was
// read is the trapped task's, and compares. It returns the bytes, with room
// for a NUL behind them.
func (s *supervisor) inspect(n *abi.Notif) ([]byte, error) {
	s.mem.Of(int(n.PID))
	got, err := s.read(n.Data.Args[s.pointer], n.Data.Args[2])
	if err != nil {
		return nil, err
	}
	if e := s.listener.IDValid(&n.ID); e != 0 {
		return nil, fmt.Errorf("check that notification %#x still stands: %w", n.ID, e)
	}
	return got, nil
}

// approve is inspect for the mechanisms that hand the kernel what they read in
// place of the argument: a string has its NUL. They need not ask whether the
// notification still stands. The ioctl that follows fails with ENOENT if it
// does not, and nothing has come of what was read.
func (s *supervisor) approve(n *abi.Notif) ([]byte, error) {
	s.mem.Of(int(n.PID))
	got, err := s.read(n.Data.Args[s.pointer], n.Data.Args[2])
	if err == nil && s.size == SizeString {
		got = append(got, 0)
	}
	return got, err
}

// read reads and approves the target's argument at addr.
func (s *supervisor) read(addr, arg2 uint64) ([]byte, error) {
	var got []byte
	var e unix.Errno
	if s.size == SizeString {
		got, e = s.mem.ReadPath(addr, s.buf)
	} else {
		if arg2 >= uint64(len(s.buf)) {
			return nil, fmt.Errorf("the target passed %d bytes, expected %d", arg2, s.length)
		}
		var n int
		n, e = s.mem.Read(addr, s.buf[:arg2])
		got = s.buf[:n]
	}
	if e != 0 {
		return nil, needsPtrace(fmt.Errorf("read the target's argument at %#x: %w", addr, e))
	}
	if len(got) != s.length || !bytes.HasPrefix(got, s.head) {
		return nil, fmt.Errorf("the target passed %d bytes %.64q, expected %d bytes %.64q", len(got), got, s.length, s.head)
	}
	return got, nil
}

// verdict says what a tracer's handler made of a stop.
type verdict uint8

const (
	ignored verdict = iota // none of its business
	partly                 // one of the stops that make up a trap
	toExit                 // as partly, and the next stop is the call's exit
	handled                // the trap is answered
)

// trace handles the stops of the target's thread, and of its children where
// the calls come from those, until it is gone; with syscalls set, every
// syscall entry and exit stops.
func (s *supervisor) trace(syscalls bool, handle func(*notify.Event) (verdict, error)) error {
	t := &s.tracer
	if err := t.Attach(s.tid); err != nil {
		return needsPtrace(err)
	}
	if syscalls {
		// Only a stopped tracee can be told to stop at syscalls.
		if e := t.Interrupt(s.tid); e != 0 {
			return fmt.Errorf("stop the target to trace its syscalls: %w", e)
		}
	}
	if err := s.begin(); err != nil {
		return err
	}
	var share uint64
	for {
		switch e := t.Wait(-1, &s.event); e {
		case 0:
		case unix.ECHILD:
			return nil
		default:
			return fmt.Errorf("wait for a stop: %w", e)
		}
		if s.event.TID != s.tid && !s.execs {
			t.PassPeer(&s.event)
			continue
		}
		arrived := asmstubs.ReadCounter(s.counter)
		v, err := handle(&s.event)
		if err != nil {
			return err
		}
		t.Pass(&s.event, syscalls || v == toExit)
		if v == ignored {
			continue
		}
		share += asmstubs.ReadCounter(s.counter) - arrived
		if v == handled {
			s.shares[s.served%len(s.shares)] = share
			s.served++
			share = 0
		}
	}
}

// rewrite is a tracer's inspect: it reads and approves the argument, copies
// it to scratch memory of the tracee and points the argument register there.
// It returns what the register held. Without a pointer argument there is
// nothing to do.
func (s *supervisor) rewrite(tid int) (original uint64, err error) {
	if s.pointer < 0 {
		return 0, nil
	}
	t := &s.tracer
	s.mem.Of(tid)
	if e := t.GetRegs(tid); e != 0 {
		return 0, fmt.Errorf("read the target's registers: %w", e)
	}
	original = t.Reg(s.argOffset)
	got, err := s.read(original, t.Reg(s.lenOffset))
	if err != nil {
		return 0, err
	}
	if s.size == SizeString {
		got = append(got, 0)
	}
	if n, e := s.mem.Write(s.scratch, got); e != 0 || n != len(got) {
		return 0, fmt.Errorf("write %d bytes to the target's scratch memory: %w", len(got), e)
	}
	t.SetReg(s.argOffset, s.scratch)
	if e := t.SetRegs(tid); e != 0 {
		return 0, fmt.Errorf("rewrite the target's registers: %w", e)
	}
	return original, nil
}
