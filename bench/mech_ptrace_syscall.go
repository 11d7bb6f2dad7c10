package bench

import (
	"fmt"

	"unotify-bench/internal/notify"
)

// ptrace-syscall is the oldest way: every call stops at entry and at exit. At
// entry it does what ptrace-seccomp does, at exit it puts the argument
// register back, so that the caller finds its registers unchanged.
var _ = register(&Mechanism{
	Name:   "ptrace-syscall",
	Rank:   140,
	Doc:    "entry and exit stop, read, rewrite, restore at exit",
	Traced: true,
	Serve: func(s *supervisor) error {
		var ours, inCall bool
		var original uint64
		return s.trace(true, func(ev *notify.Event) (verdict, error) {
			if ev.Stop != notify.StopSyscall {
				return ignored, nil
			}
			if inCall = !inCall; inCall {
				nr, _, e := s.tracer.Syscall(ev.TID)
				if e != 0 {
					return ignored, fmt.Errorf("ask for the target's syscall: %w", e)
				}
				if ours = nr == s.nr; !ours {
					return ignored, nil
				}
				var err error
				original, err = s.rewrite(ev.TID)
				return partly, err
			}
			if !ours || s.pointer < 0 {
				return handledIf(ours), nil
			}
			if e := s.tracer.GetRegs(ev.TID); e != 0 {
				return ignored, fmt.Errorf("read the target's registers at exit: %w", e)
			}
			s.tracer.SetReg(s.argOffset, original)
			if e := s.tracer.SetRegs(ev.TID); e != 0 {
				return ignored, fmt.Errorf("restore the target's registers at exit: %w", e)
			}
			return handled, nil
		})
	},
})

func handledIf(ours bool) verdict {
	if ours {
		return handled
	}
	return ignored
}
