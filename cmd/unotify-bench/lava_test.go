package main

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"unotify-bench/abi/suite"
	"unotify-bench/internal/lava"
)

// TestLavaUsage: what cannot work is said before anything is written or asked.
func TestLavaUsage(t *testing.T) {
	dir := lavaSampleDir(t)
	old := t.TempDir()
	writeFile(t, filepath.Join(old, lavaPlanFile), `{"format": 0, "version": "v0.1"}`)
	other := t.TempDir()
	writeFile(t, filepath.Join(other, lavaPlanFile), `{"format": 1, "version": "v0.9", "jobs": [{"name": "a", "checks": ["gone.for-ever"]}]}`)
	broken := t.TempDir()
	writeFile(t, filepath.Join(broken, lavaPlanFile), `{"format": 1, "jo`)
	log := filepath.Join(t.TempDir(), "log")
	writeFile(t, log, "hello\nworld\n")
	submitted := t.TempDir()
	writeFile(t, filepath.Join(submitted, lavaLedgerFile), "")
	for _, tt := range []struct {
		args   string
		status int
		want   string
	}{
		{"job", exitUsage, "-o DIR"},
		{"job -o x --on host", exitUsage, "named by its architecture"},
		{"job -o x --on sparc", exitUsage, "unknown place"},
		{"job -o x --kernel nonsense", exitUsage, "unknown kernel"},
		{"job -o x --shards 0", exitUsage, "--shards is 0"},
		{"job -o x --minutes 1", exitUsage, "--minutes is 1"},
		{"job -o x --abi none --run none", exitUsage, "nothing to do"},
		{"job -o x --abi --nonsense", exitUsage, "--abi: unknown flag"},
		{"job -o x --abi surplus", exitUsage, `"surplus" is no flag`},
		{"job -o x --run --mech=nonsense", exitUsage, "nonsense"},
		{"job -o x --run --workload=walk", exitUsage, "a device measures rows"},
		{"job -o x --dtb y", exitUsage, "--dtb is for boards"},
		{"job -o " + dir, exitUsage, "has jobs already"},
		{"submit", exitUsage, "takes the directory"},
		{"submit " + dir, exitUsage, "--server"},
		{"submit /nonexistent --server http://127.0.0.1:1", exitUsage, "name the directory that lava job has written"},
		{"submit " + dir + " --server http://127.0.0.1:1 --token-file /nonexistent", exitUsage, "--token-file"},
		{"submit " + dir + " --server http://127.0.0.1:1 --again nobody", exitUsage, `has no job "nobody"; it has: amd64-1`},
		{"submit " + dir + " --server ftp://u:pw@127.0.0.1", exitUsage, "no URL of a server"},
		{"fetch " + dir + " --server http://127.0.0.1:1", exitUsage, "nothing of " + dir + " was submitted"},
		{"fetch " + old + " --server http://127.0.0.1:1", exitUsage, "is of v0.1"},
		{"fetch " + other + " --server http://127.0.0.1:1", exitUsage, `no check "gone.for-ever": use that of v0.9`},
		{"fetch " + broken + " --server http://127.0.0.1:1", exitUsage, "write the jobs anew"},
		{"fetch " + dir + " --format lava", exitUsage, "unknown format"},
		{"fetch " + dir + " --log x", exitUsage, "NAME=FILE"},
		{"fetch " + dir + " --log nobody=" + log, exitUsage, `has no job "nobody"`},
		{"fetch " + dir + " --log amd64-1=" + log, exitUsage, "is it what lava-run printed"},
		{"job -o " + submitted, exitUsage, "has jobs already, in " + lavaLedgerFile},
		{"job -o x --abi --list", exitUsage, "a device checks, nothing else"},
		{"job -o x --abi --shard=1/2", exitUsage, "--shard is lava job's to say"},
		{"job -o x --run --kernel=stock", exitUsage, "--kernel is lava job's to say"},
	} {
		status, out, stderr := runHere(append([]string{"lava"}, strings.Fields(tt.args)...)...)
		if status != tt.status || !strings.Contains(stderr, tt.want) {
			t.Errorf("lava %s: status %d, %q %q; want %d and %q", tt.args, status, out, stderr, tt.status, tt.want)
		}
	}
	for args, want := range map[string]string{"--run 'a b'": "no spaces in an argument", "--run 'a": "a quote is not closed"} {
		if status, _, stderr := runHere("lava", "job", "-o", "x", "--abi", args); status != exitUsage || !strings.Contains(stderr, want) {
			t.Errorf("--abi %q: status %d, %q; want %q", args, status, stderr, want)
		}
	}
	if _, err := os.Stat("x"); err == nil {
		t.Error("a directory was made")
	}
}

// TestLavaFormat: what a device prints is one case a check, and only on the device.
func TestLavaFormat(t *testing.T) {
	status, out, stderr := runHere("abi", "--on", "host", "--format", "lava", "--run", `^(wire|reply\.values)`)
	if status != exitOK {
		t.Fatalf("status %d: %s", status, stderr)
	}
	var got []string
	for _, c := range caseLine().FindAllStringSubmatch(out, -1) {
		got = append(got, c[1])
	}
	want := []string{lava.CaseID(kernelCase(unameRelease()))}
	for _, c := range suite.Catalogue() {
		if strings.HasPrefix(c.ID, "wire") || strings.HasPrefix(c.ID, "reply.values") {
			want = append(want, lava.CaseID(c.ID))
		}
	}
	if diff := cmp.Diff(append(want, lava.CaseID(splatCase)), got); diff != "" {
		t.Errorf("cases (-want +got):\n%s", diff)
	}
	if !strings.HasPrefix(out, "unotify: begin checks\n") || !strings.HasSuffix(out, "unotify: end checks\n") {
		t.Errorf("it is not enclosed:\n%s", out)
	}
	for _, args := range []string{"abi --on amd64 --format lava", "abi --on host --format lava -o x", "run --format lava", "run --on host --format lava -o x"} {
		if status, _, stderr := runHere(strings.Fields(args)...); status != exitUsage || !strings.Contains(stderr, "a device prints for a lab") {
			t.Errorf("%s: status %d, %q", args, status, stderr)
		}
	}
}
