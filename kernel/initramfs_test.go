package kernel

import (
	"io"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/u-root/u-root/pkg/cpio"

	"unotify-bench/abi"
)

func TestInitramfs(t *testing.T) {
	init := testProgram(t, "again", "arm64")
	modules := t.TempDir()
	if err := os.WriteFile(filepath.Join(modules, "00-virtio.ko"), []byte("module"), 0o644); err != nil {
		t.Fatal(err)
	}
	m := Machine{
		Image: &Image{Modules: modules}, Arch: &abi.Arch{Name: "arm64"}, Init: init,
		Files: map[string][]byte{"job.json": []byte("{}"), "a/b/c": []byte("c"), "a/d": nil},
		Execs: map[string]string{"a/run": init},
	}
	first := archive(t, &m)
	// A copy with another inode, owner and time makes the same archive.
	b, err := os.ReadFile(init)
	if err != nil {
		t.Fatal(err)
	}
	m.Init = filepath.Join(t.TempDir(), "other")
	if err := os.WriteFile(m.Init, b, 0o700); err != nil {
		t.Fatal(err)
	}
	if err := os.Chtimes(m.Init, time.Time{}, time.Unix(1, 0)); err != nil {
		t.Fatal(err)
	}
	second := archive(t, &m)
	if string(first) != string(second) {
		t.Error("the same content gives different archives")
	}

	path := filepath.Join(t.TempDir(), "cpio")
	if err := os.WriteFile(path, first, 0o644); err != nil {
		t.Fatal(err)
	}
	f, err := os.Open(path)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	records, err := cpio.ReadAllRecords(cpio.Newc.Reader(f))
	if err != nil {
		t.Fatal(err)
	}
	var names []string
	inodes := map[uint64]string{}
	for _, r := range records {
		names = append(names, r.Name)
		if other, ok := inodes[r.Ino]; ok {
			t.Errorf("%s and %s are hard links", r.Name, other)
		}
		inodes[r.Ino] = r.Name
	}
	want := []string{"dev", "dev/console", "dev/null", "proc", "run", "sys", "tmp", "a", "a/run", "init", "modules", "modules/00-virtio.ko", "a/b", "a/b/c", "a/d", "job.json"}
	if d := cmp.Diff(want, names); d != "" {
		t.Errorf("names (-want +got):\n%s", d)
	}
}

func archive(t *testing.T, m *Machine) []byte {
	t.Helper()
	f, err := m.initramfs()
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	st, err := f.Stat()
	if err != nil {
		t.Fatal(err)
	}
	b := make([]byte, st.Size())
	if _, err := io.ReadFull(io.NewSectionReader(f, 0, st.Size()), b); err != nil {
		t.Fatal(err)
	}
	return b
}

// BenchmarkInitramfs is why nothing of it is cached.
func BenchmarkInitramfs(b *testing.B) {
	m := Machine{Arch: &abi.Arch{Name: "amd64"}, Init: testProgram(b, "guest", "amd64")}
	for b.Loop() {
		f, err := m.initramfs()
		if err != nil {
			b.Fatal(err)
		}
		f.Close()
	}
}
