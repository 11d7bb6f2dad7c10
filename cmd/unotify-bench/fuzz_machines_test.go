package main

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

// TestFuzzMachines: our kernel agrees with the model on each architecture, and
// where a bug is seeded it does not.
func TestFuzzMachines(t *testing.T) {
	for _, arch := range arches() {
		t.Run(arch.Name, func(t *testing.T) {
			needGuests(t, arch.Name)
			c := newCommand(t, "fuzz", "--on", arch.Name, "--kernel", "patched", "--length", "2", "--ops", "2000", "--quiet")
			c.runs(t, exitOK)
			if !strings.Contains(c.stdout.String(), arch.Name) {
				t.Errorf("the report does not name %s:\n%s", arch.Name, &c.stdout)
			}
			newCommand(t, "fuzz", "--on", arch.Name, "--kernel", "patched", "--length", "0", "--ops", "0", "--ends", "--part", "7/40", "--quiet").runs(t, exitOK)
		})
	}
	for fault, shows := range map[string]string{
		"inject_twice":      "inject newest ",
		"target_call_flags": "target-call newest ",
		"redirect_empty":    "redirect newest ",
		"pin_unsealed":      "map ",
		"inject_warns":      "complaint: got WARNING: ", // which is shrunk in machines of its own
	} {
		t.Run(fault, func(t *testing.T) {
			needGuests(t, "amd64")
			dir := filepath.Join(t.TempDir(), "again")
			c := newCommand(t, "fuzz", "--on", "amd64", "--fault", fault, "--length", "0", "--ops", "8000", "--reproduce", dir, "--quiet")
			c.runs(t, exitFailed)
			if !strings.Contains(c.stdout.String(), shows) {
				t.Fatalf("no finding has %q:\n%s", shows, &c.stdout)
			}
			if steps := strings.Count(c.stdout.String(), "\n    "); fault == "inject_warns" && steps > 4 {
				t.Errorf("a second record takes 4 steps at most; the finding has %d:\n%s", steps, &c.stdout)
			}
			// What was printed does it again.
			_, program, ok := strings.Cut(c.stdout.String(), "with FILE these lines: ")
			again, program, lines := strings.Cut(program, "\n")
			if !ok || !lines {
				t.Fatalf("no finding says how it is repeated:\n%s", &c.stdout)
			}
			program, _, _ = strings.Cut(program, "\n\n")
			file := filepath.Join(t.TempDir(), "finding.txt")
			if err := os.WriteFile(file, []byte(program+"\n"), 0o644); err != nil {
				t.Fatal(err)
			}
			args := strings.Fields(strings.Replace(again, "FILE", file, 1))
			newCommand(t, append(args[1:], "--quiet")...).runs(t, exitFailed)
			for _, check := range []*exec.Cmd{
				exec.Command("gcc", "-Wall", "-Wextra", "-Werror", "-pthread", "-o", filepath.Join(dir, "a.out"), filepath.Join(dir, "amd64-1.c")),
				exec.Command("go", "vet", filepath.Join(dir, "amd64-1_test.go")),
			} {
				if out, err := check.CombinedOutput(); err != nil {
					t.Errorf("%v: %v\n%s", check.Args, err, out)
				}
			}
		})
	}
}

// TestFuzzExec: a program with an exec that succeeds agrees with the model, and
// does not where no pin can be installed at the event.
func TestFuzzExec(t *testing.T) {
	testFuzzReplay(t, "exec_event_pin", "pin newest plain", `
		trap 0 openat
		trap 1 program
		recv plain
		recv plain
		send newest event
		send newest-2 value
		recv plain
		target-call newest write plain
		pin newest plain
		addfd newest plain | target-call newest openat plain
		send newest nothing
	`)
}

// TestFuzzChild: so does one with the calls of children, which have what their parent
// had mapped, and does not where they have no pins.
func TestFuzzChild(t *testing.T) {
	testFuzzReplay(t, "pin_fork", "redirect newest pointer", `
		trap 1 write
		recv plain
		pin newest plain
		child 0 openat
		recv plain
		redirect newest pointer
		child 0 write
		recv plain
		target-call newest openat plain
		pin newest plain
		addfd newest send
		child 0 getppid | send newest continue
		kill
	`)
}

// testFuzzReplay wants a program to agree with the model, and not with a kernel that
// has a fault, which shows in what the finding says.
func testFuzzReplay(t *testing.T, fault, shows, program string) {
	needGuests(t, "amd64")
	file := filepath.Join(t.TempDir(), "program.txt")
	if err := os.WriteFile(file, []byte(program), 0o644); err != nil {
		t.Fatal(err)
	}
	replay := []string{"fuzz", "--on", "amd64", "--replay", file, "--filter", "redirect", "--quiet"}
	newCommand(t, append(replay, "--kernel", "patched", "--times", "20")...).runs(t, exitOK)
	c := newCommand(t, append(replay, "--fault", fault)...)
	c.runs(t, exitFailed)
	if !strings.Contains(c.stdout.String(), shows) {
		t.Errorf("no finding has %q:\n%s", shows, &c.stdout)
	}
}
