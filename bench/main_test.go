package bench

import (
	"context"
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"unotify-bench/internal/leak"
)

// patched is set by who knows that the kernel is.
var patched = flag.Bool("patched", false, "fail where this kernel lacks anything that is proposed")

func TestMain(m *testing.M) {
	Main()
	if name := os.Getenv(envChild); name != "" {
		childMain(name)
	}
	os.Exit(runTests(m))
}

// runTests fails when the tests leave a file behind, or a process of whomever.
func runTests(m *testing.M) int {
	// Anything of this run is found below a directory of its own.
	tmp, err := os.MkdirTemp("", "bench-test-")
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	defer os.RemoveAll(tmp)
	// The child that is not root writes there too.
	_ = os.Chmod(tmp, 0o777|os.ModeSticky)
	_ = os.Setenv("TMPDIR", tmp)
	code := leak.Tests{M: m}.Run()
	if left := ours(); len(left) > 0 {
		fmt.Fprintf(os.Stderr, "FAIL: processes were left behind: %v\n", left)
		code = 1
	}
	if left, _ := filepath.Glob(tmp + "/*"); len(left) > 0 {
		fmt.Fprintf(os.Stderr, "FAIL: files were left behind: %v\n", left)
		code = 1
	}
	return code
}

// ours lists the processes that run this test's program, but for this one
// and those that only wait to be reaped, by whomever they were left to.
func ours() map[int]string {
	var self, other unix.Stat_t
	_ = unix.Stat("/proc/self/exe", &self)
	found := map[int]string{}
	dirs, _ := filepath.Glob("/proc/[0-9]*")
	for _, d := range dirs {
		pid, _ := strconv.Atoi(filepath.Base(d))
		if pid == os.Getpid() || unix.Stat(d+"/exe", &other) != nil || self.Ino != other.Ino || self.Dev != other.Dev {
			continue
		}
		line, _ := os.ReadFile(d + "/cmdline")
		found[pid] = strings.ReplaceAll(string(line), "\x00", " ")
	}
	return found
}

// awaitNone waits until no process of ours is left. One that was killed takes
// a moment to go; one that stays hangs the test.
func awaitNone(t *testing.T) {
	t.Helper()
	for range 1000 {
		if len(ours()) == 0 {
			return
		}
		time.Sleep(10 * time.Millisecond)
	}
	t.Fatalf("processes stay: %v", ours())
}

// few is a run that is short, and long enough for several turns of native.
var few = Config{Unit: UnitNanoseconds, Calls: 2 * chunk, Warmup: 10, Limit: time.Minute}

// rows runs cells and returns one row for each.
func rows(t *testing.T, cfg Config, cells ...Cell) []Row {
	t.Helper()
	var got []Row
	err := Run(context.Background(), cfg, cells, func(r Row) error {
		if want := cells[len(got)]; r.Cell != want {
			t.Errorf("row %d is for %s, want %s", len(got), r.Cell.Name(), want.Name())
		}
		got = append(got, r)
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	if len(got) != len(cells) {
		t.Fatalf("%d rows for %d cells", len(got), len(cells))
	}
	return got
}

// cellOf is the headline cell of a mechanism for getppid, or for the syscall
// named.
func cellOf(mech string, syscall ...string) Cell {
	m := FindMechanism(mech)
	c := Cell{Mech: mech, Syscall: "getppid", CPUs: "same", Peers: m.Peers}
	if len(syscall) > 0 {
		c.Syscall = syscall[0]
	}
	if c.Syscall == "write" {
		c.Bytes = 64
	}
	if m.listens() {
		c.Wake = "sync"
	}
	return c
}

// testRank and above are the mechanisms of tests.
const testRank = 10000

// product lists the mechanisms that are no test's.
func product() []*Mechanism {
	return slices.DeleteFunc(slices.Clone(Mechanisms()), func(m *Mechanism) bool { return m.Rank >= testRank })
}
