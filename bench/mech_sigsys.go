package bench

import "unotify-bench/abi"

// sigsys answers in the target itself: a signal, a handler in assembly that
// stores the result, a sigreturn.
var _ = register(&Mechanism{
	Name:     "sigsys",
	Rank:     30,
	Doc:      "the filter says TRAP, a SIGSYS handler answers",
	Verdict:  abi.SECCOMP_RET_TRAP,
	Replaces: true,
	Sigsys:   true,
})
