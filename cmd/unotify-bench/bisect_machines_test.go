package main

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"unotify-bench/kernel"
)

// TestBisectMachines lets git bisect run find a commit that is slow, past one that
// does not build. The tree is none of Linux: its make gives kernels that are built
// already. TestDebugBisect does it with Linux.
func TestBisectMachines(t *testing.T) {
	needGuests(t, "amd64")
	b := &kernel.Builder{}
	steps, err := b.PatchSteps(t.Context(), kernel.Stock, filepath.Join("testdata", "series"))
	if err != nil {
		t.Fatal(err)
	}
	var images []string // without the slow patch, and with it
	for i := range 2 {
		img, err := steps.Build(t.Context(), arches()[0], i)
		if err != nil {
			t.Fatal(err)
		}
		images = append(images, img.Path)
	}
	repo := t.TempDir()
	t.Setenv("XDG_CACHE_HOME", t.TempDir())
	git(t, repo, "init", "-q", "-b", "main")
	commit := func(subject, rule string) string {
		t.Helper()
		text := "# " + subject + `
VERSION = 6
PATCHLEVEL = 12
tinyconfig:
	mkdir -p o/include/config && : >o/.config
olddefconfig:
vmlinux:
	echo 6.12.0+unotify >o/include/config/kernel.release
	` + rule + "\n"
		if err := os.WriteFile(filepath.Join(repo, "Makefile"), []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
		git(t, repo, "add", "-A")
		git(t, repo, "commit", "-q", "-m", subject)
		return git(t, repo, "rev-parse", "HEAD")
	}
	image := func(path string) string { return "cp " + path + " o/vmlinux" }
	commit("Linux", image(images[0]))
	git(t, repo, "tag", "good")
	commit("one", image(images[0]))
	commit("two", image(images[0]))
	commit("broken", "@echo '../kernel/x.c:1:1: error: seeded' && false")
	commit("mended", image(images[0]))
	slow := commit("slow", image(images[1]))
	commit("three", image(images[1]))

	git(t, repo, "checkout", "-q", "good")
	good := filepath.Join(t.TempDir(), "good.txt")
	run := newCommand(t, "run", "--on", "amd64", "--kernel", ".", "--mech", "continue", "--syscall", "getppid", "--count", "4", "-o", good)
	run.Dir = repo
	run.runs(t, exitOK)
	git(t, repo, "bisect", "start", "main", "good")
	out := git(t, repo, "bisect", "run", "unotify-bench", "bisect", "--good", good, "--limit", "5%", "-o", t.TempDir())
	for _, want := range []string{
		slow + " is the first bad commit", "unotify-bench: this commit does not build:\n  kernel/x.c:1:1: error: seeded",
		"gate of 5%, 1 row: open: ", "gate of 5%, 1 row: closed: 1 slower",
	} {
		if !strings.Contains(out, want) {
			t.Errorf("%q is not in:\n%s", want, out)
		}
	}
}
