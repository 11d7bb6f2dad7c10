package main

import (
	"encoding/json"
	"flag"
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"unotify-bench/abi/suite"
	"unotify-bench/internal/lava"
)

var lavaLane = flag.Bool("lava", false, "run TestLava, which needs Debian's LAVA and root: make test-lava")

// TestLava executes jobs with LAVA's own parts: its schema, its lava-run, and a whole lab
// on this machine.
func TestLava(t *testing.T) {
	if !*lavaLane {
		t.Skip("needs a lab's programs and root: make test-lava")
	}
	t.Run("schema", testLavaSchema)
	for _, arch := range arches() {
		t.Run("run/"+arch.Name, func(t *testing.T) { testLavaRun(t, arch) })
	}
	t.Run("lab", testLavaLab)
}

// systemPython is the one that has LAVA's modules, whatever else comes first in PATH.
const systemPython = "/usr/bin/python3"

func testLavaSchema(t *testing.T) {
	jobs, err := filepath.Glob("../../internal/lava/testdata/*.yaml")
	if err != nil || len(jobs) < 2 {
		t.Fatalf("%d jobs: %v", len(jobs), err)
	}
	const check = "import sys, yaml\nfrom lava_common.schemas import validate\n" +
		"for f in sys.argv[1:]: validate(yaml.safe_load(open(f)), strict=True)"
	if out, err := exec.Command(systemPython, append([]string{"-c", check}, jobs...)...).CombinedOutput(); err != nil {
		t.Errorf("the schema of lava-common: %v\n%s", err, out)
	}
	// It does look.
	bad := filepath.Join(t.TempDir(), "bad.yaml")
	text, err := os.ReadFile(jobs[0])
	if err != nil {
		t.Fatal(err)
	}
	writeFile(t, bad, strings.Replace(string(text), "visibility: public", "visibility: none", 1))
	if out, err := exec.Command(systemPython, "-c", check, bad).CombinedOutput(); err == nil {
		t.Errorf("a job of no visibility passes: %s", out)
	}
}

func writeFile(t *testing.T, path, text string) {
	t.Helper()
	if err := os.WriteFile(path, []byte(text), 0o644); err != nil {
		t.Fatal(err)
	}
}

// testLavaLab has a lab of two workers do a catalogue in four parts, while one of the
// workers is killed. Each check has a verdict in the end, and one.
func testLavaLab(t *testing.T) {
	const arch = "amd64"
	needGuests(t, arch)
	lab := t.TempDir()
	tool := func(args ...string) {
		t.Helper()
		if out, err := exec.Command("../../tools/lava/lab", args...).CombinedOutput(); err != nil {
			t.Fatalf("tools/lava/lab %q: %v\n%s", args, err, out)
		}
	}
	t.Cleanup(func() { tool("down", lab) })
	tool("up", lab)
	server, err := os.ReadFile(filepath.Join(lab, "url"))
	if err != nil {
		t.Fatal(err)
	}
	at := []string{"--server", strings.TrimSpace(string(server)), "--token-file", filepath.Join(lab, "token")}
	jobs := filepath.Join(t.TempDir(), "jobs")
	newCommand(t, "lava", "job", "--on", arch, "--expect", "patched", "--shards", "3", "-o", jobs,
		"--abi", "--mech wire,native,reply,continue,pin", "--run", "--mech continue,redirect --syscall openat --count 2").runs(t, exitOK)
	newCommand(t, slices.Concat([]string{"lava", "submit", jobs}, at)...).runs(t, exitOK)

	// A worker is killed once its device prints cases, and comes back: it tells the lab
	// then that the job is lost. Of one that never does, TestLavaFetch has more.
	victim := waitForCases(t, lavaClient(t, at), jobs)
	tool("worker", lab, victim, "stop")
	tool("worker", lab, victim, "start")

	fetch := newCommand(t, slices.Concat([]string{"lava", "fetch", jobs, "--wait", "--retry", "2", "--poll", "2s", "--limit", "20m"}, at)...)
	fetch.runs(t, exitOK)
	t.Logf("%s%s", &fetch.stderr, &fetch.stdout)
	d, err := openLavaDir(jobs)
	if err != nil {
		t.Fatal(err)
	}
	if n := len(d.submissions); n != len(d.Jobs)+1 {
		t.Errorf("%d submissions of %d jobs, want one more: %+v", n, len(d.Jobs), d.submissions)
	}
	verdicts := lavaVerdictsOf(t, filepath.Join(jobs, "verdicts.json"))
	want := map[string]suite.Verdict{}
	for _, j := range d.Jobs {
		for _, id := range j.Checks {
			want[id] = verdicts[id]
			if want[id] == "" {
				t.Errorf("%s has no verdict", id)
			}
		}
	}
	if len(want) != len(verdicts) {
		t.Errorf("%d verdicts of %d checks", len(verdicts), len(want))
	}
	// Nothing is different from a run that no lab had a part in.
	direct := filepath.Join(t.TempDir(), "direct.json")
	newCommand(t, "abi", "--on", arch, "--expect", "patched", "--mech", "wire,native,reply,continue,pin", "--format", "json", "-o", direct).runs(t, exitOK)
	if diff := cmp.Diff(lavaVerdictsOf(t, direct), verdicts); diff != "" {
		t.Errorf("without a lab against with one (-without +with):\n%s", diff)
	}
	rows := results(t, filepath.Join(jobs, "results.txt"))
	if n := len(rows.Results); n != 4 {
		t.Errorf("%d rows, want 2 mechanisms, twice each", n)
	}
	// Once more is the same.
	again := newCommand(t, slices.Concat([]string{"lava", "fetch", jobs, "--format", "json"}, at)...)
	again.runs(t, exitOK)
	if diff := cmp.Diff(verdicts, lavaVerdictsOf(t, filepath.Join(jobs, "verdicts.json"))); diff != "" {
		t.Errorf("fetched again (-first +second):\n%s", diff)
	}
	// A shard that was submitted twice counts once.
	newCommand(t, slices.Concat([]string{"lava", "submit", jobs, "--again", arch + "-1"}, at)...).runs(t, exitOK)
	newCommand(t, slices.Concat([]string{"lava", "fetch", jobs, "--wait", "--poll", "2s", "--limit", "20m"}, at)...).runs(t, exitOK)
	if diff := cmp.Diff(verdicts, lavaVerdictsOf(t, filepath.Join(jobs, "verdicts.json"))); diff != "" {
		t.Errorf("with a shard twice (-once +twice):\n%s", diff)
	}
	t.Run("page", func(t *testing.T) { testLavaPage(t, at) })
	t.Run("client", func(t *testing.T) { testLavaClient(t, lab) })
}

// testLavaClient has the client's own tests speak to this lab: they need one, and are
// skipped where a package is tested alone.
func testLavaClient(t *testing.T, lab string) {
	wanted := labTests(t)
	out, err := exec.Command("go", "test", "../../internal/lava", "-run", "^TestLab", "-count=1", "-v", "-timeout", "20m",
		"-lava.lab", lab).CombinedOutput()
	if err != nil {
		t.Errorf("the client against a lab: %v\n%s", err, out)
	}
	for _, name := range wanted {
		if !strings.Contains("\n"+string(out), "\n--- PASS: "+name+" (") {
			t.Errorf("the client against a lab: %s did not pass\n%s", name, out)
		}
	}
}

// labTests names the tests that need a lab.
func labTests(t *testing.T) (names []string) {
	for line := range strings.Lines(readText(t, filepath.Join(repoRoot(t), "internal", "lava", "lab_test.go"))) {
		if after, ok := strings.CutPrefix(line, "func TestLab"); ok {
			name, _, _ := strings.Cut(after, "(")
			names = append(names, "TestLab"+name)
		}
	}
	return names
}

// TestLabTests: make test-lava demands each of them.
func TestLabTests(t *testing.T) {
	if diff := cmp.Diff([]string{"TestLab", "TestLabCancel", "TestLabRefuses", "TestLabLostReply"}, labTests(t)); diff != "" {
		t.Errorf("tests that need a lab (-want +got):\n%s", diff)
	}
}

// testLavaPage executes the commands of docs/lava.md, one after the other.
func testLavaPage(t *testing.T, at []string) {
	needGuests(t, "amd64", "arm64")
	dir := t.TempDir()
	token, err := os.ReadFile(at[3])
	if err != nil {
		t.Fatal(err)
	}
	writeFile(t, filepath.Join(dir, "token"), string(token))
	writeFile(t, filepath.Join(dir, "device.yaml"), lavaDevice("amd64", slices.Concat(lavaQEMU["amd64"], lavaQEMUOptions)))
	n := 0
	for line := range strings.Lines(readText(t, filepath.Join(repoRoot(t), "docs", "lava.md"))) {
		line, ok := strings.CutPrefix(line, "    ")
		if !ok {
			continue
		}
		n++
		cmd := exec.Command("bash", "-c", strings.Replace(strings.TrimSpace(line), "http://127.0.0.1:8000", at[1], 1))
		cmd.Dir = dir
		if out, err := cmd.CombinedOutput(); err != nil {
			t.Fatalf("%s: %v\n%s", line, err, out[max(0, len(out)-4000):])
		}
	}
	for _, name := range []string{"jobs/verdicts.json", "jobs/results.txt", "few/verdicts.json", "few/results.txt", "page.html", "boards/arm64-1.yaml"} {
		if _, err := os.Stat(filepath.Join(dir, name)); err != nil {
			t.Error(err)
		}
	}
	if n != 8 {
		t.Errorf("the page has %d commands, want 8", n)
	}
}

func lavaClient(t *testing.T, at []string) *lava.Client {
	t.Helper()
	token, err := os.ReadFile(at[3])
	if err != nil {
		t.Fatal(err)
	}
	return &lava.Client{URL: at[1], Token: strings.TrimSpace(string(token))}
}

// waitForCases waits until a device has printed a case, and names its worker.
func waitForCases(t *testing.T, c *lava.Client, jobs string) (worker string) {
	t.Helper()
	d, err := openLavaDir(jobs)
	if err != nil {
		t.Fatal(err)
	}
	for range 600 {
		for _, s := range d.submissions {
			job, err := c.Job(t.Context(), s.ID)
			if err != nil || job.State != "Running" {
				continue
			}
			cases, err := c.Cases(t.Context(), s.ID)
			if err == nil && slices.ContainsFunc(cases, func(c lava.Case) bool { return c.Suite == lava.Checks }) {
				t.Logf("job %d runs on %s, which is killed", s.ID, job.Device)
				_, worker, _ := strings.Cut(job.Device, "-") // qemu-w1 is w1's
				return worker
			}
		}
		time.Sleep(time.Second)
	}
	t.Fatal("no device has printed a case in ten minutes")
	return ""
}

func lavaVerdictsOf(t *testing.T, path string) map[string]suite.Verdict {
	t.Helper()
	text, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	var list []struct {
		ID      string
		Verdict suite.Verdict
	}
	if err := json.Unmarshal(text, &list); err != nil {
		t.Fatal(err)
	}
	verdicts := map[string]suite.Verdict{}
	for _, v := range list {
		if _, twice := verdicts[v.ID]; twice {
			t.Errorf("%s is in %s twice", v.ID, path)
		}
		verdicts[v.ID] = v.Verdict
	}
	t.Logf("%d verdicts, the first %s", len(verdicts), slices.Min(slices.Collect(maps.Keys(verdicts))))
	return verdicts
}
