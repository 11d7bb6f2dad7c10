package bench

import (
	"fmt"

	"unotify-bench/abi"
	"unotify-bench/internal/notify"
)

// ptrace-freeze is what ptrace pays for the promise that the checked bytes
// are the used ones: as ptrace-seccomp, with every other thread of the process
// stopped from before the read until the call is over. Letting them run any
// earlier would hand the scratch copy to a peer that finds it. A call that
// waits for a peer never ends this way, which is the other half of the price.
var _ = register(&Mechanism{
	Name:    "ptrace-freeze",
	Rank:    150,
	Doc:     "as ptrace-seccomp, with every peer thread stopped until the call is over",
	Verdict: abi.SECCOMP_RET_TRACE,
	Traced:  true,
	Peers:   4,
	Unable: func(c *Case) string {
		if c.Execs {
			return "a program that was just started has no peer threads to stop"
		}
		return needsPointer(c)
	},
	Serve: func(s *supervisor) error {
		n, err := s.tracer.AttachPeers(s.pid, s.tid)
		if err != nil {
			return needsPtrace(err)
		}
		s.stopped = n
		return s.trace(false, func(ev *notify.Event) (verdict, error) {
			switch ev.Stop {
			case notify.StopSeccomp:
				if e := s.tracer.Freeze(); e != 0 {
					return ignored, fmt.Errorf("stop the peers: %w", e)
				}
				_, err := s.rewrite(ev.TID)
				return toExit, err
			case notify.StopSyscall:
				s.tracer.Thaw()
				return handled, nil
			}
			return ignored, nil
		})
	},
})
