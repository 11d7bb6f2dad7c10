package main

import (
	"io"
	"math"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"unotify-bench/bench"
	"unotify-bench/internal/report"
)

var asked = bench.Cell{Mech: "continue", Syscall: "getppid", Wake: "sync", CPUs: "same"}

// honest is a row as a guest sends it.
func honest() bench.Row {
	s := bench.Stats{Median: 7203, Mean: 7705.6, P10: 7101, P90: 8251, P99: 12476, P999: 22272, Max: 22272}
	return bench.Row{
		Cell: asked, Unit: bench.UnitInstructions, Calls: 500, Warmup: 200, Batch: 1, Counter: "instret", Tick: 1,
		Total: s, Native: s, Supervisor: s,
		TargetCPU: 0.003, SupervisorCPU: 0.003, Switches: 2.019, Notifications: 700,
		SHA256: strings.Repeat("0a", 32),
	}
}

func TestCheckRow(t *testing.T) {
	other := asked
	other.Mech = "redirect"
	long := strings.Repeat("x", 4097)
	tests := []struct {
		name string
		lie  func(*bench.Row)
		want string // part of the error; "" for none
	}{
		{"honest", func(*bench.Row) {}, ""},
		{"n/a", func(r *bench.Row) { *r = bench.Row{Cell: asked, NA: "one CPU"} }, ""},
		{"failed", func(r *bench.Row) { *r = bench.Row{Cell: asked, Err: "EINVAL"} }, ""},
		{"another cell", func(r *bench.Row) { r.Cell = other }, `sent a row for "Notify/mech=redirect`},
		{"another cell is n/a", func(r *bench.Row) { *r = bench.Row{Cell: other, NA: "x"} }, `sent a row for "Notify/mech=redirect`},
		{"no cell", func(r *bench.Row) { r.Cell = bench.Cell{} }, "asked was Notify/mech=continue"},
		{"another unit", func(r *bench.Row) { r.Unit = "ns" }, `in "ns", asked was "insns"`},
		{"no unit", func(r *bench.Row) { r.Unit = "" }, `in "", asked was "insns"`},
		{"endless n/a", func(r *bench.Row) { r.NA = long }, "oversized text"},
		{"endless error", func(r *bench.Row) { r.Err = long }, "oversized text"},
		{"endless hash", func(r *bench.Row) { r.SHA256 = long }, "oversized text"},
		{"no hash", func(r *bench.Row) { r.SHA256 = "" }, "no hash"},
		{"a short hash", func(r *bench.Row) { r.SHA256 = "0a" }, "no hash"},
		{"a hash of other letters", func(r *bench.Row) { r.SHA256 = strings.Repeat("\x1b[", 32) }, "no hash"},
		{"no calls", func(r *bench.Row) { r.Calls = 0 }, "impossible counts"},
		{"negative calls", func(r *bench.Row) { r.Calls = -1 }, "impossible counts"},
		{"too many calls", func(r *bench.Row) { r.Calls = math.MaxInt }, "impossible counts"},
		{"negative warm-up", func(r *bench.Row) { r.Warmup = -1 }, "impossible counts"},
		{"endless warm-up", func(r *bench.Row) { r.Warmup = math.MaxInt }, "impossible counts"},
		{"no batch", func(r *bench.Row) { r.Batch = 0 }, "impossible counts"},
		{"a batch of more than all", func(r *bench.Row) { r.Batch = 501 }, "impossible counts"},
		{"negative notifications", func(r *bench.Row) { r.Notifications = -1 }, "impossible counts"},
		{"endless notifications", func(r *bench.Row) { r.Notifications = math.MaxInt }, "impossible counts"},
		{"negative threads", func(r *bench.Row) { r.Stopped = -1 }, "impossible counts"},
		{"endless threads", func(r *bench.Row) { r.Stopped = math.MaxInt }, "impossible counts"},
		{"a tenth percentile above the median", func(r *bench.Row) { r.Total.P10 = r.Total.Median + 1 }, "percentiles out of order"},
		{"percentiles out of order", func(r *bench.Row) { r.Total.P90 = r.Total.Median - 1 }, "percentiles out of order"},
		{"a maximum that is none", func(r *bench.Row) { r.Native.Max = 1 }, "percentiles out of order"},
		{"percentiles of the supervisor", func(r *bench.Row) { r.Supervisor.P99 = math.MaxFloat64 }, "percentiles out of order"},
		{"not a number", func(r *bench.Row) { r.Total.Mean = math.NaN() }, "the number NaN"},
		{"infinite", func(r *bench.Row) { r.Total.Max = math.Inf(1) }, "the number +Inf"},
		{"negative", func(r *bench.Row) { r.Switches = -1 }, "the number -1"},
		{"absurd", func(r *bench.Row) { r.TargetCPU = 1e308 }, "the number +Inf"},
		{"years of CPU time", func(r *bench.Row) { r.SupervisorCPU = 1e8 }, "the number 1e+17"},
		{"absurd mode", func(r *bench.Row) { r.Modes = &bench.Modes{High: 1e16} }, "the number 1e+16"},
		{"costs nothing", func(r *bench.Row) { r.Total = bench.Stats{} }, "cost of nothing"},
		{"a free native call", func(r *bench.Row) { r.Native = bench.Stats{} }, "cost of nothing"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			r := honest()
			tt.lie(&r)
			err := checkRow(r, asked, bench.UnitInstructions)
			switch {
			case tt.want == "" && err != nil:
				t.Fatal(err)
			case tt.want == "":
				return
			case err == nil || !strings.Contains(err.Error(), tt.want):
				t.Fatalf("error %v, want one with %q", err, tt.want)
			}
			if strings.ContainsFunc(err.Error(), func(r rune) bool { return r < ' ' }) {
				t.Errorf("error with control characters: %q", err)
			}
		})
	}
}

// TestAcceptedRowsAreWritten takes what checkRow lets through to its limits:
// every format must be able to write it, and to read it again.
func TestAcceptedRowsAreWritten(t *testing.T) {
	r := honest()
	s := bench.Stats{Median: 1e15, Mean: 1e15, P10: 1e15, P90: 1e15, P99: 1e15, P999: 1e15, Max: 1e15}
	r.Total, r.Native, r.Supervisor, r.Modes = s, s, s, &bench.Modes{Low: 1e15, High: 1e15, Share: 1e15}
	r.TargetCPU, r.SupervisorCPU, r.Switches, r.Notifications, r.Stopped, r.Batch = 1e6, 1e6, 1e15, 1, 1e6, 500
	if err := checkRow(r, asked, r.Unit); err != nil {
		t.Fatal(err)
	}
	keys := laneKeys{{"goos", "linux"}, {"goarch", "riscv64"}, {"kernel", "6.12"}, {"accel", "tcg"}, {"clock", "insns"}}
	for _, format := range report.Formats {
		w, err := report.NewWriter(format, io.Discard)
		if err != nil {
			t.Fatal(err)
		}
		if err := w.Write(result(r, keys, 1)); err != nil {
			t.Errorf("%s: %v", format, err)
		}
	}
	var set report.Set
	if err := set.Add(result(r, keys, 1)); err != nil {
		t.Error(err)
	}
}

// TestCallsPerSecond: where many targets call, and on a clock that has seconds.
func TestCallsPerSecond(t *testing.T) {
	for _, tt := range []struct {
		targets int
		unit    string
		want    float64
	}{
		{4, bench.UnitNanoseconds, 1e9 / 7203.0}, {4, bench.UnitInstructions, 0}, {0, bench.UnitNanoseconds, 0},
	} {
		r := honest()
		r.Cell.Targets, r.Unit = tt.targets, tt.unit
		got, ok := result(r, nil, 1).Value("calls/s")
		if math.Abs(got-tt.want) > 0.001 || ok != (tt.want > 0) {
			t.Errorf("%d targets in %s: %v calls/s, want %v", tt.targets, tt.unit, got, tt.want)
		}
	}
}

func TestClean(t *testing.T) {
	tests := []struct{ in, want string }{
		{"one CPU", "one CPU"},
		{"naïve …", "naïve …"},
		{"\x1b]0;owned\x07\x1b[2J", "?]0;owned??[2J"},
		{"a\r\nb\tc\x00", "a??b?c?"},
		{"\u009b31m", "?31m"}, // CSI in one character
		{"\u202egnirts", "?gnirts"},
		{"\xff", "\ufffd"},
	}
	for _, tt := range tests {
		if got := clean(tt.in); got != tt.want {
			t.Errorf("clean(%q) = %q, want %q", tt.in, got, tt.want)
		}
	}
	f := printable(bench.Finding{Feature: strings.Repeat("\x1b", 100), State: "\x1b[2J", Detail: strings.Repeat("\n", 1000)})
	want := bench.Finding{Feature: strings.Repeat("?", 40), State: bench.Unclear, Detail: strings.Repeat("?", 200)}
	if diff := cmp.Diff(want, f); diff != "" {
		t.Errorf("a hostile finding (-want +got):\n%s", diff)
	}
}

// TestHostileText stores rows whose reasons would steer a terminal or forge
// lines of the results file.
func TestHostileText(t *testing.T) {
	path := filepath.Join(t.TempDir(), "r.txt")
	var stdout, stderr strings.Builder
	a := &app{stdout: &stdout, stderr: &stderr, color: "never"}
	s, err := newSink("text", path, false, &stdout)
	if err != nil {
		t.Fatal(err)
	}
	r := &runner{app: a, sink: s, bar: a.newProgress()}
	const evil = "\x1b[2J\nBenchmarkNotify/mech=redirect 1 1 ns/op\r"
	other := asked
	other.Mech = "reply"
	for _, row := range []bench.Row{{Cell: asked, NA: evil}, {Cell: other, Err: evil}} {
		if err := r.take(row, nil, "riscv64", 1); err != nil {
			t.Fatal(err)
		}
	}
	if err := s.set.Table(&stdout, a.tableOptions(&stdout)); err != nil {
		t.Fatal(err)
	}
	if err := s.close(); err != nil {
		t.Fatal(err)
	}
	file, err := report.ReadFile(path)
	if err != nil && !strings.Contains(err.Error(), report.ErrEmpty.Error()) {
		t.Fatal(err)
	}
	if file != nil && len(file.Results) != 0 {
		t.Errorf("the results file has forged rows: %q", names(file))
	}
	text := stdout.String() + stderr.String() + strings.Join(r.failures, "")
	if strings.ContainsAny(text, "\x1b\r") {
		t.Errorf("control characters came through: %q", text)
	}
	if !strings.Contains(text, "?[2J?BenchmarkNotify") {
		t.Errorf("the reasons are not shown: %q", text)
	}
}
