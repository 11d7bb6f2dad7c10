// Unotify-bench tells whether a kernel's seccomp user-notification mechanisms
// are fast and right, on amd64, arm64 and riscv64.
//
// The same program is the command, the init of every virtual machine it
// boots, the supervisor and the supervised target.
package main

import (
	"context"
	"os"
	"os/signal"
	"syscall"

	"unotify-bench/abi/fuzz"
	"unotify-bench/abi/suite"
	"unotify-bench/bench"
	"unotify-bench/bench/workload"
	"unotify-bench/kernel"
)

func main() {
	suite.Main()
	fuzz.Main()
	workload.Main()
	bench.Main()
	if kernel.InGuest() {
		guestMain()
		return
	}
	if isBoard() {
		boardMain()
		return
	}
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	// The second Ctrl-C is for those who do not want to wait for the first.
	context.AfterFunc(ctx, stop)
	os.Exit(run(ctx, os.Args[1:], os.Stdout, os.Stderr))
}
