package profile

import (
	"bytes"
	"flag"
	"os"
	"path/filepath"
	"testing"

	"github.com/google/go-cmp/cmp"
)

var update = flag.Bool("update", false, "write the golden files anew")

// golden compares got with testdata/name. On a difference what was got stays
// beside it as .got-name, which git ignores.
func golden(t *testing.T, name, got string) {
	t.Helper()
	path := filepath.Join("testdata", name)
	gotPath := filepath.Join("testdata", ".got-"+name)
	if *update {
		if err := os.WriteFile(path, []byte(got), 0o644); err != nil {
			t.Fatal(err)
		}
		os.Remove(gotPath)
		return
	}
	want, err := os.ReadFile(path)
	if err != nil {
		t.Fatalf("%v: make it with: go test -update", err)
	}
	if diff := cmp.Diff(string(want), got); diff != "" {
		if err := os.WriteFile(gotPath, []byte(got), 0o644); err != nil {
			t.Error(err)
		}
		t.Errorf("%s differs from %s (-want +got):\n%s", gotPath, path, diff)
		return
	}
	os.Remove(gotPath)
}

// sample is a profile of all kinds of stacks; by is added to one function.
func sample(by uint64) *Profile {
	p := &Profile{
		About: about(),
		Calls: 3, Median: 6261 + by, All: 3*6261 + 3*by + 900,
		Stacks: []Stack{
			{Task: Target, Frames: []string{"entry_SYSCALL_64", "do_syscall_64", "seccomp_do_user_notification"}, Call: 2000 + by, All: 6000 + 3*by},
			{Task: Target, Frames: []string{"entry_SYSCALL_64", "do_syscall_64", "seccomp_do_user_notification", "schedule"}, Call: 1000, All: 3000},
			{Task: Target, Frames: []string{"entry_SYSCALL_64", "do_syscall_64"}, Call: 200, All: 600},
			{Task: Target, Frames: []string{"entry_SYSCALL_64"}, Call: 50, All: 150},
			{Task: Target, Frames: []string{"unotify-bench/asmstubs.run"}, User: true, Call: 7, All: 21},
			{Task: Supervisor, Frames: []string{"entry_SYSCALL_64", "do_syscall_64", "seccomp_notify_ioctl"}, Call: 1500, All: 4500},
			{Task: Supervisor, Frames: []string{"entry_SYSCALL_64", "do_syscall_64", "schedule"}, Call: 1404, All: 4212},
			{Task: Supervisor, Frames: []string{"unotify-bench/bench.(*supervisor).serve"}, User: true, Call: 100, All: 300},
			{Task: Others, Frames: []string{"ret_from_fork_asm", "kthread"}, All: 900},
		},
	}
	p.sort()
	return p
}

func TestGolden(t *testing.T) {
	for name, write := range map[string]func(*bytes.Buffer) error{
		"table.txt":  func(b *bytes.Buffer) error { return sample(0).Table(b, false) },
		"all.txt":    func(b *bytes.Buffer) error { return sample(0).Table(b, true) },
		"folded.txt": func(b *bytes.Buffer) error { return sample(0).Folded(b) },
		"flame.svg":  func(b *bytes.Buffer) error { return sample(0).Flame(b) },
		"grew.txt": func(b *bytes.Buffer) error {
			d, err := Compare(sample(0), sample(10))
			if err != nil {
				return err
			}
			return d.Text(b)
		},
		"same.txt": func(b *bytes.Buffer) error {
			d, err := Compare(sample(0), sample(0))
			if err != nil {
				return err
			}
			return d.Text(b)
		},
	} {
		t.Run(name, func(t *testing.T) {
			var b bytes.Buffer
			if err := write(&b); err != nil {
				t.Fatal(err)
			}
			golden(t, name, b.String())
		})
	}
}
