package kernel

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// TestBadLines has one row for each kind of report, as the kernel's source
// prints it, and lines that only look alike.
func TestBadLines(t *testing.T) {
	tests := []struct {
		line string
		bad  bool
	}{
		{"BUG: KASAN: slab-use-after-free in seccomp_notify_ioctl+0x1/0x2", true},
		{"BUG: sleeping function called from invalid context at mm/util.c:1", true},
		{"BUG: kernel NULL pointer dereference, address: 0000000000000000", true},
		{"[    1.000000] WARNING: CPU: 0 PID: 1 at kernel/seccomp.c:1 x+0x0/0x0", true},
		{"WARNING: possible circular locking dependency detected", true},
		{"WARNING: possible recursive locking detected", true},
		{"watchdog: BUG: soft lockup - CPU#0 stuck for 22s!", true},
		{"rcu: INFO: rcu_sched self-detected stall on CPU", true},
		{"INFO: task target:7 blocked for more than 120 seconds.", true},
		{"Oops: general protection fault, 0000 [#1] SMP", true},
		{"Internal error: Oops: 0000000096000004 [#1] SMP", true},
		{"Unable to handle kernel paging request at virtual address 0", true},
		{"kernel BUG at mm/slub.c:1!", true},
		{"UBSAN: array-index-out-of-bounds in kernel/seccomp.c:1:2", true},
		{"kmemleak: 1 new suspected memory leaks (see /sys/kernel/debug/kmemleak)", true},
		{"refcount_t: underflow; use-after-free.", true},
		{"list_add corruption. next->prev should be prev", true},
		{"Kernel panic - not syncing: Attempted to kill init!", true},
		{"DEBUG: all is well", false},
		{"Speculative Return Stack Overflow: WARNING: See https://kernel.org/doc", false},
		{"Booting Linux, no bugs", false},
		{"kmemleak: Kernel memory leak detector initialized", false},
	}
	for _, tt := range tests {
		c := console{}
		c.scan([]byte(tt.line + "\n"))
		if got := len(c.bad) == 1; got != tt.bad {
			t.Errorf("%q: bad = %v", tt.line, got)
		}
	}
}

func TestConsoleLog(t *testing.T) {
	var lines, long strings.Builder
	for i := range 1000 {
		fmt.Fprintf(&lines, "line %d\n", i)
	}
	long.WriteString(strings.Repeat("x", 150<<10))
	tests := []struct {
		name, in, want string
		is             error
	}{
		{"empty", "", "", nil},
		{"short", "a\nb\n", "a\nb\n", nil},
		{"exactly", strings.Repeat("y", 1000), strings.Repeat("y", 1000), nil},
		{"long", lines.String(), lines.String()[:500] + fmt.Sprintf("\n[… %d bytes left out …]\n", lines.Len()-1000) + lines.String()[lines.Len()-500:], nil},
		{"flood", long.String(), long.String()[:500] + fmt.Sprintf("\n[… %d bytes left out …]\n", 128<<10-1000) + long.String()[:500], ErrFlood},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			log := filepath.Join(t.TempDir(), "log")
			c, err := newConsole(128<<10, 1000, log)
			if err != nil {
				t.Fatal(err)
			}
			defer c.close()
			openAsQEMU(t, c.sink)
			// What does not fit is refused by the seal, as it is for QEMU.
			_, _ = c.sink.w.WriteString(tt.in)
			if _, err := c.poll(); !errors.Is(err, tt.is) {
				t.Errorf("poll: %v", err)
			}
			if err := c.finish(); err != nil {
				t.Fatal(err)
			}
			got, err := os.ReadFile(log)
			if err != nil {
				t.Fatal(err)
			}
			if d := cmp.Diff(tt.want, string(got)); d != "" {
				t.Errorf("log (-want +got):\n%s", d)
			}
		})
	}
}

func TestConsoleTail(t *testing.T) {
	c, err := newConsole(128<<10, 1000, "")
	if err != nil {
		t.Fatal(err)
	}
	defer c.close()
	openAsQEMU(t, c.sink)
	for i := range 5000 {
		fmt.Fprintf(c.sink.w, "line %d\r\n", i)
	}
	fmt.Fprintf(c.sink.w, "\x1b[31mred\x07\tbell \xff\n\nKernel panic - not syncing: \x1b]0;x\n%s", strings.Repeat("z", 5000))
	if _, err := c.poll(); err != nil {
		t.Fatal(err)
	}
	got := c.tail()
	if len(got) != tailLines {
		t.Errorf("%d lines", len(got))
	}
	want := []string{"line 4999", "[31mred bell ?", "Kernel panic - not syncing: ]0;x", strings.Repeat("z", lineMax)}
	if d := cmp.Diff(want, got[len(got)-4:]); d != "" {
		t.Errorf("tail (-want +got):\n%s", d)
	}
	if c.panic != "Kernel panic - not syncing: ]0;x" {
		t.Errorf("panic %q", c.panic)
	}
	if len(c.line) > lineMax {
		t.Errorf("%d bytes of a line kept", len(c.line))
	}
}

// openAsQEMU truncates as QEMU does, and lets the sink see it.
func openAsQEMU(t *testing.T, s *sink) {
	t.Helper()
	if err := s.w.Truncate(0); err != nil {
		t.Fatal(err)
	}
	if heard, err := s.poll(nil); heard || err != nil {
		t.Fatal(heard, err)
	}
}
