package kernel

import (
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// seriesDir holds a series of these patches: name and text, one after the other.
func seriesDir(t *testing.T, patches ...string) string {
	t.Helper()
	dir := t.TempDir()
	texts := map[string]string{}
	for i := 0; i < len(patches); i += 2 {
		texts[seriesFile] += patches[i] + "\n"
		texts[patches[i]] = patches[i+1]
	}
	writeTexts(t, dir, texts)
	return dir
}

// breaks makes obj4 not compile while shared.h says so.
const breaks = `if [ $1 = obj4 ] && grep -q broken include/linux/shared.h; then
	echo "../include/linux/shared.h:1:1: error: it is broken"; exit 1; fi`

// plainDiff is diffOf as quilt would write it.
func plainDiff(name, old, text string) string {
	_, diff, _ := strings.Cut(diffOf(name, old, text), "\n")
	diff = strings.Replace(diff, "--- a/"+name, "Index: linux/"+name+"\n--- linux.orig/"+name+"\t2026-01-01 00:00", 1)
	return strings.Replace(diff, "+++ b/"+name, "+++ linux/"+name+"\t2026-01-02 00:00", 1)
}

// TestPatchSteps builds a series in which one patch does not apply and one does
// not compile, and wants the rest.
func TestPatchSteps(t *testing.T) {
	const mail = "From: x\nSubject: [PATCH v2 1/5] kernel: count\n up\n\nWhy.\n---\n"
	dir := seriesDir(t,
		"0001-up.patch", mail+diffOf("kernel/three.c", threeOld, "1\n"),
		"0002-lost.patch", diffOf("kernel/three.c", "lost\n", "2\n"),
		"0003-docs.diff", diffOf("Documentation/x.rst", "", "x\n"),
		"0004-broken", plainDiff("include/linux/shared.h", sharedOld, "broken\n"),
		"sub dir/0005 mended.patch", "")
	writeTexts(t, dir, map[string]string{
		"series":              "0001-up.patch\n0002-lost.patch # a comment\n\n0003-docs.diff\n0004-broken\n0005-mended.patch\n",
		"0005-mended.patch":   diffOf("include/linux/shared.h", "broken\n", "int mended;\n"),
		"not-in-series.patch": "x",
	})
	for _, source := range []string{"archive", "directory"} {
		t.Run(source, func(t *testing.T) {
			f := newFake(t)
			f.hook(breaks)
			if source == "archive" {
				f.pack()
			}
			s, err := f.PatchSteps(t.Context(), Stock, dir)
			if err != nil {
				t.Fatal(err)
			}
			var got []string
			images := map[string]*Image{}
			for i, step := range s.List {
				img, err := s.Build(t.Context(), fakeArch, i)
				says := "built " + strings.Join(f.compiled(), " ")
				var broken *ErrMake
				var lost *ErrPatch
				switch {
				case errors.As(err, &broken):
					says = strings.Join(broken.First, "; ")
				case errors.As(err, &lost):
					says = err.Error()
				case err != nil:
					t.Fatal(err)
				default:
					images[step.Name] = img
					if img.Release != "6.12.999+unotify" {
						t.Errorf("%s: release %s: a step's name must not be in its kernel", step.Name, img.Release)
					}
				}
				got = append(got, step.Name+"|"+step.Title+"|"+says)
			}
			want := []string{
				"stock||built " + strings.Join(allObjects, " "),
				"0001-up|kernel: count up|built obj3",
				"0002-lost|0002-lost.patch|" + dir + "/0002-lost.patch does not apply to Linux 6.12.999 at kernel/three.c, line 1 (hunk 1): " +
					"kernel/three.c: patch does not apply; rebase it, or name a source that it is for with --source",
				"0003-docs|0003-docs.diff|built ",
				"0004-broken|0004-broken|include/linux/shared.h:1:1: error: it is broken",
				"0005-mended|0005-mended.patch|built obj4 obj5",
			}
			if diff := cmp.Diff(want, got); diff != "" {
				t.Errorf("(-want +got):\n%s", diff)
			}
			if images["0003-docs"].SHA256 != images["0001-up"].SHA256 {
				t.Error("a patch that no kernel is made of has changed the image")
			}
			text, err := os.ReadFile(images["0005-mended"].Path)
			if err != nil || !strings.HasSuffix(string(text), "1\nint mended;\n") {
				t.Errorf("the last step is not of what applies: %q, %v", tail(string(text), 3), err)
			}
			if source == "directory" {
				return
			}
			// The next time nothing is built, and stock is stock.
			for i, step := range s.List {
				if want := images[step.Name]; want != nil {
					if img, err := s.Build(t.Context(), fakeArch, i); err != nil || *img != *want {
						t.Errorf("%s again: %+v, %v", step.Name, img, err)
					}
				}
			}
			stock, err := f.Lookup(fakeArch, Stock)
			if err != nil || *stock != *images["stock"] {
				t.Errorf("stock is %+v, %v", stock, err)
			}
			f.wantCompiled()
		})
	}
}

func TestPatchStepsBadInput(t *testing.T) {
	f := newFake(t)
	for _, row := range []struct{ name, dir, want string }{
		{"no directory", filepath.Join(t.TempDir(), "none"), "open series"},
		{"no series", t.TempDir(), "open series"},
		{"empty", seriesDir(t, "# nothing", ""), "names no patch"},
		{"no such patch", func() string {
			dir := seriesDir(t, "a.patch", "")
			os.Remove(filepath.Join(dir, "a.patch"))
			return dir
		}(), "series, line 1: open a.patch"},
		{"out of the directory", seriesDir(t, "../a.patch", "x"), "series, line 1"},
	} {
		t.Run(row.name, func(t *testing.T) {
			_, err := f.PatchSteps(t.Context(), Stock, row.dir)
			if !errors.Is(err, ErrNoStep) || !strings.Contains(err.Error(), row.want) {
				t.Errorf("%v, want one with %q", err, row.want)
			}
		})
	}
	s, err := f.PatchSteps(t.Context(), Stock, seriesDir(t, "a.patch", "no patch at all\n"))
	if err != nil {
		t.Fatal(err)
	}
	if _, err := s.Build(t.Context(), fakeArch, 1); err == nil || !strings.Contains(err.Error(), "a.patch, line 1") {
		t.Errorf("what is no patch is built: %v", err)
	}
}

// gitIn runs git in a repository.
func gitIn(t *testing.T, dir string, args ...string) string {
	t.Helper()
	cmd := exec.Command("git", append([]string{"-C", dir, "-c", "user.name=t", "-c", "user.email=t@t", "-c", "commit.gpgsign=false"}, args...)...)
	cmd.Env = append(os.Environ(), "GIT_CONFIG_NOSYSTEM=1", "GIT_CONFIG_GLOBAL=/dev/null")
	out, err := cmd.CombinedOutput()
	if err != nil {
		t.Fatalf("%v: %v\n%s", cmd, err, out)
	}
	return strings.TrimSpace(string(out))
}

// TestCommitSteps builds the commits of a range, of which one does not compile,
// one is a merge, and none is checked out.
func TestCommitSteps(t *testing.T) {
	f := newFake(t)
	f.hook(breaks)
	commit := func(subject string, texts map[string]string) {
		writeTexts(t, f.tree, texts)
		gitIn(t, f.tree, "add", "-A")
		gitIn(t, f.tree, "commit", "-q", "--allow-empty", "-m", subject)
	}
	gitIn(t, f.tree, "init", "-q", "-b", "main")
	commit("all of it", nil)
	gitIn(t, f.tree, "tag", "v6.12")
	commit("kernel: one", map[string]string{"kernel/three.c": "1\n", "Documentation/x.rst": "x\n"})
	commit("broken: \x1b[2J", map[string]string{"include/linux/shared.h": "broken\n"})
	gitIn(t, f.tree, "checkout", "-q", "-b", "side", "v6.12")
	commit("kernel: a file", map[string]string{"kernel/extra.h": "int extra;\n", "tool.sh": "x\n"})
	gitIn(t, f.tree, "checkout", "-q", "main")
	gitIn(t, f.tree, "merge", "-q", "--no-ff", "-m", "Merge side", "side")
	commit("mended", map[string]string{"include/linux/shared.h": "int mended;\n"})
	gitIn(t, f.tree, "rm", "-q", "kernel/extra.h")
	commit("kernel: no such file", nil)
	gitIn(t, f.tree, "checkout", "-q", "v6.12")

	s, err := f.CommitSteps(t.Context(), Stock, "v6.12..main")
	if err != nil {
		t.Fatal(err)
	}
	f.compiled()
	var got []string
	for i, step := range s.List {
		img, err := s.Build(t.Context(), fakeArch, i)
		says := strings.Join(f.compiled(), " ")
		var broken *ErrMake
		if errors.As(err, &broken) {
			says = "broken"
		} else if err != nil {
			t.Fatal(err)
		} else if img.Variant == Stock || img.Release != "6.12.999+unotify" {
			t.Errorf("%s: %+v", step.Name, img)
		}
		_, name, _ := strings.Cut("-"+step.Name, "-")
		if i > 0 {
			_, name, _ = strings.Cut(step.Name, "-")
		}
		got = append(got, name+"|"+step.Title+"|"+says)
	}
	want := []string{
		"stock||" + strings.Join(allObjects, " "),
		"kernel-one|kernel: one|obj3",
		"broken-2J|broken: \x1b[2J|broken",
		"Merge-side|Merge side|broken",
		"mended|mended|obj4 obj5", // obj3 came to be before obj4 did not
		"kernel-no-such-file|kernel: no such file|",
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
	if status := gitIn(t, f.tree, "status", "--porcelain"); status != "" {
		t.Errorf("the repository was written to: %s", status)
	}
	if newestSource(cacheDir{f.CacheDir}) != nil {
		t.Error("who asks for no source would get what was exported")
	}
	for _, row := range []struct{ commits, want string }{
		{"main..v6.12", "no commit of"}, {"v6.12..nowhere", "git log in"}, {"--output=x..main", "git log in"}, {"v6.12", "nothing below"},
	} {
		if _, err := f.CommitSteps(t.Context(), Stock, row.commits); !errors.Is(err, ErrNoStep) || !strings.Contains(err.Error(), row.want) {
			t.Errorf("%s: %v, want one with %q", row.commits, err, row.want)
		}
	}
	f.Source = t.TempDir()
	if _, err := f.CommitSteps(t.Context(), Stock, "a..b"); !errors.Is(err, ErrNoStep) || !strings.Contains(err.Error(), "not a git repository") {
		t.Errorf("no repository: %v", err)
	}
}
