package bench

import (
	"unotify-bench/abi"
)

var _ = register(&Mechanism{
	Name:     "reply",
	Rank:     40,
	Doc:      "listener: RECV, SEND with a value; the call does not run",
	Verdict:  abi.SECCOMP_RET_USER_NOTIF,
	Replaces: true,
	Serve: func(s *supervisor) error {
		return s.answer(func(n *abi.Notif, r *abi.NotifResp) error {
			r.Error = -ReplacedErrno
			return nil
		})
	},
})
