package bench

import (
	"golang.org/x/sys/unix"

	"unotify-bench/abi"
	"unotify-bench/internal/notify"
)

// target-call runs the approved call in the target, with a copy of the memory
// that was read, and answers with its result: the supervisor sees what came of
// it before the target does.
var _ = register(&Mechanism{
	Name:    "target-call",
	Rank:    90,
	Doc:     "listener: read, TARGET_CALL, SEND with its result",
	Verdict: abi.SECCOMP_RET_USER_NOTIF,
	Needs:   []notify.Feature{notify.FeatureTargetCall},
	Unable:  needsCallable,
	Serve: func(s *supervisor) error {
		return s.serve(func(n *abi.Notif) error {
			if e, err := s.callTarget(n, 0); e != 0 || err != nil {
				return err
			}
			s.resp = abi.NotifResp{ID: n.ID, Val: s.call.Ret}
			if s.call.Ret < 0 {
				s.resp.Val, s.resp.Error = 0, int32(s.call.Ret)
			}
			return s.send()
		})
	},
})

// needsCallable is the Unable of both mechanisms with TARGET_CALL.
func needsCallable(c *Case) string {
	switch c.Syscall {
	case "openat", "bind", "write", "connect":
		return ""
	}
	return "TARGET_CALL can issue openat, bind, write and connect, not this"
}

// callTarget reads, approves and issues the call. A non-zero e without an
// error means that the target left its wait.
func (s *supervisor) callTarget(n *abi.Notif, flags uint32) (e unix.Errno, err error) {
	got, err := s.approve(n)
	if err != nil {
		return 0, err
	}
	s.call = abi.NotifTargetCall{ID: n.ID, Flags: flags, Nr: uint64(n.Data.Nr), Args: n.Data.Args}
	s.call.Args[s.pointer] = addressOf(got)
	e = s.listener.TargetCall(&s.call)
	return e, answered(e, "issue the call in the target")
}
