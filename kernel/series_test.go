package kernel

import (
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"testing/fstest"

	"github.com/google/go-cmp/cmp"
)

// textFiles makes a file system of names and texts.
func textFiles(texts map[string]string) fstest.MapFS {
	files := fstest.MapFS{}
	for name, text := range texts {
		files[name] = &fstest.MapFile{Data: []byte(text)}
	}
	return files
}

func TestLoadSeries(t *testing.T) {
	rows := []struct {
		name   string
		series string
		want   []string // patches, with their conditions
		say    string   // in the error
	}{
		{"nothing", "", nil, ""},
		{"comments only", "# a comment\n\n  # another\n", nil, ""},
		{"in order", "b.patch\na.patch\n", []string{"s/b.patch []", "s/a.patch []"}, ""},
		{"no end of line", "a.patch", []string{"s/a.patch []"}, ""},
		{"comment behind", "a.patch # why\n", []string{"s/a.patch []"}, ""},
		{"condition", "a.patch unless=arch/x86/include/asm/syscall.h:syscall_set_arguments\n",
			[]string{"s/a.patch [unless=arch/x86/include/asm/syscall.h:syscall_set_arguments]"}, ""},
		{"two conditions", "a.patch unless=a:b unless=c:d", []string{"s/a.patch [unless=a:b unless=c:d]"}, ""},
		{"no such file", "a.patch\nc.patch\n", nil, "s/series, line 2: open s/c.patch"},
		{"twice", "a.patch\n\na.patch\n", nil, "s/series, line 3: a.patch is there twice"},
		{"quilt's level", "a.patch -p0\n", nil, `line 1: "-p0" is no condition: want unless=FILE:WORD`},
		{"no word", "a.patch unless=a\n", nil, `"unless=a" is no condition`},
		{"no whole word", "a.patch unless=a:b.c\n", nil, "is no condition"},
		{"outside", "a.patch unless=../a:b\n", nil, "is no condition"},
	}
	for _, row := range rows {
		t.Run(row.name, func(t *testing.T) {
			files := textFiles(map[string]string{"s/series": row.series, "s/a.patch": "A", "s/b.patch": "B"})
			series, err := loadSeries(files, "s")
			if (err != nil) != (row.say != "") || err != nil && !strings.Contains(err.Error(), row.say) {
				t.Errorf("error %v, want %q", err, row.say)
			}
			var got []string
			for _, p := range series {
				text := p.name + " ["
				for i, c := range p.unless {
					if i > 0 {
						text += " "
					}
					text += c.String()
				}
				got = append(got, text+"]")
				if want := strings.ToUpper(p.name[2:3]); p.text != want {
					t.Errorf("%s holds %q, want %q", p.name, p.text, want)
				}
			}
			if diff := cmp.Diff(row.want, got); diff != "" {
				t.Errorf("(-want +got):\n%s", diff)
			}
		})
	}
}

func TestCondition(t *testing.T) {
	src := &source{dir: t.TempDir(), version: "6.12.1"}
	if err := os.WriteFile(filepath.Join(src.dir, "a.h"), []byte("int has_this(void);\n"), 0o644); err != nil {
		t.Fatal(err)
	}
	rows := []struct {
		unless []condition
		skip   bool
	}{
		{nil, false},
		{[]condition{{"a.h", "has_this"}}, true},
		{[]condition{{"a.h", "has"}}, false}, // a part of a word
		{[]condition{{"b.h", "has_this"}}, false},
		{[]condition{{"a.h", "other"}, {"a.h", "has_this"}}, true},
	}
	for _, row := range rows {
		why, err := patch{name: "p", unless: row.unless}.skipped(src)
		if err != nil || (why != "") != row.skip {
			t.Errorf("%v: %q, %v, want skipped %v", row.unless, why, err, row.skip)
		}
	}
	if _, err := (patch{name: "p", unless: []condition{{".", "x"}}}).skipped(src); err == nil {
		t.Error("a directory was read")
	}
}

// Whatever changes a kernel changes the hash, and nothing else does.
func TestPatchesHash(t *testing.T) {
	base := []patch{{name: "p/a", text: "A"}, {name: "p/b", text: "B"}}
	rows := map[string][]patch{
		"order":     {base[1], base[0]},
		"less":      base[:1],
		"text":      {base[0], {name: "p/b", text: "B'"}},
		"name":      {base[0], {name: "p/c", text: "B"}},
		"condition": {base[0], {name: "p/b", text: "B", unless: []condition{{"a", "b"}}}},
	}
	seen := map[string]string{patchesHash(base): "base"}
	for what, series := range rows {
		h := patchesHash(series)
		if seen[h] != "" {
			t.Errorf("%s has the hash of %s", what, seen[h])
		}
		seen[h] = what
	}
	if h := patchesHash(nil); h != "" {
		t.Errorf("no patch has the hash %q", h)
	}
}

// Kernels that were built before there were patches are still found.
func TestStockKeepsItsKey(t *testing.T) {
	b := new(Builder)
	r, err := b.request(fakeArch, Stock)
	if err != nil {
		t.Fatal(err)
	}
	if want := hash("stock", "id", r.config, "gcc"); r.key(&source{id: "id"}, "gcc") != want {
		t.Errorf("key of stock is not %s any more", want)
	}
}

// TestRealSeries loads what is in kernel/patches and kernel/faults, where no
// patch may lie about that nobody applies.
func TestRealSeries(t *testing.T) {
	for _, dir := range []string{"patches", "faults"} {
		series, err := loadSeries(embeddedPatches, dir)
		if err != nil {
			t.Fatal(err)
		}
		named := map[string]bool{}
		for _, p := range series {
			named[p.name] = true
			if _, err := parsePatch(p); err != nil {
				t.Error(err)
			}
		}
		files, err := fs.Glob(embeddedPatches, dir+"/*.patch")
		if err != nil {
			t.Fatal(err)
		}
		for _, f := range files {
			if !named[f] {
				t.Errorf("%s is not in %s/series", f, dir)
			}
		}
	}
}
