package main_test

import (
	"crypto/sha256"
	"fmt"
	"io/fs"
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// What the release of TestDist is of.
const (
	distVersion = "1.2.3-rc.1"
	debVersion  = "1.2.3~rc.1"
	distTime    = 1_700_000_000
)

// TestDist makes a release twice, of one commit, in checkouts at different places by
// people of different habits, and wants the same files. It then looks into them, and
// does with them what docs/install.md says.
func TestDist(t *testing.T) {
	root := t.TempDir()
	if err := os.Chmod(filepath.Dir(root), 0o755); err != nil { // users are to get in
		t.Fatal(err)
	}
	one, other := filepath.Join(root, "unotify-bench"), filepath.Join(root, "of", "somebody", "else")
	checkout(t, one)
	checkout(t, other)
	t.Run("source", func(t *testing.T) {
		for _, line := range installPage(t)["From source"] {
			sh(t, one, nil, nil, line)
		}
	})
	if t.Failed() {
		return // the files are not there
	}
	dist := filepath.Join(one, "dist")
	t.Run("again", func(t *testing.T) {
		sh(t, other, []string{"TZ=Asia/Tokyo", "LC_ALL=C.UTF-8", "TMPDIR=" + t.TempDir()}, nil, "umask 077; make dist")
		if diff := cmp.Diff(hashes(t, dist), hashes(t, filepath.Join(other, "dist"))); diff != "" {
			t.Errorf("the same commit gives other files (-one +other):\n%s", diff)
		}
	})
	t.Run("files", func(t *testing.T) {
		want := []string{"SHA256SUMS"}
		for _, arch := range distArches {
			base := "unotify-bench-" + distVersion + "-linux-" + arch
			want = append(want, base, base+".cdx.json", base+".tar.gz", "unotify-bench_"+debVersion+"_"+arch+".deb")
		}
		slices.Sort(want)
		if diff := cmp.Diff(want, slices.Sorted(maps.Keys(hashes(t, dist)))); diff != "" {
			t.Errorf("files (-want +got):\n%s", diff)
		}
	})
	for _, arch := range distArches {
		t.Run(arch, func(t *testing.T) {
			base := filepath.Join(dist, "unotify-bench-"+distVersion+"-linux-"+arch)
			checkProgram(t, base, arch)
			checkSBOM(t, base)
			files := tarball(t, base+".tar.gz")
			if string(files["bin/unotify-bench"]) != readAll(t, base) {
				t.Error("the program in the tarball is not the one beside it")
			}
			for _, guest := range distArches {
				name := "unotify-bench-linux-" + guest
				if string(files["lib/unotify-bench/"+name]) != readAll(t, filepath.Join(one, "bin", name)) {
					t.Errorf("the program for guests of %s is not what make guests builds", guest)
				}
			}
			checkLinks(t, files)
			checkDeb(t, filepath.Join(dist, "unotify-bench_"+debVersion+"_"+arch+".deb"), arch, files)
		})
	}
	installs(t, root, dist)
}

var distArches = []string{"amd64", "arm64", "riscv64"}

// checkout makes a repository with what is here as its only commit.
func checkout(t *testing.T, dir string) {
	t.Helper()
	built := []string{".git", "bin", "dist", "out"}
	err := filepath.WalkDir(".", func(path string, d fs.DirEntry, err error) error {
		switch {
		case err != nil:
			return err
		case slices.Contains(built, path) && d.IsDir():
			return fs.SkipDir
		case slices.Contains(built, path): // .git of a worktree
			return nil
		case d.IsDir():
			return os.MkdirAll(filepath.Join(dir, path), 0o755)
		}
		info, err := d.Info()
		if err != nil || !info.Mode().IsRegular() {
			return err
		}
		data, err := os.ReadFile(path)
		if err != nil {
			return err
		}
		return os.WriteFile(filepath.Join(dir, path), data, info.Mode().Perm())
	})
	if err != nil {
		t.Fatal(err)
	}
	when := fmt.Sprintf("%d +0000", distTime)
	sh(t, dir, []string{
		"GIT_CONFIG_GLOBAL=/dev/null", "GIT_CONFIG_SYSTEM=/dev/null",
		"GIT_AUTHOR_NAME=a", "GIT_AUTHOR_EMAIL=a@example.org", "GIT_AUTHOR_DATE=" + when,
		"GIT_COMMITTER_NAME=a", "GIT_COMMITTER_EMAIL=a@example.org", "GIT_COMMITTER_DATE=" + when,
	}, nil, "git init -q && git add -A && git commit -q -m all && git tag v"+distVersion)
}

// hashes are those of the files in a directory, which its SHA256SUMS has.
func hashes(t *testing.T, dir string) map[string]string {
	t.Helper()
	entries, err := os.ReadDir(dir)
	if err != nil {
		t.Fatal(err)
	}
	got, listed := map[string]string{}, map[string]string{}
	for _, e := range entries {
		got[e.Name()] = fmt.Sprintf("%x", sha256.Sum256([]byte(readAll(t, filepath.Join(dir, e.Name())))))
	}
	for line := range strings.Lines(readAll(t, filepath.Join(dir, "SHA256SUMS"))) {
		sum, name, _ := strings.Cut(strings.TrimSpace(line), "  ")
		listed[name] = sum
	}
	listed["SHA256SUMS"] = got["SHA256SUMS"]
	if diff := cmp.Diff(got, listed); diff != "" {
		t.Errorf("SHA256SUMS of %s (-files +listed):\n%s", dir, diff)
	}
	return got
}

// sh runs a line of a shell and returns what it prints.
func sh(t *testing.T, dir string, env []string, as func(*exec.Cmd), line string) string {
	t.Helper()
	cmd := exec.CommandContext(t.Context(), "sh", "-e", "-c", line)
	cmd.Dir = dir
	// What make test was told is not for a make in it.
	cmd.Env = append(slices.DeleteFunc(os.Environ(), func(v string) bool {
		return strings.HasPrefix(v, "MAKE") || strings.HasPrefix(v, "MFLAGS=") || strings.HasPrefix(v, "SOURCE_DATE_EPOCH=")
	}), env...)
	if as != nil {
		as(cmd)
	}
	out, err := cmd.CombinedOutput()
	if err != nil {
		t.Fatalf("%s: %v\n%s", line, err, out)
	}
	return string(out)
}
