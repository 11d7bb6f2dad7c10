package main

import (
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"unotify-bench/abi/suite"
	"unotify-bench/kernel"
)

// sourceTree is the source that kernels are built from.
func sourceTree(t *testing.T) string {
	t.Helper()
	dir, err := (&kernel.Builder{}).SourceTree(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	return dir
}

// kunitGroup is what kunit.py writes with --json: kunit_json.py.
type kunitGroup struct {
	Name      string       `json:"name"`
	SubGroups []kunitGroup `json:"sub_groups"`
	Cases     []kunitCase  `json:"test_cases"`
}

type kunitCase struct {
	Name   string `json:"name"`
	Status string `json:"status"` // PASS, FAIL, SKIP, or ERROR if there was no verdict
}

// kunit has the kernel's own reader read a text, and wants no complaint: what it
// misses or does not understand it counts as errors, and what ends without a
// verdict as crashed.
func kunit(t *testing.T, text string) (kunitGroup, string) {
	t.Helper()
	file := filepath.Join(t.TempDir(), "read.json")
	// -B: the source is not written to, not even what Python compiles.
	dir := filepath.Join(sourceTree(t), "tools", "testing", "kunit")
	cmd := exec.CommandContext(t.Context(), "python3", "-B", filepath.Join(dir, "kunit.py"), "parse", "--json="+file)
	cmd.Stdin = strings.NewReader(text)
	out, err := cmd.CombinedOutput()
	if cmd.ProcessState == nil {
		t.Fatalf("%v: apt-get install --no-install-recommends python3 (make test does it)", err)
	}
	if _, err := os.Stat(filepath.Join(dir, "__pycache__")); err == nil {
		t.Error("kunit.py has written to the source")
	}
	sum := kunitSum(string(out))
	// It succeeds if something passed and nothing failed.
	if ok := strings.Contains(sum, "passed: ") && !strings.Contains(sum, "failed: "); cmd.ProcessState.Success() != ok {
		t.Errorf("%v: %v, after: %s", cmd, err, sum)
	}
	for _, bad := range []string{"[ERROR]", "[CRASHED]", "[NO TESTS RUN]", "crashed: ", "errors: ", "Traceback"} {
		if strings.Contains(string(out), bad) {
			t.Errorf("kunit.py says %s:\n%s", bad, out)
		}
	}
	var read kunitGroup
	if err := json.Unmarshal([]byte(readText(t, file)), &read); err != nil {
		t.Fatal(err)
	}
	return read, sum
}

// kunitSum is the line with the counts, from "Ran".
func kunitSum(out string) string {
	_, sum, _ := strings.Cut(out, "Testing complete. ")
	return firstLine(sum)
}

// kunitCount is that line as it is for these cases.
func kunitCount(cases []kunitCase) string {
	n := map[string]int{}
	for _, c := range cases {
		n[c.Status]++
	}
	var parts []string
	for _, k := range [][2]string{{"passed", "PASS"}, {"failed", "FAIL"}, {"skipped", "SKIP"}} {
		if n[k[1]] > 0 {
			parts = append(parts, fmt.Sprintf("%s: %d", k[0], n[k[1]]))
		}
	}
	return fmt.Sprintf("Ran %d tests: %s", len(cases), strings.Join(parts, ", "))
}

// kunitOf is what kunit.py has to make of verdicts.
func kunitOf(r *abiReport) (cases []kunitCase) {
	for _, l := range r.lanes {
		for _, row := range l.Rows {
			status := map[suite.Verdict]string{
				suite.Pass: "PASS", suite.Divergent: "PASS", suite.Skip: "SKIP", suite.Fail: "FAIL", suite.Error: "FAIL",
			}[row.Verdict]
			cases = append(cases, kunitCase{l.Where + "." + row.Check.ID, status})
		}
	}
	return cases
}

// hostile is what a kernel's last words, or a guest, could have in a verdict:
// whatever kunit.py would take for structure, and Python for the end of a line.
const hostile = `Subtest: forged
1..3
KTAP version 1
TAP version 13
ok 1 forged
not ok 2 forged # SKIP
a # SKIP b
# Subtest: forged
[    1.0] List of all partitions:
[    1.1] Kernel panic - not syncing: VFS: Unable to mount root fs
[    1.2] reboot: System halted
` + "a\rok 3 forged\n\r\nok 4 forged\n\x0bok 5 forged\n\u2028ok 6 forged\n\u0085ok 7 forged\n\xff\n\n"

// TestKUnitReadsVerdicts: every verdict with every line, in both places where
// text stands.
func TestKUnitReadsVerdicts(t *testing.T) {
	r := abiRows(t)
	checks := suite.Catalogue()
	for line := range strings.Lines(hostile) {
		for _, v := range suite.Verdicts() {
			l := r.lanes[0]
			l.Rows = append(l.Rows, abiRow{Check: checks[len(l.Rows)], Verdict: v, Text: line + "second " + line})
		}
	}
	want := kunitOf(r)
	text := written(t, "ktap", r)
	got, sum := kunit(t, text)
	if d := cmp.Diff(kunitGroup{Name: "KUnit Test Group", SubGroups: []kunitGroup{}, Cases: want}, got); d != "" {
		t.Errorf("verdicts (-ours +kunit.py's):\n%s\n%s", d, text)
	}
	if want := kunitCount(want); sum != want {
		t.Errorf("kunit.py counts %q, want %q", sum, want)
	}
}

// TestKUnitReadsHost: what a run on this kernel gives, whatever it has.
func TestKUnitReadsHost(t *testing.T) {
	for _, more := range [][]string{nil, {"--expect", "patched"}} {
		c := newCommand(t, append([]string{"abi", "--on", "host", "--mech", "wire,reply,redirect", "--format", "ktap", "--quiet"}, more...)...)
		c.start(t)
		if status := c.status(t); status != exitOK && status != exitFailed {
			t.Fatalf("%v: exit status %d\n%s", c.Args, status, &c.stderr)
		}
		want := ktapCases(t, c.stdout.String())
		got, sum := kunit(t, c.stdout.String())
		if d := cmp.Diff(want, got.Cases); d != "" || len(want) < 20 || len(got.SubGroups) > 0 {
			t.Errorf("%v: %d verdicts (-ours +kunit.py's):\n%s\n%s", c.Args, len(want), d, &c.stdout)
		}
		if want := kunitCount(want); sum != want {
			t.Errorf("%v: kunit.py counts %q, want %q", c.Args, sum, want)
		}
	}
}

// ktapCases reads the verdicts of one program as this program reads those of
// others.
func ktapCases(t *testing.T, text string) (cases []kunitCase) {
	t.Helper()
	k := newKTAP("abi")
	for line := range strings.Lines(text) {
		if err := k.line(strings.TrimSuffix(line, "\n")); err != nil {
			t.Fatal(err)
		}
	}
	status := map[string]string{resultOK: "PASS", "XFAIL": "PASS", resultSkip: "SKIP", resultFailed: "FAIL"}
	for _, v := range k.end() {
		cases = append(cases, kunitCase{v.Test, status[v.Result]})
	}
	return cases
}
