package main

import (
	"bytes"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"sync"
	"syscall"
	"testing"

	"github.com/google/go-cmp/cmp"

	"unotify-bench/abi"
	"unotify-bench/internal/report"
)

// guests are built once an architecture, beside the command.
var guests = struct {
	sync.Mutex
	built map[string]bool
}{built: map[string]bool{}}

// needGuests builds the program for guests.
func needGuests(t *testing.T, archs ...string) {
	t.Helper()
	guests.Lock()
	defer guests.Unlock()
	for _, arch := range archs {
		if guests.built[arch] {
			continue
		}
		goBuild(t, arch, filepath.Join(filepath.Dir(commandFile(t)), "unotify-bench-linux-"+arch),
			"-trimpath", "-ldflags=-w", ".") // as make does: a small machine has no room for more
		guests.built[arch] = true
	}
}

func commandFile(t *testing.T) string {
	t.Helper()
	path, err := exec.LookPath("unotify-bench")
	if err != nil {
		t.Fatal(err)
	}
	return path
}

// goBuild builds a program for guests.
func goBuild(t *testing.T, arch, out string, args ...string) {
	t.Helper()
	cmd := exec.CommandContext(t.Context(), "go", append([]string{"build", "-o", out}, args...)...)
	cmd.Env = append(os.Environ(), "CGO_ENABLED=0", "GOOS=linux", "GOARCH="+arch)
	if text, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("%v: %v\n%s", cmd, err, text)
	}
}

// alone moves the command to a directory of its own, where another program
// for guests can be put.
func (c *command) alone(t *testing.T) (dir string) {
	t.Helper()
	dir = t.TempDir()
	b, err := os.ReadFile(commandFile(t))
	if err == nil {
		c.Path = filepath.Join(dir, "unotify-bench")
		err = os.WriteFile(c.Path, b, 0o755)
	}
	if err != nil {
		t.Fatal(err)
	}
	return dir
}

// vmRun is a run of one virtual machine after the other.
func vmRun(arch, mechs, out string, more ...string) []string {
	return append([]string{"run", "--on", arch, "--mech", mechs, "--syscall", "getppid", "--jobs", "1", "-o", out}, more...)
}

// samples returns the lines that have the hashes of all samples.
func samples(t *testing.T, path string) []string {
	t.Helper()
	b, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	var lines []string
	for line := range strings.Lines(string(b)) {
		if strings.HasPrefix(line, "# samples ") {
			lines = append(lines, line)
		}
	}
	return lines
}

// TestMachines measures two rows on each architecture.
func TestMachines(t *testing.T) {
	for _, arch := range arches() {
		t.Run(arch.Name, func(t *testing.T) { testMachine(t, arch) })
	}
}

func testMachine(t *testing.T, arch *abi.Arch) {
	needGuests(t, arch.Name)
	path := filepath.Join(t.TempDir(), "r.txt")
	c := newCommand(t, vmRun(arch.Name, "native,continue", path, "--count", "1")...)
	c.runs(t, exitOK)
	f := results(t, path)
	want := []string{"Notify/mech=native/syscall=getppid/cpus=same-1", "Notify/mech=continue/syscall=getppid/wake=sync/cpus=same-1"}
	if diff := cmp.Diff(want, names(f)); diff != "" {
		t.Errorf("rows (-want +got):\n%s", diff)
	}
	for _, r := range f.Results {
		for key, want := range map[string]string{"goarch": arch.Name, "accel": "tcg", "clock": "insns", "seeds": "1"} {
			if got := r.GetConfig(key); got != want {
				t.Errorf("%s: %s is %q, want %q", r.Name, key, got, want)
			}
		}
		if v, ok := r.Value("insns/op"); !ok || v <= 0 {
			t.Errorf("%s: %v insns/op", r.Name, v)
		}
	}
	line := regexp.MustCompile(`^# samples goarch=` + arch.Name + ` seed=1 rows=2 program=[0-9a-f]{64} sha256=[0-9a-f]{64}\n$`)
	if s := samples(t, path); len(s) != 1 || !line.MatchString(s[0]) {
		t.Errorf("lines on samples: %q, want one as %v", s, line)
	}
	for _, word := range []string{arch.Name, "continue", "insns"} {
		if !strings.Contains(c.stdout.String(), word) {
			t.Errorf("%q is not in the table:\n%s", word, &c.stdout)
		}
	}
	if text := c.stdout.String() + c.stderr.String(); strings.ContainsAny(text, "\x1b\r") {
		t.Errorf("escapes on what is no terminal: %q", text)
	}
	log, err := os.Stat(filepath.Join(filepath.Dir(path), "r.console", arch.Name+"-insns-1.log"))
	if err != nil || log.Size() == 0 {
		t.Errorf("no console kept: %v", err)
	}
	if _, err := os.Stat(path + ".journal"); err == nil {
		t.Error("a complete run has left its journal")
	}
}

// TestSameSamples makes the same run twice, at once: they share the cache of
// kernels, and every sample is the same.
func TestSameSamples(t *testing.T) {
	needGuests(t, "riscv64")
	dir := t.TempDir()
	paths := []string{filepath.Join(dir, "a.txt"), filepath.Join(dir, "b.txt")}
	var cs []*command
	for _, path := range paths {
		c := newCommand(t, "run", "--on", "riscv64", "--quick", "--count", "1", "-o", path)
		c.start(t)
		cs = append(cs, c)
	}
	for _, c := range cs {
		if got := c.status(t); got != exitOK {
			t.Fatalf("exit status %d\n%s", got, &c.stderr)
		}
	}
	a, b := samples(t, paths[0]), samples(t, paths[1])
	if diff := cmp.Diff(a, b); diff != "" || len(a) != 1 {
		t.Errorf("hashes of the samples of one and the other, want one and the same: %q\n%s", a, diff)
	}
	costs := func(f *report.File) map[string]float64 {
		m := map[string]float64{}
		for _, r := range f.Results {
			m[r.Name.String()], _ = r.Value("insns/op")
		}
		return m
	}
	if diff := cmp.Diff(costs(results(t, paths[0])), costs(results(t, paths[1]))); diff != "" {
		t.Errorf("costs in one and the other:\n%s", diff)
	}
}

// TestInterruptMachine sends a Ctrl-C to the command and to QEMU, which
// is in its process group, and goes on.
func TestInterruptMachine(t *testing.T) {
	needGuests(t, "riscv64")
	path := filepath.Join(t.TempDir(), "r.txt")
	args := vmRun("riscv64", "native,continue,ptrace-syscall", path, "--count", "2")
	const rows = 3 * 2
	for _, after := range []int{1, rows/2 + 1} {
		c := newCommand(t, args...)
		var old fs.FileInfo
		if after > 1 {
			c = newCommand(t, append(args, "--resume")...)
			old, _ = os.Stat(path + ".journal")
		}
		c.start(t)
		awaitJournal(t, c, path, old)
		awaitRows(t, c, path, after)
		_ = syscall.Kill(-c.Process.Pid, syscall.SIGINT)
		if got := interrupted(t, c, path); got < after {
			t.Errorf("%d rows kept, %d were there", got, after)
		}
	}
	newCommand(t, append(args, "--resume")...).runs(t, exitOK)
	if got := len(results(t, path).Results); got != rows {
		t.Errorf("%d rows in the end, want %d", got, rows)
	}
	if s := samples(t, path); len(s) != 2 {
		t.Errorf("lines on samples: %q, want one for each of 2 seeds", s)
	}
}

// TestHostileGuest lets guests lie. Their first row is true and kept, unless
// it is the lie.
func TestHostileGuest(t *testing.T) {
	tests := []struct {
		mode   string
		status int
		stderr string // part of it
		nas    int    // rows that were kept, all of which are of this kind
	}{
		{"honest", exitOK, "results: ", 2},
		{"stranger", exitEnvironment, `guest sent a row for "Notify/mech=redirect/syscall=getppid/cpus=same", asked was Notify/mech=continue`, 1},
		{"swapped", exitEnvironment, `guest sent a row for "Notify/mech=continue/syscall=getppid/wake=sync/cpus=same", asked was Notify/mech=native`, 0},
		{"absurd", exitEnvironment, "guest sent impossible counts for Notify/mech=continue", 1},
		{"escape", exitFailed, "?[2J?]0;owned??BenchmarkNotify", 2},
		{"extra", exitEnvironment, "guest sent more rows than were asked for", 2},
		{"early", exitEnvironment, "the guest ended with status 0 after 1 of 2 rows", 1},
		{"kind", exitEnvironment, "unknown kind", 1},
		{"garbage", exitEnvironment, "guest sent no row: json: ", 1},
		{"complaint", exitEnvironment, `guest: "\x1b[2J`, 1},
		{"console", exitFailed, "guest kernel complained: riscv64:\n  BUG: ", 1},
	}
	for _, tt := range tests {
		t.Run(tt.mode, func(t *testing.T) {
			path := filepath.Join(t.TempDir(), "r.txt")
			c := newCommand(t, vmRun("riscv64", "native,continue", path, "--count", "1")...)
			program := filepath.Join(c.alone(t), "unotify-bench-linux-riscv64")
			goBuild(t, "riscv64", program, "-ldflags=-X main.mode="+tt.mode, "./testdata/hostile")
			c.runs(t, tt.status)
			if !strings.Contains(c.stderr.String(), tt.stderr) {
				t.Errorf("%q is not in the message: %s", tt.stderr, &c.stderr)
			}
			if text := c.stdout.String() + c.stderr.String(); strings.ContainsAny(text, "\x1b\r\x07") {
				t.Errorf("control characters came through: %q", text)
			}
			file, err := os.ReadFile(path)
			if err != nil {
				t.Fatal(err)
			}
			if got := bytes.Count(file, []byte("# n/a riscv64 ")); got != tt.nas || bytes.Contains(file, []byte("\nBenchmark")) {
				t.Errorf("%d rows kept, want %d and no forged ones: %q", got, tt.nas, file)
			}
			_, err = os.Stat(path + ".journal")
			if kept := err == nil; kept != (tt.status == exitEnvironment) {
				t.Errorf("a journal is there: %v, with exit status %d", kept, tt.status)
			}
		})
	}
}

// TestNoQEMU has a kernel and a program for the guest, and nothing to run
// them; what the host measured is kept.
func TestNoQEMU(t *testing.T) {
	needGuests(t, "riscv64")
	newCommand(t, "kernel", "build", "--on", "riscv64").runs(t, exitOK)
	path := filepath.Join(t.TempDir(), "r.txt")
	c := newCommand(t, vmRun("host,riscv64", "native", path, "--count", "1")...)
	c.Env = append(c.Env, "PATH="+t.TempDir())
	c.runs(t, exitEnvironment)
	for _, word := range []string{"qemu-system-riscv64", "qemu-system-misc"} {
		if !strings.Contains(c.stderr.String(), word) {
			t.Errorf("%q is not in the message: %s", word, &c.stderr)
		}
	}
	if got := len(results(t, path).Results); got != 2 {
		t.Errorf("%d rows of the host kept, want 2", got)
	}
	// With QEMU there, the same run goes on.
	newCommand(t, vmRun("host,riscv64", "native", path, "--count", "1", "--resume")...).runs(t, exitOK)
	if got := len(results(t, path).Results); got != 3 {
		t.Errorf("%d rows in the end, want 3", got)
	}
}

// TestWrongKernel gives a machine another architecture's kernel.
func TestWrongKernel(t *testing.T) {
	newCommand(t, "kernel", "build", "--on", "riscv64").runs(t, exitOK)
	where := newCommand(t, "kernel", "path", "--on", "riscv64")
	where.runs(t, exitOK)
	image := strings.TrimSpace(where.stdout.String())
	for _, args := range [][]string{{"run", "-o", filepath.Join(t.TempDir(), "r.txt")}, {"probe"}} {
		c := newCommand(t, append(args, "--on", "amd64", "--kernel", image)...)
		c.runs(t, exitUsage)
		if want := "kernel is for another architecture: it is for riscv64, not amd64"; !strings.Contains(c.stderr.String(), want) {
			t.Errorf("%v: %q is not in the message: %s", c.Args, want, &c.stderr)
		}
	}
}

// TestProbeMachine asks a kernel of another architecture what it offers.
func TestProbeMachine(t *testing.T) {
	needGuests(t, "riscv64")
	c := newCommand(t, "probe", "--on", "riscv64", "--expect", "stock")
	c.runs(t, exitOK)
	for _, word := range []string{"riscv64 (Linux 6.12", "continue ", "ptrace-freeze ", "proposed"} {
		if !strings.Contains(c.stdout.String(), word) {
			t.Errorf("%q is not in:\n%s", word, &c.stdout)
		}
	}
}
