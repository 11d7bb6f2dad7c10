package main

import (
	"bytes"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// TestRun fuzzes a module whose targets hold and fail: what fails is kept, and counts.
func TestRun(t *testing.T) {
	dir := t.TempDir()
	if err := os.CopyFS(dir, os.DirFS("testdata/m")); err != nil {
		t.Fatal(err)
	}
	for _, tt := range []struct {
		args   []string
		status int
		want   []string
		end    string
	}{
		{[]string{"-run", "Holds"}, 0, []string{"FuzzHolds", "200 inputs"}, "1 passed, 0 failed\n"},
		{[]string{"-run", "Holds|Fails"}, 1, []string{"FuzzHolds", "a FuzzFails: exit status 1", "found", "testdata/fuzz/FuzzFails"}, "1 passed, 1 failed\n"},
		{[]string{"-run", "Skips"}, 1, []string{"a FuzzSkips: not a single input"}, "0 passed, 1 failed\n"},
		{[]string{"-run", "Not"}, 1, nil, "no target passed\n0 passed, 0 failed\n"},
	} {
		var out, errs bytes.Buffer
		args := append([]string{"-dir", dir, "-keep", filepath.Join(dir, "kept"), "-time", "200x"}, tt.args...)
		if status := run(args, &out, &errs); status != tt.status || !strings.HasSuffix(out.String(), tt.end) {
			t.Errorf("%q: status %d, want %d and %q:\n%s%s", args, status, tt.status, tt.end, &out, &errs)
		}
		for _, want := range tt.want {
			if !strings.Contains(out.String(), want) {
				t.Errorf("%q: no %q in\n%s", args, want, &out)
			}
		}
	}
	if kept, _ := filepath.Glob(filepath.Join(dir, "a/testdata/fuzz/FuzzFails/*")); len(kept) != 1 {
		t.Errorf("kept are %q", kept)
	}

	// What is in the table is not fuzzed again, unless for another time.
	table := filepath.Join(dir, "table")
	for _, tt := range []struct{ time, want string }{
		{"200x", "200 inputs"}, {"200x", "is in " + table + ": 200"}, {"300x", "300 inputs"},
	} {
		var out, errs bytes.Buffer
		if status := run([]string{"-dir", dir, "-keep", filepath.Join(dir, "kept"), "-time", tt.time, "-run", "Holds|Fails", "-table", table}, &out, &errs); status != 1 ||
			!strings.Contains(out.String(), tt.want) || !strings.HasSuffix(out.String(), "1 passed, 1 failed\n") {
			t.Errorf("-table, -time %s: status %d, no %q:\n%s%s", tt.time, status, tt.want, &out, &errs)
		}
	}
	text, err := os.ReadFile(table)
	if lines := strings.Split(string(text), "\n"); err != nil || len(lines) != 4 || lines[0]+"\n" != tableHead ||
		!strings.HasPrefix(lines[1], "a\tFuzzHolds\t200x\t1\t200\t") || !strings.HasPrefix(lines[2], "a\tFuzzHolds\t300x\t1\t300\t") || lines[3] != "" {
		t.Errorf("the table is %q (%v)", text, err)
	}
	for _, broken := range []string{"", "something\n", strings.TrimSuffix(string(text), "\n")} {
		if err := os.WriteFile(table, []byte(broken), 0o644); err != nil {
			t.Fatal(err)
		}
		var out, errs bytes.Buffer
		if status := run([]string{"-dir", dir, "-table", table}, &out, &errs); status != 1 || !strings.Contains(errs.String(), "name another") {
			t.Errorf("with %q for a table: status %d, %s%s", broken, status, &out, &errs)
		}
		if text, err := os.ReadFile(table); err != nil || string(text) != broken {
			t.Errorf("of %q is left %q (%v)", broken, text, err)
		}
	}
	if run([]string{"-run", "("}, &bytes.Buffer{}, &bytes.Buffer{}) != 2 {
		t.Error("a broken expression is none")
	}
}
