package tempdir

import (
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"sync"
	"testing"

	"github.com/google/go-cmp/cmp"
	"golang.org/x/sys/unix"

	"unotify-bench/internal/leak"
)

// childEnv makes this program one that is killed with a directory in hand.
const childEnv = "UNOTIFY_TEST_TEMPDIR"

func TestMain(m *testing.M) {
	if parent := os.Getenv(childEnv); parent != "" {
		d, err := New(parent)
		if err == nil {
			err = os.WriteFile(filepath.Join(d.Path, "file"), nil, 0o644)
		}
		if err == nil {
			_, err = os.Stdout.WriteString(d.Path)
		}
		if err != nil {
			panic(err)
		}
		os.Stdout.Close()
		select {}
	}
	os.Exit(leak.Tests{M: m}.Run())
}

// list is what there is in a directory.
func list(t *testing.T, dir string) (names []string) {
	t.Helper()
	entries, err := os.ReadDir(dir)
	if err != nil {
		t.Fatal(err)
	}
	for _, e := range entries {
		names = append(names, e.Name())
	}
	return names
}

// TestKilled: the next one removes what a process that was killed has left, and
// nothing else.
func TestKilled(t *testing.T) {
	parent := t.TempDir()
	for _, name := range []string{"unotify-other", "unrelated"} {
		if err := os.Mkdir(filepath.Join(parent, name), 0o755); err != nil {
			t.Fatal(err)
		}
	}
	mine, err := New(parent)
	if err != nil {
		t.Fatal(err)
	}
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	child := exec.Command(self)
	child.Env = append(os.Environ(), childEnv+"="+parent)
	out, err := child.StdoutPipe()
	if err == nil {
		err = child.Start()
	}
	if err != nil {
		t.Fatal(err)
	}
	path := make([]byte, 4096)
	n, err := out.Read(path)
	if err != nil {
		t.Fatal(err)
	}
	theirs := filepath.Base(string(path[:n]))
	both := []string{filepath.Base(mine.Path), theirs, "unotify-other", "unrelated"}
	slices.Sort(both)

	other, err := New(parent)
	if err != nil {
		t.Fatal(err)
	}
	if err := other.Remove(); err != nil {
		t.Error(err)
	}
	if diff := cmp.Diff(both, list(t, parent)); diff != "" {
		t.Errorf("beside one that lives (-want +got):\n%s", diff)
	}

	_ = child.Process.Kill()
	_ = child.Wait()
	if other, err = New(parent); err != nil {
		t.Fatal(err)
	}
	for _, d := range []*Dir{mine, other} {
		if err := d.Remove(); err != nil {
			t.Error(err)
		}
	}
	if diff := cmp.Diff([]string{"unotify-other", "unrelated"}, list(t, parent)); diff != "" {
		t.Errorf("after it was killed (-want +got):\n%s", diff)
	}
}

// TestAtOnce: no sweep takes a directory that is being made.
func TestAtOnce(t *testing.T) {
	parent := t.TempDir()
	var all sync.WaitGroup
	for range 8 {
		all.Go(func() {
			for range 50 {
				d, err := New(parent)
				if err == nil {
					err = os.WriteFile(filepath.Join(d.Path, "file"), nil, 0o644)
				}
				if err == nil {
					err = d.Remove()
				}
				if err != nil {
					t.Error(err)
					return
				}
			}
		})
	}
	all.Wait()
	if left := list(t, parent); len(left) > 0 {
		t.Errorf("left: %q", left)
	}
}

// TestNoLocks: where there are none (a board's kernel without file locking, NFS, which
// locks no directory), a directory is made all the same, and nobody else removes it.
func TestNoLocks(t *testing.T) {
	flock = func(int, int) error { return unix.ENOSYS }
	defer func() { flock = unix.Flock }()
	parent := t.TempDir()
	var dirs []*Dir
	for range 2 {
		d, err := New(parent)
		if err != nil {
			t.Fatal(err)
		}
		dirs = append(dirs, d)
	}
	if got := len(list(t, parent)); got != len(dirs) {
		t.Errorf("%d directories are there, want %d", got, len(dirs))
	}
	for _, d := range dirs {
		if err := d.Remove(); err != nil {
			t.Error(err)
		}
	}
	if left := list(t, parent); len(left) > 0 {
		t.Errorf("left: %q", left)
	}
}
