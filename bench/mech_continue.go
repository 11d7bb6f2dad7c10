package bench

import "unotify-bench/abi"

var _ = register(&Mechanism{
	Name:    "continue",
	Rank:    50,
	Doc:     "listener: RECV, SEND with CONTINUE, nothing looked at",
	Verdict: abi.SECCOMP_RET_USER_NOTIF,
	Serve: func(s *supervisor) error {
		return s.answer(func(n *abi.Notif, r *abi.NotifResp) error {
			r.Flags = abi.SECCOMP_USER_NOTIF_FLAG_CONTINUE
			return nil
		})
	},
})
