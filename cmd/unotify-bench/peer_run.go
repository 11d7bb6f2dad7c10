package main

import (
	"bytes"
	"context"
	_ "embed"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"runtime"
	"strconv"
	"strings"
	"syscall"
	"time"

	"golang.org/x/sys/unix"

	"unotify-bench/bench"
	"unotify-bench/internal/lazy"
	"unotify-bench/internal/notify"
)

//go:embed peer/twin.c
var twinSource []byte

// peerWarmup is how many calls come first that nobody counts. perf has none;
// what its start costs is subtracted instead.
const peerWarmup = 1000

// peerLimit bounds one measurement.
const peerLimit = 5 * time.Minute

// contenders are the peers, and this program last. cpus are those that may
// be used.
func contenders(perfPath, twin string, cpus []int) []contender {
	p := &perf{path: perfPath, cpus: cpus}
	all := func(peerMode) bool { return true }
	return []contender{
		{"perf", func(m peerMode) bool { return m.perf }, p.run},
		{"C twin", all, func(ctx context.Context, m peerMode, calls int) (cost, error) {
			return runTwin(ctx, twin, m, calls, cpus)
		}},
		{"ours", all, runOurs},
	}
}

// placed returns the CPUs of target and supervisor.
func placed(m peerMode, cpus []int) (target, supervisor int) {
	if m.cell.CPUs == "cross" {
		return cpus[0], cpus[1]
	}
	return cpus[0], cpus[0]
}

func compileTwin(ctx context.Context, out string) error {
	cmd := exec.CommandContext(ctx, "gcc", "-O2", "-Wall", "-Werror", "-x", "c", "-o", out, "-")
	cmd.Stdin = bytes.NewReader(twinSource)
	if text, err := cmd.CombinedOutput(); err != nil {
		return fmt.Errorf("compile the C twin: %w\n%s", err, text)
	}
	return nil
}

func runOurs(ctx context.Context, m peerMode, calls int) (cost, error) {
	cfg := bench.Config{Unit: bench.UnitNanoseconds, Calls: calls, Warmup: peerWarmup, Limit: peerLimit}
	var row bench.Row
	err := bench.Run(ctx, cfg, []bench.Cell{m.cell}, func(r bench.Row) error { row = r; return nil })
	switch {
	case err != nil:
		return cost{}, err
	case row.NA != "":
		return cost{}, errors.New(row.NA)
	case row.Err != "":
		return cost{}, errors.New(row.Err)
	}
	return cost{
		wall: row.Total.Mean,
		cpu:  (row.TargetCPU + row.SupervisorCPU) / float64(row.Notifications) * 1e9,
	}, nil
}

func runTwin(ctx context.Context, twin string, m peerMode, calls int, cpus []int) (cost, error) {
	target, supervisor := placed(m, cpus)
	cmd := exec.Command(twin, fmt.Sprint(calls), fmt.Sprint(peerWarmup), m.cell.Wake, m.cell.Mech, fmt.Sprint(target), fmt.Sprint(supervisor))
	out, err := runPeer(ctx, cmd, supervisor, nil)
	if err != nil {
		return cost{}, err
	}
	var c cost
	if _, err := fmt.Sscan(out, &c.wall, &c.cpu); err != nil {
		return cost{}, fmt.Errorf("the C twin printed %q: %w", out, err)
	}
	return c, nil
}

// perf is a built perf.
type perf struct {
	path string
	cpus []int
	// start is the least that a run of one call took: perf's figures have
	// its fork and the child's end in them, ours and the twin's do not.
	start cost
}

func (p *perf) run(ctx context.Context, m peerMode, calls int) (cost, error) {
	target, supervisor := placed(m, p.cpus)
	all, err := p.time(ctx, m, calls, target, supervisor)
	if err != nil {
		return cost{}, err
	}
	for range 3 {
		one, err := p.time(ctx, m, 1, supervisor, supervisor)
		if err != nil {
			return cost{}, err
		}
		if p.start.cpu == 0 {
			p.start = one
		}
		p.start = cost{min(p.start.wall, one.wall), min(p.start.cpu, one.cpu)}
	}
	n := float64(calls - 1)
	return cost{(all.wall - p.start.wall) / n, (all.cpu - p.start.cpu) / n}, nil
}

// time returns what a whole run of perf bench costs, in nanoseconds. perf pins
// nothing: the supervisor gets its CPU before exec; the target, its child,
// inherits that and is moved as soon as it is there.
func (p *perf) time(ctx context.Context, m peerMode, calls, target, supervisor int) (cost, error) {
	args := []string{"bench", "sched", "seccomp-notify", "--loop", fmt.Sprint(calls)}
	if m.cell.Wake == "sync" {
		args = append(args, "--sync-mode")
	}
	cmd := exec.Command(p.path, args...)
	cmd.Env = append(os.Environ(), "PERF_CONFIG=/dev/null", "LC_ALL=C")
	var move func(context.Context, int) error
	if target != supervisor {
		move = func(ctx context.Context, pid int) error { return moveChild(ctx, pid, target) }
	}
	out, err := runPeer(ctx, cmd, supervisor, move)
	if err != nil {
		return cost{}, err
	}
	usecs, err := perfFigure(out)
	// Its child is in there: perf has waited for it.
	spent := cmd.ProcessState.UserTime() + cmd.ProcessState.SystemTime()
	return cost{wall: usecs * 1000 * float64(calls), cpu: float64(spent)}, err
}

var usecsPerOp = lazy.Regexp(`(?m)^\s*([0-9.]+) usecs/op$`)

// perfFigure finds the microseconds of a call in perf bench's output.
func perfFigure(out string) (float64, error) {
	f := usecsPerOp().FindStringSubmatch(out)
	if f == nil {
		return 0, fmt.Errorf("perf bench printed no usecs/op: %q", out)
	}
	return strconv.ParseFloat(f[1], 64)
}

// moveChild binds the only child of process pid to a CPU, once it has one.
func moveChild(ctx context.Context, pid, cpu int) error {
	file := fmt.Sprintf("/proc/%d/task/%d/children", pid, pid)
	for ctx.Err() == nil {
		text, err := os.ReadFile(file)
		if err != nil {
			return fmt.Errorf("find perf's child, to bind it to cpu %d: %w", cpu, err)
		}
		if child, err := strconv.Atoi(strings.TrimSpace(string(text))); err == nil {
			var set unix.CPUSet
			set.Set(cpu)
			if err := unix.SchedSetaffinity(child, &set); err != nil {
				return fmt.Errorf("bind perf's child to cpu %d: %w", cpu, err)
			}
			return nil
		}
		time.Sleep(200 * time.Microsecond)
	}
	return fmt.Errorf("perf ended before its child could be bound to cpu %d", cpu)
}

// runPeer runs cmd on one CPU and returns what it printed; meanwhile, if not
// nil, goes on beside it, with a context that ends with it. Nothing of cmd
// outlives ctx or peerLimit.
func runPeer(ctx context.Context, cmd *exec.Cmd, cpu int, meanwhile func(ctx context.Context, pid int) error) (string, error) {
	ctx, cancel := context.WithTimeoutCause(ctx, peerLimit, fmt.Errorf("%s was not done after %v", cmd.Path, peerLimit))
	defer cancel()
	var out, complaints bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &complaints
	cmd.WaitDelay = time.Second
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	if err := startOn(cmd, cpu); err != nil {
		return "", fmt.Errorf("start %s: %w", cmd.Path, err)
	}
	stop := context.AfterFunc(ctx, func() { _ = syscall.Kill(-cmd.Process.Pid, syscall.SIGKILL) })
	beside, ended := context.WithCancel(ctx)
	moved := make(chan error, 1)
	go func() {
		if meanwhile == nil {
			moved <- nil
			return
		}
		moved <- meanwhile(beside, cmd.Process.Pid)
	}()
	err := cmd.Wait()
	stop()
	ended()
	besideErr := <-moved
	switch {
	case ctx.Err() != nil:
		return "", context.Cause(ctx)
	case err != nil:
		return "", fmt.Errorf("%s: %w: %s", cmd.Path, err, strings.TrimSpace(complaints.String()))
	}
	return out.String(), besideErr
}

// startOn starts cmd with an affinity of one CPU, which it inherits from the
// thread that forks; that thread is not used again.
func startOn(cmd *exec.Cmd, cpu int) error {
	started := make(chan error)
	go func() {
		runtime.LockOSThread()
		err := notify.BindCPU(cpu)
		if err == nil {
			err = cmd.Start()
		}
		started <- err
	}()
	return <-started
}
