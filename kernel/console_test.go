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
		{"KASAN: null-ptr-deref in range [0x0000000000000000-0x0000000000000007]", true},
		{"WARNING: suspicious RCU usage", true},
		{"WARNING: inconsistent lock state", true},
		{"INFO: possible recursive locking detected", true},
		{"[   12.5] Call Trace:", true},
		{"Call trace:", true},
		{"kmemleak: Kernel memory leak detector disabled", true},
		{"kasan: KernelAddressSanitizer initialized (generic)", false},
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

// TestSplat feeds a console, in pieces, and looks at what is shown of it.
func TestSplat(t *testing.T) {
	numbered := func(n int) (lines []string) {
		for i := range n {
			lines = append(lines, fmt.Sprintf("frame %d", i))
		}
		return lines
	}
	kasan := []string{
		"[    2.1] ==================================================================",
		"[    2.2] BUG: KASAN: slab-use-after-free in seccomp_notify_ioctl+0x1/0x2",
		"[    2.2] Read of size 8 at addr ffff888003a4b018 by task target/71",
		"[    2.2] Call Trace:", "[    2.2]  dump_stack_lvl+0x53/0x70",
	}
	warning := []string{"WARNING: CPU: 0 PID: 1 at kernel/seccomp.c:7 x+0x0/0x0", "Call Trace:", " x+0x1/0x2", "---[ end trace 0000000000000000 ]---"}
	const panicked = "Kernel panic - not syncing: Attempted to kill init! exitcode=0x00000100"
	rows := []struct {
		name    string
		console []string
		want    []string
	}{
		{"nothing", []string{"Booting Linux", "all is well"}, nil},
		{"what came before is no part", append([]string{"fine"}, kasan...), kasan[1:]},
		{"what follows is", append(kasan[1:5:5], numbered(100)...), append(kasan[1:5:5], numbered(splatLines-2)...)},
		{"to its end", append(append([]string{"fine"}, warning...), "fine again"), warning},
		{"another", append(append(append([]string{}, warning...), "fine again"), kasan[1:]...), append(append([]string{}, warning...), kasan[1:]...)},
		{"a panic is not one", append([]string{panicked, "Call Trace:"}, numbered(3)...), nil},
		{"before a panic", append(append([]string{}, kasan[1:]...), panicked, "Call Trace:"), append(append([]string{}, kasan[1:]...), panicked, "Call Trace:")},
		{"steers no terminal", []string{"BUG: \x1b[2Jx", "", "\ty"}, []string{"BUG: [2Jx", "y"}},
	}
	for _, row := range rows {
		t.Run(row.name, func(t *testing.T) {
			var c console
			text := strings.Join(row.console, "\r\n") + "\r\n"
			for i := range len(text) {
				c.scan([]byte(text[i : i+1]))
			}
			var want []string
			for _, l := range row.want {
				want = append(want, strings.TrimSpace(l))
			}
			if d := cmp.Diff(want, c.splat); d != "" {
				t.Errorf("(-want +got):\n%s", d)
			}
		})
	}
}

// However much a kernel complains, what is kept is bounded.
func TestSplatIsBounded(t *testing.T) {
	var c console
	for range 10000 {
		c.scan([]byte("WARNING: " + strings.Repeat("x", 2*lineMax) + "\n"))
	}
	if len(c.splat) != splatMax || len(c.splat[0]) > lineMax || len(c.bad) != badMax {
		t.Errorf("%d lines of %d bytes, %d bad lines", len(c.splat), len(c.splat[0]), len(c.bad))
	}
}

func TestSplatError(t *testing.T) {
	lines := []string{"BUG: x", "Call Trace:"}
	const shown = "guest kernel complained: arm64:\n  BUG: x\n  Call Trace:"
	rows := []struct {
		name  string
		err   error
		lines []string
		is    []error
		want  string
	}{
		{"neither", nil, nil, nil, ""},
		{"only another", ErrIdle, nil, []error{ErrIdle}, "guest is silent"},
		{"ran to its end", nil, lines, []error{ErrSplat}, shown},
		{"was ended for it", ErrSplat, lines, []error{ErrSplat}, shown},
		{"both", ErrIdle, lines, []error{ErrIdle, ErrSplat}, "guest is silent\nbefore that: " + shown},
	}
	for _, row := range rows {
		err := withSplat(row.err, "arm64", row.lines)
		got := ""
		if err != nil {
			got = err.Error()
		}
		if d := cmp.Diff(row.want, got); d != "" {
			t.Errorf("%s (-want +got):\n%s", row.name, d)
		}
		for _, is := range row.is {
			if !errors.Is(err, is) {
				t.Errorf("%s: it is no %v", row.name, is)
			}
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
