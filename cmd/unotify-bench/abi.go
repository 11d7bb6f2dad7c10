package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"regexp"
	"runtime"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"unotify-bench/abi"
	"unotify-bench/abi/suite"
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
	format  string
	output  string
	jobs    int
	source  string
	changed func(flag string) bool
}

// abiPlan is what they come to.
type abiPlan struct {
	abiFlags
	onHost bool
	arches []*abi.Arch
	checks []*suite.Check
	params []string // of the kernel
	write  func(*abiReport) error
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
expects what is expected of patched. Then some check should fail.

Exit status 1 if a check failed or could not tell.`,
		Example: `  unotify-bench abi --on riscv64 --kernel ~/linux/arch/riscv/boot/Image --format ktap
  unotify-bench abi --on arm64 --mech redirect --fault redirect_leak`,
		Args: noArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			f.changed = cmd.Flags().Changed
			return a.abi(cmd.Context(), f)
		},
	}
	fl := cmd.Flags()
	fl.StringSliceVar(&f.on, "on", []string{"all"}, "where: host, amd64, arm64, riscv64, or all")
	fl.StringVar(&f.kernel, "kernel", string(defaultKernel), "what the virtual machines boot: "+variantNames()+", or a kernel image's path")
	fl.StringSliceVar(&f.mechs, "mech", nil, "checks of these mechanisms only")
	fl.StringVar(&f.match, "run", "", "only checks whose ID matches this regular expression")
	fl.BoolVar(&f.list, "list", false, "list the checks, and check nothing")
	fl.StringVar(&f.expect, "expect", "", "stock or patched: what is missing then is a failure")
	fl.StringVar(&f.fault, "fault", "", "the seeded bug to switch on; an unknown name lists them")
	fl.StringVar(&f.format, "format", "table", strings.Join(abiFormats(), ", "))
	fl.StringVarP(&f.output, "output", "o", "", "file for the verdicts (default: standard output)")
	fl.IntVar(&f.jobs, "jobs", runtime.NumCPU(), "virtual machines at once")
	fl.StringVar(&f.source, "source", "", "kernel source: a tarball, a .deb or a directory (default: fetch Debian's)")
	cmd.AddCommand(a.raceCommand())
	return cmd
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
	if f.jobs < 1 || f.jobs > 1024 {
		return nil, usageError("--jobs is %d; want 1 to 1024", f.jobs)
	}
	var err error
	if p.onHost, p.arches, err = parsePlaces(f.on); err != nil {
		return nil, err
	}
	if f.fault != "" {
		fault, err := kernel.FindFault(f.fault)
		switch {
		case err != nil:
			return nil, usageError("%w", err)
		case f.changed("kernel") && f.kernel != string(kernel.Faulty):
			return nil, usageError("--fault is for --kernel %s", kernel.Faulty)
		}
		p.params, p.kernel = []string{fault.Param()}, string(kernel.Faulty)
		// It is the project's own kernel: what goes beyond the posted texts
		// counts, or a fault there would only be divergent.
		if p.expect == "" {
			p.expect = string(suite.ExpectPatched)
		}
		if p.onHost = false; len(p.arches) == 0 {
			return nil, usageError("--fault is for virtual machines; the host boots its own kernel")
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
	if len(p.checks) == 0 {
		return nil, usageError("no check is called for; see unotify-bench abi --list")
	}
	return p, nil
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
	out := a.stdout
	if p.output != "" {
		// Before the work, as it might be in vain.
		file, err := os.Create(p.output)
		if err != nil {
			return fmt.Errorf("open the file for verdicts (choose another with -o): %w", err)
		}
		defer file.Close()
		out = &checked{Writer: file}
	}
	r := &abiRunner{app: a, abiPlan: p, bar: a.newProgress()}
	err = r.run(ctx)
	r.bar.End()
	report := &abiReport{w: out, lanes: r.lanes, verbose: a.verbose}
	err = errors.Join(err, p.write(report))
	if c, ok := out.(*checked); ok && p.output != "" && c.err != nil {
		err = errors.Join(err, fmt.Errorf("write %s: %w", p.output, c.err))
	}
	if err == nil {
		if n := report.bad(); n > 0 {
			return failure("%d checks failed or could not tell", n)
		}
	}
	return err
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
