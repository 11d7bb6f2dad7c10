package main

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"strings"

	"golang.org/x/sys/unix"

	"unotify-bench/abi/fuzz"
	"unotify-bench/abi/suite"
	"unotify-bench/bench"
	"unotify-bench/bench/workload"
	"unotify-bench/kernel"
)

// job is what the host asks of a guest, as /job.json of its initramfs.
type job struct {
	Config bench.Config
	Cells  []bench.Cell `json:",omitempty"`
	Probe  bool         `json:",omitempty"`
	Exec   []string     `json:",omitempty"` // a program and its arguments, for tests

	Selftests [][]string `json:",omitempty"` // programs of /bin and their arguments
	Checks    []string   `json:",omitempty"` // IDs of the conformance suite
	Mutants   []mutant   `json:",omitempty"` // hunts with them

	Races []suite.Race `json:",omitempty"`

	Fuzz *fuzz.Order `json:",omitempty"`

	Workload  workload.Config `json:",omitzero"`
	Workloads []workload.Cell `json:",omitempty"`
	Symbols   bool            `json:",omitempty"` // what the kernel's functions are called
	Fault     string          `json:",omitempty"` // of a kernel with seeded faults, to be on while Cells are measured
}

const jobFile = "job.json"

// Kinds of events that a guest sends.
const (
	eventRow   = "row"   // bench.Row
	eventProbe = "probe" // bench.Finding
	eventOut   = "out"   // string: one line of a job's program
	eventErr   = "err"   // string: why the job could not be done

	eventSelftest = "selftest" // string: the program whose output comes next
	eventCheck    = "check"    // suite.Result
	eventHunt     = "hunt"     // hunted
	eventRace     = "race"     // suite.RaceCount
	eventWorkload = "workload" // workload.Row
	eventFuzz     = "fuzz"     // fuzz.Event
	eventSymbols  = "symbols"  // string: lines of /proc/kallsyms
)

// guestMain is the init of a virtual machine.
func guestMain() {
	g, err := kernel.Guest()
	if err != nil {
		// Without a channel the console is all there is; the panic that
		// follows ends the machine.
		fmt.Fprintln(os.Stderr, "unotify-bench guest:", err)
		os.Exit(1)
	}
	code, err := doJob(g)
	if err != nil {
		_ = g.Emit(eventErr, err.Error())
		code = exitEnvironment
	}
	_ = g.Done(code)
	err = g.Poweroff()
	fmt.Fprintln(os.Stderr, "unotify-bench guest: power off:", err)
	os.Exit(1)
}

func doJob(g *kernel.GuestConn) (code int, err error) {
	b, err := os.ReadFile("/" + jobFile)
	if err != nil {
		return 0, fmt.Errorf("read the job: %w", err)
	}
	var j job
	if err := json.Unmarshal(b, &j); err != nil {
		return 0, fmt.Errorf("decode the job: %w", err)
	}
	ctx := context.Background()
	switch {
	case len(j.Exec) > 0:
		return execJob(g, j.Exec)
	case len(j.Selftests) > 0:
		for _, argv := range j.Selftests {
			if err := g.Emit(eventSelftest, argv[0]); err != nil {
				return 0, err
			}
			argv[0] = "/bin/" + argv[0]
			// What it ends with, its output says in more detail.
			if _, err := execJob(g, argv); err != nil {
				return 0, err
			}
		}
		return 0, nil
	case len(j.Mutants) > 0:
		return 0, huntJob(ctx, g, &j)
	case len(j.Checks) > 0:
		return 0, checkJob(ctx, g, j.Checks)
	case len(j.Races) > 0:
		return 0, suite.Races(ctx, j.Races, suite.Deadline, func(c suite.RaceCount) error { return g.Emit(eventRace, c) })
	case j.Fuzz != nil:
		// KCOV is in there. A kernel that has none need not have this either.
		_ = unix.Mount("debugfs", "/sys/kernel/debug", "debugfs", 0, "")
		return 0, fuzz.Run(ctx, *j.Fuzz, func(e fuzz.Event) error { return g.Emit(eventFuzz, e) })
	case len(j.Workloads) > 0:
		return 0, workload.Run(ctx, j.Workload, j.Workloads, func(r workload.Row) error { return g.Emit(eventWorkload, r) })
	case j.Symbols:
		return 0, symbolsJob(g)
	case j.Probe:
		for _, f := range bench.Probe(ctx) {
			if err := g.Emit(eventProbe, f); err != nil {
				return 0, err
			}
		}
		return 0, nil
	}
	if j.Fault != "" {
		if err := kernel.SwitchFault(strings.TrimSpace(j.Fault)); err != nil {
			return 0, err
		}
	}
	return 0, bench.Run(ctx, j.Config, j.Cells, func(r bench.Row) error { return g.Emit(eventRow, r) })
}

// symbolsJob sends what the kernel's functions are called, some at a time.
func symbolsJob(g *kernel.GuestConn) error {
	f, err := os.Open("/proc/kallsyms")
	if err != nil {
		return fmt.Errorf("the kernel tells no symbols, it needs CONFIG_KALLSYMS=y: %w", err)
	}
	defer f.Close()
	var text strings.Builder
	lines := bufio.NewScanner(f)
	for lines.Scan() {
		// Code only, and not that of modules, which no record begins with.
		if w := strings.Fields(lines.Text()); len(w) != 3 || !strings.Contains("tTwW", w[1]) {
			continue
		}
		text.WriteString(lines.Text() + "\n")
		if text.Len() > 128<<10 {
			if err := g.Emit(eventSymbols, text.String()); err != nil {
				return err
			}
			text.Reset()
		}
	}
	if err := lines.Err(); err != nil {
		return fmt.Errorf("read the kernel's symbols: %w", err)
	}
	return g.Emit(eventSymbols, text.String())
}

// checkJob runs checks of the suite and sends each result as it comes.
func checkJob(ctx context.Context, g *kernel.GuestConn, ids []string) error {
	checks, err := checksOf(ids)
	if err != nil {
		return err
	}
	return suite.Run(ctx, checks, suite.Deadline, func(r suite.Result) error {
		reapOrphans()
		return g.Emit(eventCheck, r)
	})
}

// reapOrphans waits for what checks have left: init is the parent of all that
// have none, and in a small machine some hundred processes that nobody waits for
// are as many as there can be. None of its own runs when it has a result.
func reapOrphans() {
	for {
		if pid, err := unix.Wait4(-1, nil, unix.WNOHANG, nil); pid <= 0 && !errors.Is(err, unix.EINTR) {
			return
		}
	}
}

func checksOf(ids []string) (checks []*suite.Check, err error) {
	for _, id := range ids {
		c := suite.Find(id)
		if c == nil {
			return nil, fmt.Errorf("no check is called %q: this program is not the host's", id)
		}
		checks = append(checks, c)
	}
	return checks, nil
}

// huntJob switches faults of the kernel on, one after the other, and has each
// hunted until a check fails.
func huntJob(ctx context.Context, g *kernel.GuestConn, j *job) error {
	for _, m := range j.Mutants {
		checks, err := checksOf(m.order(j.Checks))
		if err != nil {
			return err
		}
		if err := kernel.SwitchFault(m.Fault); err != nil {
			return err
		}
		err = suite.Run(ctx, checks, suite.Deadline, func(r suite.Result) error {
			reapOrphans()
			if err := g.Emit(eventHunt, hunted{m.Fault, r}); err != nil {
				return err
			}
			if found, _ := failed(r); found && m.Fault != noFault {
				return errFound
			}
			return nil
		})
		if err != nil && !errors.Is(err, errFound) {
			return err
		}
	}
	return kernel.SwitchFault(noFault)
}

// errFound ends a hunt.
var errFound = errors.New("found")

// execJob runs a program, a test binary usually, and sends its output.
func execJob(g *kernel.GuestConn, argv []string) (code int, err error) {
	cmd := exec.Command(argv[0], argv[1:]...)
	out, err := cmd.StdoutPipe()
	if err != nil {
		return 0, err
	}
	cmd.Stderr = cmd.Stdout
	cmd.Dir = "/tmp"
	if err := cmd.Start(); err != nil {
		return 0, err
	}
	lines := bufio.NewScanner(out)
	for lines.Scan() {
		if err := g.Emit(eventOut, lines.Text()); err != nil {
			return 0, err
		}
	}
	if err := cmd.Wait(); err != nil && cmd.ProcessState == nil {
		return 0, err
	}
	return cmd.ProcessState.ExitCode(), nil
}
