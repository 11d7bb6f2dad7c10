package bench

import "unotify-bench/abi"

// redirect-cold installs a pin for every call, as the first call of a fresh
// process needs it. An execve has just replaced the address space each time.
// The other calls pile up pins in one, which cannot be unmapped: measure limits
// their number.
var _ = register(&Mechanism{
	Name:     "redirect-cold",
	Rank:     120,
	Doc:      "as redirect, with PIN_INSTALL in each call",
	Verdict:  abi.SECCOMP_RET_USER_NOTIF,
	Needs:    redirectFeatures,
	MaxCalls: 20000,
	Unable:   needsPointer,
	Serve: func(s *supervisor) error {
		r, err := newRedirector(s)
		if err != nil {
			return err
		}
		defer r.close()
		return s.serve(r.cold)
	},
})
