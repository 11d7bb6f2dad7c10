package main

import (
	"fmt"
	"math"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"unotify-bench/internal/report"
)

// perfFormats are the formats of C that a benchmark of tools/perf/bench prints
// its default output with: how many, total time, time of one, how many a second.
func perfFormats(t *testing.T, name string) []string {
	t.Helper()
	_, text, _ := strings.Cut(readText(t, filepath.Join(sourceTree(t), "tools", "perf", "bench", name)), "case BENCH_FORMAT_DEFAULT:")
	text, _, _ = strings.Cut(text, "break;")
	text = strings.ReplaceAll(text, `" PRIu64 "`, "d")
	var formats []string
	for _, m := range regexp.MustCompile(`printf\("((?:[^"\\]|\\n)*)"`).FindAllStringSubmatch(text, -1) {
		formats = append(formats, strings.NewReplacer(`\n`, "\n", "%lu", "%d", "%03lu", "%03d", "%14lf", "%14f").Replace(m[1]))
	}
	if len(formats) != 4 {
		t.Fatalf("%s prints with %q, want four formats", name, formats)
	}
	return formats
}

// TestPerfFormat: a run on this host prints what `perf bench sched` would print of
// the same numbers, by the formats in perf's source. That is what parsers of perf
// read: those of the 0-day bot are not at hand, and were written for it. Where
// the calls were made is added, in the line that perf marks as a comment.
func TestPerfFormat(t *testing.T) {
	state := t.TempDir()
	c := newCommand(t, "run", "--on", "host", "--mech", "native,continue", "--syscall", "getppid", "--count", "1", "--format", "perf", "--quiet")
	c.Env = append(c.Env, "XDG_STATE_HOME="+state)
	c.runs(t, exitOK)
	files, err := filepath.Glob(filepath.Join(state, "unotify-bench", "*.txt"))
	if err != nil || len(files) != 1 {
		t.Fatalf("results files: %q, %v", files, err)
	}
	notify, pipe := perfFormats(t, "sched-seccomp-notify.c"), perfFormats(t, "sched-pipe.c")
	// What a parser for sched/pipe reads, it can read of ours.
	if d := cmp.Diff(notify[1:], pipe[1:]); d != "" {
		t.Errorf("perf's benchmarks print differently (-seccomp-notify +pipe):\n%s", d)
	}
	var want strings.Builder
	for _, r := range results(t, files[0]).Results {
		ns, ok := report.NewRow(r).Metrics["mean-ns/op"]
		if !ok {
			t.Fatalf("%s has no mean", r.Name)
		}
		msecs := int(ns * float64(r.Iters) / 1e6)
		fmt.Fprintf(&want, "# Running 'sched/%s' benchmark:\n", r.Name)
		want.WriteString(strings.Replace(fmt.Sprintf(notify[0], r.Iters), "\n", " (host)\n", 1))
		fmt.Fprintf(&want, notify[1], "Total time", msecs/1e3, msecs%1e3)
		fmt.Fprintf(&want, notify[2], ns/1e3)
		fmt.Fprintf(&want, notify[3], int(1e9/ns))
		want.WriteString("\n")
	}
	got := c.stdout.String()
	if d := cmp.Diff(want.String(), got); d != "" {
		t.Fatalf("output (-perf's +ours):\n%s", d)
	}
	// The expression that reads perf's own output in `doctor --peer`, and its like.
	usecs, ops := usecsPerOp().FindAllStringSubmatch(got, -1), regexp.MustCompile(`(?m)^\s+(\d+) ops/sec$`).FindAllStringSubmatch(got, -1)
	if len(usecs) < 2 || len(usecs) != len(ops) {
		t.Fatalf("%d figures of usecs/op and %d of ops/sec in:\n%s", len(usecs), len(ops), got)
	}
	for i := range usecs {
		var one, many float64
		if _, err := fmt.Sscan(usecs[i][1]+" "+ops[i][1], &one, &many); err != nil {
			t.Fatal(err)
		}
		if many != math.Floor(1e6/one) {
			t.Errorf("%v usecs/op and %v ops/sec", one, many)
		}
	}
}
