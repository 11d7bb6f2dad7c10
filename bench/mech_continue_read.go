package bench

import "unotify-bench/abi"

// continue-read is what a policy pays today: it looks behind the pointer,
// makes sure that what it read was the trapped task's, and lets the call go.
// The kernel then reads the memory again, so another thread can have changed
// it: the race this project is about.
var _ = register(&Mechanism{
	Name:    "continue-read",
	Rank:    60,
	Doc:     "as continue, after reading the pointer argument and ID_VALID: racy",
	Verdict: abi.SECCOMP_RET_USER_NOTIF,
	Unable:  needsPointer,
	Serve: func(s *supervisor) error {
		return s.answer(func(n *abi.Notif, r *abi.NotifResp) error {
			if _, err := s.inspect(n); err != nil {
				return err
			}
			r.Flags = abi.SECCOMP_USER_NOTIF_FLAG_CONTINUE
			return nil
		})
	},
})
