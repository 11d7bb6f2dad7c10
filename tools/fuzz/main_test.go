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
	if run([]string{"-run", "("}, &bytes.Buffer{}, &bytes.Buffer{}) != 2 {
		t.Error("a broken expression is none")
	}
}
