package main_test

import (
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"unotify-bench/internal/report"
)

// resultKeys are the facts without which a result cannot be compared with
// another: by lane, as what a number means is another thing on another clock.
var resultKeys = map[string][]string{
	"wall":  {"goos", "goarch", "kernel", "accel", "cpu", "unotify-bench"},
	"insns": {"goos", "goarch", "kernel", "kernel-sha256", "accel", "qemu", "seeds", "unotify-bench"},
}

// TestResults reads every committed result as a user would, and looks for
// what makes one worth committing.
func TestResults(t *testing.T) {
	paths, err := filepath.Glob("results/*.txt")
	if err != nil {
		t.Fatal(err)
	}
	below, err := filepath.Glob("results/*/*.txt")
	if err != nil {
		t.Fatal(err)
	}
	// What abi says is a table: see TestCommittedMutants.
	below = slices.DeleteFunc(below, func(p string) bool { return strings.HasPrefix(p, "results/abi/") })
	paths = append(paths, below...)
	for _, lane := range []string{"host", "amd64", "arm64", "riscv64", "sweep/amd64", "sweep/arm64", "sweep/riscv64", "before/amd64", "workload/amd64"} {
		if p := filepath.Join("results", lane+".txt"); !slices.Contains(paths, p) {
			t.Errorf("no %s", p)
		}
	}
	for _, p := range paths {
		t.Run(strings.TrimPrefix(p, "results/"), func(t *testing.T) { testResults(t, p) })
	}
}

func testResults(t *testing.T, path string) {
	f, err := report.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	for _, w := range f.Warnings {
		t.Error(w)
	}
	if len(f.Results) == 0 {
		t.Fatal("no results")
	}
	for _, na := range f.NAs {
		if strings.HasPrefix(na.Why, "failed") {
			t.Errorf("%s could exist, and failed: %s", na.Name, na.Why)
		}
	}

	lane, clock := strings.TrimSuffix(filepath.Base(path), ".txt"), "wall"
	if lane != "host" {
		clock = "insns"
	}
	for _, r := range f.Results {
		_, line := r.Pos()
		if got := r.GetConfig("clock"); got != clock {
			t.Fatalf("line %d: clock is %q, want %s", line, got, clock)
		}
		if got := r.GetConfig("goarch"); clock == "insns" && got != lane {
			t.Fatalf("line %d: goarch is %q, want %s", line, got, lane)
		}
		for _, k := range resultKeys[clock] {
			if r.GetConfig(k) == "" {
				t.Fatalf("line %d: no key %s", line, k)
			}
		}
		if v := r.GetConfig("unotify-bench"); v == "devel" || strings.HasSuffix(v, "+dirty") {
			t.Fatalf("line %d: measured with %s, which nobody else can build", line, v)
		}
	}
	if clock == "insns" {
		testHashes(t, path, lane, f.Results[0].GetConfig("seeds"), len(f.Results)+len(f.NAs))
	}
}

// hashLine is what is kept of every seed's raw samples, so that two people
// can tell whether they measured the same thing.
var hashLine = regexp.MustCompile(`^# samples goarch=([a-z0-9]+) seed=([0-9]+) rows=([0-9]+)( program=[0-9a-f]{64})? sha256=[0-9a-f]{64}$`)

// testHashes wants one hash for each of seeds, over all rows together, those
// that cannot exist included.
func testHashes(t *testing.T, path, goarch, seeds string, rows int) {
	data, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	var hashed []string
	for line := range strings.Lines(string(data)) {
		line = strings.TrimSpace(line)
		if !strings.HasPrefix(line, "# samples") {
			continue
		}
		m := hashLine.FindStringSubmatch(line)
		if m == nil || m[1] != goarch {
			t.Errorf("%q is no hash of %s's samples", line, goarch)
			continue
		}
		n, err := strconv.Atoi(m[3])
		if err != nil {
			t.Error(err)
		}
		hashed = append(hashed, m[2])
		rows -= n
	}
	want := strings.Split(seeds, ",")
	slices.Sort(want)
	slices.Sort(hashed) // seeds may have run side by side
	if diff := cmp.Diff(want, hashed); diff != "" {
		t.Errorf("seeds and hashes differ (-seeds +hashes):\n%s", diff)
	}
	if rows != 0 {
		t.Errorf("%d more rows than are hashed", rows)
	}
}
