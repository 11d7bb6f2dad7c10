package main

import (
	"bytes"
	"errors"
	"flag"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"golang.org/x/sys/unix"

	"unotify-bench/internal/report"
)

// What a host does to a run while it measures: it kills QEMU or the command
// (kills_test.go), stops them for a while (stops_test.go), has no room left
// (disk_test.go), sets the clock (clock_test.go) or starts another run
// (fights_test.go). Moments are drawn from a seed. What is asked of each: a
// results file has whole lines, resumed it is that of an undisturbed run, and
// nothing is left behind.
var (
	faultsN      = flag.Int("faults.n", 2, "TestFault: how many faults of each kind")
	faultsSeed   = flag.Uint64("faults.seed", 1, "TestFault: seed of the moments")
	faultsTables = flag.String("faults.tables", "", "TestFaultKills: directory that gets a table of the kills of each kind")
)

// chance draws moments for one test: what others draw does not move them.
func chance(t *testing.T) *rand.Rand {
	t.Helper()
	name := uint64(0)
	for _, c := range []byte(t.Name()) {
		name = name*31 + uint64(c)
	}
	return rand.New(rand.NewPCG(*faultsSeed, name)) //nolint:gosec // G404: not for secrets
}

// ground is where runs are disturbed. Results and temporary files have
// directories of their own, so that all that is left can be seen.
type ground struct {
	results, temp, path string
	args                []string
}

// newGround is for a run of these arguments, which are followed by -o.
func newGround(t *testing.T, args ...string) *ground {
	t.Helper()
	g := &ground{results: t.TempDir(), temp: t.TempDir()}
	g.path = filepath.Join(g.results, "r.txt")
	g.args = append(args, "-o", g.path)
	return g
}

// command is the run, or whatever goes on with it.
func (g *ground) command(t *testing.T) *command {
	t.Helper()
	c := newCommand(t, g.args...)
	if g.journal() {
		c = newCommand(t, append(slices.Clone(g.args), "--resume")...)
	}
	c.Env = append(c.Env, "TMPDIR="+g.temp)
	return c
}

func (g *ground) journal() bool {
	_, err := os.Stat(g.path + ".journal")
	return err == nil
}

// text is the results file, every line of which must be whole.
func (g *ground) text(t *testing.T) string {
	t.Helper()
	b, err := os.ReadFile(g.path)
	if err != nil && !errors.Is(err, os.ErrNotExist) {
		t.Fatal(err)
	}
	if len(b) > 0 && !bytes.HasSuffix(b, []byte("\n")) {
		t.Errorf("the last line of the results is cut: %q", b[max(0, len(b)-200):])
	}
	if _, err := report.Read(bytes.NewReader(b), g.path); err != nil && !errors.Is(err, report.ErrEmpty) {
		t.Errorf("%v\n%s", err, b)
	}
	return string(b)
}

// left lists what nobody needs: temporary files, and what is beside the results
// but documented.
func (g *ground) left(t *testing.T) (names []string) {
	t.Helper()
	known := []string{"r.txt", "r.txt.journal", "r.console"}
	for _, dir := range []string{g.results, g.temp} {
		entries, err := os.ReadDir(dir)
		if err != nil {
			t.Fatal(err)
		}
		for _, e := range entries {
			if dir == g.temp || !slices.Contains(known, e.Name()) {
				names = append(names, filepath.Join(dir, e.Name()))
			}
		}
	}
	return names
}

// completes goes on until the run is complete, and returns what it leaves in
// the results file.
func (g *ground) completes(t *testing.T) string {
	t.Helper()
	if g.journal() || g.text(t) == "" {
		g.command(t).runs(t, exitOK)
	}
	if g.journal() {
		t.Error("a complete run has left its journal")
	}
	if left := g.left(t); len(left) > 0 {
		t.Errorf("left behind: %q", left)
	}
	return g.text(t)
}

// lines are those of a results file that hold rows.
func lines(text string) (rows []string) {
	for line := range strings.Lines(text) {
		if strings.HasPrefix(line, "Benchmark") {
			rows = append(rows, line)
		}
	}
	return rows
}

// among wants the rows of a run that was cut short to be those of a whole one,
// to the last digit.
func among(t *testing.T, whole, part string) {
	t.Helper()
	rest := lines(whole)
	for _, line := range lines(part) {
		i := slices.Index(rest, line)
		if i < 0 {
			t.Errorf("a row that the undisturbed run does not have, or not so often: %s", line)
			return
		}
		rest = slices.Delete(rest, i, i+1)
	}
}

// same wants the results of a resumed run to be those of an undisturbed one, to
// the bit: on the clock that counts instructions that can be asked for.
func same(t *testing.T, undisturbed, resumed string) {
	t.Helper()
	if diff := cmp.Diff(undisturbed, resumed); diff != "" {
		t.Errorf("results (-undisturbed +resumed):\n%s", diff)
	}
}

// machine waits until c has started its n-th virtual machine, from 1, and
// returns QEMU's process, or 0 if c has ended before.
func (c *command) machine(t *testing.T, n int) int {
	t.Helper()
	for seen := []int{}; !c.over(t); time.Sleep(time.Millisecond) {
		for _, pid := range descendants(t, c.Process.Pid) {
			args, _ := os.ReadFile(fmt.Sprintf("/proc/%d/cmdline", pid))
			exe, _ := os.Readlink(fmt.Sprintf("/proc/%d/exe", pid))
			if slices.Contains(seen, pid) || !strings.Contains(exe, "qemu-system") || !bytes.Contains(args, []byte("-nodefaults")) {
				continue
			}
			if seen = append(seen, pid); len(seen) == n {
				return pid
			}
		}
	}
	return 0
}

// lives tells whether a process has not ended.
func lives(pid int) bool {
	stat, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
	return err == nil && !bytes.Contains(stat, []byte(") Z "))
}

// signalName is that of kill(1).
func signalName(s syscall.Signal) string { return strings.TrimPrefix(unix.SignalName(s), "SIG") }
