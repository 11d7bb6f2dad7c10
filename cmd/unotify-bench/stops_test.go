package main

import (
	"flag"
	"syscall"
	"testing"
	"time"
)

var faultsStop = flag.Duration("faults.stop", time.Second, "TestFaultStops: how long somebody is stopped")

// TestFaultStops stops QEMU, the command, and both as Ctrl-Z does, at random
// moments and for a while. On the clock that counts instructions nothing comes of it.
func TestFaultStops(t *testing.T) {
	want, took := undisturbed(t)
	for _, tt := range []struct {
		of  string
		pid func(c *command, machine int) int // for kill(2)
	}{
		{"QEMU", func(_ *command, machine int) int { return machine }},
		{"command", func(c *command, _ int) int { return c.Process.Pid }},
		{"both", func(c *command, _ int) int { return -c.Process.Pid }},
	} {
		t.Run(tt.of, func(t *testing.T) {
			r := chance(t)
			for n := 0; n < max(1, *faultsN/4); {
				g := killRun(t)
				c := g.command(t)
				c.start(t)
				machine := c.machine(t, 1+r.IntN(2))
				time.Sleep(time.Duration(r.Float64() * float64(took) / 2))
				if machine != 0 && lives(machine) && syscall.Kill(tt.pid(c, machine), syscall.SIGSTOP) == nil {
					n++
					time.Sleep(*faultsStop)
					_ = syscall.Kill(tt.pid(c, machine), syscall.SIGCONT)
				}
				if got := c.status(t); got != exitOK {
					t.Fatalf("exit status %d, want %d\n%s", got, exitOK, &c.stderr)
				}
				same(t, want, g.completes(t))
			}
			t.Logf("%d stops of %s, for %v each: the same results", max(1, *faultsN/4), tt.of, *faultsStop)
		})
	}
}
