package suite

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strconv"
	"strings"

	"golang.org/x/sys/unix"

	"unotify-bench/abi"
)

// memcg is a cgroup with an account of memory.
type memcg struct {
	t    *T
	path string
}

// memcg makes a cgroup, to be removed by the func. Where that is not possible
// the check is about nothing.
func (t *T) memcg() (*memcg, func()) {
	root := filepath.Join(t.dir, "cgroups")
	t.ok(os.Mkdir(root, 0o700), "make a directory")
	if err := unix.Mount("none", root, "cgroup2", 0, ""); err != nil {
		t.Without(fmt.Sprintf("cgroup2 that can be mounted (%v)", err))
	}
	control := filepath.Join(root, "cgroup.subtree_control")
	on, err := os.ReadFile(control)
	wasOn := slices.Contains(strings.Fields(string(on)), "memory")
	if err == nil && !wasOn {
		err = os.WriteFile(control, []byte("+memory"), 0)
	}
	undo := func() {
		if !wasOn {
			t.ok(os.WriteFile(control, []byte("-memory"), 0), "switch the memory controller off again")
		}
		t.ok(unix.Unmount(root, 0), "unmount cgroup2")
	}
	if err != nil {
		t.ok(unix.Unmount(root, 0), "unmount cgroup2")
		t.Without(fmt.Sprintf("memory controller in cgroup2 (%v)", err))
	}
	m := &memcg{t, filepath.Join(root, fmt.Sprintf("unotify-%d", os.Getpid()))}
	t.ok(os.Mkdir(m.path, 0o700), "make a cgroup")
	return m, func() {
		m.leave()
		t.ok(os.Remove(m.path), "remove a cgroup")
		undo()
	}
}

// join moves a process into the cgroup.
func (m *memcg) join(pid int) { m.move(filepath.Join(m.path, "cgroup.procs"), strconv.Itoa(pid)) }

// leave moves whoever is there up again.
func (m *memcg) leave() {
	pids, err := os.ReadFile(filepath.Join(m.path, "cgroup.procs"))
	m.t.ok(err, "list a cgroup")
	for pid := range strings.FieldsSeq(string(pids)) {
		m.move(filepath.Join(filepath.Dir(m.path), "cgroup.procs"), pid)
	}
}

func (m *memcg) move(to, pid string) {
	if err := os.WriteFile(to, []byte(pid), 0); !errors.Is(err, unix.ESRCH) {
		m.t.ok(err, "move a process to another cgroup")
	}
}

// bytes is what the cgroup is charged with. Charges come in batches of up to
// 256 KiB a CPU (MEMCG_CHARGE_BATCH, include/linux/memcontrol.h).
func (m *memcg) bytes() int64 {
	b, err := os.ReadFile(filepath.Join(m.path, "memory.current"))
	m.t.ok(err, "read a cgroup's account")
	n, err := strconv.ParseInt(strings.TrimSpace(string(b)), 10, 64)
	m.t.ok(err, "read a cgroup's account")
	return n
}

var _ = add(Check{ID: "inject.memcg-charge", Level: Ours, Source: "conformance.md, E: memcg charge", Needs: needsInject,
	Doc: "what INJECT keeps for a target is charged to the target's cgroup, and no longer than it is kept",
	run: func(t *T) {
		m, remove := t.memcg()
		defer remove()
		c := t.notified(unix.SYS_WRITE, 0)
		m.join(c.PID())
		const size, slack = 1 << 20, 256 << 10 // slack for a batch that was charged before
		buf := make([]byte, size)
		before := m.bytes()
		n := c.trap(call(unix.SYS_WRITE, ^uint64(0), 0, 1))
		t.must(c.Inject(&abi.NotifInject{
			ID: n.ID, Nr: unix.SYS_WRITE, Args: [6]uint64{^uint64(0), 0, size}, ArgsInBufMask: 1 << 1,
			Buf: addressOf(buf), BufSize: size,
		}), "INJECT")
		runtime.KeepAlive(buf)
		if during := m.bytes(); during-before < size-slack {
			t.Errorf("with 1 MiB injected the target's cgroup is charged with %d bytes more, want about %d", during-before, size)
		}
		c.resume(n.ID)
		c.result()
		if after := m.bytes(); after-before >= size-slack {
			t.Errorf("when the call has gone on the target's cgroup is charged with %d bytes more than before", after-before)
		}
	}})
