package main

import (
	"bytes"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"unotify-bench/abi/amd64"
	"unotify-bench/kernel"
)

// TestFaultCache damages a copy of a kernel in the cache, on a machine without a
// compiler: it is not measured. (What kernel.TestDamage harms at random is taken for
// damaged there, and with a compiler built again.)
func TestFaultCache(t *testing.T) {
	needGuests(t, "amd64")
	img, err := testKernel(t.Context(), &amd64.Arch, kernel.Patched)
	if err != nil {
		t.Fatal(err)
	}
	bin := t.TempDir()
	for _, tool := range []string{"qemu-system-x86_64", "setpriv"} {
		path, err := exec.LookPath(tool)
		if err == nil {
			err = os.Symlink(path, filepath.Join(bin, tool))
		}
		if err != nil {
			t.Fatal(err)
		}
	}
	r := chance(t)
	for _, tt := range []struct {
		name   string
		file   string
		harm   func([]byte) []byte // nil is none
		status int
		says   string
	}{
		{"nothing", "kernel", nil, exitOK, "results: "},
		{"bit", "kernel", func(b []byte) []byte { b[r.IntN(len(b))] ^= 1 << r.IntN(8); return b }, exitEnvironment, "is damaged: its SHA-256 is "},
		{"cut", "kernel", func(b []byte) []byte { return b[:r.IntN(len(b))] }, exitEnvironment, "is damaged: it has "},
		{"removed", "kernel", func([]byte) []byte { return nil }, exitEnvironment, "is damaged: stat "},
		{"other release", "entry.json", func(b []byte) []byte { return bytes.Replace(b, []byte("6.12."), []byte("6.13."), 1) }, exitEnvironment, "gcc is not installed"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			cache, g := t.TempDir(), newGround(t, "run", "--on", "amd64", "--mech", "native", "--syscall", "getppid", "--count", "1")
			dir := filepath.Join(cache, "unotify-bench", "image", filepath.Base(filepath.Dir(img.Path)))
			// A copy, and no link: what is written there is nobody else's.
			if err := os.CopyFS(dir, os.DirFS(filepath.Dir(img.Path))); err != nil {
				t.Fatal(err)
			}
			if path := filepath.Join(dir, tt.file); tt.harm != nil {
				b, err := os.ReadFile(path)
				if err != nil {
					t.Fatal(err)
				}
				if b = tt.harm(b); b == nil {
					err = os.Remove(path)
				} else {
					err = os.WriteFile(path, b, 0o644)
				}
				if err != nil {
					t.Fatal(err)
				}
			}
			c := g.command(t)
			c.Env = append(c.Env, "XDG_CACHE_HOME="+cache, "PATH="+bin)
			c.runs(t, tt.status)
			if !strings.Contains(c.stderr.String(), tt.says) {
				t.Errorf("%q is not in the message: %s", tt.says, &c.stderr)
			}
			if got := len(lines(g.text(t))); got > 0 && tt.status != exitOK {
				t.Errorf("%d rows of a damaged kernel", got)
			}
			if left := g.left(t); len(left) > 0 {
				t.Errorf("left behind: %q", left)
			}
		})
	}
}
