package bench

import "unotify-bench/abi"

// allow costs what the filter costs. Its verdict depends on nothing but the
// number, so a kernel with the action cache (5.11) does not run it at all:
// that is the price of an ordinary filter, and is what is measured.
var _ = register(&Mechanism{
	Name:    "allow",
	Rank:    10,
	Doc:     "the filter says ALLOW: the price of the filter",
	Verdict: abi.SECCOMP_RET_ALLOW,
})
