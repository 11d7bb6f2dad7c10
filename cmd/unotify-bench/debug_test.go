package main

import (
	"encoding/json"
	"flag"
	"fmt"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"unotify-bench/abi"
	"unotify-bench/abi/suite"
	"unotify-bench/kernel"
)

var (
	debugKernels = flag.Bool("debug", false, "run TestDebug, which builds kernels with KASAN and lockdep")
	lifecycleN   = flag.Int("lifecycle.n", 2000, "TestDebug: notifications for each mechanism of TestLifecycle")
	lifecycleOf  = flag.String("lifecycle.mech", "", "TestDebug: the one mechanism of TestLifecycle to run")
	lifecycleOn  = flag.Int("lifecycle.cpus", 2, "TestDebug: CPUs of the machine")
	fuzzOps      = flag.Int("fuzz.ops", 2000, "TestDebug: operations in programs by chance")
	lifecycleBy  = flag.Uint64("lifecycle.seed", 1, "TestDebug: seed of TestLifecycle")
)

// TestDebug runs, on kernels that watch themselves, what is most likely to find
// a bug in them. Whatever they complain of fails it: see kernel.ErrSplat. With -short it
// is what CI has time for, whose kernel may have to be built.
func TestDebug(t *testing.T) {
	if !*debugKernels {
		t.Skip("builds of debug kernels take long: make test-debug")
	}
	dir := t.TempDir()
	for _, arch := range arches() {
		if testing.Short() && arch.Name != "amd64" {
			continue
		}
		t.Run(arch.Name, func(t *testing.T) {
			img, err := testKernel(t.Context(), arch, kernel.Debug)
			if err != nil {
				t.Fatal(err)
			}
			t.Run("fuzz", func(t *testing.T) { debugFuzz(t, arch) })
			if testing.Short() {
				return
			}
			t.Run("fuzz-leak", func(t *testing.T) { debugFuzzLeak(t, arch) })
			init := filepath.Join(dir, arch.Name+".init")
			goTool(t, arch.Name, "build", "-trimpath", "-ldflags=-s -w", "-o", init, ".")
			program := testProgram(t, dir, "internal/notify", arch.Name)
			t.Run("leak", func(t *testing.T) { testLeak(t, arch, init, program) })
			t.Run("mutants", func(t *testing.T) { debugMutants(t, arch) })
			t.Run("lifecycle", func(t *testing.T) { testLifecycle(t, img, init, program) })
			t.Run("selftests", func(t *testing.T) { debugSelftests(t, arch, img, init) })
			t.Run("abi", func(t *testing.T) { debugAbi(t, arch) })
		})
	}
}

// debugSelftests runs the kernel's own tests, ours among them.
func debugSelftests(t *testing.T, arch *abi.Arch, img *kernel.Image, init string) {
	programs, err := (&kernel.Builder{}).Selftests(t.Context(), arch)
	if err != nil {
		t.Fatal(err)
	}
	delete(programs, "seccomp_benchmark") // there is nothing to measure
	verdicts, err := runSelftests(t.Context(), img, init, programs, func(line string) { t.Log(line) })
	if err != nil {
		t.Fatal(err)
	}
	passed := map[string]int{}
	for _, v := range verdicts {
		switch {
		case v.Result == resultOK:
			passed[v.Program]++
		case v.Result == resultFailed || v.Program == "seccomp_notify":
			t.Errorf("%s %s is %q: %s", v.Program, v.Test, v.Result, v.Why)
		}
	}
	t.Logf("passed: %v", passed)
	for _, name := range []string{"seccomp_bpf", "seccomp_notify"} {
		if passed[name] == 0 {
			t.Errorf("%s has passed no test", name)
		}
	}
}

// debugAbi runs the whole catalogue. What the measured kernels leave out, as
// 32-bit tasks and cgroups, is there.
func debugAbi(t *testing.T, arch *abi.Arch) {
	needGuests(t, arch.Name)
	c := newCommand(t, "abi", "--on", arch.Name, "--kernel", string(kernel.Debug), "--expect", "patched", "--quiet", "--format", "json")
	c.runs(t, exitOK)
	var verdicts []struct {
		ID, Text string
		Verdict  suite.Verdict
	}
	if err := json.Unmarshal(c.stdout.Bytes(), &verdicts); err != nil {
		t.Fatal(err)
	}
	for _, v := range verdicts {
		lacks := strings.Contains(v.ID, ".compat") && arch.Compat == nil || strings.Contains(v.ID, ".x32-") && !arch.Has(abi.QuirkX32)
		if v.Verdict != suite.Pass && (v.Verdict != suite.Skip || !lacks) {
			t.Errorf("%s is %s, want pass: %s", v.ID, v.Verdict, v.Text)
		}
	}
}

// debugFuzz has programs by chance, which KCOV leads.
func debugFuzz(t *testing.T, arch *abi.Arch) {
	needGuests(t, arch.Name)
	c := newCommand(t, "fuzz", "--on", arch.Name, "--length", "1", "--ops", fmt.Sprint(*fuzzOps), "--quiet")
	c.runs(t, exitOK)
	t.Logf("%s", &c.stdout)
	// where, kernel, operations, programs, situations, places, findings
	lines := strings.Split(c.stdout.String(), "\n")
	f := strings.Fields(lines[1])
	if len(f) != 7 {
		t.Fatalf("%q has %d columns", lines[1], len(f))
	}
	if n, err := strconv.Atoi(f[5]); err != nil || n < 100 {
		t.Errorf("KCOV shows %s places, want a hundred at least", f[5])
	}
}

// debugFuzzLeak has fuzz find a leak, and the operation that it takes.
func debugFuzzLeak(t *testing.T, arch *abi.Arch) {
	needGuests(t, arch.Name)
	c := newCommand(t, "fuzz", "--on", arch.Name, "--kernel", string(kernel.DebugFaulty), "--fault", "inject_leak", "--length", "0", "--ops", "1500", "--quiet")
	c.runs(t, exitFailed)
	out := c.stdout.String()
	if !strings.Contains(out, "leak: got ") || !strings.Contains(out, "    inject newest ") || strings.Count(out, "\n    ") > 4 {
		t.Errorf("a record is lost by a trap, RECV and INJECT; the report has:\n%s", out)
	}
}

// debugMutants hunts for the faults that no other kernel can have.
func debugMutants(t *testing.T, arch *abi.Arch) {
	needGuests(t, arch.Name)
	for _, f := range kernel.FaultsIn(kernel.DebugFaulty) {
		if f.In(kernel.Faulty) {
			continue
		}
		c := newCommand(t, "abi", "--mutants", "--on", arch.Name, "--kernel", string(kernel.DebugFaulty), "--fault", f.Name, "--quiet")
		c.runs(t, exitOK)
		if !strings.Contains(c.stdout.String(), finders[f.Name]) {
			t.Errorf("%s is found by:\n%s\nwant %s", f.Name, &c.stdout, finders[f.Name])
		}
	}
}

// debugMachine has time.
func debugMachine(img *kernel.Image, init string) *kernel.Machine {
	return &kernel.Machine{
		Image: img, Init: init, MemMiB: 1024,
		Clock: kernel.Wall, Accel: kernel.AccelTCG, CPUs: *lifecycleOn, Seed: 1,
		Timeout: 24 * time.Hour, Idle: 30 * time.Minute, // a busy host starves it
	}
}

// lifecycleFlags are for n notifications of one mechanism, or of each.
func lifecycleFlags(mech string, n int) []string {
	run := "^TestLifecycle$"
	if mech != "" {
		run += "/^" + mech + "$"
	}
	return []string{
		"-test.run=" + run, "-test.timeout=0", "-patched", "-lifecycle.leaks",
		fmt.Sprintf("-lifecycle.n=%d", n), fmt.Sprintf("-lifecycle.seed=%d", *lifecycleBy),
	}
}

// testLifecycle kills processes at random: see internal/notify.TestLifecycle.
func testLifecycle(t *testing.T, img *kernel.Image, init, program string) {
	out := runProgram(t, debugMachine(img, init), program, lifecycleFlags(*lifecycleOf, *lifecycleN)...)
	checkPassed(t, out, []string{"TestLifecycle"})
	if !contains(out, "kmemleak has found nothing") {
		t.Error("kmemleak was not asked")
	}
}

// testLeak seeds a leak, which both the count of slabs and kmemleak must find.
func testLeak(t *testing.T, arch *abi.Arch, init, program string) {
	img, err := testKernel(t.Context(), arch, kernel.DebugFaulty)
	if err != nil {
		t.Fatal(err)
	}
	fault, err := kernel.FindFault("inject_leak")
	if err != nil {
		t.Fatal(err)
	}
	m := debugMachine(img, init)
	m.Params = []string{fault.Param()}
	out, exit, err := bootProgram(t, m, program, lifecycleFlags("inject-large", 1000)...)
	if err != nil {
		t.Fatal(err)
	}
	if exit.Code == 0 {
		t.Error("TestLifecycle passed")
	}
	for _, want := range []string{"slabs that never come back", "unreferenced object"} {
		if !contains(out, want) {
			t.Errorf("nothing says %q", want)
		}
	}
}

func contains(lines []string, what string) bool {
	return slices.ContainsFunc(lines, func(line string) bool { return strings.Contains(line, what) })
}
