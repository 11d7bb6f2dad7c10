package main

import (
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"unotify-bench/abi/suite"
)

// kselftest is a tree of Linux as far as kselftests go, in a home of its own.
type kselftest struct {
	home string
	env  []string
}

// testing is the tree's directory of that name, or what is in it.
func (k *kselftest) testing(name ...string) string {
	return filepath.Join(append([]string{k.home, "linux", "tools", "testing"}, name...)...)
}

// newKselftest links what the real tree has into directories that can be
// written to. No unotify-bench is in its path.
func newKselftest(t *testing.T) *kselftest {
	t.Helper()
	k := &kselftest{home: t.TempDir()}
	if err := os.MkdirAll(k.testing("selftests"), 0o755); err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{
		"scripts", "tools/testing/kunit", "tools/testing/selftests/Makefile", "tools/testing/selftests/lib.mk",
		"tools/testing/selftests/run_kselftest.sh", "tools/testing/selftests/kselftest",
	} {
		if err := os.Symlink(filepath.Join(sourceTree(t), name), filepath.Join(k.home, "linux", name)); err != nil {
			t.Fatal(err)
		}
	}
	path := slices.DeleteFunc(filepath.SplitList(os.Getenv("PATH")), func(dir string) bool {
		_, err := os.Stat(filepath.Join(dir, "unotify-bench"))
		return err == nil
	})
	for _, v := range os.Environ() {
		if !strings.HasPrefix(v, "MAKE") && !strings.HasPrefix(v, "MFLAGS=") { // of the make that runs us
			k.env = append(k.env, v)
		}
	}
	k.env = append(k.env, "HOME="+k.home, "PATH="+strings.Join(path, string(filepath.ListSeparator)), "PYTHONDONTWRITEBYTECODE=1")
	return k
}

// sh runs a command line at home and returns its output. Make succeeds whatever
// became of the tests.
func (k *kselftest) sh(t *testing.T, line string, env ...string) string {
	t.Helper()
	cmd := exec.CommandContext(t.Context(), "bash", "-euo", "pipefail", "-c", line)
	cmd.Dir, cmd.Env = k.home, append(slices.Clone(k.env), env...)
	out, err := cmd.CombinedOutput()
	if err != nil {
		t.Fatalf("%s: %v\n%s", line, err, out)
	}
	return string(out)
}

// argsVar has flags for the program; the runner makes its name of the test's.
const argsVar = "KSELFTEST_UNOTIFY_BENCH_SH_ARGS="

// runnerLine is the verdict of kselftest's runner on our test.
var runnerLine = regexp.MustCompile(`(?m)^(?:not )?ok 1 selftests: unotify: unotify_bench\.sh.*$`)

// nested are the checks in what the runner prints, without its prefix.
func nested(t *testing.T, out string) []kunitCase {
	t.Helper()
	var text strings.Builder
	for line := range strings.Lines(out) {
		if line, ok := strings.CutPrefix(line, "# "); ok {
			text.WriteString(line)
		}
	}
	return ktapCases(t, text.String())
}

// install puts our test into the tree, with a program unless that is "".
func (k *kselftest) install(t *testing.T, program string) (dir string) {
	t.Helper()
	dir = k.testing("selftests", "unotify")
	k.sh(t, "cp -r "+filepath.Join(repoRoot(t), "kernel", "selftest", "unotify")+" "+dir)
	if program != "" {
		if err := os.WriteFile(filepath.Join(dir, "unotify-bench"), []byte(program), 0o755); err != nil {
			t.Fatal(err)
		}
	}
	return dir
}

// TestKselftest has kselftest's own runner run our test, and kunit.py read what
// it prints: as it is, where it has one test, and without the prefix, where it
// has our checks.
func TestKselftest(t *testing.T) {
	program := readText(t, commandFile(t))
	for _, tt := range []struct {
		name, program, args string
		verdict, status     string // the runner's and kunit.py's, if no check fails
	}{
		{"healthy", program, "--mech reply", "ok 1 selftests: unotify: unotify_bench.sh", "PASS"},
		{"what is expected is absent", program, "--mech redirect --expect patched", "ok 1 selftests: unotify: unotify_bench.sh", "PASS"},
		{"no program", "", "", "ok 1 selftests: unotify: unotify_bench.sh # SKIP", "SKIP"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			k := newKselftest(t)
			k.install(t, tt.program)
			out := k.sh(t, "make -s -C "+k.testing("selftests")+" TARGETS=unotify run_tests 2>&1", argsVar+tt.args)
			var checks []kunitCase
			if tt.program != "" {
				checks = nested(t, out)
			} else if !strings.Contains(out, "\n# 1..0 # SKIP no unotify-bench here: copy bin/unotify-bench-linux-ARCH ") {
				t.Errorf("it does not say what to do:\n%s", out)
			}
			if slices.ContainsFunc(checks, func(c kunitCase) bool { return c.Status == "FAIL" }) {
				tt.verdict, tt.status = "not "+tt.verdict+" # exit=1", "FAIL"
			}
			if d := cmp.Diff([]string{tt.verdict}, runnerLine.FindAllString(out, -1)); d != "" {
				t.Errorf("the runner's verdict (-want +got):\n%s\n%s", d, out)
			}
			whole := []kunitCase{{"selftests: unotify: unotify_bench.sh", tt.status}}
			if got, _ := kunit(t, out); cmp.Diff(whole, got.Cases) != "" {
				t.Errorf("of the runner's output kunit.py reads %+v, want %+v", got.Cases, whole)
			}
			got, sum := kunit(t, strings.ReplaceAll(out, "\n# ", "\n"))
			switch {
			case tt.program == "" && cmp.Diff(whole, got.Cases) != "",
				tt.program != "" && (len(got.SubGroups) != 1 || cmp.Diff(checks, got.SubGroups[0].Cases) != "" || sum != kunitCount(checks)):
				t.Errorf("without the prefix kunit.py reads %+v, %s; want %+v", got, sum, checks)
			}
		})
	}
}

// TestKselftestStatus: kselftest.h has names for what else the program may exit
// with, and only a skip has to be one.
func TestKselftestStatus(t *testing.T) {
	k := newKselftest(t)
	fake := func(status string) string {
		return "#!/bin/sh\n[ \"$1\" = version ] && exit\necho \"$@\"\nexit " + status + "\n"
	}
	const asked = "abi --on host --format ktap --quiet --mech redirect\n"
	for _, tt := range []struct {
		name, program string
		want          string
		says          string
	}{
		{"all well", fake("0"), "0", asked},
		{"a check failed", fake("1"), "1", asked},
		{"XFAIL", fake("2"), "1", asked},
		{"XPASS", fake("3"), "1", asked},
		{"SKIP", fake("4"), "1", asked},
		{"interrupted", fake("130"), "1", asked},
		{"of another machine", "\x7fELF", "4", "/unotify-bench does not run on "},
		{"missing", "", "4", "KTAP version 1\n1..0 # SKIP no unotify-bench here: "},
	} {
		dir := k.install(t, tt.program)
		out := k.sh(t, "s=0; "+dir+"/unotify_bench.sh --mech redirect || s=$?; echo status $s")
		if !strings.HasSuffix(out, "\nstatus "+tt.want+"\n") || !strings.Contains(out, tt.says) {
			t.Errorf("%s: want status %s and %q in:\n%s", tt.name, tt.want, tt.says, out)
		}
		if err := os.RemoveAll(dir); err != nil {
			t.Fatal(err)
		}
	}
}

// TestPortingKselftest follows the section of docs/porting.md, command by
// command, with the checks of one mechanism.
func TestPortingKselftest(t *testing.T) {
	k := newKselftest(t)
	bin := filepath.Dir(buildProgram(t))
	for name, to := range map[string]string{"kernel": filepath.Join(repoRoot(t), "kernel"), "bin": bin} {
		if err := os.Symlink(to, filepath.Join(k.home, name)); err != nil {
			t.Fatal(err)
		}
	}
	var want []kunitCase
	checks, err := suite.Select([]string{"reply"}, regexp.MustCompile(""))
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range checks {
		want = append(want, kunitCase{"host." + c.ID, ""})
	}
	_, section, _ := strings.Cut(readText(t, filepath.Join(repoRoot(t), "docs", "porting.md")), "\n## In a kernel tree\n")
	section, _, _ = strings.Cut(section, "\n## ")
	readme := readText(t, filepath.Join(repoRoot(t), "kernel", "selftest", "unotify", "README"))
	shown, runs, reads := 0, 0, 0
	for line := range strings.Lines(section) {
		line, ok := strings.CutPrefix(line, "    ")
		if !ok {
			continue
		}
		if strings.Contains(readme, "\n\t"+line) {
			shown++
		}
		line = strings.Replace(strings.TrimSpace(line), "unotify-bench abi ", bin+"/unotify-bench abi --mech reply ", 1)
		out := k.sh(t, line, argsVar+"--mech reply")
		switch {
		case strings.HasSuffix(line, "kunit.py parse"):
			reads++
			if sum := kunitSum(out); !strings.HasPrefix(sum, "Ran "+strings.Fields(kunitCount(want))[1]+" tests: passed: ") || strings.Contains(out, "[ERROR]") {
				t.Errorf("%s: %s, want %d tests\n%s", line, sum, len(want), out)
			}
		case runnerLine.MatchString(out):
			runs++
			got := nested(t, out)
			for i := range got {
				got[i].Status = ""
			}
			if d := cmp.Diff(want, got); d != "" || runnerLine.FindString(out) != "ok 1 selftests: unotify: unotify_bench.sh" {
				t.Errorf("%s: checks (-want +got):\n%s\n%s", line, d, out)
			}
		}
	}
	if runs != 2 || reads != 2 {
		t.Errorf("the page runs the test %d times and reads it %d times, want 2 and 2", runs, reads)
	}
	if n := strings.Count(readme, "\n\t"); shown != n || n == 0 {
		t.Errorf("of the %d commands of kernel/selftest/unotify/README the page has %d", n, shown)
	}
}

// TestKselftestConfig: who builds a kernel by our fragment has what our own
// kernels have for checks.
func TestKselftestConfig(t *testing.T) {
	lines := func(text string) []string {
		var out []string
		for line := range strings.Lines(text) {
			if strings.HasPrefix(line, "CONFIG_") {
				out = append(out, line)
			}
		}
		slices.Sort(out)
		return out
	}
	dir := filepath.Join(repoRoot(t), "kernel")
	_, ours, _ := strings.Cut(readText(t, filepath.Join(dir, "config", "common.config")), "\n## What checks and benchmarks use\n")
	ours, _, _ = strings.Cut(ours, "\n## ")
	if d := cmp.Diff(lines(ours), lines(readText(t, filepath.Join(dir, "selftest", "unotify", "config")))); d != "" || len(lines(ours)) == 0 {
		t.Errorf("kernel/selftest/unotify/config (-common.config +it):\n%s", d)
	}
}
