package bench

import (
	"fmt"

	"unotify-bench/internal/notify"
)

// ptrace-syscall is the oldest way: every call stops at entry and at exit. At
// entry it does what ptrace-seccomp does, at exit it puts the argument
// register back, so that the caller finds its registers unchanged. After an
// execve there is no caller: the fresh registers are left alone.
var _ = register(&Mechanism{
	Name:   "ptrace-syscall",
	Rank:   140,
	Doc:    "entry and exit stop, read, rewrite, restore at exit",
	Traced: true,
	Serve: func(s *supervisor) error {
		var own tracedCall
		children := map[int]*tracedCall{}
		return s.trace(true, func(ev *notify.Event) (verdict, error) {
			c := &own
			if ev.TID != s.tid {
				if c = children[ev.TID]; c == nil {
					c = &tracedCall{}
					children[ev.TID] = c
				}
			}
			switch ev.Stop {
			case notify.StopSyscall:
			case notify.StopExec:
				c.execed = true
				return partly, nil
			case notify.StopExit, notify.StopGone:
				delete(children, ev.TID)
				return ignored, nil
			default:
				return ignored, nil
			}
			if c.entered = !c.entered; c.entered {
				c.execed = false
				nr, _, e := s.tracer.Syscall(ev.TID)
				if e != 0 {
					return ignored, fmt.Errorf("ask for the target's syscall: %w", e)
				}
				if c.ours = nr == s.nr; !c.ours {
					return ignored, nil
				}
				var err error
				c.original, err = s.rewrite(ev.TID)
				return partly, err
			}
			if !c.ours || c.execed || !s.restores {
				return handledIf(c.ours), nil
			}
			if e := s.tracer.GetRegs(ev.TID); e != 0 {
				return ignored, fmt.Errorf("read the target's registers at exit: %w", e)
			}
			s.tracer.SetReg(s.argOffset, c.original)
			if e := s.tracer.SetRegs(ev.TID); e != 0 {
				return ignored, fmt.Errorf("restore the target's registers at exit: %w", e)
			}
			return handled, nil
		})
	},
})

// tracedCall is the call in which a thread stands, or stood last.
type tracedCall struct {
	entered  bool // its entry has stopped, its exit not yet
	ours     bool
	execed   bool // it was an execve, and succeeded
	original uint64
}

func handledIf(ours bool) verdict {
	if ours {
		return handled
	}
	return ignored
}
