package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"unotify-bench/internal/report"
	"unotify-bench/kernel"
)

func TestBlame(t *testing.T) {
	broken := &kernel.ErrMake{Goal: "bzImage", First: []string{"x.c:1: error: one", "x.c:2: error: two"}, Last: []string{"make: ***"}, Err: errors.New("exit status 2")}
	dumb := &kernel.ErrMake{Last: []string{"1", "2", "3", "4", "5", "6"}, Err: errors.New("exit status 2")}
	for _, row := range []struct {
		err  error
		want report.Lack
		ok   bool
	}{
		{fmt.Errorf("build x: %w", broken), report.Lack{Why: "does not build", More: "x.c:1: error: one\nx.c:2: error: two"}, true},
		{dumb, report.Lack{Why: "does not build", More: "2\n3\n4\n5\n6"}, true},
		{kernel.ErrConfig, report.Lack{Why: "cannot be configured", More: kernel.ErrConfig.Error()}, true},
		{fmt.Errorf("seed 1: %w", kernel.ErrPanic), report.Lack{Why: "does not boot, or not to the end", More: "seed 1: " + kernel.ErrPanic.Error()}, true},
		{kernel.ErrTimeout, report.Lack{Why: "does not boot, or not to the end", More: kernel.ErrTimeout.Error()}, true},
		{kernel.ErrSplat, report.Lack{Why: "complains of itself", More: kernel.ErrSplat.Error()}, true},
		// This machine's own troubles are nobody's patch's.
		{kernel.ErrQEMU, report.Lack{}, false},
		{kernel.ErrNoSpace, report.Lack{}, false},
		{&kernel.ErrMissingTool{Tool: "flex"}, report.Lack{}, false},
		{context.Canceled, report.Lack{}, false},
		{nil, report.Lack{}, false},
	} {
		got, ok := blame(row.err)
		if diff := cmp.Diff(row.want, got); diff != "" || ok != row.ok {
			t.Errorf("%v: blamed %v, want %v (-want +got):\n%s", row.err, ok, row.ok, diff)
		}
	}
}

// TestStepFile: what was measured is not measured again, and nothing that is
// not this step's is written over.
func TestStepFile(t *testing.T) {
	const id = "00112233"
	begin, end := "# "+stepBegins+id+"\n", "# "+stepEnds+id+"\n"
	for _, row := range []struct {
		name, text string
		complete   bool
		want       string // part of the error
	}{
		{"empty", "", false, ""},
		{"begun", begin, false, ""},
		{"interrupted", begin + "goarch: amd64\nBenchmarkX 1 2 ns/op\n", false, ""},
		{"cut", begin + "goarch: amd64\nBenchma", false, ""},
		{"complete", begin + "goarch: amd64\n" + end, true, ""},
		{"the end of another", begin + "# " + stepEnds + "44\n", false, ""},
		{"of another kernel", "# " + stepBegins + "44\n# " + stepEnds + "44\n", false, "was measured on another kernel"},
		{"of run", "goarch: amd64\n", false, "is not of a series"},
	} {
		path := filepath.Join(t.TempDir(), "01.txt")
		if err := os.WriteFile(path, []byte(row.text), 0o644); err != nil {
			t.Fatal(err)
		}
		complete, err := stepFile(path, id)
		if complete != row.complete || (err != nil) != (row.want != "") || err != nil && (!strings.Contains(err.Error(), row.want) || exitStatus(err) != exitUsage) {
			t.Errorf("%s: complete %v, %v; want %v, %q", row.name, complete, err, row.complete, row.want)
		}
	}
	if complete, err := stepFile(filepath.Join(t.TempDir(), "none"), id); complete || err != nil {
		t.Errorf("no file: %v, %v", complete, err)
	}
}

// TestSeriesMachines is docs/patch-authors.md's series: a patch that costs 2000
// instructions, one that no kernel is made of, one that does not build.
func TestSeriesMachines(t *testing.T) {
	needGuests(t, "amd64")
	dir := filepath.Join(t.TempDir(), "steps")
	args := append(docCommand(t, "--series my-patches"), "--series", filepath.Join("testdata", "series"), "--count", "1", "-o", dir)
	first := newCommand(t, args...)
	first.runs(t, exitFailed)
	for _, want := range []string{
		"\n00 stock                                     2 rows\n",
		"\n02 Documentation: say what is to be found    2 rows: 2 unchanged\n",
		"\n03 bounds: name what is not there            does not build\n",
		"\n  02 Documentation: say what is to …      ", "\n  kernel/bounds.c:20:", ": error: 'broken_on_purpose' undeclared",
	} {
		if !strings.Contains("\n"+first.stdout.String(), want) {
			t.Errorf("%q is not in the table:\n%s", want, &first.stdout)
		}
	}
	for _, want := range []string{"1 of 4 steps of the series have no numbers", "03 bounds: name what is not there: amd64 does not build"} {
		if !strings.Contains(first.stderr.String(), want) {
			t.Errorf("%q is not in:\n%s", want, &first.stderr)
		}
	}
	stock := results(t, filepath.Join(dir, "00-stock.txt"))
	costly := results(t, filepath.Join(dir, "01-0001-seccomp-do-more-for-a-call-that-goes-on.txt"))
	c, err := report.Compare(stock, costly, report.CompareOptions{})
	if err != nil {
		t.Fatal(err)
	}
	for _, p := range c.Pairings[0].Pairs {
		// What only goes on takes the 2000; that its code lies elsewhere is
		// worth some hundreds to the scheduler's paths.
		low, high := 1500.0, 2500.0
		if strings.Contains(p.Name, "mech=native") {
			low, high = 0, 0
		}
		if d := p.Diff(); d < low || d > high {
			t.Errorf("%s: %v instructions more, want %v to %v", p.Name, d, low, high)
		}
	}
	// Again: nothing is measured.
	second := newCommand(t, args...)
	second.runs(t, exitFailed)
	if diff := cmp.Diff(first.stdout.String(), second.stdout.String()); diff != "" {
		t.Errorf("the second time (-first +second):\n%s", diff)
	}
	if n := strings.Count(second.stderr.String(), "measured before: "); n != 3 || strings.Contains(second.stderr.String(), "\nmeasure amd64") {
		t.Errorf("%d steps are known, want 3:\n%s", n, &second.stderr)
	}
	// A file of other flags stays as it is.
	third := newCommand(t, append(args, "--count", "2")...)
	third.runs(t, exitUsage)
	if !strings.Contains(third.stderr.String(), "00-stock.txt was measured on another kernel, with other flags") {
		t.Error(third.stderr.String())
	}
}
