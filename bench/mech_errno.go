package bench

import "unotify-bench/abi"

var _ = register(&Mechanism{
	Name:     "errno",
	Rank:     20,
	Doc:      "the filter says ERRNO: the call does not run",
	Verdict:  abi.SECCOMP_RET_ERRNO | ReplacedErrno,
	Replaces: true,
})
