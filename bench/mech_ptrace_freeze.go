package bench

import (
	"fmt"

	"unotify-bench/abi"
	"unotify-bench/internal/notify"
)

// ptrace-freeze is what ptrace pays for a race-free read: as ptrace-seccomp,
// with every other thread of the process stopped while the argument is read,
// checked and copied. What it does not buy: once the peers run again, one
// that is hostile and finds the scratch copy can write to it. A tracer that
// wants the whole promise hides or unmaps that memory, and pays more.
var _ = register(&Mechanism{
	Name:    "ptrace-freeze",
	Rank:    150,
	Doc:     "as ptrace-seccomp, with every peer thread stopped while the argument is read",
	Verdict: abi.SECCOMP_RET_TRACE,
	Traced:  true,
	Peers:   4,
	Unable:  needsPointer,
	Serve: func(s *supervisor) error {
		n, err := s.tracer.AttachPeers(s.pid, s.tid)
		if err != nil {
			return err
		}
		s.stopped = n
		return s.trace(false, func(ev *notify.Event) (verdict, error) {
			if ev.Stop != notify.StopSeccomp {
				return ignored, nil
			}
			if e := s.tracer.Freeze(); e != 0 {
				return handled, fmt.Errorf("stop the peers: %w", e)
			}
			_, err := s.rewrite(ev.TID)
			s.tracer.Thaw()
			return handled, err
		})
	},
})
