package main

import (
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"github.com/google/go-cmp/cmp"

	"unotify-bench/internal/report"
)

// TestDiskFull gives a run a disk that has room for some rows. They are kept,
// and with more room the run goes on.
func TestDiskFull(t *testing.T) {
	dir := t.TempDir()
	small, kept := filepath.Join(dir, "small"), filepath.Join(dir, "kept")
	for _, d := range []string{small, kept} {
		if err := os.Mkdir(d, 0o755); err != nil {
			t.Fatal(err)
		}
	}
	// The mount is private to these processes and ends with them.
	const script = `mount --make-rprivate / && mount -t tmpfs -o size=8k none "$1" || exit 99
small=$1 kept=$2
shift 2
"$@"
status=$?
cp "$small"/* "$kept" || exit 98
exit $status`
	c := newCommand(t)
	c.Path, c.Args = shell(t), append([]string{"sh", "-c", script, "sh", small, kept, "unotify-bench"}, hostRun(filepath.Join(small, "r.txt"))...)
	c.SysProcAttr.Cloneflags = syscall.CLONE_NEWNS
	if os.Geteuid() != 0 {
		c.SysProcAttr.Cloneflags |= syscall.CLONE_NEWUSER
		c.SysProcAttr.UidMappings = []syscall.SysProcIDMap{{ContainerID: 0, HostID: os.Geteuid(), Size: 1}}
		c.SysProcAttr.GidMappings = []syscall.SysProcIDMap{{ContainerID: 0, HostID: os.Getegid(), Size: 1}}
	}
	c.runs(t, exitEnvironment)
	if !strings.Contains(c.stderr.String(), "no space left on device") {
		t.Errorf("not told what is wrong: %q", &c.stderr)
	}
	path := filepath.Join(kept, "r.txt")
	f, err := report.ReadFile(path)
	if err != nil && !errors.Is(err, report.ErrCut) {
		t.Fatal(err)
	}
	measured := names(f)
	if n := len(measured); n == 0 || n >= hostRows {
		t.Fatalf("%d rows kept, want some of %d", n, hostRows)
	}

	newCommand(t, hostRun(path, "--resume")...).runs(t, exitOK)
	all := names(results(t, path))
	if len(all) != hostRows {
		t.Errorf("%d rows in the end, want %d", len(all), hostRows)
	}
	if diff := cmp.Diff(measured, all[:len(measured)]); diff != "" {
		t.Errorf("first rows before and after (-before +after):\n%s", diff)
	}
}

func shell(t *testing.T) string {
	t.Helper()
	path, err := exec.LookPath("sh")
	if err != nil {
		t.Fatal(err)
	}
	return path
}
