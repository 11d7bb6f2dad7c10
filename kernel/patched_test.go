package kernel

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

const (
	threeOld  = "one\ntwo\nthree\nfour\nfive\n"
	sharedOld = "int shared;\n"
)

// withPatches gives the variants these patches, each directory a series of
// one patch a text, and makes a further variant that has all of them.
func withPatches(t *testing.T, patches, faults string) {
	t.Helper()
	oldFiles, oldVariants := patchFiles, variants
	t.Cleanup(func() { patchFiles, variants = oldFiles, oldVariants })
	patchFiles = textFiles(map[string]string{
		"patches/series": "# a comment\n0001-p.patch unless=kernel/three.c:has_it\n", "patches/0001-p.patch": patches,
		"faults/series": "0001-f.patch\n", "faults/0001-f.patch": faults,
	})
	variants = []variantSpec{
		{name: Stock},
		{name: Patched, patches: []string{"patches"}},
		{name: Faulty, patches: []string{"patches", "faults"}},
	}
}

func (f *fake) buildVariant(v Variant) *Image {
	f.t.Helper()
	img, err := f.Build(f.t.Context(), fakeArch, v)
	if err != nil {
		f.t.Fatal(err)
	}
	return img
}

// TestVariantsShareATree builds one after another, and then each again in a
// tree of its own, which must give the same.
func TestVariantsShareATree(t *testing.T) {
	for _, source := range []string{"archive", "directory"} {
		t.Run(source, func(t *testing.T) {
			f := newFake(t)
			if source == "archive" {
				f.pack()
			}
			withPatches(t,
				diffOf("kernel/three.c", threeOld, "1\n2\n3\n")+diffOf("kernel/extra.h", "", "int extra;\n"),
				diffOf("include/linux/shared.h", sharedOld, "int unshared;\n"))
			stock := f.buildVariant(Stock)
			f.wantCompiled(allObjects...)
			patched := f.buildVariant(Patched)
			f.wantCompiled("obj3")
			faulty := f.buildVariant(Faulty)
			f.wantCompiled("obj4", "obj5")
			if err := f.Clean(t.Context(), Images); err != nil {
				t.Fatal(err)
			}
			again := f.buildVariant(Stock)
			f.wantCompiled("obj3", "obj4", "obj5")
			if again.SHA256 != stock.SHA256 || stock.Release != "6.12.999+unotify" {
				t.Errorf("stock is %+v, then %+v", stock, again)
			}
			if patched.Release != "6.12.999+unotify-patched" || faulty.Release != "6.12.999+unotify-faulty" {
				t.Errorf("releases: %s, %s", patched.Release, faulty.Release)
			}
			for _, img := range []*Image{patched, faulty} {
				if err := f.Clean(t.Context(), Objects, Images); err != nil {
					t.Fatal(err)
				}
				if fresh := f.buildVariant(img.Variant); fresh.SHA256 != img.SHA256 || fresh.Key != img.Key {
					t.Errorf("in the shared tree %+v, in its own %+v", img, fresh)
				}
			}
			for name, want := range map[string]string{"kernel/three.c": threeOld, "include/linux/shared.h": sharedOld} {
				if text, err := os.ReadFile(filepath.Join(f.tree, name)); err != nil || string(text) != want {
					t.Errorf("the source's %s is %q, %v", name, text, err)
				}
			}
		})
	}
}

// An edited patch is another kernel, and the old one is not found for it.
func TestEditedPatch(t *testing.T) {
	f := newFake(t)
	f.pack()
	fault := diffOf("include/linux/shared.h", sharedOld, "int unshared;\n")
	withPatches(t, diffOf("kernel/three.c", threeOld, "1\n"), fault)
	stock, first := f.buildVariant(Stock), f.buildVariant(Patched)
	f.compiled()
	withPatches(t, diffOf("kernel/three.c", threeOld, "2\n"), fault)
	if _, err := f.Lookup(fakeArch, Patched); !errors.Is(err, ErrNotBuilt) {
		t.Errorf("Lookup: %v, want ErrNotBuilt", err)
	}
	second := f.buildVariant(Patched)
	f.wantCompiled("obj3")
	if second.Key == first.Key || second.SHA256 == first.SHA256 {
		t.Errorf("built %+v, then %+v", first, second)
	}
	if again := f.buildVariant(Stock); *again != *stock {
		t.Errorf("stock was %+v, is %+v", stock, again)
	}
	list, err := f.List()
	if err != nil {
		t.Fatal(err)
	}
	for _, e := range list {
		if e.Outdated != (e.Key == first.Key) {
			t.Errorf("%s %s is outdated: %v", e.Variant, e.Key, e.Outdated)
		}
	}
	withPatches(t, diffOf("kernel/three.c", threeOld, "1\n"), fault)
	if again, err := f.Lookup(fakeArch, Patched); err != nil || *again != *first {
		t.Errorf("the first is %+v, %v", again, err)
	}
	f.wantCompiled()
	// second is the outdated one now.
	if n, err := f.CleanOutdated(t.Context()); err != nil || n != 1 {
		t.Errorf("%d kernels removed, %v", n, err)
	}
	if list, err := f.List(); err != nil || len(list) != 2 || fileExists(second.Path) {
		t.Errorf("left: %+v, %v", list, err)
	}
}

func TestPatchOfAnotherSource(t *testing.T) {
	f := newFake(t)
	withPatches(t, diffOf("kernel/three.c", "no such text\n", "1\n"), "")
	_, err := f.Build(t.Context(), fakeArch, Patched)
	var bad *ErrPatch
	if !errors.As(err, &bad) || !strings.Contains(err.Error(), "riscv64 patched") || !strings.Contains(err.Error(), "Linux 6.12.999") {
		t.Errorf("Build: %v, want an ErrPatch that names the source and what was built", err)
	}
	f.wantCompiled()
}

// TestConditionOfSeries builds a source that has what the patch would bring.
func TestConditionOfSeries(t *testing.T) {
	f := newFake(t)
	withPatches(t, diffOf("kernel/three.c", threeOld, "1\n"), "")
	f.write(filepath.Join(f.tree, "kernel/three.c"), []byte("has_it\n"))
	stock := f.buildVariant(Stock)
	patched := f.buildVariant(Patched)
	f.wantCompiled(allObjects...)
	if stock.Key == patched.Key {
		t.Errorf("one key for %+v and %+v", stock, patched)
	}
}

func TestVariantRows(t *testing.T) {
	want := []Variant{Stock, Patched, Debug, Faulty, DebugFaulty}
	got := Variants()
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
	trees := map[Variant]string{}
	for _, v := range want {
		r, err := new(Builder).request(fakeArch, v)
		if err != nil {
			t.Fatal(err)
		}
		trees[v] = r.objectName(&source{id: "id"}, "gcc")
	}
	if trees[Stock] != trees[Patched] || trees[Stock] == trees[Debug] {
		t.Errorf("trees: %v", trees)
	}
}
