package main

import (
	"bufio"
	"bytes"
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"unotify-bench/abi"
	"unotify-bench/internal/lava"
	"unotify-bench/internal/lazy"
	"unotify-bench/kernel"
)

// lavaQEMU is how a device of each architecture is started, as the lab's template for
// qemu has it, but that it counts instructions: a busy host then has no part in what is
// measured. It is not the same to the digit, as the guest idles (see kernel/qemu.go).
var lavaQEMU = map[string][]string{
	"amd64":   {"qemu-system-x86_64"},
	"arm64":   {"qemu-system-aarch64", "-machine", "virt", "-cpu", "cortex-a57"},
	"riscv64": {"qemu-system-riscv64", "-machine", "virt", "-cpu", "rv64"},
}

var lavaQEMUOptions = []string{"-nographic", "-no-reboot", "-net", "none", "-m", "512", "-icount", "shift=0,sleep=off"}

// testLavaRun has lava-run execute a job, and QEMU alone what the job boots: every
// verdict must be the same, and the same figures there. What the device has printed comes
// through to the digit.
func testLavaRun(t *testing.T, arch *abi.Arch) {
	needGuests(t, arch.Name)
	dir := filepath.Join(t.TempDir(), "jobs")
	newCommand(t, "lava", "job", "--on", arch.Name, "--expect", "patched", "-o", dir,
		"--abi", "--mech inject,pin", "--run", "--mech continue,inject,redirect --syscall openat --count 2").runs(t, exitOK)

	name := arch.Name + "-1"
	qemu := slices.Concat(lavaQEMU[arch.Name], lavaQEMUOptions)
	device := filepath.Join(dir, "device.yaml")
	writeFile(t, device, lavaDevice(arch.Name, qemu))
	logFile := filepath.Join(dir, "lava-run.log")
	log, err := os.Create(logFile)
	if err != nil {
		t.Fatal(err)
	}
	defer log.Close()
	run := exec.Command("lava-run", "--job-id", fmt.Sprint(900000+os.Getpid()), "--output-dir", filepath.Join(dir, "out"), "--device", device, filepath.Join(dir, name+".yaml"))
	run.Stderr = log
	if err := run.Run(); err != nil {
		t.Fatalf("lava-run: %v\n%s", err, tail(t, logFile))
	}
	fetch := newCommand(t, "lava", "fetch", dir, "--log", name+"="+logFile)
	fetch.runs(t, exitOK)
	t.Logf("%s", &fetch.stdout)

	text, err := os.ReadFile(logFile)
	if err != nil {
		t.Fatal(err)
	}
	cases, lines, err := lava.ReadRunLog(bytes.NewReader(text))
	if err != nil {
		t.Fatal(err)
	}
	var got, printed []string
	for _, c := range cases {
		if c.Suite != "lava" {
			got = append(got, strings.TrimSpace(strings.Join([]string{c.Name, c.Result, c.Measurement, c.Unit}, " ")))
		}
	}
	for _, l := range lines {
		if c := printedCase(l.Text); c != "" && l.Level == "target" {
			printed = append(printed, c)
		}
	}
	if diff := cmp.Diff(printed, got); diff != "" {
		t.Errorf("what the device printed against what LAVA stored (-printed +stored):\n%s", diff)
	}
	direct := lavaDirect(t, append(qemu, "-kernel", filepath.Join(dir, arch.Name+".kernel"),
		"-initrd", filepath.Join(dir, name+".cpio"), "-append", kernel.ConsoleParams(arch)))
	if diff := cmp.Diff(withoutFigures(direct), withoutFigures(got)); diff != "" {
		t.Errorf("QEMU alone against lava-run (-alone +lava-run):\n%s", diff)
	}
	if len(got) < 100 {
		t.Errorf("%d cases in all", len(got))
	}
	// The files are ordinary ones.
	newCommand(t, "report", filepath.Join(dir, "results.txt"), "-o", filepath.Join(dir, "page.html")).runs(t, exitOK)
}

// lavaDevice is what lava-run has to know of a device.
func lavaDevice(arch string, qemu []string) string {
	return fmt.Sprintf(`available_architectures: [%s]
constants: {failure_retry: 1, boot_retry: 1}
timeouts: {actions: {}, connections: {}}
actions:
  deploy: {methods: {image: null}}
  boot: {methods: {qemu: {parameters: {command: %s, options: [%q]}}}}
`, arch, qemu[0], strings.Join(qemu[1:], " "))
}

func tail(t *testing.T, path string) string {
	t.Helper()
	text, err := os.ReadFile(path)
	if err != nil {
		t.Error(err)
	}
	return string(text[max(0, len(text)-4000):])
}

var caseLine = lazy.Regexp(`<LAVA_SIGNAL_TESTCASE TEST_CASE_ID=(\S+) RESULT=([a-z]+)(?: MEASUREMENT=(\S+) UNITS=([^>]+))?>`)

// printedCase is the case of a device's line, "" if it has none.
func printedCase(line string) string {
	m := caseLine().FindStringSubmatch(line)
	if m == nil {
		return ""
	}
	return strings.TrimSpace(strings.Join(m[1:], " "))
}

// withoutFigures leaves the case, its result and its unit. That the calls of a row
// cluster at two values is a matter of chance.
func withoutFigures(cases []string) (rest []string) {
	for _, c := range cases {
		w := strings.Fields(c)
		if len(w) == 4 {
			w = slices.Delete(w, 2, 3)
		}
		if !strings.HasPrefix(w[len(w)-1], "mode") {
			rest = append(rest, strings.Join(w, " "))
		}
	}
	return rest
}

// lavaDirect boots what a job boots, and returns its cases.
func lavaDirect(t *testing.T, argv []string) (cases []string) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Minute)
	defer cancel()
	cmd := exec.CommandContext(ctx, argv[0], append(slices.Clone(argv[1:]), "-monitor", "none")...)
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	defer func() {
		_ = cmd.Process.Kill() // a kernel without ACPI halts
		_ = cmd.Wait()
	}()
	lines := bufio.NewScanner(out)
	for lines.Scan() {
		if c := printedCase(lines.Text()); c != "" {
			cases = append(cases, c)
		}
		if strings.Contains(lines.Text(), "unotify: end "+lava.Figures) {
			return cases
		}
	}
	t.Fatalf("QEMU ended after %d cases: %v", len(cases), lines.Err())
	return nil
}
