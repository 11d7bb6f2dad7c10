package profile

import (
	"bytes"
	"testing"

	"unotify-bench/internal/golden"
)

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
			golden.Check(t, name, b.String())
		})
	}
}
