package main

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

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
	sweep        []string
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
	guests       string // a command
	source       string
	series       string
	workloadFlags
	profile bool
	fault   string
}

func (a *app) runCommand() *cobra.Command {
	var f runFlags
	cmd := &cobra.Command{
		Use:   "run",
		Short: "Measure: the host first, then every architecture asked for",
		Long: `Measures what a syscall costs under each mechanism and prints a table.

The host's rows are nanoseconds of its own kernel. The rows of virtual machines
are instructions (QEMU counts them; a repeat with the same seed gives the same
samples to the instruction, on any machine), each with several seeds.

--series builds and measures a kernel for each patch of a series and one
without any, and prints what each patch costs. DIR holds patches and a file
named series with their order, as quilt has it; they are applied to --source,
with the patches of --kernel (stock has none). A..B are commits of the git
repository that --source is in. -o is a directory then: a results file for each
step, of which one that is complete is not measured again. A patch that does
not apply is left out of what follows, one that does not build stays in; both
are named, the rest is measured, and the exit status is 1:

  unotify-bench run --on amd64 --series my-patches --mech continue -o steps
  unotify-bench run --on amd64 --series v6.12..my-branch --source ~/linux

With --workload or --program a row is a whole program under a small policy of
paths and addresses, which is enforced through the mechanism, and the table shows
what that costs over no supervisor. What the policy decided must be the same
through each, and the workload attack may get around it only where the mechanism
is racy: anything else is status 1. Example: --program 'ls -R /usr/share/doc'.

--profile says which function of the kernel the instructions of a call are spent
in, of the call in the middle: as a table, and in a directory beside the results,
FILE.profile, for go tool pprof (.pb.gz), for flamegraph.pl and speedscope
(.folded), and as a flame graph (.svg). It boots a machine a row, by default with
one seed.`,
		Example: `  unotify-bench run --quick
  unotify-bench run --on riscv64 --mech continue,ptrace-seccomp --syscall openat --format benchfmt > new.txt`,
		Args: noArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			if f.quick && !cmd.Flags().Changed("count") {
				f.count = 2
			}
			if f.series != "" && f.asked() {
				return usageError("--series measures rows, no --workload or --program: choose one")
			}
			if f.profile && f.series != "" {
				return usageError("--profile does not go with --series: profile the kernels of two steps, then: unotify-bench compare --profile")
			}
			if f.profile && f.asked() {
				return usageError("--profile is of the calls of a row: not of --workload or --program")
			}
			if f.series != "" {
				if !cmd.Flags().Changed("kernel") {
					f.kernel = string(kernel.Stock)
				}
				return a.measureSeries(cmd.Context(), f)
			}
			if f.asked() {
				return a.measureWorkloads(cmd.Context(), f)
			}
			if f.profile {
				f.forProfile(cmd.Flags().Changed)
			}
			return a.measure(cmd.Context(), f)
		},
	}
	f.define(cmd.Flags())
	return cmd
}

func (f *runFlags) define(fl *pflag.FlagSet) {
	fl.StringSliceVar(&f.on, "on", []string{"all"}, "where: host, amd64, arm64, riscv64, or all")
	fl.StringVar(&f.kernel, "kernel", string(defaultKernel), kernelUsage())
	fl.StringSliceVar(&f.mechs, "mech", nil, "these mechanisms only")
	fl.StringSliceVar(&f.syscalls, "syscall", nil, "these syscalls only")
	fl.StringVar(&f.match, "run", "", "only rows whose name matches this regular expression")
	fl.BoolVar(&f.list, "list", false, "list what would be measured, and measure nothing")
	fl.BoolVar(&f.all, "all", false, "every row: all payloads, wake-ups and placements")
	fl.StringSliceVar(&f.sweep, "sweep", nil, "instead, the steps of a sweep: "+sweepNames()+", or all")
	fl.StringVar(&f.clock, "clock", "insns", "of virtual machines: insns, wall or both; the host's is always wall")
	fl.StringVar(&f.accel, "accel", "auto", "of virtual machines on the wall clock: auto, kvm or tcg")
	fl.IntVar(&f.cpus, "cpus", 2, "CPUs of virtual machines on the wall clock; on insns there is one")
	fl.IntVar(&f.count, "count", 5, "runs of each row: seeds 1 to N on insns, repetitions on wall")
	fl.DurationVar(&f.per, "time", 0, "how long to measure each row on the host, about (0: 1000 calls)")
	fl.BoolVar(&f.quick, "quick", false, "the shortest useful run: getppid and openat, two runs each")
	fl.StringVarP(&f.output, "output", "o", "", "results file, or a directory for it (default: under the state directory)")
	fl.StringVar(&f.format, "format", "text", "text, "+strings.Join(report.Formats, ", ")+", or lava, which lava job uses")
	jobsFlag(fl, &f.jobs)
	fl.StringVar(&f.shard, "shard", "", "I/N: the I-th of N parts of the rows, for several machines")
	fl.BoolVar(&f.resume, "resume", false, "go on with the interrupted run of these flags that wrote -o FILE")
	fl.BoolVar(&f.install, "install", false, "install what virtual machines need, as doctor --install does, once the host is measured")
	fl.StringVar(&f.guests, "guests", "", "shell command that builds the guests' programs, run once the host is measured")
	fl.StringVar(&f.series, "series", "", "DIR or A..B: measure stock and then each patch of a series")
	fl.StringVar(&f.source, "source", "", "kernel source: a tarball, a .deb or a directory (default: fetch Debian's)")
	f.workloadFlags.define(fl)
	fl.BoolVar(&f.profile, "profile", false, "also say which function the instructions of a call are spent in; needs gcc")
	fl.StringVar(&f.fault, "fault", "", "on --kernel faulty, make this cost more: "+slowdownNames())
}

func sweepNames() string {
	var names []string
	for _, s := range bench.Sweeps() {
		names = append(names, fmt.Sprintf("%s (%s)", s.Name, s.Doc))
	}
	return strings.Join(names, ", ")
}

// defaultKernel is the one that has every mechanism.
const defaultKernel = kernel.Patched

func variantNames() string {
	var names []string
	for _, v := range kernel.Variants() {
		names = append(names, string(v))
	}
	return strings.Join(names, ", ")
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
	if f.profile && !s.file.regular {
		s.discard()
		return usageError("--profile writes files beside the results: -o must name a file or a directory")
	}
	j, err := openJournal[bench.Row](s.beside(".journal"), p.id(), f.resume)
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
		o := a.tableOptions(a.stdout)
		o.All = o.All || len(f.sweep) > 0 // its steps are the point of it
		if e := errors.Join(s.set.Table(a.stdout, o), r.profileTables()); err == nil {
			err = e
		}
	}
	a.note("results: %s", s.path)
	if e := s.close(); err == nil {
		err = e
	}
	return err
}
