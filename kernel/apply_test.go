package kernel

import (
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// diffOf makes a patch of one file with the whole old text as context.
func diffOf(name, old, text string) string {
	lines := func(mark, s string) string {
		var b strings.Builder
		for line := range strings.Lines(s) {
			b.WriteString(mark + line)
		}
		return b.String()
	}
	from, to := "a/"+name, "b/"+name
	mode := ""
	if old == "" {
		from, mode = "/dev/null", "new file mode 100644\n"
	}
	if text == "" {
		to, mode = "/dev/null", "deleted file mode 100644\n"
	}
	first := func(s string) int { return min(1, len(s)) }
	return "diff --git a/" + name + " b/" + name + "\n" + mode + "--- " + from + "\n+++ " + to + "\n" +
		hunkHead(first(old), strings.Count(old, "\n"), first(text), strings.Count(text, "\n")) +
		lines("-", old) + lines("+", text)
}

func sourceOf(t *testing.T, texts map[string]string) *source {
	t.Helper()
	src := &source{dir: t.TempDir(), version: "6.12.5"}
	writeTexts(t, src.dir, texts)
	return src
}

func writeTexts(t *testing.T, dir string, texts map[string]string) {
	t.Helper()
	for name, text := range texts {
		path := filepath.Join(dir, name)
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
	}
}

func TestApplySeries(t *testing.T) {
	src := sourceOf(t, map[string]string{"kernel/a.c": "1\n2\n3\n", "kernel/gone.c": "x\n", "kernel/other.c": "o\n", "run.sh": "echo\n"})
	if err := os.Chmod(filepath.Join(src.dir, "run.sh"), 0o755); err != nil {
		t.Fatal(err)
	}
	// git would take a surrounding repository for the place of the files.
	if out, err := exec.Command("git", "init", "-q", src.dir).CombinedOutput(); err != nil {
		t.Fatalf("%v: %s", err, out)
	}
	t.Setenv("TMPDIR", src.dir)
	series := []patch{
		{name: "p/1", text: diffOf("kernel/a.c", "1\n2\n3\n", "1\n22\n3\n") + diffOf("Documentation/a.rst", "left out\n", "b\n")},
		{name: "p/2", text: diffOf("kernel/a.c", "1\n22\n3\n", "1\n22\n33\n") + diffOf("kernel/new/b.h", "", "b\n")},
		{name: "p/3", text: diffOf("kernel/gone.c", "x\n", "") + diffOf("run.sh", "echo\n", "echo more\n")},
		{name: "p/4", text: "not a patch", unless: []condition{{"kernel/other.c", "o"}}},
		{name: "p/5", text: diffOf("Documentation/a.rst", "left out\n", "b\n")},
	}
	over, err := applySeries(t.Context(), series, src, notBuilt)
	if err != nil {
		t.Fatal(err)
	}
	want := overlay{
		"kernel/a.c":     {text: []byte("1\n22\n33\n")},
		"kernel/new/b.h": {text: []byte("b\n")},
		"kernel/gone.c":  nil,
		"run.sh":         {text: []byte("echo more\n"), exec: true},
	}
	if diff := cmp.Diff(want, over, cmp.AllowUnexported(overlayFile{})); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
	if text, err := os.ReadFile(filepath.Join(src.dir, "kernel/a.c")); err != nil || string(text) != "1\n2\n3\n" {
		t.Errorf("the source was written to: %q, %v", text, err)
	}
	if left, _ := filepath.Glob(filepath.Join(src.dir, "unotify-*")); left != nil {
		t.Errorf("left over: %q", left)
	}
}

func TestApplyFails(t *testing.T) {
	good := patch{name: "patches/0001-good.patch", text: diffOf("kernel/a.c", "1\n2\n3\n", "1\n2\n4\n")}
	const twoHunks = "diff --git a/long.c b/long.c\n--- a/long.c\n+++ b/long.c\n" +
		"@@ -1,2 +1,2 @@\n-1\n+one\n 2\n@@ -5,3 +5,3 @@\n 5\n-six\n+SIX\n 7\n"
	rows := []struct {
		name string
		text string
		want ErrPatch
		say  string
	}{
		{"other text", diffOf("kernel/a.c", "1\n2\n3\n", "1\n"), ErrPatch{File: "kernel/a.c", Line: 1, Hunk: 1},
			"kernel/patches/0002-bad.patch does not apply to Linux 6.12.5 at kernel/a.c, line 1 (hunk 1): "},
		{"second hunk", twoHunks, ErrPatch{File: "long.c", Line: 5, Hunk: 2}, "at long.c, line 5 (hunk 2): "},
		{"no such file", diffOf("kernel/none.c", "1\n", "2\n"), ErrPatch{File: "kernel/none.c"}, "at kernel/none.c: kernel/none.c: No such file"},
		{"there already", diffOf("kernel/a.c", "", "2\n"), ErrPatch{File: "kernel/a.c"}, "already exists"},
	}
	for _, row := range rows {
		t.Run(row.name, func(t *testing.T) {
			src := sourceOf(t, map[string]string{"kernel/a.c": "1\n2\n3\n", "long.c": "1\n2\n3\n4\n5\n6\n7\n8\n"})
			over, err := applySeries(t.Context(), []patch{good, {name: "patches/0002-bad.patch", dir: embeddedDir, text: row.text}}, src, notBuilt)
			var got *ErrPatch
			if !errors.As(err, &got) || over != nil {
				t.Fatalf("applied with %v", err)
			}
			row.want.Patch, row.want.Version, row.want.Git = "kernel/patches/0002-bad.patch", "6.12.5", got.Git
			if diff := cmp.Diff(row.want, *got); diff != "" {
				t.Errorf("(-want +got):\n%s", diff)
			}
			for _, say := range []string{row.say, "--source"} {
				if !strings.Contains(err.Error(), say) {
					t.Errorf("%v\ndoes not say %q", err, say)
				}
			}
		})
	}
}

// Lines may have moved in a later 6.12.y; a person is told.
func TestApplyMoved(t *testing.T) {
	src := sourceOf(t, map[string]string{"a.c": "new\n1\n2\n3\n4\n5\n"})
	s, err := newScratch(src, nil)
	if err != nil {
		t.Fatal(err)
	}
	defer s.close()
	notes, err := s.apply(t.Context(), patch{name: "p", text: "diff --git a/a.c b/a.c\n--- a/a.c\n+++ b/a.c\n@@ -2,3 +2,3 @@\n 2\n-3\n+three\n 4\n"})
	if diff := cmp.Diff([]string{"a.c: Hunk #1 succeeded at 3 (offset 1 line)."}, notes); err != nil || diff != "" {
		t.Errorf("%v, notes (-want +got):\n%s", err, diff)
	}
}

func hunkHead(oldFirst, oldLines, newFirst, newLines int) string {
	return fmt.Sprintf("@@ -%d,%d +%d,%d @@\n", oldFirst, oldLines, newFirst, newLines)
}
