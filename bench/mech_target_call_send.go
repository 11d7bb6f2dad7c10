package bench

import (
	"unotify-bench/abi"
	"unotify-bench/internal/notify"
)

// target-call-send is target-call in one ioctl: the result is the answer. No
// signal can come between the two, after which the call would be made twice.
var _ = register(&Mechanism{
	Name:    "target-call-send",
	Rank:    100,
	Doc:     "listener: read, TARGET_CALL whose result is the answer",
	Verdict: abi.SECCOMP_RET_USER_NOTIF,
	Needs:   []notify.Feature{notify.FeatureTargetCall},
	Unable:  needsCallable,
	Serve: func(s *supervisor) error {
		return s.serve(func(n *abi.Notif) error {
			_, err := s.callTarget(n, abi.SECCOMP_TARGET_CALL_FLAG_SEND)
			return err
		})
	},
})
