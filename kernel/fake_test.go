package kernel

import (
	"archive/tar"
	"bytes"
	"compress/gzip"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"

	"unotify-bench/abi/riscv64"
)

// Tests of the builder itself run it on testdata/faketree, for riscv64: no
// host of this project is one, so that the compiler is a cross compiler, and
// can be a script.

// recorder is a Progress that remembers.
type recorder struct {
	mu    sync.Mutex
	logs  []string
	steps []string
	done  [][2]int64
	onLog func(string)
}

func (r *recorder) Step(name string) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.steps = append(r.steps, name)
	r.done = nil
}

func (r *recorder) Done(done, total int64) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.done = append(r.done, [2]int64{done, total})
}

func (r *recorder) Log(line string) {
	r.mu.Lock()
	r.logs = append(r.logs, line)
	f := r.onLog
	r.mu.Unlock()
	if f != nil {
		f(line)
	}
}

// logged tells whether a line holds all of the words.
func (r *recorder) logged(words ...string) bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	return slices.ContainsFunc(r.logs, func(line string) bool {
		return !slices.ContainsFunc(words, func(w string) bool { return !strings.Contains(line, w) })
	})
}

// fake is a fake source tree with a builder for it.
type fake struct {
	*Builder
	t   *testing.T
	rec *recorder
	// tree is where the fake source is; built lists the objects that were
	// compiled, in order, one a line.
	tree, built string
}

var fakeArch = &riscv64.Arch

func newFake(t *testing.T) *fake {
	t.Helper()
	dir := t.TempDir()
	f := &fake{t: t, rec: new(recorder), tree: filepath.Join(dir, "linux-6.12"), built: filepath.Join(dir, "built")}
	f.Builder = &Builder{CacheDir: filepath.Join(dir, "cache"), Source: f.tree, Jobs: 1, Progress: f.rec, objectRoom: 1}
	if err := os.CopyFS(f.tree, os.DirFS("testdata/faketree")); err != nil {
		t.Fatal(err)
	}
	bin := filepath.Join(dir, "bin")
	fakeTools(t, bin)
	t.Setenv("PATH", bin+":"+os.Getenv("PATH"))
	f.hook("")
	return f
}

// fakeTools puts scripts that answer --version into dir, for whatever a
// build of fakeArch looks for and the fake tree does not use.
func fakeTools(t *testing.T, dir string) {
	t.Helper()
	if err := os.MkdirAll(dir, 0o755); err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{"flex", "bison", "bc", "riscv64-linux-gnu-gcc", "riscv64-linux-gnu-ld"} {
		script := "#!/bin/sh\necho " + name + " 1.0\n"
		if err := os.WriteFile(filepath.Join(dir, name), []byte(script), 0o755); err != nil {
			t.Fatal(err)
		}
	}
}

// hook makes script, in which $1 is an object's name and $2 its file, a part
// of each compilation.
func (f *fake) hook(script string) {
	f.t.Helper()
	text := fmt.Sprintf("set -e\necho \"$1\" >> %s\n%s\necho \"$1\" > \"$2\"\n", f.built, script)
	if err := os.WriteFile(filepath.Join(f.tree, "hook.sh"), []byte(text), 0o644); err != nil {
		f.t.Fatal(err)
	}
}

// compiled returns the objects compiled since it was last asked.
func (f *fake) compiled() []string {
	f.t.Helper()
	text, err := os.ReadFile(f.built)
	if err != nil && !os.IsNotExist(err) {
		f.t.Fatal(err)
	}
	if err := os.RemoveAll(f.built); err != nil {
		f.t.Fatal(err)
	}
	return strings.Fields(string(text))
}

// pack makes the builder use an archive of the fake tree, which unlike a
// directory has a hash and is cached by it.
func (f *fake) pack() {
	f.t.Helper()
	f.Source = filepath.Join(filepath.Dir(f.tree), "linux-6.12.tar.gz")
	f.write(f.Source, gzipped(f.t, tarOf(f.t, f.tree, "linux-6.12")))
}

func (f *fake) write(path string, b []byte) {
	f.t.Helper()
	if err := os.WriteFile(path, b, 0o644); err != nil {
		f.t.Fatal(err)
	}
}

func tarOf(t *testing.T, dir, top string) []byte {
	t.Helper()
	var b bytes.Buffer
	w := tar.NewWriter(&b)
	if err := w.WriteHeader(&tar.Header{Typeflag: tar.TypeDir, Name: top + "/", Mode: 0o755}); err != nil {
		t.Fatal(err)
	}
	err := filepath.WalkDir(dir, func(path string, d fs.DirEntry, err error) error {
		rel, _ := filepath.Rel(dir, path)
		if err != nil || rel == "." {
			return err
		}
		if d.IsDir() {
			return w.WriteHeader(&tar.Header{Typeflag: tar.TypeDir, Name: top + "/" + rel + "/", Mode: 0o755})
		}
		text, err := os.ReadFile(path)
		if err != nil {
			return err
		}
		addFile(t, w, top+"/"+rel, text)
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

func addFile(t testing.TB, w *tar.Writer, name string, text []byte) {
	t.Helper()
	if err := w.WriteHeader(&tar.Header{Name: name, Mode: 0o644, Size: int64(len(text))}); err != nil {
		t.Fatal(err)
	}
	if _, err := w.Write(text); err != nil {
		t.Fatal(err)
	}
}

func gzipped(t testing.TB, b []byte) []byte {
	t.Helper()
	var z bytes.Buffer
	w := gzip.NewWriter(&z)
	if _, err := w.Write(b); err != nil {
		t.Fatal(err)
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	return z.Bytes()
}

func xzed(t *testing.T, b []byte) []byte {
	t.Helper()
	cmd := exec.Command("xz", "-c")
	cmd.Stdin = bytes.NewReader(b)
	out, err := cmd.Output()
	if err != nil {
		t.Fatal(err)
	}
	return out
}
