package main

import (
	"flag"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"golang.org/x/sys/unix"

	"unotify-bench/abi/amd64"
	"unotify-bench/kernel"
)

// To set the clock of the machine that tests run on would be everybody's trouble, a
// time namespace has no clock of the day, and no library gets between this static
// program and its kernel. So the command runs in a virtual machine whose clock is
// set all the time, and QEMU, which is no static program, with a library.

var clockJumps = flag.Bool("clock.jumps", false, "TestClockJumps: set this machine's clock, which must be nobody else's")

// TestFaultClock has TestClockJumps done in a virtual machine.
func TestFaultClock(t *testing.T) {
	dir, arch := t.TempDir(), &amd64.Arch
	img, err := testKernel(t.Context(), arch, kernel.Patched)
	if err != nil {
		t.Fatal(err)
	}
	init := filepath.Join(dir, "init")
	goTool(t, arch.Name, "build", "-trimpath", "-ldflags=-s -w", "-o", init, ".")
	m := &kernel.Machine{
		Image: img, Init: init, MemMiB: 1024, // which hold the programs, too
		Clock: kernel.Wall, Accel: kernel.AccelTCG, CPUs: 2, Seed: *faultsSeed,
		Timeout: 25 * time.Minute, Idle: 10 * time.Minute,
	}
	out := runProgram(t, m, testProgram(t, dir, "cmd/unotify-bench", arch.Name), "-test.run=^TestClockJumps$", "-clock.jumps")
	checkPassed(t, out, []string{"TestClockJumps"})
}

// setClock sets the clock of the day.
func setClock(t *testing.T, to time.Time) {
	t.Helper()
	tv := unix.NsecToTimeval(to.UnixNano())
	if err := unix.Settimeofday(&tv); err != nil {
		t.Error(err) // and go on: not only the test's goroutine sets it
	}
}

// jumps sets the clock to random times, between 1980 and 2100, until it is told to
// end, and then returns how often.
func jumps(t *testing.T, r *rand.Rand) (end func() int) {
	t.Helper()
	done, n := make(chan struct{}), make(chan int)
	go func() {
		for i := 0; ; i++ {
			select {
			case <-done:
				n <- i
				return
			case <-time.After(time.Duration(1+r.IntN(20)) * time.Millisecond):
				setClock(t, time.Unix(315532800+r.Int64N(120*365*24*3600), 0))
			}
		}
	}()
	return func() int { close(done); return <-n }
}

// TestClockJumps sets the clock while the command measures, is interrupted and goes
// on. Several runs that choose their files' names by the same time have several.
func TestClockJumps(t *testing.T) {
	if !*clockJumps {
		t.Skip("it sets the machine's clock: TestFaultClock has it done in a virtual one")
	}
	end := jumps(t, chance(t))
	g := newGround(t, fightRun...)
	g.completes(t)
	want := names(results(t, g.path))

	g = newGround(t, fightRun...)
	c := g.command(t)
	c.start(t)
	awaitJournal(t, c, g.path, nil)
	awaitRows(t, c, g.path, 1)
	_ = c.Process.Signal(os.Interrupt)
	if got := c.status(t); got != exitInterrupted && got != exitOK {
		t.Errorf("exit status %d\n%s", got, &c.stderr)
	}
	g.completes(t)
	if diff := cmp.Diff(want, names(results(t, g.path))); diff != "" {
		t.Errorf("rows of one and of a resumed run:\n%s", diff)
	}
	t.Logf("the clock was set %d times", end())

	state := t.TempDir()
	then := time.Now()
	const runs = 3
	for range runs {
		c := newCommand(t, fightRun...)
		c.Env = append(c.Env, "XDG_STATE_HOME="+state)
		setClock(t, then)
		c.runs(t, exitOK)
	}
	checkState(t, filepath.Join(state, "unotify-bench"), runs, want)
}

// TestFaultClockOfQEMU: on the clock that counts instructions the host's does not
// come in.
func TestFaultClockOfQEMU(t *testing.T) {
	want, _ := undisturbed(t)
	dir := t.TempDir()
	library, loaded := filepath.Join(dir, "clock.so"), filepath.Join(dir, "loaded")
	if out, err := exec.Command("gcc", "-shared", "-fPIC", "-O2", "-Wall", "-Werror", "-o", library, "testdata/clock/clock.c").CombinedOutput(); err != nil {
		t.Fatalf("gcc: %v\n%s", err, out)
	}
	g := killRun(t)
	c := g.command(t)
	c.Env = append(c.Env, "LD_PRELOAD="+library, "CLOCK_LOADED="+loaded)
	c.runs(t, exitOK)
	same(t, want, g.completes(t))
	if programs := strings.Fields(readText(t, loaded)); !slices.ContainsFunc(programs, func(p string) bool { return strings.HasPrefix(p, "qemu-system-") }) {
		t.Errorf("the library was loaded into %q", programs)
	}
}
