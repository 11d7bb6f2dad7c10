#!/bin/sh
# SPDX-License-Identifier: GPL-2.0
#
# Does this kernel keep its word about seccomp user notification? Arguments go
# to the program that knows. Its verdicts are KTAP, this script's exit status is
# one of kselftest.h.

ksft_pass=0
ksft_fail=1
ksft_skip=4

skip()
{
	echo "KTAP version 1"
	echo "1..0 # SKIP $1"
	exit $ksft_skip
}

program=$(dirname "$0")/unotify-bench
[ -e "$program" ] || program=$(command -v unotify-bench) ||
	skip "no unotify-bench here: copy bin/unotify-bench-linux-ARCH of its repository to this directory, as unotify-bench"
"$program" version >/dev/null 2>&1 ||
	skip "$program does not run on $(uname -m): copy the one that was built for it, and chmod +x"

# Whatever else it exits with is no pass: 2 and 3 mean something else here.
"$program" abi --on host --format ktap --quiet "$@" || exit $ksft_fail
exit $ksft_pass
