package bench

import (
	"unotify-bench/abi"
	"unotify-bench/internal/notify"
)

// ptrace-seccomp stops only where the filter says TRACE. The tracer reads the
// argument, copies what it approved to scratch memory of the tracee, and
// points the argument there. Other threads of the tracee can write that
// memory too: cheaper than ptrace-freeze, and racy. An execve stops once more
// when it has succeeded (PTRACE_O_TRACEEXEC): a tracer must know that threads
// and memory are no longer what they were.
var _ = register(&Mechanism{
	Name:    "ptrace-seccomp",
	Rank:    130,
	Doc:     "RET_TRACE stop, read, point the argument at a checked copy, continue",
	Verdict: abi.SECCOMP_RET_TRACE,
	Traced:  true,
	Serve: func(s *supervisor) error {
		return s.trace(false, func(ev *notify.Event) (verdict, error) {
			switch ev.Stop {
			case notify.StopSeccomp:
				_, err := s.rewrite(ev.TID)
				if s.execs {
					return partly, err
				}
				return handled, err
			case notify.StopExec:
				return handled, nil
			}
			return ignored, nil
		})
	},
})
