package suite

import (
	"slices"
	"strings"
	"testing"

	"golang.org/x/sys/unix"

	"unotify-bench/abi"
	"unotify-bench/internal/notify"
)

var _ = add(
	Check{ID: "wire.test-pin", Doc: "d", Source: "s", Level: Must, run: func(t *T) { t.newPin(1) }},
	Check{ID: "wire.test-tracer", Doc: "d", Source: "s", Level: Must, run: func(t *T) { t.start().traced() }},
	Check{ID: "wire.test-memory", Doc: "d", Source: "s", Level: Must, run: func(t *T) {
		c := t.start()
		_, e := c.memory().Read(1, make([]byte, 1))
		t.errno("a read of nothing", e, unix.EFAULT)
	}},
)

// TestLacks: where a kernel lacks what the suite itself needs, a check that uses
// it can not tell, and says so; others run. A filter makes such a kernel.
func TestLacks(t *testing.T) {
	for _, tt := range []struct {
		name, syscall string
		unclear, held string
	}{
		{"memfd_create", "memfd_create", "wire.test-pin", "wire.test-tracer"},
		{"ptrace", "ptrace", "wire.test-tracer", "wire.test-pin"},
		{"process_vm_readv", "process_vm_readv", "wire.test-memory", "wire.test-tracer"},
		{"process_vm_readv, of a check", "process_vm_readv", "notify.fifo", "notify.basic"},
		{"pidfd_open", "pidfd_open", "", "notify.basic"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			got := map[string]Result{}
			done := make(chan error)
			go func() {
				done <- lacking(notify.Native.Syscalls[tt.syscall], func() error {
					var checks []*Check
					for _, id := range []string{tt.unclear, tt.held} {
						if id != "" {
							checks = append(checks, Find(id))
						}
					}
					return Run(t.Context(), checks, Deadline, func(r Result) error { got[r.ID] = r; return nil })
				})
			}()
			if err := <-done; err != nil {
				t.Fatal(err)
			}
			if r := got[tt.unclear]; tt.unclear != "" && r.Outcome != Unclear {
				t.Errorf("%s: %+v, want unclear", tt.unclear, r)
			}
			if r := got[tt.held]; r.Outcome != Held {
				t.Errorf("%s: %+v, want held", tt.held, r)
			}
		})
	}
}

// TestNoSeccomp: a kernel without seccomp breaks no word. What can be checked
// there is, the rest is absent.
func TestNoSeccomp(t *testing.T) {
	done := make(chan error)
	go func() {
		done <- lacking(unix.SYS_SECCOMP, func() error {
			checks := slices.DeleteFunc(Catalogue(), func(c *Check) bool { return strings.HasPrefix(c.ID, "wire.test-") })
			return Run(t.Context(), checks, Deadline, func(r Result) error {
				want := Absent
				if Find(r.ID).Mech() == "native" || r.ID == "wire.ioctl-numbers" { // which asks no kernel
					want = Held
				}
				if r.Outcome != want {
					t.Errorf("%s: %s, %q; want %s", r.ID, r.Outcome, r.Text, want)
				}
				return nil
			})
		})
	}()
	if err := <-done; err != nil {
		t.Fatal(err)
	}
}

// lacking calls f on a thread, which is lost, for which nr does not exist; what
// f starts inherits that.
func lacking(nr int, f func() error) error {
	if err := notify.LockThread(); err != nil {
		return err
	}
	p, err := notify.FilterFor(nr, abi.SECCOMP_RET_ERRNO|uint32(unix.ENOSYS))
	if err == nil {
		_, err = p.Install(0)
	}
	if err != nil {
		return err
	}
	return f()
}
