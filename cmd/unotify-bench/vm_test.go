package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"runtime"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"unotify-bench/abi"
	"unotify-bench/kernel"
)

// guestTests are the packages whose tests run in virtual machines: what they
// test is different on every architecture.
var guestTests = []struct {
	pkg    string
	run    string // -test.run
	clock  kernel.Clock
	skip   []string // tests that cannot run there yet
	kernel kernel.Variant
}{
	{"abi", "^(TestStops|TestNative)$", kernel.Wall, nil, kernel.Stock},
	{"asmstubs", ".", kernel.Wall, nil, kernel.Stock},
	{"asmstubs", ".", kernel.Insns, nil, kernel.Stock},
	// TestLifecycle runs natively, and make test-debug runs it in machines.
	{"internal/notify", ".", kernel.Wall, []string{"TestLifecycle"}, kernel.Stock},
	// The rest of bench is measured for real by TestMachines.
	{"bench", "^(TestRelay|TestFailures|TestYama)$", kernel.Wall, nil, kernel.Stock},
	// Everything that is proposed must be there, and measured. What is stock
	// must be as it was. Many targets at once are measured by
	// TestProposedMachines: 64 on emulated clocks take minutes on riscv64.
	{"internal/notify", ".", kernel.Wall, []string{"TestLifecycle"}, kernel.Patched},
	{"bench", "^(TestProposed|TestExecEvents|TestProbe|TestSteps|TestSupervisorAllocatesNothing)$", kernel.Wall, nil, kernel.Patched},
	// The checks themselves run through the command: see TestAbiMachines.
	{"abi/suite", "^TestForeign$", kernel.Wall, nil, kernel.Patched},
}

// testKernel returns the kernel to boot.
var testKernel = func(ctx context.Context, arch *abi.Arch, v kernel.Variant) (*kernel.Image, error) {
	return (&kernel.Builder{}).Build(ctx, arch, v)
}

// TestVM runs the test binaries of other packages in a virtual machine of
// each architecture. Every test that the native binary lists must run there
// and pass: one that is skipped is a failure.
func TestVM(t *testing.T) {
	dir := t.TempDir()
	for _, arch := range arches() {
		t.Run(arch.Name, func(t *testing.T) {
			init := filepath.Join(dir, arch.Name+".init")
			goTool(t, arch.Name, "build", "-trimpath", "-ldflags=-s -w", "-o", init, ".")
			for _, tt := range guestTests {
				clock := "wall"
				if tt.clock == kernel.Insns {
					clock = "insns"
				}
				name := filepath.Base(tt.pkg)
				if tt.kernel != kernel.Stock {
					name += "/" + string(tt.kernel)
				}
				t.Run(name+"/"+clock, func(t *testing.T) {
					img, err := testKernel(t.Context(), arch, tt.kernel)
					if err != nil {
						t.Fatal(err)
					}
					program := testProgram(t, dir, tt.pkg, arch.Name)
					native := testProgram(t, dir, tt.pkg, runtime.GOARCH)
					want := slices.DeleteFunc(listTests(t, native, tt.run), func(name string) bool { return slices.Contains(tt.skip, name) })
					flags := []string{"-test.run=" + tt.run}
					if tt.skip != nil {
						flags = append(flags, "-test.skip=^("+strings.Join(tt.skip, "|")+")$")
					}
					if tt.kernel != kernel.Stock {
						flags = append(flags, "-patched")
					}
					out := runInGuest(t, img, init, program, tt.clock, flags...)
					checkPassed(t, out, want)
				})
				for _, skip := range tt.skip {
					t.Run(name+"/"+skip, func(t *testing.T) { t.Skip("not run in machines: see guestTests") })
				}
			}
		})
	}
}

// testProgram builds the tests of a package.
func testProgram(t *testing.T, dir, pkg, arch string) string {
	t.Helper()
	// Go remembers a test's success for as long as the files that it looked at
	// are the same. It must look at those that its children compile.
	sources, err := filepath.Glob(filepath.Join("../..", pkg, "*"))
	if err != nil || len(sources) == 0 {
		t.Fatalf("sources of %s: %q, %v", pkg, sources, err)
	}
	for _, f := range sources {
		if _, err := os.Stat(f); err != nil {
			t.Fatal(err)
		}
	}
	out := filepath.Join(dir, fmt.Sprintf("%s.%s.test", filepath.Base(pkg), arch))
	if _, err := os.Stat(out); errors.Is(err, os.ErrNotExist) {
		goTool(t, arch, "test", "-c", "-trimpath", "-ldflags=-s -w", "-o", out, "unotify-bench/"+pkg)
	}
	return out
}

func goTool(t *testing.T, arch string, args ...string) {
	t.Helper()
	cmd := exec.CommandContext(t.Context(), "go", args...)
	cmd.Env = append(os.Environ(), "CGO_ENABLED=0", "GOOS=linux", "GOARCH="+arch)
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("%v: %v\n%s", cmd, err, out)
	}
}

// listTests returns the tests that a native binary would run.
func listTests(t *testing.T, program, run string) []string {
	t.Helper()
	out, err := exec.CommandContext(t.Context(), program, "-test.list", run).Output()
	if err != nil {
		t.Fatalf("list the tests of %s: %v", program, err)
	}
	var tests []string
	for name := range strings.Lines(string(out)) {
		// Benchmarks and fuzz tests do not run without being asked.
		if name = strings.TrimSpace(name); strings.HasPrefix(name, "Test") || strings.HasPrefix(name, "Example") {
			tests = append(tests, name)
		}
	}
	if len(tests) == 0 {
		t.Fatalf("%s lists no test that matches %s", program, run)
	}
	return tests
}

// runInGuest boots a machine whose job is the program and returns its output.
func runInGuest(t *testing.T, img *kernel.Image, init, program string, clock kernel.Clock, flags ...string) []string {
	t.Helper()
	m := &kernel.Machine{
		Image: img, Init: init,
		Clock: clock, Accel: kernel.AccelTCG, CPUs: 2, Seed: 1,
		Timeout: 25 * time.Minute, Idle: 2 * time.Minute,
	}
	if clock == kernel.Insns {
		m.CPUs = 1
	}
	return runProgram(t, m, program, append([]string{"-test.short", "-test.timeout=20m"}, flags...)...)
}

// runProgram boots m with the tests of a package for its job.
func runProgram(t *testing.T, m *kernel.Machine, program string, flags ...string) []string {
	t.Helper()
	lines, exit, err := bootProgram(t, m, program, flags...)
	if err != nil {
		t.Fatal(err)
	}
	if exit.Code != 0 {
		t.Errorf("the tests ended with status %d; the console's end:\n%s", exit.Code, strings.Join(exit.ConsoleTail, "\n"))
	}
	t.Logf("%d lines in %v", len(lines), exit.Elapsed.Round(time.Millisecond))
	return lines
}

// bootProgram is runProgram for who expects that it fails.
func bootProgram(t *testing.T, m *kernel.Machine, program string, flags ...string) ([]string, *kernel.Exit, error) {
	t.Helper()
	const inGuest = "bin/test"
	j, err := json.Marshal(job{Exec: append([]string{"/" + inGuest, "-test.v"}, flags...)})
	if err != nil {
		t.Fatal(err)
	}
	m.Files = map[string][]byte{jobFile: j}
	m.Execs = map[string]string{inGuest: program}
	m.Logf = t.Logf
	var lines []string
	onEvent := func(e kernel.Event) error {
		var line string
		if err := json.Unmarshal(e.Data, &line); err != nil {
			return err
		}
		if e.Kind != eventOut {
			return fmt.Errorf("guest: %s: %.1000q", e.Kind, line)
		}
		t.Log(line)
		lines = append(lines, line)
		return nil
	}
	exit, err := m.Boot(t.Context(), onEvent)
	// Two riscv64 machines with two CPUs have been seen to stay silent after
	// OpenSBI, of some hundred. One that has run no test yet may try again.
	for again := 0; errors.Is(err, kernel.ErrIdle) && len(lines) == 0 && again < 2; again++ {
		t.Logf("booting again: %v", err)
		exit, err = m.Boot(t.Context(), onEvent)
	}
	return lines, exit, err
}

var verdictLine = regexp.MustCompile(`^\s*--- (PASS|FAIL|SKIP): (\S+) \(`)

// checkPassed checks that the output has a PASS for each test, and no other
// verdict.
func checkPassed(t *testing.T, output, tests []string) {
	t.Helper()
	for _, problem := range missed(output, tests) {
		t.Error(problem)
	}
}

func missed(output, tests []string) (problems []string) {
	passed := map[string]bool{}
	for _, line := range output {
		switch m := verdictLine.FindStringSubmatch(line); {
		case m == nil:
		case m[1] == "PASS":
			passed[m[2]] = true
		default:
			problems = append(problems, m[1]+": "+m[2])
		}
	}
	for _, name := range tests {
		if !passed[name] {
			problems = append(problems, name+" did not pass")
		}
	}
	return problems
}

// TestMissed: a test that was skipped, has failed or is not there is found.
func TestMissed(t *testing.T) {
	for _, tt := range []struct {
		name   string
		output string
		want   []string
	}{
		{"all", "=== RUN   TestA\n--- PASS: TestA (0.00s)\n--- PASS: TestB (0.01s)\nPASS", nil},
		{"one is not there", "--- PASS: TestA (0.00s)\nPASS", []string{"TestB did not pass"}},
		{"nothing", "", []string{"TestA did not pass", "TestB did not pass"}},
		{"a failure", "--- FAIL: TestA (0.00s)\n--- PASS: TestB (0.01s)", []string{"FAIL: TestA", "TestA did not pass"}},
		{"a part is skipped", "--- PASS: TestA (0.00s)\n    --- SKIP: TestA/x (0.00s)\n--- PASS: TestB (0.01s)", []string{"SKIP: TestA/x"}},
		{"a longer name", "--- PASS: TestAB (0.00s)\n--- PASS: TestB (0.01s)", []string{"TestA did not pass"}},
	} {
		got := missed(strings.Split(tt.output, "\n"), []string{"TestA", "TestB"})
		if d := cmp.Diff(tt.want, got); d != "" {
			t.Errorf("%s (-want +got):\n%s", tt.name, d)
		}
	}
}
