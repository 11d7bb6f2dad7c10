package main

import (
	"bytes"
	"crypto/rand"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/rogpeppe/go-internal/testscript"
	"golang.org/x/sys/unix"

	"unotify-bench/abi/fuzz"
	"unotify-bench/abi/suite"
	"unotify-bench/bench"
	"unotify-bench/bench/workload"
	"unotify-bench/internal/leak"
	"unotify-bench/internal/report"
	"unotify-bench/kernel"
)

// The test binary is the command where it is started under the command's
// name, and what else the command is in its roles.
func TestMain(m *testing.M) {
	suite.Main()
	fuzz.Main()
	workload.Main()
	bench.Main()
	if kernel.InGuest() {
		guestMain()
		return
	}
	testscript.Main(leak.Tests{M: m, Kept: []string{"/memfd:unotify-plugin"}}, map[string]func(){"unotify-bench": main})
}

func TestScripts(t *testing.T) {
	module, err := os.Getwd()
	if err != nil {
		t.Fatal(err)
	}
	// The scripts' home is empty, go's cache is not.
	goEnv, err := exec.Command("go", "env", "GOCACHE", "GOMODCACHE", "GOFLAGS").Output()
	if err != nil {
		t.Fatal(err)
	}
	goVars := strings.Split(string(goEnv), "\n")
	testscript.Run(t, testscript.Params{
		Dir:                 filepath.Join("testdata", "script"),
		RequireExplicitExec: true,
		Setup: func(e *testscript.Env) error {
			e.Setenv("XDG_STATE_HOME", filepath.Join(e.WorkDir, "state"))
			e.Setenv("XDG_CACHE_HOME", filepath.Join(e.WorkDir, "cache"))
			e.Setenv("MODULE", module)
			e.Setenv("GOCACHE", goVars[0])
			e.Setenv("GOMODCACHE", goVars[1])
			e.Setenv("GOFLAGS", goVars[2])
			return nil
		},
		Cmds: map[string]func(*testscript.TestScript, bool, []string){
			"exits": exits,
			"rows":  rows,
		},
	})
}

// exits STATUS COMMAND [ARG...]: the command ends with this very status.
func exits(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) < 2 {
		ts.Fatalf("usage: exits STATUS COMMAND [ARG...]")
	}
	var failed *exec.ExitError
	got := 0
	if err := ts.Exec(args[1], args[2:]...); errors.As(err, &failed) {
		got = failed.ExitCode()
	} else if err != nil {
		ts.Fatalf("%v", err)
	}
	if strconv.Itoa(got) != args[0] {
		ts.Fatalf("exit status %d, want %s", got, args[0])
	}
}

// rows N FILE: the file, or stdout, holds N results, and no line of it is
// doubtful.
func rows(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) != 2 {
		ts.Fatalf("usage: rows N FILE")
	}
	f, err := report.Read(strings.NewReader(ts.ReadFile(args[1])), args[1])
	ts.Check(err)
	ts.Check(errors.Join(f.Warnings...))
	if got := strconv.Itoa(len(f.Results)); got != args[0] {
		ts.Fatalf("%s has %s results, want %s", args[1], got, args[0])
	}
}

// command is one run of unotify-bench as a process. It is in a process group
// of its own, as a shell would start it.
type command struct {
	*exec.Cmd
	stdout, stderr bytes.Buffer
	mark           string // in the environment of it and all that it starts
}

// markVar is the variable that holds a command's mark.
const markVar = "UNOTIFY_BENCH_TEST_MARK"

func newCommand(t *testing.T, args ...string) *command {
	t.Helper()
	c := &command{Cmd: exec.Command("unotify-bench", args...), mark: markVar + "=" + rand.Text()}
	c.Cmd.Stdout, c.Cmd.Stderr = &c.stdout, &c.stderr
	c.Env = append(os.Environ(), c.mark)
	c.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	c.WaitDelay = 5 * time.Second
	return c
}

// start starts the command, which ends with the test at the latest.
func (c *command) start(t *testing.T) {
	t.Helper()
	if err := c.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if c.ProcessState == nil {
			_ = c.Process.Kill()
			_ = c.Cmd.Wait()
		}
	})
}

// status waits for the command's end and returns its exit status, -1 if a
// signal ended it. Nothing that it started may then be alive for long.
func (c *command) status(t *testing.T) int {
	t.Helper()
	if err := c.Wait(); err != nil && c.ProcessState == nil {
		t.Fatal(err)
	}
	var left []string
	for range 100 {
		if left = processes(c.mark); len(left) == 0 {
			return c.ProcessState.ExitCode()
		}
		time.Sleep(100 * time.Millisecond)
	}
	t.Errorf("%v left processes behind: %q", c.Args, left)
	return c.ProcessState.ExitCode()
}

// over reports whether the command has ended.
func (c *command) over(t *testing.T) bool {
	t.Helper()
	var info unix.Siginfo
	if err := unix.Waitid(unix.P_PID, c.Process.Pid, &info, unix.WEXITED|unix.WNOHANG|unix.WNOWAIT, nil); err != nil {
		t.Fatal(err)
	}
	return info.Signo != 0
}

// runs starts the command and wants an exit status.
func (c *command) runs(t *testing.T, want int) {
	t.Helper()
	c.start(t)
	if got := c.status(t); got != want {
		t.Fatalf("%v: exit status %d, want %d\n%s%s", c.Args, got, want, &c.stdout, &c.stderr)
	}
}

// processes lists the processes with a variable in their environment. Of one
// that is dead but not reaped the kernel shows no environment.
func processes(variable string) []string {
	var found []string
	files, _ := filepath.Glob("/proc/[0-9]*/environ")
	for _, f := range files {
		env, err := os.ReadFile(f)
		if err != nil || !bytes.Contains(env, []byte(variable)) {
			continue
		}
		args, _ := os.ReadFile(filepath.Join(filepath.Dir(f), "cmdline"))
		found = append(found, fmt.Sprintf("%s %s", filepath.Base(filepath.Dir(f)), bytes.ReplaceAll(args, []byte{0}, []byte{' '})))
	}
	return found
}

// results reads a results file, which must be in order.
func results(t *testing.T, path string) *report.File {
	t.Helper()
	f, err := report.ReadFile(path)
	if err == nil {
		err = errors.Join(f.Warnings...)
	}
	if err != nil {
		t.Fatal(err)
	}
	return f
}

// names lists what was measured.
func names(f *report.File) []string {
	var out []string
	for _, r := range f.Results {
		out = append(out, r.Name.String())
	}
	return out
}
