package kernel

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

// boot runs m and returns its events.
func boot(t *testing.T, m *Machine) ([]Event, *Exit, error) {
	t.Helper()
	var got []Event
	exit, err := m.Boot(t.Context(), func(e Event) error {
		got = append(got, e)
		return nil
	})
	return got, exit, err
}

func TestBoot(t *testing.T) {
	eachArch(t, func(t *testing.T, arch string) {
		m := testMachine(t, arch, "hello")
		got, exit, err := boot(t, m)
		if err != nil {
			t.Fatal(err)
		}
		want := []Event{{Run: "test-run", Seq: 1, Kind: "hello", Data: json.RawMessage(`{"n":1}`)}}
		if d := cmp.Diff(want, got); d != "" {
			t.Errorf("events (-want +got):\n%s", d)
		}
		if !exit.Done || exit.Code != 7 || exit.Accel != AccelTCG || exit.QEMU == "" || len(exit.Bad) > 0 {
			t.Errorf("exit = %+v", exit)
		}
		t.Logf("%v from start to exit, console: %q", exit.Elapsed, exit.ConsoleTail)
	})
}

func TestGuestIsSetUp(t *testing.T) {
	eachArch(t, func(t *testing.T, arch string) {
		m := testMachine(t, arch, "look")
		m.Files = map[string][]byte{"job.json": []byte(`{"a":1}`)}
		m.Execs = map[string]string{"bin/again": testProgram(t, "again", arch)}
		m.Params = append(m.Params, "SOME=a=b,c")
		got, _, err := boot(t, m)
		if err != nil {
			t.Fatal(err)
		}
		var saw map[string]any
		if err := json.Unmarshal(got[0].Data, &saw); err != nil {
			t.Fatal(err)
		}
		want := map[string]any{
			"pid": 1., "host": "unotify", "job": `{"a":1}`, "param": "a=b,c", "again": "again", "againErr": "<nil>",
			"null": "<nil>", "mounts": []any{"/", "/proc", "/sys", "/dev", "/tmp", "/run"}, "lo": "0x9", "inGuest": true, "cpus": 1.,
		}
		if d := cmp.Diff(want, saw); d != "" {
			t.Errorf("guest saw (-want +got):\n%s", d)
		}
	})
}

// TestWallHasTwoCPUs also shows the fallback from KVM, which cannot be had
// for a foreign architecture.
func TestWallHasTwoCPUs(t *testing.T) {
	eachArch(t, func(t *testing.T, arch string) {
		m := testMachine(t, arch, "look")
		m.Clock, m.CPUs = Wall, 2
		got, exit, err := boot(t, m)
		if err != nil {
			t.Fatal(err)
		}
		var saw struct{ CPUs int }
		if err := json.Unmarshal(got[0].Data, &saw); err != nil || saw.CPUs != 2 {
			t.Errorf("guest has %d CPUs, %v", saw.CPUs, err)
		}
		t.Logf("accel %s", exit.Accel)
	})
}

// TestHostile boots guests that do what they must not.
func TestHostile(t *testing.T) {
	tests := []struct {
		mode   string
		only   string // architecture, if a long wait would show no more on the others
		is     error
		says   []string // parts of the error
		change func(*Machine)
		done   bool
	}{
		{mode: "exit", is: ErrPanic, says: []string{"Attempted to kill init", "guest: leaving"}},
		// Bounds that a loaded host boots within: what came before must be there.
		{mode: "hang", only: "arm64", is: ErrTimeout, says: []string{"30s", "guest: hanging"}, change: func(m *Machine) { m.Timeout = 30 * time.Second }},
		{mode: "spin", only: "riscv64", is: ErrTimeout, says: []string{"30s", "guest: spinning"}, change: func(m *Machine) { m.Timeout = 30 * time.Second }},
		{mode: "spin", only: "amd64", is: ErrIdle, says: []string{"25s", "guest: spinning"}, change: func(m *Machine) { m.Idle = 25 * time.Second }},
		{mode: "chatty", only: "arm64", is: ErrTimeout, says: []string{"guest: still here"}, change: func(m *Machine) { m.Clock, m.Timeout, m.Idle = Wall, 40*time.Second, 25*time.Second }},
		{mode: "nodone", is: ErrNoDone, says: []string{"after 1 events"}},
		{mode: "half", is: ErrNoDone, says: []string{`hugelgupf_vmtest_guest_action\":\"guestev`}},
		{mode: "done-hang", is: ErrTimeout, says: []string{"did not power off"}, done: true},
		// An emulated serial line carries some 0.4 MB/s, so the whole bound is
		// waited for once.
		{mode: "console", only: "amd64", is: ErrFlood, says: []string{"8323072 bytes on the console", "flood flood"}, change: func(m *Machine) { m.Clock = Wall }},
		{mode: "console", is: ErrFlood, says: []string{"bytes on the console", "flood flood"}, change: func(m *Machine) {
			m.lim = &limits{line: maxEvent, events: 10, channel: 1 << 20, console: 1 << 20, log: 1 << 18}
		}},
		{mode: "events", only: "amd64", is: ErrFlood, says: []string{"65536 events"}, change: func(m *Machine) { m.Clock = Wall }},
		{mode: "events", is: ErrFlood, says: []string{"1000 events"}, change: func(m *Machine) {
			m.lim = &limits{line: maxEvent, events: 1000, channel: 1 << 20, console: 1 << 20, log: 1 << 18}
		}},
		{mode: "events", only: "riscv64", is: ErrFlood, says: []string{"131072 bytes of events"}, change: func(m *Machine) {
			m.lim = &limits{line: maxEvent, events: 1 << 20, channel: 128 << 10, console: 1 << 20, log: 1 << 18}
		}},
		{mode: "garbage", is: ErrProtocol, says: []string{`\x1b[2J\x00 no json`}},
		{mode: "not-ours", is: ErrProtocol, says: []string{`unknown action "reboot"`}},
		{mode: "huge", is: ErrProtocol, says: []string{"longer than 1048576 bytes", "xxxx"}},
		{mode: "wrong-run", is: ErrProtocol, says: []string{`run "other"`, `run "test-run"`}},
		{mode: "skip-seq", is: ErrProtocol, says: []string{"number 3 follows number 1"}},
		{mode: "after-done", is: ErrProtocol, says: []string{"after it had said done", "late"}, done: true},
	}
	eachArch(t, func(t *testing.T, arch string) {
		for _, tt := range tests {
			if tt.only != "" && tt.only != arch {
				continue
			}
			t.Run(tt.mode, func(t *testing.T) {
				m := testMachine(t, arch, tt.mode)
				m.Accel = AccelTCG
				m.Timeout = 5 * time.Minute
				m.ConsoleLog = filepath.Join(t.TempDir(), "console")
				if tt.change != nil {
					tt.change(m)
				}
				got, exit, err := boot(t, m)
				if !errors.Is(err, tt.is) {
					t.Fatalf("error is %v, want %v", err, tt.is)
				}
				for _, s := range tt.says {
					if !strings.Contains(err.Error(), s) {
						t.Errorf("error does not say %q: %v", s, err)
					}
				}
				if strings.ContainsRune(err.Error(), '\x1b') {
					t.Errorf("error can steer the terminal: %q", err)
				}
				if len(got) == 0 || got[0].Seq != 1 {
					t.Errorf("the good event was lost: %v", got)
				}
				if exit.Done != tt.done {
					t.Errorf("done = %v", exit.Done)
				}
				st, err := os.Stat(m.ConsoleLog)
				if err != nil || st.Size() > defaultLimits.log+100 {
					t.Errorf("console log: %v %v", st, err)
				}
			})
		}
	})
}

func TestSplatIsFound(t *testing.T) {
	eachArch(t, func(t *testing.T, arch string) {
		_, exit, err := boot(t, testMachine(t, arch, "splat"))
		if !errors.Is(err, ErrSplat) || !strings.Contains(err.Error(), arch+":\n") || !strings.Contains(err.Error(), "at kernel/none.c:1") {
			t.Errorf("error is %v, want an ErrSplat that shows the line", err)
		}
		if exit == nil || !exit.Done {
			t.Fatalf("exit = %+v", exit)
		}
		if len(exit.Bad) != 1 || !strings.Contains(exit.Bad[0], "WARNING: CPU: 0 PID: 1 at kernel/none.c:1") {
			t.Errorf("bad lines: %q", exit.Bad)
		}
	})
}

func TestCancel(t *testing.T) {
	eachArch(t, func(t *testing.T, arch string) {
		ctx, cancel := context.WithCancel(t.Context())
		defer cancel()
		m := testMachine(t, arch, "spin")
		var got int
		_, err := m.Boot(ctx, func(Event) error {
			got++
			cancel()
			return nil
		})
		if !errors.Is(err, context.Canceled) || got != 1 {
			t.Errorf("after %d events: %v", got, err)
		}
	})
}

// TestKilledFromOutside signals QEMU, as a terminal does on Ctrl-C before this
// process has reacted, and as someone else may at any time.
func TestKilledFromOutside(t *testing.T) {
	tests := []struct {
		name   string
		sig    syscall.Signal
		cancel bool
		is     error
	}{
		{"ctrl-c", syscall.SIGINT, true, context.Canceled},
		{"term", syscall.SIGTERM, false, ErrQEMU},
		{"kill", syscall.SIGKILL, false, ErrQEMU},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			ctx, cancel := context.WithCancel(t.Context())
			defer cancel()
			got := 0
			_, err := testMachine(t, "arm64", "hang").Boot(ctx, func(Event) error {
				got++
				for _, pid := range children(t) {
					if err := syscall.Kill(pid, tt.sig); err != nil {
						t.Error(err)
					}
				}
				if tt.cancel {
					time.AfterFunc(50*time.Millisecond, cancel)
				}
				return nil
			})
			if !errors.Is(err, tt.is) || got != 1 {
				t.Errorf("after %d events: %v, want %v", got, err, tt.is)
			}
		})
	}
}

// TestCallbackFails ends a guest that would run for ever.
func TestCallbackFails(t *testing.T) {
	full := errors.New("disk full")
	exit, err := testMachine(t, "riscv64", "hang").Boot(t.Context(), func(Event) error { return full })
	if !errors.Is(err, full) || exit == nil {
		t.Errorf("Boot = %v, %v", exit, err)
	}
}

func TestBootRefuses(t *testing.T) {
	img := testImage(t, "amd64")
	good := testProgram(t, "guest", "amd64")
	tests := []struct {
		name string
		m    Machine
		says string
	}{
		{"no image", Machine{Init: good}, "no kernel image"},
		{"no init", Machine{Image: img}, "no program given"},
		{"init missing", Machine{Image: img, Init: "/nonexistent"}, "no such file"},
		{"init is a directory", Machine{Image: img, Init: "/"}, "not a regular file"},
		{"init of another architecture", Machine{Image: img, Init: testProgram(t, "guest", "riscv64")}, "EM_RISCV"},
		{"init is no program", Machine{Image: img, Init: "boot_test.go"}, "boot_test.go"},
		{"two files of one name", Machine{Image: img, Init: good, Files: map[string][]byte{"init": nil}}, "init is given twice"},
		{"absolute file", Machine{Image: img, Init: good, Files: map[string][]byte{"/etc/x": nil}}, `"/etc/x"`},
		{"file outside", Machine{Image: img, Init: good, Files: map[string][]byte{"../x": nil}}, `"../x"`},
		{"two CPUs by instructions", Machine{Image: img, Init: good, CPUs: 2}, "one CPU"},
		{"KVM by instructions", Machine{Image: img, Init: good, Accel: AccelKVM}, "KVM has none"},
		{"unknown accelerator", Machine{Image: img, Init: good, Clock: Wall, Accel: "hvf"}, `"hvf"`},
		{"parameter without value", Machine{Image: img, Init: good, Params: []string{"quiet"}}, `"quiet"`},
		{"parameter with space", Machine{Image: img, Init: good, Params: []string{"a=b init=/x"}}, "without spaces"},
		{"run with space", Machine{Image: img, Init: good, Run: "a b"}, "without spaces"},
		{"long parameters", Machine{Image: img, Init: good, Params: []string{"a=" + strings.Repeat("b", 1000)}}, "bytes long"},
		{"log cannot be written", Machine{Image: img, Init: good, ConsoleLog: "/nonexistent/log"}, "keep the guest's console"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			exit, err := tt.m.Boot(t.Context(), nil)
			if err == nil || !strings.Contains(err.Error(), tt.says) {
				t.Errorf("error %v does not say %q", err, tt.says)
			}
			if exit != nil {
				t.Errorf("it was started: %+v", exit)
			}
		})
	}
}

// TestKernelIsNone shows that what QEMU says, here of a file that is no kernel,
// reaches the user, and that a path may hold spaces.
func TestKernelIsNone(t *testing.T) {
	m := testMachine(t, "amd64", "hello")
	junk := filepath.Join(t.TempDir(), "with space")
	if err := os.WriteFile(junk, []byte("junk"), 0o644); err != nil {
		t.Fatal(err)
	}
	img := *m.Image
	img.Path = junk
	m.Image = &img
	_, _, err := boot(t, m)
	if !errors.Is(err, ErrQEMU) || !strings.Contains(err.Error(), "ram disk") {
		t.Error(err)
	}
}

// TestVMTestEnvironment shows that what vmtest reads from the environment
// does not reach a machine.
func TestVMTestEnvironment(t *testing.T) {
	for _, v := range []string{"VMTEST_QEMU", "VMTEST_QEMU_APPEND", "VMTEST_KERNEL_APPEND", "VMTEST_TIMEOUT", "VMTEST_ARCH", "VMTEST_INITRAMFS"} {
		t.Setenv(v, "nonsense")
	}
	if _, _, err := boot(t, testMachine(t, "riscv64", "hello")); err != nil {
		t.Error(err)
	}
}

// TestNothingIsLeft boots, fails and cancels, and looks for what stays.
func TestNothingIsLeft(t *testing.T) {
	before := open(t)
	for _, mode := range []string{"hello", "exit", "garbage"} {
		_, _, _ = boot(t, testMachine(t, "arm64", mode))
	}
	ctx, cancel := context.WithTimeout(t.Context(), 300*time.Millisecond)
	defer cancel()
	_, _ = testMachine(t, "arm64", "hang").Boot(ctx, nil)

	// vmtest's console closes its pipe a moment after Wait has returned.
	var d string
	for range 200 {
		// What an earlier test has left may go meanwhile: that is no leak.
		after := open(t)
		if d = cmp.Diff(before, after); within(after, before) {
			return
		}
		time.Sleep(10 * time.Millisecond)
	}
	t.Errorf("left over (-before +after):\n%s", d)
}

// within reports whether sorted a has nothing that sorted b has not.
func within(a, b []string) bool {
	for _, s := range b {
		if len(a) > 0 && a[0] == s {
			a = a[1:]
		}
	}
	return len(a) == 0
}

// open lists what this process holds: descriptors, children, goroutines.
func open(t *testing.T) []string {
	t.Helper()
	var all []string
	fds, err := os.ReadDir("/proc/self/fd")
	if err != nil {
		t.Fatal(err)
	}
	for _, fd := range fds {
		to, err := os.Readlink("/proc/self/fd/" + fd.Name())
		if err == nil && !strings.Contains(to, fmt.Sprintf("/proc/%d/fd", os.Getpid())) {
			all = append(all, to)
		}
	}
	for _, pid := range children(t) {
		all = append(all, fmt.Sprintf("child %d", pid))
	}
	for range runtime.NumGoroutine() {
		all = append(all, "goroutine")
	}
	slices.Sort(all)
	return all
}

func children(t *testing.T) (pids []int) {
	t.Helper()
	tasks, err := filepath.Glob("/proc/self/task/*/children")
	if err != nil {
		t.Fatal(err)
	}
	for _, f := range tasks {
		b, _ := os.ReadFile(f)
		for _, s := range strings.Fields(string(b)) {
			pid, err := strconv.Atoi(s)
			if err != nil {
				t.Fatal(err)
			}
			pids = append(pids, pid)
		}
	}
	return pids
}
