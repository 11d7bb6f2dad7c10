package main

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"regexp"
	"slices"
	"strings"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"unotify-bench/abi"
	"unotify-bench/abi/suite"
	"unotify-bench/internal/lava"
	"unotify-bench/kernel"
)

// abiFlags are the flags of `abi`.
type abiFlags struct {
	on      []string
	kernel  string
	mechs   []string
	match   string
	list    bool
	expect  string
	fault   string
	mutants bool
	count   int
	shard   string
	resume  bool
	format  string
	output  string
	jobs    int
	memory  int
	source  string
	changed func(flag string) bool
}

// abiPlan is what they come to.
type abiPlan struct {
	abiFlags
	onHost bool
	arches []*abi.Arch
	checks []*suite.Check // a row each
	params []string       // of the kernel
	faults []kernel.Fault

	hunters []*suite.Check // for --mutants, where checks stand for faults

	write func(*abiReport) error
}

func (a *app) abiCommand() *cobra.Command {
	var f abiFlags
	cmd := &cobra.Command{
		Use:   "abi",
		Short: "Check conformance: does the kernel keep its word?",
		Long: `Checks what is stock about seccomp user notification, and of what is proposed
whatever the kernel has, each check in a process of its own. A check that the
kernel has no mechanism for is skipped and says which; --expect makes that a
failure. What goes beyond the posted texts is "divergent", and no failure, on a
kernel that does not do it, unless --expect patched says that it is the
project's own.

--fault boots the variant faulty with one of its seeded bugs switched on, and
expects what is expected of patched. Then some check should fail. --mutants
does it for every seeded bug, or those that --fault names, and tells which
check has found which: how good the checks are. With --kernel debug-faulty there
are those about memory cgroups and audit, too.

Exit status 1 if a check failed or could not tell.`,
		Example: `  unotify-bench abi --on riscv64 --kernel ~/linux/arch/riscv/boot/Image --format ktap
  unotify-bench abi --mutants -o mutants.txt`,
		Args: noArgs,
		RunE: func(cmd *cobra.Command, _ []string) error { return a.abi(cmd.Context(), f) },
	}
	f.define(cmd.Flags())
	cmd.AddCommand(a.raceCommand())
	return cmd
}

func (f *abiFlags) define(fl *pflag.FlagSet) {
	f.changed = fl.Changed
	fl.StringSliceVar(&f.on, "on", []string{"all"}, "where: host, amd64, arm64, riscv64, or all")
	fl.StringVar(&f.kernel, "kernel", string(defaultKernel), kernelUsage())
	fl.StringSliceVar(&f.mechs, "mech", nil, "checks of these mechanisms only")
	fl.StringVar(&f.match, "run", "", "only checks whose ID matches this regular expression")
	fl.BoolVar(&f.list, "list", false, "list the checks, and check nothing")
	fl.StringVar(&f.expect, "expect", "", "stock or patched: what is missing then is a failure")
	fl.StringVar(&f.fault, "fault", "", "the seeded bug to switch on; an unknown name lists them")
	fl.BoolVar(&f.mutants, "mutants", false, "switch on every seeded bug in turn, until a check fails")
	fl.StringVar(&f.format, "format", "table", strings.Join(abiFormats(), ", ")+" (lava is what lava job uses)")
	fl.StringVarP(&f.output, "output", "o", "", "file for the verdicts (default: standard output)")
	fl.IntVar(&f.count, "count", 1, "run every check N times, in machines of seeds 1 to N: is there a false alarm?")
	fl.StringVar(&f.shard, "shard", "", "I/N: the I-th of N parts of the checks, for several machines")
	fl.BoolVar(&f.resume, "resume", false, "go on with the interrupted run of these flags that wrote -o FILE")
	jobsFlag(fl, &f.jobs)
	fl.IntVar(&f.memory, "memory", 512, "MiB of each virtual machine: what fits into a small board?")
	fl.StringVar(&f.source, "source", "", "kernel source: a tarball, a .deb or a directory (default: fetch Debian's)")
}

// plan checks everything that can be checked before any work begins.
func (f abiFlags) plan() (*abiPlan, error) {
	p := &abiPlan{abiFlags: f, write: abiWriters[f.format]}
	if p.write == nil {
		return nil, usageError("unknown format %q: known are %s", f.format, strings.Join(abiFormats(), ", "))
	}
	switch suite.Expectation(f.expect) {
	case suite.ExpectNothing, suite.ExpectStock, suite.ExpectPatched:
	default:
		return nil, usageError("--expect is %q; want stock or patched", f.expect)
	}
	if f.format == lavaFormat && (!slices.Equal(f.on, []string{host}) || f.count != 1 || f.output != "") {
		return nil, usageError("--format lava is what a device prints for a lab: --on host, once, without -o")
	}
	if f.jobs < 1 || f.jobs > 1024 {
		return nil, usageError("--jobs is %d; want 1 to 1024", f.jobs)
	}
	if f.memory < 48 || f.memory > 1<<20 {
		return nil, usageError("--memory is %d; want 48 or more, in MiB", f.memory)
	}
	if f.count < 1 || f.count > 1<<20 {
		return nil, usageError("--count is %d; want 1 or more", f.count)
	}
	var err error
	if p.onHost, p.arches, err = parsePlaces(f.on); err != nil {
		return nil, err
	}
	if f.resume && f.output == "" {
		return nil, usageError("--resume needs the -o FILE of the interrupted run")
	}
	if f.fault != "" || f.mutants {
		if err := p.addFaults(); err != nil {
			return nil, err
		}
	}
	if err := checkKernel(p.kernel, p.arches); err != nil {
		return nil, err
	}
	match, err := regexp.Compile(f.match)
	if err != nil {
		return nil, usageError("--run: %w", err)
	}
	if p.checks, err = suite.Select(f.mechs, match); err != nil {
		return nil, usageError("%w", err)
	}
	part, parts, err := parseShard(f.shard)
	if err != nil {
		return nil, err
	}
	if p.mutants {
		p.faults = shard(p.faults, part, parts)
	} else if p.checks, err = shardChecks(p.checks, part, parts); err != nil {
		return nil, err
	}
	if p.mutants {
		p.planMutants()
	}
	if len(p.checks) == 0 || p.mutants && len(p.faults) == 0 {
		return nil, usageError("no check is called for; see unotify-bench abi --list")
	}
	return p, nil
}

// addFaults plans for kernels with seeded bugs.
func (p *abiPlan) addFaults() error {
	if !p.changed("kernel") {
		p.kernel = string(kernel.Faulty)
	}
	variant := kernel.Variant(p.kernel)
	if variant != kernel.Faulty && variant != kernel.DebugFaulty {
		return usageError("--fault and --mutants are for --kernel %s or %s", kernel.Faulty, kernel.DebugFaulty)
	}
	if p.faults = kernel.FaultsIn(variant); p.fault != "" {
		fault, err := kernel.FindFault(p.fault)
		if err != nil {
			return usageError("%w", err)
		}
		if !fault.In(variant) {
			return usageError("--fault %s is for --kernel %s", fault.Name, kernel.DebugFaulty)
		}
		p.faults = []kernel.Fault{fault}
	}
	if !p.mutants {
		p.params = []string{p.faults[0].Param()}
	}
	// It is the project's own kernel: what goes beyond the posted texts
	// counts, or a fault there would only be divergent.
	if p.expect == "" {
		p.expect = string(suite.ExpectPatched)
	}
	if p.onHost = false; len(p.arches) == 0 {
		return usageError("--fault and --mutants are for virtual machines; the host boots its own kernel")
	}
	return nil
}

// id tells whether two runs check the same: what --resume looks at.
func (p *abiPlan) id() string {
	h := sha256.New()
	fmt.Fprintln(h, version(), p.kernel, p.source, p.on, p.fault, p.mutants, p.mechs, p.match, p.shard) // and as far as --count goes
	return hex.EncodeToString(h.Sum(nil)[:16])
}

func (a *app) abi(ctx context.Context, f abiFlags) error {
	p, err := f.plan()
	if err != nil {
		return err
	}
	if p.list {
		for _, c := range p.checks {
			fmt.Fprintf(a.stdout, "%-44s %-4s  %s\n", c.ID, c.Level, c.Doc)
		}
		return nil
	}
	out, err := a.openVerdicts(p.output)
	if err != nil {
		return err
	}
	defer func() { _ = out.Close() }() // failed says whether all was written
	journal, err := openJournal[suite.Result](out.journal(), p.id(), p.resume)
	if err != nil {
		out.discard()
		return err
	}
	r := &abiRunner{app: a, abiPlan: p, bar: a.newProgress(), journal: journal}
	report := &abiReport{w: out, verbose: a.verbose}
	if p.format == lavaFormat {
		r.live = &lavaVerdicts{Printer: lava.NewPrinter(out)}
		err = r.live.begin()
	}
	err = errors.Join(err, r.run(ctx))
	r.bar.End()
	report.lanes, report.live = r.lanes, r.live
	err = errors.Join(err, out.begin(), p.report(report), out.failed())
	// A report for which there was no room can be written again.
	err = errors.Join(err, journal.close(err == nil))
	if err != nil {
		return err
	}
	if bad := report.bad(); bad != "" {
		return failure("%s", bad)
	}
	return nil
}

// report writes what came of it.
func (p *abiPlan) report(r *abiReport) error {
	if p.mutants && p.format == "table" {
		return r.mutantTable(p.faults)
	}
	return p.write(r)
}

// abiFormats lists the formats, sorted.
func abiFormats() []string {
	var names []string
	for name := range abiWriters {
		names = append(names, name)
	}
	slices.Sort(names)
	return names
}
