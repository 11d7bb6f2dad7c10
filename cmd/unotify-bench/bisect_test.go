package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"unotify-bench/internal/report"
	"unotify-bench/kernel"
)

// insnsFile is a results file of one row, by mechanism.
func insnsFile(t *testing.T, name string, rows map[string][]int) *report.File {
	t.Helper()
	var b strings.Builder
	b.WriteString("goos: linux\ngoarch: amd64\naccel: tcg\nclock: insns\n\n")
	for mech, runs := range rows {
		for _, v := range runs {
			fmt.Fprintf(&b, "BenchmarkNotify/mech=%s/syscall=getppid/wake=sync/cpus=same-1 300 %d insns/op\n", mech, v)
		}
	}
	f, err := report.Read(strings.NewReader(b.String()), name)
	if err != nil {
		t.Fatal(err)
	}
	return f
}

// TestBisectVerdict: each outcome is what git bisect run takes it for.
func TestBisectVerdict(t *testing.T) {
	good := map[string][]int{"continue": {100, 101, 102, 103, 104}, "reply": {100, 100, 100, 100, 100}}
	for _, row := range []struct {
		name string
		now  map[string][]int
		want int
	}{
		{"as before", good, 0},
		{"slower within the limit", map[string][]int{"continue": {100, 101, 102, 103, 104}, "reply": {101, 101, 101, 101, 101}}, 0},
		{"slower", map[string][]int{"continue": {200, 201, 202, 203, 204}, "reply": {100, 100, 100, 100, 100}}, 1},
		{"slower, and a row is gone", map[string][]int{"continue": {200, 201, 202, 203, 204}}, 1},
		{"a row is gone", map[string][]int{"continue": {100, 101, 102, 103, 104}}, 125},
		{"too few runs", map[string][]int{"continue": {200}, "reply": {100}}, 128},
	} {
		gate, err := report.ParseGate("5%")
		if err != nil {
			t.Fatal(err)
		}
		a := &app{stdout: io.Discard, stderr: io.Discard}
		err = a.verdict(insnsFile(t, "good.txt", good), insnsFile(t, "now.txt", row.now), report.CompareOptions{}, gate)
		if got := bisectStatus(err); got != row.want {
			t.Errorf("%s: status %d, want %d (%v)", row.name, got, row.want, err)
		}
	}
}

func TestBisectStatus(t *testing.T) {
	for _, row := range []struct {
		err  error
		want int
	}{
		{nil, 0}, {failure("x"), 1}, {&statusError{bisectSkip, errors.New("x")}, 125},
		{usageError("x"), 128}, {kernel.ErrNoSpace, 128}, {errors.New("x"), 128}, {context.Canceled, 130},
	} {
		if got := bisectStatus(row.err); got != row.want {
			t.Errorf("%v: status %d, want %d", row.err, got, row.want)
		}
	}
}

// TestBisectPlan: what is measured is what the good file has.
func TestBisectPlan(t *testing.T) {
	dir := t.TempDir()
	if err := os.WriteFile(filepath.Join(dir, "Makefile"), []byte("VERSION = 6\nPATCHLEVEL = 12\n"), 0o644); err != nil {
		t.Fatal(err)
	}
	good := insnsFile(t, "good.txt", map[string][]int{"continue": {1, 2, 3}, "allow": {1, 2, 3}})
	p, err := bisectFlags{tree: dir, jobs: 1}.plan(good)
	if err != nil {
		t.Fatal(err)
	}
	var cells []string
	for _, c := range p.guest {
		cells = append(cells, c.Name())
	}
	got := fmt.Sprint(p.count, archNames(p.arches), p.onHost, cells)
	want := "3 [amd64] false [Notify/mech=continue/syscall=getppid/wake=sync/cpus=same]"
	if got != want { // "allow" has no wake: what no run can have measured is not
		t.Errorf("plan is %s, want %s", got, want)
	}
}
