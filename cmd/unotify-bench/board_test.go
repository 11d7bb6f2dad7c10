package main

import (
	"bufio"
	"bytes"
	"context"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"unotify-bench/abi/arm64"
	"unotify-bench/kernel"
)

// console starts what boots a machine and returns what it prints, up to the line that
// ends with last: a machine without a switch halts, and stays.
func console(t *testing.T, last string, argv ...string) string {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 15*time.Minute)
	defer cancel()
	cmd := exec.CommandContext(ctx, argv[0], argv[1:]...)
	// What it starts ends with it.
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	cmd.Cancel = func() error { return syscall.Kill(-cmd.Process.Pid, syscall.SIGKILL) }
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	var text strings.Builder
	lines := bufio.NewScanner(out)
	for lines.Scan() {
		line := strings.TrimRight(lines.Text(), "\r")
		text.WriteString(line + "\n")
		if strings.HasSuffix(line, last) {
			break
		}
	}
	cancel()
	_ = cmd.Wait() // it was killed
	if !strings.HasSuffix(strings.TrimSpace(text.String()), last) {
		t.Fatalf("the machine ended without %q:\n%s", last, text.String())
	}
	return text.String()
}

// TestBoardPage follows the section of docs/porting.md on a machine that holds nothing
// but this program, command by command, with fewer checks.
func TestBoardPage(t *testing.T) {
	needGuests(t, "riscv64")
	dir := t.TempDir()
	program := commandFile(t)
	if err := os.Symlink(filepath.Dir(program), filepath.Join(dir, "bin")); err != nil {
		t.Fatal(err)
	}
	if _, err := testKernel(t.Context(), arches()[2], kernel.Patched); err != nil {
		t.Fatal(err)
	}
	_, section, _ := strings.Cut(readText(t, filepath.Join(repoRoot(t), "docs", "porting.md")), "\n## On a machine that holds nothing else\n")
	section, _, _ = strings.Cut(section, "\n## ")
	var script strings.Builder
	for line := range strings.Lines(section) {
		if line, ok := strings.CutPrefix(line, "    "); ok {
			script.WriteString(line)
		}
	}
	const command = "abi --on host"
	if !strings.Contains(script.String(), command+"'") {
		t.Fatalf("the section has no command line with %q:\n%s", command, section)
	}
	args := command + " --mech reply"
	text := strings.Replace(script.String(), command+"'", args+"'", 1)
	text = "set -e\ncd " + dir + "\nunotify-bench() { " + program + " \"$@\"; }\n" + strings.Replace(text, "qemu-system", "exec qemu-system", 1)
	got := console(t, args+": exit status 0", "bash", "-c", text)
	if !strings.Contains(got, "host (Linux 6.12") || !strings.Contains(got, "checks: ") {
		t.Errorf("it prints no verdicts:\n%s", got)
	}
	if strings.Contains(got, "\x1b[") {
		t.Errorf("it draws on a serial console:\n%q", got)
	}
}

// TestBoardCommands has commands in a file beside the program, and reads the results
// off the console's log.
func TestBoardCommands(t *testing.T) {
	needGuests(t, "arm64")
	arch := &arm64.Arch
	img, err := testKernel(t.Context(), arch, kernel.Patched)
	if err != nil {
		t.Fatal(err)
	}
	program := filepath.Join(filepath.Dir(commandFile(t)), "unotify-bench-linux-"+arch.Name)
	var initramfs bytes.Buffer
	m := &kernel.Machine{Image: img, Init: program, Files: map[string][]byte{commandsFile: []byte(
		"abi --on host --mech native\n\nrun --on host --mech reply --syscall getppid --run wake=sync/cpus=same --count 2 --format benchfmt --quiet\nrun --nonsense\n")}}
	if err := m.WriteInitramfs(&initramfs); err != nil {
		t.Fatal(err)
	}
	path := filepath.Join(t.TempDir(), "initramfs")
	if err := os.WriteFile(path, initramfs.Bytes(), 0o644); err != nil {
		t.Fatal(err)
	}
	got := console(t, "run --nonsense: exit status 2", slices.Concat(lavaQEMU[arch.Name], []string{
		"-m", "512", "-nographic", "-no-reboot", "-kernel", img.Path, "-initrd", path, "-append", kernel.ConsoleParams(arch)})...)
	if !strings.Contains(got, "abi --on host --mech native: exit status 0") {
		t.Errorf("no verdicts:\n%s", got)
	}
	const row = "Notify/mech=reply/syscall=getppid/wake=sync/cpus=same-1"
	// The log as it is, after a line of the kernel's that a board shows.
	log := filepath.Join(t.TempDir(), "console.log")
	writeFile(t, log, "[    0.000000] Booting Linux on physical CPU 0x0\n"+got)
	var names []string
	for _, r := range results(t, log).Results {
		names = append(names, string(r.Name))
	}
	if diff := cmp.Diff([]string{row, row}, names); diff != "" {
		t.Errorf("rows (-want +got):\n%s\n%s", diff, got)
	}
	for _, args := range [][]string{{"compare", log, log}, {"report", log}} {
		status, out, stderr := runHere(args...)
		if status != exitOK || !strings.Contains(out, "reply") {
			t.Errorf("%q: status %d\n%.4000s%s", args, status, out, stderr)
		}
	}
}
