package main

import (
	"bytes"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"unotify-bench/internal/report"
)

// hostRun is a run of some seconds, every row of which can be measured here.
func hostRun(out string, more ...string) []string {
	return append([]string{"run", "--on", "host", "--mech", "native,allow,errno,reply,continue", "--syscall", "getppid",
		"--run", "cpus=same", "--count", "2", "--time", "50ms", "-o", out}, more...)
}

// 3 mechanisms without a wake-up and 2 with two kinds of it, twice.
const hostRows = (3 + 2*2) * 2

// awaitRows waits until a results file has at least n complete rows.
func awaitRows(t *testing.T, c *command, path string, n int) {
	t.Helper()
	for {
		b, _ := os.ReadFile(path)
		if bytes.Count(b, []byte("\nBenchmark")) >= n && (n == 0 || bytes.HasSuffix(b, []byte("\n"))) {
			return
		}
		if c.over(t) {
			t.Fatalf("the run is over before it has %d rows\n%s", n, &c.stderr)
		}
		time.Sleep(time.Millisecond)
	}
}

// interrupted checks a run that a signal has ended: status, message and what
// is on disk. It returns the number of rows in the results file.
func interrupted(t *testing.T, c *command, path string) int {
	t.Helper()
	if got := c.status(t); got != exitInterrupted {
		t.Fatalf("exit status %d (%v), want %d\n%s", got, c.ProcessState, exitInterrupted, &c.stderr)
	}
	if !bytes.Contains(c.stderr.Bytes(), []byte("interrupted; what was measured is kept")) {
		t.Errorf("not told what happened: %q", &c.stderr)
	}
	if _, err := os.Stat(path + ".journal"); err != nil {
		t.Error(err)
	}
	f, err := report.ReadFile(path)
	if errors.Is(err, report.ErrEmpty) {
		return 0
	}
	if err = errors.Join(err, errors.Join(f.Warnings...)); err != nil {
		t.Fatal(err)
	}
	for _, na := range f.NAs {
		t.Errorf("the interruption is taken for a result: %v", na)
	}
	return len(f.Results)
}

// TestInterruptRows sends a Ctrl-C, as a terminal does to the whole process
// group, after each of several rows, twice in one run. What it then goes on
// to measure is all that a run without one does.
func TestInterruptRows(t *testing.T) {
	clean := filepath.Join(t.TempDir(), "r.txt")
	newCommand(t, hostRun(clean)...).runs(t, exitOK)
	want := names(results(t, clean))
	if len(want) != hostRows {
		t.Fatalf("%d rows, want %d", len(want), hostRows)
	}
	for _, after := range []int{0, 1, 2, hostRows/2 - 1, hostRows / 2, hostRows - 4} {
		path := filepath.Join(t.TempDir(), "r.txt")
		c := newCommand(t, hostRun(path)...)
		c.start(t)
		awaitJournal(t, c, path, nil)
		awaitRows(t, c, path, after)
		_ = syscall.Kill(-c.Process.Pid, syscall.SIGINT)
		if got := interrupted(t, c, path); got < after {
			t.Errorf("%d rows kept, %d were there", got, after)
		}

		old, err := os.Stat(path + ".journal")
		if err != nil {
			t.Fatal(err)
		}
		c = newCommand(t, hostRun(path, "--resume")...)
		c.start(t)
		awaitJournal(t, c, path, old)
		// The rounds that were complete are there at once.
		awaitRows(t, c, path, max(1, after/(hostRows/2)*(hostRows/2)))
		_ = c.Process.Signal(syscall.SIGTERM)
		interrupted(t, c, path)

		newCommand(t, hostRun(path, "--resume")...).runs(t, exitOK)
		if diff := cmp.Diff(want, names(results(t, path))); diff != "" {
			t.Errorf("after %d rows: rows of an interrupted and resumed run (-want +got):\n%s", after, diff)
		}
		if _, err := os.Stat(path + ".journal"); !errors.Is(err, fs.ErrNotExist) {
			t.Errorf("a complete run has left its journal (%v)", err)
		}
	}
}

// awaitJournal waits until the results at path have a journal other than old:
// from then on a run minds signals and keeps what it measures.
func awaitJournal(t *testing.T, c *command, path string, old fs.FileInfo) {
	t.Helper()
	for {
		now, err := os.Stat(path + ".journal")
		if err == nil && (old == nil || !os.SameFile(old, now)) {
			return
		}
		if c.over(t) {
			t.Fatalf("the run is over and has no journal\n%s", &c.stderr)
		}
		time.Sleep(100 * time.Microsecond)
	}
}

// TestInterruptStart sends a Ctrl-C at moments from the first instruction on.
// Then either the run can be resumed, or it has left nothing in the way of
// another.
func TestInterruptStart(t *testing.T) {
	for _, after := range []int{0, 4, 10, 25, 60} { // milliseconds
		path := filepath.Join(t.TempDir(), "r.txt")
		c := newCommand(t, hostRun(path)...)
		c.start(t)
		time.Sleep(time.Duration(after) * time.Millisecond)
		_ = syscall.Kill(-c.Process.Pid, syscall.SIGINT)
		// Before main, SIGINT ends a process as it ends any.
		if got := c.status(t); got != exitInterrupted && got != -1 {
			t.Fatalf("after %d ms: exit status %d, want %d or death by the signal\n%s", after, got, exitInterrupted, &c.stderr)
		}
		args := hostRun(path)
		if _, err := os.Stat(path + ".journal"); err == nil {
			args = hostRun(path, "--resume")
		}
		newCommand(t, args...).runs(t, exitOK)
		if got := len(results(t, path).Results); got != hostRows {
			t.Errorf("after %d ms: %d rows in the end, want %d", after, got, hostRows)
		}
	}
}

// TestKilled ends the command in a way that it cannot notice. What it has left of
// temporary files is gone with the next.
func TestKilled(t *testing.T) {
	g := newGround(t, withoutOutput(hostRun(""))...)
	c := g.command(t)
	c.start(t)
	awaitRows(t, c, g.path, 3)
	_ = c.Process.Kill()
	c.status(t)
	if got := len(results(t, g.path).Results); got < 3 {
		t.Errorf("%d rows kept, 3 were there", got)
	}
	g.completes(t)
	if got := len(results(t, g.path).Results); got != hostRows {
		t.Errorf("%d rows in the end, want %d", got, hostRows)
	}
}

// withoutOutput takes off -o and its value, which are last.
func withoutOutput(args []string) []string { return args[:len(args)-2] }

// TestKilledMachine: QEMU does not outlive the command, however that ends.
func TestKilledMachine(t *testing.T) {
	needGuests(t, "riscv64")
	path := filepath.Join(t.TempDir(), "r.txt")
	c := newCommand(t, vmRun("riscv64", "native,allow,errno,sigsys,continue,reply,ptrace-seccomp,ptrace-syscall", path)...)
	c.start(t)
	awaitRows(t, c, path, 1)
	var machines []int
	for _, pid := range descendants(t, c.Process.Pid) {
		exe, _ := os.Readlink(fmt.Sprintf("/proc/%d/exe", pid))
		if strings.Contains(exe, "qemu-system") {
			machines = append(machines, pid)
		}
	}
	if len(machines) == 0 {
		t.Fatal("no QEMU runs")
	}
	_ = c.Process.Kill()
	c.status(t)
	for _, pid := range machines {
		for syscall.Kill(pid, 0) == nil {
			time.Sleep(time.Millisecond) // until go test's own limit
		}
	}
}

// descendants lists the processes below one.
func descendants(t *testing.T, pid int) (all []int) {
	t.Helper()
	lists, err := filepath.Glob(fmt.Sprintf("/proc/%d/task/*/children", pid))
	if err != nil {
		t.Fatal(err)
	}
	for _, list := range lists {
		b, _ := os.ReadFile(list)
		for _, f := range strings.Fields(string(b)) {
			child, err := strconv.Atoi(f)
			if err != nil {
				t.Fatal(err)
			}
			all = append(append(all, child), descendants(t, child)...)
		}
	}
	return all
}

// TestTwoRuns starts two runs at once: each has its own results, and one
// file is not two runs'.
func TestTwoRuns(t *testing.T) {
	dir := t.TempDir()
	path := filepath.Join(dir, "r.txt")
	first := newCommand(t, hostRun(path)...)
	first.start(t)
	awaitJournal(t, first, path, nil)

	second := newCommand(t, hostRun(path)...)
	second.runs(t, exitUsage)
	if !bytes.Contains(second.stderr.Bytes(), []byte("another run is writing "+path)) {
		t.Errorf("not told why: %q", &second.stderr)
	}
	second = newCommand(t, hostRun(path, "--resume")...)
	second.runs(t, exitUsage)

	other := filepath.Join(dir, "other.txt")
	newCommand(t, hostRun(other)...).runs(t, exitOK)
	if got := first.status(t); got != exitOK {
		t.Fatalf("exit status %d beside another run\n%s", got, &first.stderr)
	}
	a, b := names(results(t, path)), names(results(t, other))
	if diff := cmp.Diff(a, b); diff != "" || len(a) != hostRows {
		t.Errorf("%d rows, want %d; of one and the other run:\n%s", len(a), hostRows, diff)
	}
}

// TestShards measures the parts of a plan, which together are the whole.
func TestShards(t *testing.T) {
	var parts []string
	for _, shard := range []string{"1/3", "2/3", "3/3"} {
		path := filepath.Join(t.TempDir(), "r.txt")
		newCommand(t, hostRun(path, "--shard", shard, "--count", "1")...).runs(t, exitOK)
		parts = append(parts, names(results(t, path))...)
	}
	path := filepath.Join(t.TempDir(), "r.txt")
	newCommand(t, hostRun(path, "--count", "1")...).runs(t, exitOK)
	whole := names(results(t, path))
	slices.Sort(parts)
	slices.Sort(whole)
	if diff := cmp.Diff(whole, parts); diff != "" {
		t.Errorf("the whole and its parts (-whole +parts):\n%s", diff)
	}
}
