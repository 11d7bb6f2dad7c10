package main

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

// TestDebugBisect is docs/patch-authors.md's bisection: of six commits one does
// more in the path of a call that goes on, and one does not build. It builds
// four kernels in an object tree of its own, the first from nothing.
func TestDebugBisect(t *testing.T) {
	if !*debugKernels || testing.Short() {
		t.Skip("a bisection builds kernels for minutes: make test-debug")
	}
	needGuests(t, "amd64")
	repo := kernelRepository(t)
	// Nobody will ask again for objects of a tree that is going away.
	t.Setenv("XDG_CACHE_HOME", t.TempDir())
	series, err := filepath.Abs(filepath.Join("testdata", "series"))
	if err != nil {
		t.Fatal(err)
	}
	appendTo := func(name, text string) {
		t.Helper()
		f, err := os.OpenFile(filepath.Join(repo, name), os.O_APPEND|os.O_CREATE|os.O_WRONLY, 0o644)
		if err == nil {
			_, err = f.WriteString(text)
			f.Close()
		}
		if err != nil {
			t.Fatal(err)
		}
		git(t, repo, "add", "-f", name) // Debian ignores all that it did not add
	}
	commit := func(subject string) { git(t, repo, "commit", "-q", "-m", subject) }
	appendTo("one.rst", "1\n")
	commit("doc: one")
	appendTo("kernel/seccomp.c", "/* Harmless. */\n")
	commit("seccomp: add a comment")
	git(t, repo, "am", "-q", filepath.Join(series, "0003-bounds-name-what-is-not-there.patch"))
	git(t, repo, "revert", "--no-edit", "HEAD")
	git(t, repo, "am", "-q", filepath.Join(series, "0001-seccomp-do-more-for-a-call-that-goes-on.patch"))
	slow := git(t, repo, "rev-parse", "HEAD")
	appendTo("one.rst", "2\n")
	commit("doc: two")

	git(t, repo, "checkout", "-q", "v6.12")
	good := filepath.Join(t.TempDir(), "good.txt")
	run := newCommand(t, "run", "--on", "amd64", "--kernel", ".", "--mech", "continue", "--syscall", "getppid", "-o", good)
	run.Dir = repo
	run.runs(t, exitOK)
	git(t, repo, "bisect", "start", "main", "v6.12")
	out := git(t, repo, "bisect", "run", "unotify-bench", "bisect", "--good", good, "--limit", "5%", "-o", t.TempDir())
	t.Log(out)
	if !strings.Contains(out, slow+" is the first bad commit") {
		t.Errorf("bisect has not found %s, which was seeded", slow)
	}
	if !strings.Contains(out, "this commit does not build:") {
		t.Error("the commit that does not build was not tried")
	}
}

// kernelRepository is a git repository with the source that kernels are built
// of as its first commit, v6.12, on the branch main.
func kernelRepository(t *testing.T) string {
	t.Helper()
	cache, err := os.UserCacheDir()
	if err != nil {
		t.Fatal(err)
	}
	sources, _ := filepath.Glob(filepath.Join(cache, "unotify-bench", "source", "*", "linux"))
	if len(sources) == 0 {
		t.Fatal("no kernel source in the cache: build a kernel first")
	}
	repo := filepath.Join(t.TempDir(), "linux")
	if out, err := exec.Command("cp", "-a", "--reflink=auto", sources[0], repo).CombinedOutput(); err != nil {
		t.Fatalf("copy the source: %v\n%s", err, out)
	}
	git(t, repo, "init", "-q", "-b", "main")
	git(t, repo, "config", "core.compression", "0") // it is read a few times and removed
	git(t, repo, "add", "-A", "-f")
	git(t, repo, "commit", "-q", "-m", "Linux 6.12")
	git(t, repo, "tag", "v6.12")
	return repo
}

func git(t *testing.T, dir string, args ...string) string {
	t.Helper()
	cmd := exec.CommandContext(t.Context(), "git", append([]string{"-C", dir, "-c", "user.name=t", "-c", "user.email=t@t", "-c", "gc.auto=0"}, args...)...)
	cmd.Env = append(os.Environ(), "GIT_CONFIG_NOSYSTEM=1", "GIT_CONFIG_GLOBAL=/dev/null", "GIT_EDITOR=true")
	out, err := cmd.CombinedOutput()
	if err != nil {
		t.Fatalf("%v: %v\n%s", cmd, err, out)
	}
	return strings.TrimSpace(string(out))
}
