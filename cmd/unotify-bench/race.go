package main

import (
	"context"
	"errors"
	"path/filepath"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"unotify-bench/abi"
	"unotify-bench/abi/suite"
)

// raceFlags are the flags of `abi race`.
type raceFlags struct {
	on      []string
	kernel  string
	mechs   []string
	attacks []string
	tries   int
	cpus    int
	jobs    int
	from    []string
	format  string
	output  string
	source  string
}

// racePlan is what they come to.
type racePlan struct {
	raceFlags
	onHost bool
	arches []*abi.Arch
	races  []suite.Race // those that must be lost first
	write  func(*raceReport) error
}

// maxTries keeps what a guest reports of them within what it may send.
const maxTries = 10_000_000

func (a *app) raceCommand() *cobra.Command {
	var f raceFlags
	cmd := &cobra.Command{
		Use:   "race",
		Short: "Count how often each mechanism loses the race",
		Long: `Opens a file again and again while somebody else changes the path, and counts how
often the kernel acted on bytes that the supervisor had not approved. Who changes
it is a thread of the same process (thread), a process in the same memory
(process), or one with a mapping in common (shared).

continue-read is always attacked, too: it must lose, or the attack is too weak to
say anything of the others. They must not lose once. The rate is given with its
95 % upper bound, one-sided and exact (Clopper and Pearson): of 100,000 tries
without a loss it is 3 in 100,000. With three attacks, each makes a third of them.

Exit status 1 if a mechanism lost, an attack was too weak, or one could not be
carried out. When interrupted, what was counted by then is printed.`,
		Example: `  unotify-bench abi race --on riscv64 --kernel ~/linux/arch/riscv/boot/Image --mech redirect
  unotify-bench abi race --on host,amd64,arm64,riscv64 --format json -o race.json`,
		Args: noArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			if !cmd.Flags().Changed("format") {
				f.format = formatOf(f.output)
			}
			return a.race(cmd.Context(), f)
		},
	}
	fl := cmd.Flags()
	fl.StringSliceVar(&f.on, "on", []string{"all"}, "where: host, amd64, arm64, riscv64, or all")
	fl.StringVar(&f.kernel, "kernel", string(defaultKernel), kernelUsage())
	fl.StringSliceVar(&f.mechs, "mech", nil, "only these mechanisms: "+strings.Join(suite.RaceMechs(), ", "))
	fl.StringSliceVar(&f.attacks, "attack", []string{"all"}, "who changes the path: "+strings.Join(suite.RaceAttacks(), ", ")+", or all")
	fl.IntVar(&f.tries, "tries", 100_000, "calls to approve for each mechanism, shared out among the attacks")
	fl.IntVar(&f.cpus, "cpus", 1, "CPUs of each virtual machine")
	jobsFlag(fl, &f.jobs)
	fl.StringSliceVar(&f.from, "from", nil, "count nothing: show what these files of --format json hold")
	fl.StringVar(&f.format, "format", "table", strings.Join(raceFormats(), ", ")+" (default: what the name after -o ends with)")
	fl.StringVarP(&f.output, "output", "o", "", "file for the counts (default: standard output)")
	fl.StringVar(&f.source, "source", "", "kernel source: a tarball, a .deb or a directory (default: fetch Debian's)")
	return cmd
}

// formatOf is the format that a file's name asks for.
func formatOf(path string) string {
	if ext := strings.TrimPrefix(filepath.Ext(path), "."); raceWriters[ext] != nil {
		return ext
	}
	return "table"
}

// plan checks everything that can be checked before any work begins.
func (f raceFlags) plan() (*racePlan, error) {
	p := &racePlan{raceFlags: f, write: raceWriters[f.format]}
	if p.write == nil {
		return nil, usageError("unknown format %q: known are %s", f.format, strings.Join(raceFormats(), ", "))
	}
	for _, n := range []struct {
		name  string
		v, hi int
	}{{"tries", f.tries, maxTries}, {"cpus", f.cpus, 64}, {"jobs", f.jobs, 1024}} {
		if n.v < 1 || n.v > n.hi {
			return nil, usageError("--%s is %d; want 1 to %d", n.name, n.v, n.hi)
		}
	}
	var err error
	if p.onHost, p.arches, err = parsePlaces(f.on); err != nil {
		return nil, err
	}
	if err := checkKernel(f.kernel, p.arches); err != nil {
		return nil, err
	}
	mechs, err := choose("mechanism", f.mechs, suite.RaceMechs())
	if err != nil {
		return nil, err
	}
	attacks, err := choose("attack", f.attacks, suite.RaceAttacks())
	if err != nil {
		return nil, err
	}
	for i, m := range suite.RaceMechs() {
		if i > 0 && !slices.Contains(mechs, m) {
			continue
		}
		each := (f.tries + len(attacks) - 1) / len(attacks)
		for _, attack := range attacks {
			p.races = append(p.races, suite.Race{Mech: m, Attack: attack, Tries: each})
		}
	}
	return p, nil
}

// choose picks those named of all that are known, in their order; none named,
// or "all", is all.
func choose(what string, named, known []string) ([]string, error) {
	for _, n := range named {
		if n != "all" && !slices.Contains(known, n) {
			return nil, usageError("unknown %s %q; known: %s, all", what, n, strings.Join(known, ", "))
		}
	}
	if len(named) == 0 || slices.Contains(named, "all") {
		return known, nil
	}
	return slices.DeleteFunc(slices.Clone(known), func(k string) bool { return !slices.Contains(named, k) }), nil
}

func (a *app) race(ctx context.Context, f raceFlags) error {
	p, err := f.plan()
	if err != nil {
		return err
	}
	report := &raceReport{}
	if len(p.from) > 0 {
		if report.rows, err = readRaces(p.from); err != nil {
			return err
		}
	}
	out, err := a.openVerdicts(p.output)
	if err != nil {
		return err
	}
	defer func() { _ = out.Close() }() // failed says whether all was written
	report.w = out
	if len(p.from) == 0 {
		r := &raceRunner{app: a, racePlan: p, bar: a.newProgress()}
		err = r.run(ctx)
		r.bar.End()
		report.rows = r.rows()
	}
	err = errors.Join(err, out.begin(), p.write(report), out.failed())
	if err == nil {
		err = report.failure()
	}
	return err
}

// raceFormats lists the formats, sorted.
func raceFormats() []string {
	var names []string
	for name := range raceWriters {
		names = append(names, name)
	}
	slices.Sort(names)
	return names
}
