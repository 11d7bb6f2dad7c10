package main

import (
	"bytes"
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"runtime/debug"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"golang.org/x/sys/unix"

	"unotify-bench/abi"
	"unotify-bench/internal/notify"
	"unotify-bench/kernel"
)

// runHere runs a command line in this process.
func runHere(args ...string) (status int, stdout, stderr string) {
	var out, complaints bytes.Buffer
	status = run(context.Background(), args, &out, &complaints)
	return status, out.String(), complaints.String()
}

// packagesFor lists the packages that doctor must name where nothing is
// installed, sorted.
func packagesFor(as ...*abi.Arch) []string {
	packages := []string{"libc6-dev"}
	for _, a := range as {
		for _, t := range kernel.Tools(a) {
			packages = append(packages, t.Package)
		}
	}
	slices.Sort(packages)
	return slices.Compact(packages)
}

// TestDoctorEmptyPath asks on a machine without a single program.
func TestDoctorEmptyPath(t *testing.T) {
	for _, as := range [][]*abi.Arch{arches(), arches()[2:]} {
		var names []string
		for _, a := range as {
			names = append(names, a.Name)
		}
		t.Run(strings.Join(names, ","), func(t *testing.T) {
			t.Setenv("PATH", t.TempDir())
			t.Setenv("XDG_CACHE_HOME", t.TempDir())
			status, out, _ := runHere("doctor", "--on", strings.Join(names, ","))
			if status != exitEnvironment {
				t.Errorf("exit status %d, want %d", status, exitEnvironment)
			}
			for _, a := range as {
				for _, tool := range kernel.Tools(a) {
					if n := countLines(out, "missing", " "+tool.Name+" ", "apt-get install "+tool.Package); n != 1 {
						t.Errorf("%d lines say that %s is missing, want 1", n, tool.Name)
					}
				}
			}
			prefix := ""
			if os.Geteuid() != 0 {
				prefix = "sudo "
			}
			lines := strings.Split(strings.TrimSpace(out), "\n")
			want := "  " + prefix + "apt-get update && " + prefix + "apt-get install --no-install-recommends " + strings.Join(packagesFor(as...), " ")
			if diff := cmp.Diff(want, lines[len(lines)-1]); diff != "" {
				t.Errorf("the line that installs all (-want +got):\n%s", diff)
			}
			if t.Failed() {
				t.Log(out)
			}
		})
	}
}

// countLines counts the lines that hold all words.
func countLines(text string, words ...string) int {
	n := 0
	for line := range strings.Lines(text) {
		if !slices.ContainsFunc(words, func(w string) bool { return !strings.Contains(line, w) }) {
			n++
		}
	}
	return n
}

// buildProgram builds this program, with files where those for guests belong.
func buildProgram(t *testing.T) string {
	t.Helper()
	program := filepath.Join(t.TempDir(), "unotify-bench")
	build := exec.Command("go", "build", "-o", program, ".")
	build.Env = append(os.Environ(), "CGO_ENABLED=0", "GOFLAGS=-mod=mod")
	if out, err := build.CombinedOutput(); err != nil {
		t.Fatalf("%v: %v\n%s", build, err, out)
	}
	for _, a := range arches() {
		if err := os.Symlink(program, program+"-linux-"+a.Name); err != nil {
			t.Fatal(err)
		}
	}
	return program
}

// TestDoctorHost looks at this machine, which has all that tests need, as it
// is and as a container might show it.
func TestDoctorHost(t *testing.T) {
	program := buildProgram(t)
	for _, tc := range []struct {
		name    string
		on      string
		refused []int // syscalls that a filter answers with EPERM
		oneCPU  bool
		status  int
		lines   [][]string // words of lines that must be there once
	}{
		{name: "all", on: "all", status: exitOK},
		{name: "no seccomp", on: "host", refused: []int{unix.SYS_SECCOMP}, status: exitEnvironment, lines: [][]string{
			{"missing  seccomp filter", "EPERM", "seccomp=unconfined"},
			{"missing  notifications", "EPERM", "seccomp=unconfined"},
			{"warn", "other filters"},
		}},
		{name: "no seccomp, machines only", on: "amd64", refused: []int{unix.SYS_SECCOMP}, status: exitOK},
		{name: "no ptrace", on: "host", refused: []int{unix.SYS_PTRACE}, status: exitOK, lines: [][]string{
			{"ok", "notifications"},
			{"warn", "ptrace", "allow ptrace(2)"},
		}},
		{name: "one CPU", on: "host", oneCPU: true, status: exitOK, lines: [][]string{
			{"warn", "CPUs", "cpus=cross"},
		}},
	} {
		t.Run(tc.name, func(t *testing.T) {
			cmd := exec.Command(program, "doctor", "--on", tc.on)
			out := confined(t, cmd, tc.refused, tc.oneCPU)
			if status := cmd.ProcessState.ExitCode(); status != tc.status {
				t.Errorf("exit status %d, want %d", status, tc.status)
			}
			if n := countLines(out, "  missing "); (n > 0) != (tc.status != exitOK) {
				t.Errorf("%d lines say that something is missing", n)
			}
			for _, words := range tc.lines {
				if n := countLines(out, words...); n != 1 {
					t.Errorf("%d lines have %q, want 1", n, words)
				}
			}
			if t.Failed() {
				t.Log(out)
			}
		})
	}
}

// confined runs cmd with some syscalls refused and returns what it printed.
func confined(t *testing.T, cmd *exec.Cmd, refused []int, oneCPU bool) string {
	t.Helper()
	var out bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &out
	started := make(chan error)
	go func() {
		// What this thread has done to itself, cmd inherits. It ends with
		// the goroutine.
		runtime.LockOSThread()
		started <- func() error {
			cpus, err := notify.AllowedCPUs()
			if err != nil {
				return err
			}
			if oneCPU {
				if err := notify.BindCPU(cpus[0]); err != nil {
					return err
				}
			}
			for _, nr := range refused {
				p, err := notify.FilterFor(nr, abi.SECCOMP_RET_ERRNO|uint32(unix.EPERM))
				if err != nil {
					return err
				}
				if _, err := p.Install(0); err != nil {
					return err
				}
			}
			return cmd.Start()
		}()
	}()
	if err := <-started; err != nil {
		t.Fatal(err)
	}
	_ = cmd.Wait()
	return out.String()
}

// TestDoctorInstall lets a package manager that only writes down what it was
// told do the installing: the real one must not change a machine for a test.
func TestDoctorInstall(t *testing.T) {
	const script = `#!/bin/sh
echo "$DEBIAN_FRONTEND: $*" >> %[1]s/log
case "$*" in
*" install "*)
	for tool in xz make flex bison bc git gcc riscv64-linux-gnu-gcc qemu-system-riscv64; do
		printf '#!/bin/sh\necho /libc.a\n' > %[1]s/$tool
		/bin/chmod +x %[1]s/$tool
	done
esac
%[2]s
`
	for _, tc := range []struct {
		name, end string
		log       []string // what apt-get was told
		stdout    []string // words of a line there
		stderr    string
		absent    string // from stdout
	}{
		{
			name: "works",
			end:  "exit 0",
			log: []string{
				"noninteractive: -q -y -o DPkg::Lock::Timeout=300 update",
				"noninteractive: -q -y -o DPkg::Lock::Timeout=300 install --no-install-recommends " + strings.Join(packagesFor(arches()[2]), " "),
			},
			stdout: []string{"ok", "qemu-system-riscv64"},
			absent: "apt-get install",
		},
		{
			name:   "fails",
			end:    "echo E: no network >&2; exit 100",
			log:    []string{"noninteractive: -q -y -o DPkg::Lock::Timeout=300 update"},
			stderr: "E: no network",
		},
	} {
		t.Run(tc.name, func(t *testing.T) {
			dir := t.TempDir()
			t.Setenv("PATH", dir)
			t.Setenv("XDG_CACHE_HOME", t.TempDir())
			write := func(name, text string) {
				if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o755); err != nil {
					t.Fatal(err)
				}
			}
			write("apt-get", fmt.Sprintf(script, dir, tc.end))
			write("sudo", "#!/bin/sh\nshift 3\nDEBIAN_FRONTEND=noninteractive exec \"$@\"\n") // sudo -n env X=Y …
			// Nobody installs the guest's program: that is missing still.
			status, out, complaints := runHere("doctor", "--on", "riscv64", "--install")
			if status != exitEnvironment {
				t.Errorf("exit status %d, want %d", status, exitEnvironment)
			}
			log, err := os.ReadFile(filepath.Join(dir, "log"))
			if err != nil {
				t.Fatal(err)
			}
			var told []string
			for line := range strings.Lines(string(log)) {
				if !strings.Contains(line, "--print-uris") { // asked where the source is
					told = append(told, strings.TrimSpace(line))
				}
			}
			if diff := cmp.Diff(tc.log, told); diff != "" {
				t.Errorf("apt-get was told (-want +got):\n%s", diff)
			}
			if countLines(out, tc.stdout...) < 1 && tc.stdout != nil || tc.absent != "" && strings.Contains(out, tc.absent) {
				t.Errorf("printed, want a line with %q and none with %q:\n%s", tc.stdout, tc.absent, out)
			}
			if !strings.Contains(complaints, tc.stderr) {
				t.Errorf("complained %q, want %q in it", complaints, tc.stderr)
			}
		})
	}
}

// TestDoctorTests: what only tests need is asked for, and named by its package.
func TestDoctorTests(t *testing.T) {
	t.Setenv("PATH", t.TempDir())
	_, without, _ := runHere("doctor", "--on", "host")
	status, with, _ := runHere("doctor", "--on", "host", "--tests", "--lab")
	if status != exitEnvironment {
		t.Errorf("status %d, want %d", status, exitEnvironment)
	}
	for tool, pkg := range map[string]string{
		"chromium": "chromium", "python3": "python3", "rsync": "rsync", "man": "man-db", "groff": "groff-base",
		"cpio": "cpio", "curl": "curl", "lava-run": "lava-dispatcher", "lava-server": "lava-server", "pg_createcluster": "postgresql",
	} {
		if countLines(with, "missing", " "+tool+" ", "apt-get install "+pkg) != 1 {
			t.Errorf("no line on %s in:\n%s", tool, with)
		}
		if strings.Contains(without, " "+tool+" ") {
			t.Errorf("who does not test is asked for %s:\n%s", tool, without)
		}
	}
}

func TestDoctorUsage(t *testing.T) {
	for _, args := range [][]string{
		{"--on", "sparc"},
		{"--count", "0", "--peer"},
		{"--peer", "--install"},
		{"--nonsense"},
		{"surplus"},
	} {
		t.Run(strings.Join(args, " "), func(t *testing.T) {
			status, out, complaints := runHere(append([]string{"doctor"}, args...)...)
			if status != exitUsage || out != "" || complaints == "" {
				t.Errorf("exit status %d, stdout %q, stderr %q; want status %d and a complaint", status, out, complaints, exitUsage)
			}
		})
	}
}

func TestRemedyLine(t *testing.T) {
	for _, tc := range []struct {
		remedy
		sudo bool
		want string
	}{
		{remedy{packages: []string{"bc", "make"}}, false, "apt-get install --no-install-recommends bc make"},
		{remedy{packages: []string{"bc"}}, true, "sudo apt-get install --no-install-recommends bc"},
		{remedy{update: true}, true, "sudo apt-get update"},
		{remedy{[]string{"bc"}, true}, true, "sudo apt-get update && sudo apt-get install --no-install-recommends bc"},
	} {
		if got := tc.line(tc.sudo); got != tc.want {
			t.Errorf("%+v: %q, want %q", tc.remedy, got, tc.want)
		}
	}
}

func TestBuildCheck(t *testing.T) {
	for value, want := range map[string]health{"0": fine, "1": warning} {
		info := &debug.BuildInfo{Settings: []debug.BuildSetting{{Key: "GOARCH", Value: "amd64"}, {Key: "CGO_ENABLED", Value: value}}}
		if c := buildCheck(info); c.health != want {
			t.Errorf("CGO_ENABLED=%s: %s, want %s", value, c.health, want)
		}
	}
}
