package kernel

import (
	"bytes"
	"flag"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"unotify-bench/abi"
	"unotify-bench/abi/amd64"
	"unotify-bench/abi/arm64"
	"unotify-bench/abi/riscv64"
)

var rebuild = flag.Bool("kernel.rebuild", false, "build one kernel from scratch in another directory and compare")

// logProgress shows a long build to who runs the test with -v.
type logProgress struct{ t *testing.T }

func (p logProgress) Step(name string) { p.t.Log(name) }
func (logProgress) Done(_, _ int64)    {}
func (p logProgress) Log(line string)  { p.t.Log(line) }

// Every line of the fragments took effect, else Build fails. Kernels come
// from the user's cache: a first run takes minutes for each, the next ones
// none.
func TestBuildReal(t *testing.T) {
	for _, arch := range []*abi.Arch{&amd64.Arch, &arm64.Arch, &riscv64.Arch} {
		for _, v := range []Variant{Stock, Patched} {
			t.Run(arch.Name+"/"+string(v), func(t *testing.T) {
				release := map[Variant]string{Stock: `^6\.12\.\d+\+unotify$`, Patched: `^6\.12\.\d+\+unotify-patched$`}[v]
				b := &Builder{Progress: logProgress{t}}
				img, err := b.Build(t.Context(), arch, v)
				if err != nil {
					t.Fatal(err)
				}
				if ok, _ := regexp.MatchString(release, img.Release); !ok {
					t.Errorf("release %q, want %s", img.Release, release)
				}
				found, err := OpenImage(img.Path, nil)
				if err != nil {
					t.Fatal(err)
				}
				if found.Arch.Name != arch.Name || found.Release != img.Release || found.SHA256 != img.SHA256 {
					t.Errorf("OpenImage: %s %+v, built %+v", found.Arch.Name, found, img)
				}
				wantNoPath(t, b, img)
			})
		}
	}
}

// wantNoPath looks for what would make an image depend on where it was
// built: the cache's path in the image, or in a command that compiled a part
// of it.
func wantNoPath(t *testing.T, b *Builder, img *Image) {
	t.Helper()
	c, err := b.cache()
	if err != nil {
		t.Fatal(err)
	}
	text, err := os.ReadFile(img.Path)
	if err != nil {
		t.Fatal(err)
	}
	if bytes.Contains(text, []byte(c.root)) {
		t.Errorf("%s holds the cache's path %s", img.Path, c.root)
	}
	trees, _ := filepath.Glob(c.objectTree(img.Arch.Name + "-*"))
	for _, tree := range trees {
		err := filepath.WalkDir(filepath.Join(tree, "o"), func(path string, d fs.DirEntry, err error) error {
			if err != nil {
				return err
			}
			rel, _ := filepath.Rel(tree, path)
			if d.IsDir() && (strings.HasPrefix(rel, "o/scripts") || strings.HasPrefix(rel, "o/tools")) {
				return filepath.SkipDir // programs of the build: not in the image
			}
			// lib/vdso/Makefile names its sources by abspath; what is
			// compiled from them has no room for a path.
			if !strings.HasSuffix(path, ".o.cmd") || strings.Contains(rel, "/vdso/") {
				return nil
			}
			text, err := os.ReadFile(path)
			if err == nil && bytes.Contains(text, []byte(c.root)) {
				t.Errorf("%s holds the cache's path %s", rel, c.root)
			}
			return err
		})
		if err != nil && !os.IsNotExist(err) {
			t.Error(err)
		}
	}
}

// TestReproducible is the proof of what wantNoPath looks for signs of. It
// costs a whole build, so .ci asks for it and a developer's run does not.
func TestReproducible(t *testing.T) {
	if !*rebuild {
		t.Skip("a whole second build: -kernel.rebuild does it")
	}
	shared := &Builder{Progress: logProgress{t}}
	first, err := shared.Build(t.Context(), &riscv64.Arch, Stock)
	if err != nil {
		t.Fatal(err)
	}
	c, err := shared.cache()
	if err != nil {
		t.Fatal(err)
	}
	// The same source, seen from another directory: only the tree is
	// borrowed.
	other := &Builder{CacheDir: filepath.Join(t.TempDir(), "a-longer-name-than-the-other"), Progress: logProgress{t}}
	if err := os.MkdirAll(other.CacheDir, 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.Symlink(c.sources(), filepath.Join(other.CacheDir, string(Sources))); err != nil {
		t.Fatal(err)
	}
	second, err := other.Build(t.Context(), &riscv64.Arch, Stock)
	if err != nil {
		t.Fatal(err)
	}
	if first.SHA256 != second.SHA256 || first.Key != second.Key {
		t.Errorf("two builds of one input differ:\n%+v\n%+v", first, second)
	}
}
