package main

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// stabilityFiles are results files of three runs: two of one kernel, of which
// the second has other samples if differ is set, and one of another kernel.
func stabilityFiles(t *testing.T, differ bool) []string {
	t.Helper()
	const text = `goarch: riscv64
kernel: 6.12
kernel-sha256: KERNEL
accel: tcg
clock: insns
qemu: 7.2.22

BenchmarkNotify/mech=continue/syscall=openat/wake=sync/cpus=same-1 300 9501 insns/op 9600 mean-insns/op 9700 p99-insns/op
# samples goarch=riscv64 seed=1 rows=1 program=cafe sha256=HASH
`
	second := "aa"
	if differ {
		second = "bb"
	}
	dir := t.TempDir()
	var paths []string
	for _, f := range [][3]string{{"one", "k1", "aa"}, {"two", "k1", second}, {"three", "k2", "cc"}} {
		path := filepath.Join(dir, f[0]+".txt")
		if err := os.WriteFile(path, []byte(strings.NewReplacer("KERNEL", f[1], "HASH", f[2]).Replace(text)+"# "+f[0]+"\n"), 0o600); err != nil {
			t.Fatal(err)
		}
		paths = append(paths, path)
	}
	return paths
}

func TestStability(t *testing.T) {
	same := stabilityFiles(t, false)
	c := newCommand(t, append([]string{"stability"}, same...)...)
	c.runs(t, exitOK)
	for _, want := range []string{"riscv64: 6.12, QEMU 7.2.22, 3 runs, 2 builds, 1 row", "1 of 1 hashes are those", "9501"} {
		if !strings.Contains(c.stdout.String(), want) {
			t.Errorf("%q is not in it:\n%s", want, &c.stdout)
		}
	}
	study := filepath.Join(t.TempDir(), "study.json")
	newCommand(t, append([]string{"stability", "--format", "json", "-o", study}, same...)...).runs(t, exitOK)
	again := newCommand(t, "stability", study)
	again.runs(t, exitOK)
	if again.stdout.String() != c.stdout.String() {
		t.Errorf("the study that was written says\n%s\nand the runs themselves\n%s", &again.stdout, &c.stdout)
	}

	other := stabilityFiles(t, true)
	c = newCommand(t, append([]string{"stability"}, other...)...)
	c.runs(t, exitFailed)
	if want := other[1] + " seed 1"; !strings.Contains(c.stderr.String(), want) || !strings.Contains(c.stdout.String(), "9501") {
		t.Errorf("stderr lacks %q, or the table is gone:\n%s%s", want, &c.stderr, &c.stdout)
	}
}

func TestStabilityUsage(t *testing.T) {
	files := stabilityFiles(t, false)
	for _, tt := range []struct {
		args []string
		want string
	}{
		{nil, "two or more"},
		{files[:1], "one run says nothing"},
		{[]string{files[0], files[0]}, "one run says nothing"},
		{[]string{files[0], filepath.Dir(files[0]) + "/./one.txt"}, "counted once"},
		{[]string{"--format", "xml", files[0], files[1]}, "unknown format"},
		{[]string{"-o", files[0], files[0], files[1]}, "is one of the files that are read"},
		{[]string{files[0], "exit.go"}, "not benchmark results"},
		{[]string{files[0], "/nonexistent"}, "no such file"},
		{[]string{files[0], "../../results/race/amd64.json"}, "no row was measured in it"},
	} {
		c := newCommand(t, append([]string{"stability"}, tt.args...)...)
		c.runs(t, exitUsage)
		if !strings.Contains(c.stderr.String(), tt.want) {
			t.Errorf("%q: stderr is %q, want %q", tt.args, &c.stderr, tt.want)
		}
	}
}
