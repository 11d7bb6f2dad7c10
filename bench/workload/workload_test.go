package workload

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"unotify-bench/internal/leak"
)

// envThreads makes the test binary a program with many threads.
const envThreads = "UNOTIFY_WORKLOAD_THREADS"

func TestMain(m *testing.M) {
	Main()
	if dir := os.Getenv(envThreads); dir != "" {
		openFromThreads(dir)
		return
	}
	os.Exit(leak.Tests{M: m}.Run())
}

// measured runs cells and returns their rows.
func measured(ctx context.Context, t *testing.T, cfg Config, cells []Cell) ([]Row, error) {
	t.Helper()
	cfg.Unit, cfg.Dir = "ns", t.TempDir()
	if cfg.Limit == 0 {
		cfg.Limit = time.Minute
	}
	var rows []Row
	err := Run(ctx, cfg, cells, func(r Row) error {
		rows = append(rows, r)
		return nil
	})
	if left, _ := os.ReadDir(cfg.Dir); len(left) > 0 {
		t.Errorf("%v is left behind", left)
	}
	return rows, err
}

func throughAll(name string) (cells []Cell) {
	for _, m := range mechanisms {
		cells = append(cells, Cell{name, m.Name})
	}
	return cells
}

// ran drops the rows that this kernel cannot have, and fails for those that it
// should.
func ran(t *testing.T, rows []Row) (out []Row) {
	t.Helper()
	for _, r := range rows {
		switch {
		case r.Err != "":
			t.Errorf("%s: %s", r.Cell.Name(), r.Err)
		case r.NA != "" && len(findMechanism(r.Cell.Mech).needs) == 0:
			t.Errorf("%s, which needs nothing new: %s", r.Cell.Name(), r.NA)
		case r.NA == "":
			out = append(out, r)
		}
	}
	return out
}

// TestWorkloads wants the same verdicts from everybody who decides, some of
// each kind, and a race-free mechanism to be racy only in what it cannot carry.
func TestWorkloads(t *testing.T) {
	for _, w := range Workloads() {
		if w.attacks {
			continue
		}
		t.Run(w.Name, func(t *testing.T) {
			rows, err := measured(t.Context(), t, Config{Size: 1}, throughAll(w.Name))
			if err != nil {
				t.Fatal(err)
			}
			verdicts := ""
			for _, r := range ran(t, rows) {
				m := findMechanism(r.Cell.Mech)
				if r.Elapsed <= 0 || r.Calls == 0 || len(r.SHA256) != 64 {
					t.Errorf("%s: not measured: %+v", m.Name, r)
				}
				if !m.decides() {
					if r.Notified != 0 || r.Verdicts != "" {
						t.Errorf("%s decides nothing, and has %d notifications", m.Name, r.Notified)
					}
					continue
				}
				if verdicts == "" {
					verdicts = r.Verdicts
				}
				if r.Verdicts != verdicts {
					t.Errorf("%s: another list of verdicts than its neighbours'", m.Name)
				}
				if r.Denied == 0 || r.Denied == r.Notified || len(r.Refusals) == 0 {
					t.Errorf("%s: %d of %d denied, %q", m.Name, r.Denied, r.Notified, r.Refusals)
				}
				allowed := r.Notified - r.Denied
				switch {
				case m.freezes && r.Racy != 0, m.Name == "redirect" && r.Racy != 0,
					!m.freezes && len(m.carries) == 0 && r.Racy != allowed:
					t.Errorf("%s: %d of %d were allowed by a race", m.Name, r.Racy, allowed)
				}
			}
		})
	}
}

// TestAttack wants the attack to win against who reads and lets go, and
// against nobody else.
func TestAttack(t *testing.T) {
	var cells []Cell
	for range 5 {
		cells = append(cells, throughAll("attack")[2:]...)
	}
	rows, err := measured(t.Context(), t, Config{Size: 25}, cells)
	if err != nil {
		t.Fatal(err)
	}
	won := map[string]int{}
	for _, r := range ran(t, rows) {
		won[r.Cell.Mech] += r.Breaches
		if r.Tries == 0 || r.Denied == 0 {
			t.Errorf("%s: %d tries, %d denied", r.Cell.Mech, r.Tries, r.Denied)
		}
	}
	for name, n := range won {
		racy := name == "continue-read" || name == "ptrace-seccomp"
		if !racy && n > 0 {
			t.Errorf("%s lost %d times", name, n)
		}
	}
	if won["continue-read"] == 0 {
		t.Error("the attack is too weak: continue-read has not lost once")
	}
}

// openFromThreads opens files from many threads at once.
func openFromThreads(dir string) {
	var wg sync.WaitGroup
	for i := range 8 {
		wg.Add(1)
		go func() {
			defer wg.Done()
			for j := range 20 {
				path := fmt.Sprintf("%s/f%d", dir, j)
				fd, err := unix.Open(path, unix.O_RDONLY|unix.O_CREAT, 0o600)
				if err != nil {
					fmt.Fprintln(os.Stderr, i, path, err)
					os.Exit(3)
				}
				unix.Close(fd)
			}
		}()
	}
	wg.Wait()
}

// TestPrograms runs programs of several processes and threads through all.
func TestPrograms(t *testing.T) {
	dir := t.TempDir()
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	usual := Policy{Paths: []string{"/bin", "/usr", "/lib", "/lib64", "/etc", "/dev", "/proc", "/sys", dir, filepath.Dir(self)}}
	for _, tt := range []struct {
		name    string
		program []string
		env     string
		status  int
		denied  bool
		loose   bool // how far it comes, and so what it asks for, depends
	}{
		{name: "a shell", program: []string{"/bin/sh", "-c", "for i in 1 2 3; do /bin/true; done; /bin/cat /etc/passwd | /usr/bin/wc -l"}},
		{name: "in the background", program: []string{"/bin/sh", "-c", "/bin/true & /bin/true & wait"}},
		{name: "a relative path", program: []string{"/bin/sh", "-c", "cd " + dir + " && echo > x && /bin/cat ./x"}},
		{name: "denied", program: []string{"/bin/cat", "/var/log/../../root/x"}, status: 1, denied: true},
		{name: "threads", program: []string{self}, env: dir, loose: true},
		{name: "a child left behind", program: []string{"/bin/sh", "-c", "/bin/sleep 600 > /dev/null 2>&1 & exit 0"}, loose: true},
	} {
		t.Run(tt.name, func(t *testing.T) {
			if tt.env != "" {
				t.Setenv(envThreads, tt.env)
			}
			rows, err := measured(t.Context(), t, Config{Program: tt.program, Policy: usual}, throughAll("program"))
			if err != nil {
				t.Fatal(err)
			}
			verdicts := ""
			for _, r := range rows {
				if tt.denied && !findMechanism(r.Cell.Mech).decides() {
					// Nobody denies it, so that it fails for another reason.
					if r.Err == "" {
						t.Errorf("%s succeeded: %+v", r.Cell.Mech, r)
					}
					continue
				}
				for _, r := range ran(t, []Row{r}) {
					if r.Verdicts == "" {
						continue
					}
					if verdicts == "" {
						verdicts = r.Verdicts
					}
					if r.Verdicts != verdicts && !tt.loose {
						t.Errorf("%s: another list of verdicts than its neighbours'", r.Cell.Mech)
					}
					if r.Notified == 0 || r.Status != tt.status || (r.Denied > 0) != tt.denied {
						t.Errorf("%s: %d notified, status %d, %q", r.Cell.Mech, r.Notified, r.Status, r.Refusals)
					}
				}
			}
		})
	}
}

// TestBadPrograms wants to be told what was wrong.
func TestBadPrograms(t *testing.T) {
	policy := Policy{Paths: []string{"/"}}
	for _, tt := range []struct {
		name    string
		program []string
		policy  Policy
		mech    string
		limit   time.Duration
		want    string
	}{
		{"fails", []string{"/bin/sh", "-c", "echo so sorry >&2; exit 3"}, policy, "continue-read", 0, `ended with status 3, its last words: "so sorry"`},
		{"fails without a policy", []string{"/bin/false"}, policy, "native", 0, "ended with status 1"},
		{"dies", []string{"/bin/sh", "-c", "kill -SEGV $$"}, policy, "ptrace-seccomp", 0, "segmentation fault"},
		{"is not there", []string{"/nonexistent"}, policy, "ptrace-freeze", 0, "execute /nonexistent: no such file"},
		{"may not be executed", []string{"/bin/true"}, Policy{Paths: []string{"/etc"}}, "continue-read", 0, `the policy denied execve denied "/bin/true": allow more with --allow-path`},
		{"may not load its libraries", []string{"/bin/ls"}, Policy{Paths: []string{"/bin"}}, "ptrace-seccomp", 0, "--allow-path"},
		{"never ends", []string{"/bin/sleep", "600"}, policy, "continue-read", time.Second, "not done after 1s"},
		{"never ends, traced", []string{"/bin/sleep", "600"}, policy, "ptrace-freeze", time.Second, "not done after 1s"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			rows, err := measured(t.Context(), t, Config{Program: tt.program, Policy: tt.policy, Limit: tt.limit}, []Cell{{"program", tt.mech}})
			if err != nil || len(rows) != 1 {
				t.Fatalf("%d rows, %v", len(rows), err)
			}
			if !strings.Contains(rows[0].Err, tt.want) {
				t.Errorf("error %q, want one with %q", rows[0].Err, tt.want)
			}
		})
	}
}

// TestInterrupt ends a program that would not end.
func TestInterrupt(t *testing.T) {
	for _, mech := range []string{"native", "continue-read", "ptrace-freeze"} {
		t.Run(mech, func(t *testing.T) {
			ctx, cancel := context.WithCancel(t.Context())
			time.AfterFunc(500*time.Millisecond, cancel)
			mark := fmt.Sprintf("6%d", os.Getpid()) // of seconds
			rows, err := measured(ctx, t, Config{Program: []string{"/bin/sleep", mark}, Policy: Policy{Paths: []string{"/"}}}, []Cell{{"program", mech}})
			if err == nil || len(rows) > 0 {
				t.Errorf("%d rows and error %v", len(rows), err)
			}
			for range 100 {
				if exec.Command("pgrep", "-f", "sleep "+mark).Run() != nil {
					return
				}
				time.Sleep(50 * time.Millisecond)
			}
			t.Error("the program is still there")
		})
	}
}

func TestSelectMechanisms(t *testing.T) {
	got, err := SelectMechanisms([]string{"redirect"})
	if err != nil || strings.Join(got, " ") != "native redirect" {
		t.Errorf("%q, %v; want the baseline, too", got, err)
	}
	if _, err := SelectMechanisms([]string{"reply"}); err == nil || !strings.Contains(err.Error(), "continue-read") {
		t.Errorf("error %v, want one that lists the known", err)
	}
}
