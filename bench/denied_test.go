package bench

import (
	"context"
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"runtime"
	"strings"
	"syscall"
	"testing"

	"golang.org/x/sys/unix"

	"unotify-bench/abi"
	"unotify-bench/internal/notify"
)

// envChild makes the test binary run its cells in a place that denies
// something, and print the rows.
const envChild = "BENCH_TEST_CHILD"

// denial is a place that denies. It is entered in the child, before Run.
var denials = map[string]func() error{
	"nothing": func() error { return nil },
	"EPERM":   func() error { return denySeccomp(unix.EPERM) },
	"ENOSYS":  func() error { return denySeccomp(unix.ENOSYS) },
	"EACCES":  func() error { return denySeccomp(unix.EACCES) },
}

// denySeccomp does what the filter of a container does: from here on
// seccomp(2) fails, for this process and all that it starts.
func denySeccomp(e unix.Errno) error {
	p, err := notify.FilterFor(unix.SYS_SECCOMP, abi.SECCOMP_RET_ERRNO|uint32(e))
	if err != nil {
		return err
	}
	runtime.LockOSThread()
	_, err = p.Install(abi.SECCOMP_FILTER_FLAG_TSYNC)
	return err
}

func deniedCells() []Cell {
	return []Cell{
		cellOf("native"), cellOf("allow"), cellOf("errno"), cellOf("sigsys"), cellOf("reply"), cellOf("continue-read", "openat"),
		cellOf("addfd", "openat"), cellOf("ptrace-seccomp"), cellOf("ptrace-syscall", "openat"), cellOf("ptrace-freeze", "openat"), cellOf("native"),
	}
}

func childMain(name string) {
	_ = os.Unsetenv(envChild)
	err := denials[name]()
	if err == nil {
		out := json.NewEncoder(os.Stdout)
		err = Run(context.Background(), few, deniedCells(), func(r Row) error { return out.Encode(r) })
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	os.Exit(0)
}

// runDenied returns the rows that a child measured.
func runDenied(t *testing.T, name string, cred *syscall.Credential) map[string]Row {
	t.Helper()
	cmd := exec.Command("/proc/self/exe")
	cmd.Env = append(os.Environ(), envChild+"="+name)
	cmd.SysProcAttr = &syscall.SysProcAttr{Credential: cred}
	cmd.Dir = "/"
	var text strings.Builder
	cmd.Stderr = &text
	out, err := cmd.Output()
	if err != nil {
		t.Fatalf("child %s: %v\n%s", name, err, text.String())
	}
	got := map[string]Row{}
	dec := json.NewDecoder(strings.NewReader(string(out)))
	for n := 0; dec.More(); n++ {
		var r Row
		if err := dec.Decode(&r); err != nil {
			t.Fatal(err)
		}
		if want := deniedCells()[n]; r.Cell != want {
			t.Errorf("row %d is for %s, want %s", n, r.Cell.Name(), want.Name())
		}
		got[r.Cell.Mech] = r
	}
	if len(got) != len(deniedCells())-1 {
		t.Fatalf("%d rows:\n%s%s", len(got), out, text.String())
	}
	return got
}

// checkDenied checks that exactly the named mechanisms could not be measured,
// and that each says why.
func checkDenied(t *testing.T, got map[string]Row, denied []string, why ...string) {
	t.Helper()
	want := map[string]bool{}
	for _, d := range denied {
		want[d] = true
	}
	for mech, r := range got {
		switch {
		case r.Err != "":
			t.Errorf("%s: an error, not a reason: %s", mech, r.Err)
		case want[mech] != (r.NA != ""):
			t.Errorf("%s: denied %v, want %v: %q", mech, r.NA != "", want[mech], r.NA)
		case !want[mech]:
			checkRow(t, r, few)
		}
		for _, w := range why {
			if want[mech] && !strings.Contains(r.NA, w) {
				t.Errorf("%s does not say %q: %q", mech, w, r.NA)
			}
		}
	}
}

// filtered are the mechanisms that need a filter of ours.
var filtered = []string{"allow", "errno", "sigsys", "reply", "continue-read", "addfd", "ptrace-seccomp", "ptrace-freeze"}

// TestNoSeccomp: a container that filters seccomp(2) away, or a kernel
// without it.
func TestNoSeccomp(t *testing.T) {
	for _, tt := range []struct {
		errno string
		why   []string
	}{
		{"EPERM", []string{"seccomp", "EPERM", "container"}},
		{"ENOSYS", []string{"seccomp", "ENOSYS", "CONFIG_SECCOMP_FILTER"}},
		{"EACCES", []string{"seccomp", "EACCES"}},
	} {
		t.Run(tt.errno, func(t *testing.T) {
			checkDenied(t, runDenied(t, tt.errno, nil), filtered, tt.why...)
		})
	}
}

// nobody is an unprivileged user.
var nobody = &syscall.Credential{Uid: 65534, Gid: 65534}

// TestOrdinaryUser: no row needs root.
func TestOrdinaryUser(t *testing.T) {
	cred := nobody
	if os.Getuid() != 0 {
		cred = nil // we are one
	}
	checkDenied(t, runDenied(t, "nothing", cred), nil)
}

// TestYama: where a process may only be traced with CAP_SYS_PTRACE, what
// needs to look into the target says so, and the rest is measured.
func TestYama(t *testing.T) {
	const scope = "/proc/sys/kernel/yama/ptrace_scope"
	was, err := os.ReadFile(scope)
	if os.IsNotExist(err) {
		t.Skip("this kernel has no yama; the machines of cmd/unotify-bench's TestVM have")
	}
	if err != nil {
		t.Fatal(err)
	}
	if os.Getuid() != 0 {
		t.Skip("only root may change kernel.yama.ptrace_scope")
	}
	defer func() { _ = os.WriteFile(scope, was, 0) }()
	for _, tt := range []struct {
		scope  string
		denied []string
		why    []string
	}{
		{"0", nil, nil},
		{"1", nil, nil},
		{"2", []string{"continue-read", "addfd", "ptrace-seccomp", "ptrace-syscall", "ptrace-freeze"},
			[]string{"ptrace access", "kernel.yama.ptrace_scope is 2", "sysctl kernel.yama.ptrace_scope=1"}},
	} {
		t.Run(tt.scope, func(t *testing.T) {
			if err := os.WriteFile(scope, []byte(tt.scope), 0); err != nil {
				t.Fatal(err)
			}
			checkDenied(t, runDenied(t, "nothing", nobody), tt.denied, tt.why...)
		})
	}
}
