package main

import (
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"unotify-bench/kernel"
)

// TestCICheckout: what ci.yml does for a pull request that changes nothing, with
// fewer runs. Both sides are this checkout.
func TestCICheckout(t *testing.T) {
	dir := copyOfCheckout(t)
	flags := []string{"--quick", "--mech", "continue", "--syscall", "getppid", "--count", "1"}
	for _, side := range []string{"base", "head"} {
		if status, out := ci(t, dir, nil, "checkout", append([]string{"amd64", dir, side + "-amd64.txt"}, flags...)...); status != 0 {
			t.Fatalf("%s: exit status %d\n%s", side, status, out)
		}
	}
	status, out := ci(t, dir, nil, "table", "bin/unotify-bench", "base-amd64.txt", "head-amd64.txt", "table.md", "--gate", "5%")
	if status != 0 {
		t.Errorf("exit status %d, want 0\n%s", status, out)
	}
	text := readText(t, filepath.Join(dir, "table.md"))
	for _, want := range []string{"**gate of 5%, 1 row: open: none is slower", "1 row: unchanged", "| = |", "unotify-patched"} {
		if !strings.Contains(text, want) {
			t.Errorf("%q is not in:\n%s", want, text)
		}
	}
	if status, _ := ci(t, dir, nil, "checkout", "amd64"); status != 2 {
		t.Errorf("exit status %d without a directory, want 2", status)
	}
}

// copyOfCheckout is this repository without what was made in it.
func copyOfCheckout(t *testing.T) string {
	t.Helper()
	dir := t.TempDir()
	cmd := exec.CommandContext(t.Context(), "bash", "-euo", "pipefail", "-c",
		`tar -C "$1" --exclude=./.git --exclude=./bin --exclude=./out -cf - . | tar -C "$2" -xf -`, "-", repoRoot(t), dir)
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("copy the checkout: %v\n%s", err, out)
	}
	return dir
}

// TestCIAction: two kernels to a table and a gate, as action.yml does it.
func TestCIAction(t *testing.T) {
	needGuests(t, "amd64")
	img, err := testKernel(t.Context(), arches()[0], kernel.Patched)
	if err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	if err := os.Symlink(img.Path, filepath.Join(dir, "bzImage")); err != nil {
		t.Fatal(err)
	}
	env := []string{
		"PROGRAM=" + commandFile(t), "GITHUB_WORKSPACE=" + dir, "ARCH=amd64", "BASE=bzImage", "HEAD=" + img.Path,
		"GATE=5%", "MECH=continue", "SYSCALL=getppid", "COUNT=1", "OUT=",
	}
	status, out := ci(t, dir, env, "action")
	if status != 0 {
		t.Fatalf("exit status %d\n%s", status, out)
	}
	if text := readText(t, filepath.Join(dir, "unotify-bench", "table.md")); !strings.HasPrefix(text, "**gate of 5%, 1 row: open") {
		t.Errorf("the table is:\n%s", text)
	}
}

// TestCIActionInput: what is wrong with the inputs is said before any work.
func TestCIActionInput(t *testing.T) {
	for _, row := range []struct {
		env  []string
		want string
	}{
		{[]string{"ARCH=mips"}, "arch is 'mips'; want amd64, arm64 or riscv64"},
		{[]string{"ARCH=amd64"}, "give kernel-base and kernel-head, or patches"},
		{[]string{"ARCH=amd64", "BASE=x"}, "give kernel-base and kernel-head, or patches"},
		{[]string{"ARCH=amd64", "BASE=x", "HEAD=y", "PATCHES=z"}, "give either patches or kernel-base and kernel-head"},
		{[]string{"ARCH=amd64", "BASE=$(touch oops)", "HEAD=-q"}, "--kernel for --on amd64: open kernel: open ./$(touch oops): no such file"},
		{[]string{"ARCH=amd64", "PATCHES=none"}, "--series none is no directory"},
	} {
		dir := t.TempDir()
		env := append([]string{"PROGRAM=" + commandFile(t), "GITHUB_WORKSPACE=" + dir}, row.env...)
		status, out := ci(t, dir, env, "action")
		if status != 2 || !strings.Contains(out, row.want) {
			t.Errorf("%q: exit status %d, want 2, and %q in:\n%s", row.env, status, row.want, out)
		}
		if _, err := os.Stat(filepath.Join(dir, "oops")); err == nil {
			t.Error("an input was run")
		}
	}
}

// TestActionInputs: each input of action.yml is one of the script's, and the other
// way round.
func TestActionInputs(t *testing.T) {
	text := readText(t, filepath.Join(repoRoot(t), "action.yml"))
	declared, used := map[string]bool{}, map[string]bool{}
	_, inputs, _ := strings.Cut(text, "\ninputs:\n")
	inputs, _, _ = strings.Cut(inputs, "\noutputs:\n")
	for _, m := range regexp.MustCompile(`(?m)^  ([a-z-]+):$`).FindAllStringSubmatch(inputs, -1) {
		declared[m[1]] = true
	}
	script := readText(t, filepath.Join(repoRoot(t), "tools", "ci", "action"))
	for _, m := range regexp.MustCompile(`(?m)^        ([A-Z]+): \$\{\{ inputs\.([a-z-]+) \}\}$`).FindAllStringSubmatch(text, -1) {
		used[m[2]] = true
		if !strings.Contains(script, "${"+m[1]+"-}") && !strings.Contains(script, "${"+m[1]+":-") {
			t.Errorf("tools/ci/action does not look at %s", m[1])
		}
	}
	if diff := cmp.Diff(declared, used); diff != "" || len(used) < 5 {
		t.Errorf("inputs (-declared +used):\n%s", diff)
	}
	if _, steps, _ := strings.Cut(text, "\nruns:\n"); regexp.MustCompile(`(?m)^ +(- )?run:.*\$\{\{`).MatchString(steps) {
		t.Error("an expression is part of a script: inputs are variables")
	}
}
