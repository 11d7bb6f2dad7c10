package main

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

// verdictsOf reads a report in JSON.
func verdictsOf(t *testing.T, path string) (verdicts []string) {
	t.Helper()
	b, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	var rows []struct{ Where, ID, Verdict string }
	if err := json.Unmarshal(b, &rows); err != nil {
		t.Fatalf("%v\n%s", err, b)
	}
	for _, r := range rows {
		verdicts = append(verdicts, r.Where+" "+r.ID+" "+r.Verdict)
	}
	return verdicts
}

// TestAbiResume ends a run of the suite in the middle. What was checked stays,
// in the report and in the journal, and is not checked again.
func TestAbiResume(t *testing.T) {
	run := func(out string, more ...string) []string {
		return append([]string{"abi", "--on", "host", "--mech", "wire,native,reply,continue,addfd", "--format", "json", "-o", out}, more...)
	}
	dir := t.TempDir()
	clean := filepath.Join(dir, "clean.json")
	newCommand(t, run(clean)...).runs(t, exitOK)
	want := verdictsOf(t, clean)

	path := filepath.Join(dir, "r.json")
	c := newCommand(t, run(path)...)
	c.start(t)
	journal := path + ".journal"
	for ends := 0; ends < 3; {
		b, _ := os.ReadFile(journal)
		if ends = bytes.Count(b, []byte(`"end":true}`+"\n")); c.over(t) {
			t.Fatalf("the run is over with %d checks in its journal\n%s", ends, &c.stderr)
		}
		time.Sleep(time.Millisecond)
	}
	_ = c.Process.Signal(os.Interrupt)
	if got := c.status(t); got != exitInterrupted {
		t.Fatalf("exit status %d, want %d\n%s", got, exitInterrupted, &c.stderr)
	}
	kept := verdictsOf(t, path)
	if len(kept) < 3 || len(kept) >= len(want) || cmp.Diff(want[:len(kept)], kept) != "" {
		t.Errorf("kept are %q, of %q", kept, want)
	}

	// To tell that they are not made again, one of them is changed.
	b, err := os.ReadFile(journal)
	if err != nil {
		t.Fatal(err)
	}
	changed := bytes.Replace(b, []byte(`"Outcome":"held"`), []byte(`"Outcome":"broken"`), 1)
	if err := os.WriteFile(journal, changed, 0o644); err != nil || bytes.Equal(b, changed) {
		t.Fatalf("no result to change in %s: %v", b, err)
	}
	newCommand(t, run(path, "--resume", "--verbose")...).runs(t, exitFailed)
	want[0] = strings.TrimSuffix(want[0], "pass") + "fail"
	if d := cmp.Diff(want, verdictsOf(t, path)); d != "" {
		t.Errorf("verdicts of a run that was resumed (-want +got):\n%s", d)
	}
	if _, err := os.Stat(journal); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("a complete run has left its journal (%v)", err)
	}
}

// TestAbiShards: the parts of the catalogue are all of it, and nothing twice.
func TestAbiShards(t *testing.T) {
	seen := map[string]int{}
	for part := 1; part <= 3; part++ {
		c := newCommand(t, "abi", "--list", "--shard", fmt.Sprintf("%d/3", part))
		c.runs(t, exitOK)
		for line := range strings.Lines(c.stdout.String()) {
			seen[line] = part
		}
	}
	c := newCommand(t, "abi", "--list")
	c.runs(t, exitOK)
	if n := strings.Count(c.stdout.String(), "\n"); n != len(seen) {
		t.Errorf("%d checks in three parts, want %d", len(seen), n)
	}
}
