package main

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"regexp"
	"runtime"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"unotify-bench/abi"
	"unotify-bench/bench"
	"unotify-bench/internal/report"
	"unotify-bench/kernel"
)

// runFlags are the flags of `run`.
type runFlags struct {
	on           []string
	kernel       string
	mechs        []string
	syscalls     []string
	match        string
	list         bool
	all          bool
	clock, accel string
	cpus         int
	count        int
	per          time.Duration
	quick        bool
	output       string
	format       string
	jobs         int
	shard        string
	resume       bool
	install      bool
	source       string
}

func (a *app) runCommand() *cobra.Command {
	var f runFlags
	cmd := &cobra.Command{
		Use:   "run",
		Short: "Measure: the host first, then every architecture asked for",
		Long: `Measures what a syscall costs under each mechanism and prints a table.

The host's rows are nanoseconds of its own kernel. The rows of virtual machines
are instructions (QEMU counts them; a repeat with the same seed gives the same
samples to the instruction, on any machine), each with several seeds.`,
		Example: `  unotify-bench run --quick
  unotify-bench run --on riscv64 --mech continue,ptrace-seccomp --syscall openat --format benchfmt > new.txt`,
		Args: noArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			if f.quick && !cmd.Flags().Changed("count") {
				f.count = 2
			}
			return a.measure(cmd.Context(), f)
		},
	}
	fl := cmd.Flags()
	fl.StringSliceVar(&f.on, "on", []string{"all"}, "where: host, amd64, arm64, riscv64, or all")
	fl.StringVar(&f.kernel, "kernel", "stock", "what the virtual machines boot: "+variantNames()+", or a kernel image's path")
	fl.StringSliceVar(&f.mechs, "mech", nil, "these mechanisms only")
	fl.StringSliceVar(&f.syscalls, "syscall", nil, "these syscalls only")
	fl.StringVar(&f.match, "run", "", "only rows whose name matches this regular expression")
	fl.BoolVar(&f.list, "list", false, "list what would be measured, and measure nothing")
	fl.BoolVar(&f.all, "all", false, "every row: all payloads, wake-ups and placements")
	fl.StringVar(&f.clock, "clock", "insns", "of virtual machines: insns, wall or both; the host's is always wall")
	fl.StringVar(&f.accel, "accel", "auto", "of virtual machines on the wall clock: auto, kvm or tcg")
	fl.IntVar(&f.cpus, "cpus", 2, "CPUs of virtual machines on the wall clock; on insns there is one")
	fl.IntVar(&f.count, "count", 5, "runs of each row: seeds 1 to N on insns, repetitions on wall")
	fl.DurationVar(&f.per, "time", 0, "how long to measure each row on the host, about (0: 1000 calls)")
	fl.BoolVar(&f.quick, "quick", false, "the shortest useful run: getppid and openat, two runs each")
	fl.StringVarP(&f.output, "output", "o", "", "results file, or a directory for it (default: under the state directory)")
	fl.StringVar(&f.format, "format", "text", "text, "+strings.Join(report.Formats, ", "))
	fl.IntVar(&f.jobs, "jobs", runtime.NumCPU(), "virtual machines at once")
	fl.StringVar(&f.shard, "shard", "", "I/N: the I-th of N parts of the rows, for several machines")
	fl.BoolVar(&f.resume, "resume", false, "go on with the interrupted run of these flags that wrote -o FILE")
	fl.BoolVar(&f.install, "install", false, "install what virtual machines need, as doctor --install does, once the host is measured")
	fl.StringVar(&f.source, "source", "", "kernel source: a tarball, a .deb or a directory (default: fetch Debian's)")
	return cmd
}

func variantNames() string {
	var names []string
	for _, v := range kernel.Variants() {
		names = append(names, string(v))
	}
	return strings.Join(names, ", ")
}

// plan is what the flags come to.
type plan struct {
	runFlags
	onHost bool
	arches []*abi.Arch
	clocks []kernel.Clock
	accelV kernel.Accel
	host   []bench.Cell
	guest  []bench.Cell
	calls  int
}

// plan checks everything that can be checked before any work begins.
func (f runFlags) plan() (*plan, error) {
	p := &plan{runFlags: f, calls: 1000}
	var err error
	if p.onHost, p.arches, err = parsePlaces(f.on); err != nil {
		return nil, err
	}
	if err := checkKernel(f.kernel, p.arches); err != nil {
		return nil, err
	}
	switch f.clock {
	case "insns":
		p.clocks = []kernel.Clock{kernel.Insns}
	case "wall":
		p.clocks = []kernel.Clock{kernel.Wall}
	case "both":
		p.clocks = []kernel.Clock{kernel.Insns, kernel.Wall}
	default:
		return nil, usageError("--clock is %q; want insns, wall or both", f.clock)
	}
	switch f.accel {
	case "auto":
	case "kvm", "tcg":
		p.accelV = kernel.Accel(f.accel)
	default:
		return nil, usageError("--accel is %q; want auto, kvm or tcg", f.accel)
	}
	if f.format != "text" {
		if _, err := report.NewWriter(f.format, nil); err != nil {
			return nil, usageError("%w, text", err)
		}
	}
	for _, n := range []struct {
		name  string
		v, hi int
	}{{"cpus", f.cpus, 64}, {"count", f.count, 1000}, {"jobs", f.jobs, 1024}} {
		if n.v < 1 || n.v > n.hi {
			return nil, usageError("--%s is %d; want 1 to %d", n.name, n.v, n.hi)
		}
	}
	if f.per < 0 {
		return nil, usageError("--time is %v; want a positive duration", f.per)
	}
	if f.resume && f.output == "" {
		return nil, usageError("--resume needs the -o FILE of the interrupted run")
	}
	part, parts, err := parseShard(f.shard)
	if err != nil {
		return nil, err
	}
	mechs, err := bench.SelectMechanisms(f.mechs)
	if err != nil {
		return nil, usageError("%w", err)
	}
	syscalls := f.syscalls
	if f.quick && len(syscalls) == 0 {
		syscalls = []string{"getppid", "openat"}
	}
	cases, err := bench.SelectCases(syscalls)
	if err != nil {
		return nil, usageError("%w", err)
	}
	match, err := regexp.Compile(f.match)
	if err != nil {
		return nil, usageError("--run: %w", err)
	}
	for _, c := range bench.Cells(mechs, cases) {
		if !match.MatchString(c.Name()) {
			continue
		}
		// A name that was asked for is measured, in the short run too.
		short := c.Headline() && (c.Bytes == 0 || c.Bytes == 64)
		if f.all || f.match != "" || short {
			p.host = append(p.host, c)
			// A machine that counts instructions has one CPU.
			if c.CPUs == "same" || f.clock != "insns" {
				p.guest = append(p.guest, c)
			}
			continue
		}
		// The host can afford the dimensions that one CPU does not have.
		if !f.quick && c.CPUs != "free" && c.Syscall == "getppid" {
			p.host = append(p.host, c)
		}
	}
	p.host, p.guest = shard(p.host, part, parts), shard(p.guest, part, parts)
	if !p.onHost {
		p.host = nil
	}
	if len(p.arches) == 0 {
		p.guest = nil
	}
	// No machine is booted for nothing, as in a small part of a few rows.
	if len(p.guest) == 0 {
		p.arches = nil
	}
	if len(p.host)+len(p.guest) == 0 {
		return nil, usageError("no row is called for; see unotify-bench run --list --all")
	}
	return p, nil
}

func (a *app) measure(ctx context.Context, f runFlags) error {
	p, err := f.plan()
	if err != nil {
		return err
	}
	if f.list {
		return a.list(p)
	}
	s, err := newSink(f.format, f.output, f.resume, a.stdout)
	if err != nil {
		return err
	}
	j, err := openJournal(s.beside(".journal"), p.id(), f.resume)
	if err != nil {
		s.discard()
		return err
	}
	r := &runner{app: a, plan: p, sink: s, bar: a.newProgress(), journal: j}
	if err = s.open(); err == nil {
		err = r.run(ctx)
	}
	err = errors.Join(err, j.close(err == nil || exitStatus(err) == exitFailed))
	r.bar.End()
	if f.format == "text" {
		if e := s.set.Table(a.stdout, a.tableOptions(a.stdout)); err == nil {
			err = e
		}
	}
	a.note("results: %s", s.path)
	if e := s.close(); err == nil {
		err = e
	}
	return err
}

// id tells whether two runs measure the same: what --resume checks.
func (p *plan) id() string {
	h := sha256.New()
	fmt.Fprintln(h, version(), p.kernel, p.source, p.clock, p.accel, p.cpus, p.count, p.per, p.on, p.host, p.guest)
	return hex.EncodeToString(h.Sum(nil)[:16])
}

// parseShard reads I/N; the empty string is 1/1.
func parseShard(s string) (part, parts int, err error) {
	if s == "" {
		return 1, 1, nil
	}
	i, n, ok := strings.Cut(s, "/")
	part, err1 := strconv.Atoi(i)
	parts, err2 := strconv.Atoi(n)
	if !ok || err1 != nil || err2 != nil || part < 1 || part > parts {
		return 0, 0, usageError("--shard is %q; want I/N with I from 1 to N", s)
	}
	return part, parts, nil
}

// shard deals the cells out to parts, so that each gets some of every kind.
func shard(cells []bench.Cell, part, parts int) []bench.Cell {
	var out []bench.Cell
	for i, c := range cells {
		if i%parts == part-1 {
			out = append(out, c)
		}
	}
	return out
}

// list prints the rows that would be measured, with the reason where one
// cannot be.
func (a *app) list(p *plan) error {
	cells := p.host
	for _, c := range p.guest {
		if !slices.Contains(p.host, c) {
			cells = append(cells, c)
		}
	}
	for _, c := range cells {
		if why := c.Unable(); why != "" {
			fmt.Fprintf(a.stdout, "%-72s n/a: %s\n", c.Name(), why)
			continue
		}
		fmt.Fprintln(a.stdout, c.Name())
	}
	return nil
}
