package main

import (
	"bytes"
	"context"
	"errors"
	"math"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"unotify-bench/bench"
	"unotify-bench/internal/notify"
	"unotify-bench/kernel"
)

// TestCompete lets perf, the C twin and this program measure every mode, for
// a few calls: who is faster depends on what else the machine does.
func TestCompete(t *testing.T) {
	ctx := t.Context()
	perf, err := (&kernel.Builder{}).Perf(ctx)
	if err != nil {
		t.Fatal(err)
	}
	cpus, err := notify.AllowedCPUs()
	if err != nil {
		t.Fatal(err)
	}
	modes := peerModes(len(cpus))
	want := 0
	for _, m := range modes {
		if want++; m.perf {
			want++
		}
	}
	a := &app{stdout: &bytes.Buffer{}, stderr: &bytes.Buffer{}}
	const rounds = 2
	results, err := a.compete(ctx, a.newProgress(), contenders(perf, testTwin(t), cpus), modes, rounds, 2000)
	if err != nil {
		t.Fatal(err)
	}
	if len(results) != want {
		t.Errorf("%d results, want %d", len(results), want)
	}
	for _, r := range results {
		for _, ratio := range []float64{r.ratio(), r.wallRatio()} {
			if !(ratio > 0) || math.IsInf(ratio, 0) || len(r.own) != rounds || len(r.theirs) != rounds {
				t.Errorf("%s and %s: ratio %v, of %d and %d rounds", r.mode.cell.Name(), r.peer, ratio, len(r.own), len(r.theirs))
			}
		}
	}
}

func testTwin(t *testing.T) string {
	t.Helper()
	twin := filepath.Join(t.TempDir(), "twin")
	if err := compileTwin(t.Context(), twin); err != nil {
		t.Fatal(err)
	}
	return twin
}

// TestPeerEnds stops a peer that would go on for days.
func TestPeerEnds(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	cmd := exec.Command(testTwin(t), "1000000000000", "0", "async", "reply", "-1", "-1")
	cpus, err := notify.AllowedCPUs()
	if err != nil {
		t.Fatal(err)
	}
	_, err = runPeer(ctx, cmd, cpus[0], func(context.Context, int) error { cancel(); return nil })
	if !errors.Is(err, context.Canceled) {
		t.Errorf("ended with %v, want %v", err, context.Canceled)
	}
	if cmd.ProcessState == nil {
		t.Error("it was not waited for")
	}
}

// TestMoveChildGone is about a perf that ends before its child is seen.
func TestMoveChildGone(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if err := moveChild(ctx, os.Getpid(), 0); err == nil {
		t.Error("a child was moved that does not exist")
	}
}

func TestPerfFigure(t *testing.T) {
	const good = `# Running 'sched/seccomp-notify' benchmark:
# Executed 20000 system calls

     Total time: 0.150 [sec]

       7.503250 usecs/op
         133275 ops/sec
`
	for _, tc := range []struct {
		name, out string
		want      float64 // 0: an error
	}{
		{"6.12", good, 7.50325},
		{"nothing", "", 0},
		{"other format", "0.150\n", 0},
		{"no number", "  ... usecs/op\n", 0},
	} {
		t.Run(tc.name, func(t *testing.T) {
			got, err := perfFigure(tc.out)
			if got != tc.want || (err == nil) != (tc.want > 0) {
				t.Errorf("%v, %v; want %v", got, err, tc.want)
			}
		})
	}
}

// TestShowPeers has the bar in it: it is the ratio of medians, and equal is
// not above.
func TestShowPeers(t *testing.T) {
	// A figure that is not judged must not matter.
	placedResult := func(cpus string, cost func(float64) cost) func(float64, []float64, []float64) *peerResult {
		return func(bar float64, theirs, own []float64) *peerResult {
			r := &peerResult{peer: "perf"}
			r.mode = peerMode{cell: bench.Cell{Mech: "reply", Syscall: "getppid", Wake: "sync", CPUs: cpus}, bar: bar}
			for i := range own {
				r.theirs, r.own = append(r.theirs, cost(theirs[i])), append(r.own, cost(own[i]))
			}
			return r
		}
	}
	result := placedResult("same", func(ns float64) cost { return cost{1e6 - ns, ns} })
	cross := placedResult("cross", func(ns float64) cost { return cost{ns, 1e6 - ns} })
	for _, tc := range []struct {
		name    string
		results []*peerResult
		status  int
		words   []string // of one line
	}{
		{"equal", []*peerResult{result(1, []float64{3000}, []float64{3000})}, exitOK, []string{"3000", "1.000", "1.00"}},
		{"by the clock", []*peerResult{cross(1.03, []float64{3000}, []float64{4000})}, exitFailed, []string{"3000", "4000", "1.333", "ABOVE"}},
		{"an outlier is none", []*peerResult{result(1, []float64{3000, 3000, 3000}, []float64{2000, 90000, 2000})}, exitOK, []string{"2000", "0.667"}},
		{"even count", []*peerResult{result(1, []float64{1000, 3000}, []float64{4000, 1000})}, exitFailed, []string{"2000", "2500", "1.250", "ABOVE"}},
		{"above", []*peerResult{
			result(1.03, []float64{3000}, []float64{3090}),
			result(1.00, []float64{3000}, []float64{3091}),
		}, exitFailed, []string{"3091", "1.030", "ABOVE"}},
	} {
		t.Run(tc.name, func(t *testing.T) {
			var out bytes.Buffer
			a := &app{stdout: &out, stderr: &bytes.Buffer{}}
			if status := exitStatus(a.showPeers(tc.results, 1)); status != tc.status {
				t.Errorf("exit status %d, want %d", status, tc.status)
			}
			if countLines(out.String(), tc.words...) != 1 || strings.Contains(out.String(), "ABOVE") != (tc.status != exitOK) {
				t.Errorf("printed, want one line with %q:\n%s", tc.words, out.String())
			}
		})
	}
}
