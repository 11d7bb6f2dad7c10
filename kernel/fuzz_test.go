package kernel

import (
	"bytes"
	"encoding/json"
	"errors"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"unicode"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
)

// shown fails where a line could steer a terminal, or does not end.
func shown(t *testing.T, line string) {
	t.Helper()
	if len(line) > lineMax || strings.ContainsFunc(line, func(r rune) bool { return !unicode.IsPrint(r) }) {
		t.Errorf("%d bytes for a terminal: %q", len(line), line)
	}
}

// FuzzConsole: whatever is printed, and in what pieces, what is kept of it is the
// same, bounded, and fit for a terminal.
func FuzzConsole(f *testing.F) {
	f.Add([]byte("[    1.0] BUG: KASAN: slab\x1b[2J\n at\r\n---[ end trace ]---\n"), uint8(3))
	f.Add([]byte("Kernel panic - not syncing: \xff\u202eevil\nCall Trace:\n"), uint8(1))
	f.Fuzz(func(t *testing.T, text []byte, size uint8) {
		whole, pieces := &console{}, &console{}
		whole.scan(text)
		for p := range slices.Chunk(text, int(size)+1) {
			pieces.scan(p)
		}
		if d := cmp.Diff(whole, pieces, cmp.AllowUnexported(console{}), cmpopts.EquateEmpty()); d != "" {
			t.Errorf("it matters in what pieces it comes (-whole +pieces):\n%s", d)
		}
		if len(whole.bad) > badMax || len(whole.splat) > splatMax || len(whole.line) > lineMax {
			t.Errorf("%d bad lines, %d of reports, %d bytes of the last", len(whole.bad), len(whole.splat), len(whole.line))
		}
		for _, line := range slices.Concat(whole.bad, whole.splat, []string{whole.panic}) {
			shown(t, line)
		}
	})
}

// FuzzConfig: of two lines about a symbol the last counts, and a configuration is
// what it asks for.
func FuzzConfig(f *testing.F) {
	f.Add("CONFIG_A=y\n# CONFIG_B is not set\n", "CONFIG_A=m\n# a reason\n")
	f.Add("CONFIG_A=\"x=y\"\n", "CONFIG_A=\n")
	f.Fuzz(func(t *testing.T, one, two string) {
		merged, err := mergeFragments(one, two)
		if err != nil {
			return
		}
		if again, err := mergeFragments(merged); again != merged || err != nil {
			t.Errorf("merged twice it is %q, %v, not %q", again, err, merged)
		}
		if err := checkConfig(merged, merged); err != nil {
			t.Errorf("it is not what it asks for: %v", err)
		}
		seen := map[string]bool{}
		for line := range strings.Lines(merged) {
			sym, value, _ := configLine(strings.TrimSpace(line))
			if seen[sym] {
				t.Errorf("%s is there twice", sym)
			}
			seen[sym] = true
			if err := checkConfig(line, ""); (err == nil) != (value == "n") {
				t.Errorf("%q of nothing: %v", line, err)
			}
		}
	})
}

// FuzzPatch: a patch touches files below its directory only, and the lines that it
// is counted to have are there.
func FuzzPatch(f *testing.F) {
	f.Add("Subject: x\n\ndiff --git a/f b/f\n--- a/f\n+++ b/f\n@@ -1,2 +1,2 @@ f\n a\n-b\n+c\n-- \n2.39\n")
	f.Add("--- linux.orig/a\t2026-01-01\n+++ linux/a\t2026-01-02\n@@ -0,0 +1 @@\n+x\n")
	f.Add("diff --git a/f b/f\n--- /dev/null\n+++ b/../../etc/passwd\n@@ -0,0 +99999999999999999999 @@\n+x\n")
	f.Fuzz(func(t *testing.T, text string) {
		p, err := parsePatch(patch{name: "p", text: text})
		if err != nil {
			if len(p.files) > 0 {
				t.Errorf("%v, and files %v", err, p.touched())
			}
			return
		}
		for _, name := range p.touched() {
			if !filepath.IsLocal(name) {
				t.Errorf("it touches %q", name)
			}
		}
		lines := strings.Count(text, "\n") + 1
		for _, file := range p.files {
			if lines -= file.added + file.removed + len(file.hunks); lines < 0 {
				t.Errorf("%+v in %d bytes", p.files, len(text))
			}
		}
	})
}

// FuzzSeries: a series names files of its own directory.
func FuzzSeries(f *testing.F) {
	f.Add("a.patch unless=f/x.c:word # why\n")
	f.Add("../../etc/passwd\n/etc/passwd\n")
	f.Fuzz(func(t *testing.T, text string) {
		series, err := loadSeries(textFiles(map[string]string{"d/series": text, "d/a.patch": "", "secret": "x"}), "d")
		if err == nil && len(series) > 1 {
			t.Errorf("one patch is %d: %v", len(series), series)
		}
		for _, p := range series {
			if p.name != "d/a.patch" {
				t.Errorf("it has %q", p.name)
			}
			for _, c := range p.unless {
				if !filepath.IsLocal(c.file) {
					t.Errorf("it looks at %q", c.file)
				}
			}
		}
	})
}

// FuzzTrace: a trace is complete or an error.
func FuzzTrace(f *testing.F) {
	end := []byte{0, 0, 0, 0, 0, 0, 0, 0, tracedEnd, 0, 0, 0, 0, 0, 0, 0}
	f.Add(end)
	f.Add(append(bytes.Repeat([]byte{1}, 16), end...))
	f.Add(bytes.Repeat([]byte{1}, 31))
	f.Fuzz(func(t *testing.T, in []byte) {
		n := 0
		err := ReadTrace(bytes.NewReader(in), func(r Traced) error {
			n++
			if r.Load() && r.Gap() {
				t.Errorf("%+v is two things", r)
			}
			return nil
		})
		if err != nil && !errors.Is(err, ErrTrace) {
			t.Errorf("untyped error %v", err)
		}
		if n*16 > len(in) || err == nil && !bytes.Equal(in[n*16+8:n*16+16], end[8:]) {
			t.Errorf("%d records of %d bytes, %v", n, len(in), err)
		}
	})
}

// FuzzEntry: the description of a kernel in the cache is one whose image is as long as it
// says, and which nobody has changed, or it is damaged.
func FuzzEntry(f *testing.F) {
	const image = "image"
	dir := f.TempDir()
	if err := os.WriteFile(filepath.Join(dir, kernelFile), []byte(image), 0o644); err != nil {
		f.Fatal(err)
	}
	if err := writeEntry(dir, Entry{Size: int64(len(image))}); err != nil {
		f.Fatal(err)
	}
	whole, err := os.ReadFile(filepath.Join(dir, entryFile))
	if err != nil {
		f.Fatal(err)
	}
	for _, text := range []string{string(whole), "{}", "", `{"Size":5}`, `{"Size":5,"Sum":"x"}`, `{"Size":-1}`, `[]`, `{"Size":5,"size":6}`} {
		f.Add([]byte(text))
	}
	f.Fuzz(func(t *testing.T, text []byte) {
		dir := t.TempDir()
		if err := errors.Join(
			os.WriteFile(filepath.Join(dir, kernelFile), []byte(image), 0o644), os.WriteFile(filepath.Join(dir, entryFile), text, 0o644),
		); err != nil {
			t.Fatal(err)
		}
		e := readEntry(dir)
		if e.Path != filepath.Join(dir, kernelFile) {
			t.Errorf("its image is %q", e.Path)
		}
		if e.Damaged != "" {
			return
		}
		if e.Size != int64(len(image)) || !json.Valid(text) {
			t.Errorf("%q is taken: %+v", text, e)
		}
		if sum, err := entrySum(text); e.Sum != "" && (err != nil || sum != e.Sum) {
			t.Errorf("%q is taken, and was changed", text)
		}
	})
}
