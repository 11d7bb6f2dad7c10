package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"time"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"unotify-bench/abi"
	"unotify-bench/abi/fuzz"
	"unotify-bench/abi/model"
	"unotify-bench/kernel"
)

// fuzzFlags are the flags of `fuzz`.
type fuzzFlags struct {
	on     []string
	kernel string
	fault  string
	ops    int64
	length int
	part   string
	ends   bool
	seed   uint64
	replay string
	times  int
	filter string
	corpus string
	repro  string
	ledger string
	output string
	jobs   int
	cpus   int
	source string
}

// fuzzPlan is what they come to.
type fuzzPlan struct {
	fuzzFlags
	onHost bool
	arches []*abi.Arch
	params []string
	order  fuzz.Order
	past   *fuzzLedger
}

func (a *app) fuzzCommand() *cobra.Command {
	var f fuzzFlags
	cmd := &cobra.Command{
		Use:   "fuzz",
		Short: "Drive a listener with long and hostile sequences, and hold each answer against a model",
		Long: `Does to a listener, and to the target that it traps, what nobody would: every
ioctl with right and wrong requests, signals, calls, filters with every flag, pins
and redirects, in any order, and two at once; it kills the target, has it execute
another program, and closes the listener. Each answer, and what each trapped call returns and writes, is
held against a model of the states of a notification. A difference, something that
never returns, a complaint of the kernel, and what it loses, as kmemleak of --kernel
debug says, are findings. One is made as short as it can be, in further machines if the
kernel has complained or fallen silent, and printed as a program that --replay does
again, and with --reproduce also as a program in C that needs nothing of this one, and
as a test in Go.

First come all sequences of --length operations out of the 14 that change a
notification's state, those with a signal also under WAIT_KILLABLE_RECV, in which
signals wait; then every situation that these lead to with each end, then programs
by chance, until --ops operations are done. A program that has shown something new is kept, in --corpus too, and gone on
from: a new answer in a new situation, or, on a kernel that has KCOV for the
series' code, as --kernel debug has, a place of it that nobody had reached.

What takes long can be done in pieces, by --part and --seed, and --ledger keeps what
they come to: a line of JSON for each place, also of what was interrupted.

Exit status 1 if there was a finding.`,
		Example: `  unotify-bench fuzz --on host
  unotify-bench fuzz --on amd64 --replay finding.txt --times 100`,
		Args: noArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			p, err := f.plan(cmd.Flags().Changed)
			if err != nil {
				return err
			}
			return a.fuzz(cmd.Context(), p)
		},
	}
	f.define(cmd.Flags())
	return cmd
}

func (f *fuzzFlags) define(fl *pflag.FlagSet) {
	fl.StringSliceVar(&f.on, "on", []string{"all"}, "where: host, amd64, arm64, riscv64, or all")
	fl.StringVar(&f.kernel, "kernel", string(kernel.Debug), kernelUsage())
	fl.StringVar(&f.fault, "fault", "", "the seeded bug to switch on, of --kernel faulty; an unknown name lists them")
	fl.Int64Var(&f.ops, "ops", 20_000, "operations in programs by chance, in each place; 0 is none")
	fl.IntVar(&f.length, "length", 3, "of sequences, all of which are tried, 14 to the power of it and more; 0 is none")
	fl.StringVar(&f.part, "part", "1/1", "of these sequences, and of --ends, only the K-th of N parts, as K/N: what takes long can be done piece by piece")
	fl.BoolVar(&f.ends, "ends", false, "have every situation end, by a kill of the target or a close of the listener, and try every operation then: takes a new target each time")
	fl.Uint64Var(&f.seed, "seed", 1, "of programs by chance")
	fl.StringVar(&f.replay, "replay", "", "instead, do the program in this file")
	fl.IntVar(&f.times, "times", 1, "how often to do the program of --replay: a race does not show each time")
	fl.StringVar(&f.filter, "filter", "", "of the program of --replay, as it was printed: redirect, killable, or both with a comma (default: what its first line says)")
	fl.StringVar(&f.corpus, "corpus", "", "directory of programs to do before those by chance and to go on from, and to keep new ones in")
	fl.StringVar(&f.repro, "reproduce", "", "directory to write each finding to: the program, a program in C, a test in Go")
	fl.StringVar(&f.ledger, "ledger", "", "file to add a line to for what each place did; what is whole in there is not done again")
	fl.StringVarP(&f.output, "output", "o", "", "file for the report (default: standard output)")
	fl.IntVar(&f.cpus, "cpus", 2, "CPUs of each virtual machine")
	jobsFlag(fl, &f.jobs)
	fl.StringVar(&f.source, "source", "", "kernel source: a tarball, a .deb or a directory (default: fetch Debian's)")
}

// fuzzPatience is how long nothing may come of an operation: an emulated machine
// that watches itself, on a host with other things to do, is slow.
const fuzzPatience = time.Minute

// plan checks everything that can be checked before any work begins.
func (f fuzzFlags) plan(changed func(flag string) bool) (*fuzzPlan, error) {
	p := &fuzzPlan{fuzzFlags: f}
	var err error
	if p.onHost, p.arches, err = parsePlaces(f.on); err != nil {
		return nil, err
	}
	if f.replay != "" {
		for _, flag := range []string{"length", "ends", "part", "ops", "seed", "corpus", "ledger"} {
			if changed(flag) {
				return nil, usageError("--%s is not for --replay, which has a program already", flag)
			}
		}
	}
	switch {
	case f.ops < 0 || f.ops > 1<<40:
		return nil, usageError("--ops is %d; want 0 or more", f.ops)
	case f.length < 0 || f.length > 7:
		return nil, usageError("--length is %d; want 0 to 7: there are %d programs of 7", f.length, fuzz.Sequences(7, model.Everything))
	case f.times < 1 || f.times > 1<<20:
		return nil, usageError("--times is %d; want 1 or more", f.times)
	case f.cpus < 1 || f.cpus > 64:
		return nil, usageError("--cpus is %d; want 1 to 64", f.cpus)
	case f.jobs < 1 || f.jobs > 1024:
		return nil, usageError("--jobs is %d; want 1 to 1024", f.jobs)
	case f.replay == "" && (changed("times") || changed("filter")):
		return nil, usageError("--times and --filter are for --replay")
	case f.replay == "" && f.ops == 0 && f.length == 0 && !f.ends:
		return nil, usageError("--ops 0 and --length 0 leave nothing to do without --ends")
	}
	if f.fault != "" {
		if !changed("kernel") {
			p.kernel = string(kernel.Faulty)
		}
		if err := p.addFault(); err != nil {
			return nil, err
		}
	}
	if err := checkKernel(p.kernel, p.arches); err != nil {
		return nil, err
	}
	p.order = fuzz.Order{Length: f.length, Ends: f.ends, Ops: f.ops, Seed: f.seed, Patient: fuzzPatience}
	if p.order.Part, p.order.Parts, err = parsePart(f.part); err != nil {
		return nil, err
	}
	if f.replay != "" {
		p.past = &fuzzLedger{}
		return p, p.addReplay()
	}
	if p.past, err = openFuzzLedger(f.ledger); err != nil {
		return nil, err
	}
	if err := notInput(f.output, []string{f.ledger}); err != nil {
		return nil, err
	}
	p.order.Corpus, err = readCorpus(f.corpus)
	return p, err
}

func (p *fuzzPlan) addFault() error {
	variant := kernel.Variant(p.kernel)
	fault, err := kernel.FindBug(p.fault)
	if err != nil {
		return usageError("%w", err)
	}
	if !fault.In(variant) {
		return usageError("--fault %s is not for --kernel %s", fault.Name, p.kernel)
	}
	p.params = []string{fault.Param()}
	if p.onHost = false; len(p.arches) == 0 {
		return usageError("--fault is for virtual machines; the host boots its own kernel")
	}
	return nil
}

func (p *fuzzPlan) addReplay() error {
	text, err := os.ReadFile(p.replay)
	if err != nil {
		return usageError("--replay: %w", err)
	}
	if _, err := fuzz.Parse(string(text)); err != nil {
		return usageError("--replay %s: %w", p.replay, err)
	}
	// As --corpus and --reproduce have it.
	filter, ok, err := fuzz.FilterOf(string(text))
	if err != nil {
		return usageError("--replay %s: %w", p.replay, err)
	}
	if p.filter != "" || !ok {
		if filter, err = fuzz.ParseFilter(p.filter); err != nil {
			return usageError("--filter: %w", err)
		}
	}
	p.order = fuzz.Order{Replay: string(text), Times: p.times, Filter: filter, Patient: fuzzPatience}
	return nil
}

// corpusMax bounds a corpus: the number of programs, and bytes of each.
const (
	corpusMax     = 4096
	corpusProgram = 16 << 10
)

// readCorpus reads the programs of a directory, none if there is none yet.
func readCorpus(dir string) (programs []string, err error) {
	if dir == "" {
		return nil, nil
	}
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return nil, fmt.Errorf("make the directory of --corpus: %w", err)
	}
	files, err := filepath.Glob(filepath.Join(dir, "*"+corpusSuffix))
	if err != nil {
		return nil, usageError("--corpus: %w", err)
	}
	for _, file := range files {
		text, err := os.ReadFile(file)
		if err != nil {
			return nil, fmt.Errorf("read a program of --corpus: %w", err)
		}
		if len(text) > corpusProgram {
			return nil, usageError("--corpus: %s has %d bytes; a program has %d at most", file, len(text), corpusProgram)
		}
		if _, err := fuzz.ParseKept(string(text)); err != nil {
			return nil, usageError("--corpus: %s: %w", file, err)
		}
		if programs = append(programs, string(text)); len(programs) > corpusMax {
			return nil, usageError("--corpus: %s holds more than %d programs", dir, corpusMax)
		}
	}
	return programs, nil
}

const corpusSuffix = ".fuzz"

func (a *app) fuzz(ctx context.Context, p *fuzzPlan) error {
	out, err := a.openVerdicts(p.output)
	if err != nil {
		return err
	}
	defer func() { _ = out.Close() }() // failed says whether all was written
	if p.repro != "" {
		if err := os.MkdirAll(p.repro, 0o755); err != nil {
			return fmt.Errorf("make the directory of --reproduce: %w", err)
		}
	}
	r := &fuzzRunner{app: a, fuzzPlan: p, bar: a.newProgress()}
	err = r.run(ctx)
	r.bar.End()
	if p.repro != "" {
		err = errors.Join(err, r.reproduce())
	}
	err = errors.Join(err, out.begin())
	r.report(out)
	if err := errors.Join(err, out.failed()); err != nil {
		return err
	}
	if n := r.findings(); n > 0 {
		return failure("%d findings", n)
	}
	return nil
}

// report writes a line a place, and each finding as it can be repeated.
func (r *fuzzRunner) report(out *verdicts) {
	const line = "%-8s %-20s %12v %10v %11v %7v %9v\n"
	fmt.Fprintf(out, line, "where", "kernel", "operations", "programs", "situations", "places", "findings")
	for _, l := range r.lanes {
		places := "-" // this kernel has no KCOV
		if n := l.count.Places; n > 0 {
			places = strconv.Itoa(n)
		}
		fmt.Fprintf(out, line, l.Where, l.Kernel, l.count.Ops, l.count.Programs, l.count.Situations, places, len(l.found))
	}
	if r.ledger != "" {
		fmt.Fprintf(out, "%s: %s\n", r.ledger, clean(r.past.sum()))
	}
	for _, l := range r.lanes {
		for _, f := range l.found {
			fmt.Fprintf(out, "\n%s: %s\n", l.Where, clean(f.String()))
			again := r.again(l.Where, &f)
			fmt.Fprintf(out, "# again, with FILE these lines: %s\n%s", again, indent(sanitize(f.Program)))
		}
	}
}

// reproduce writes what does a finding again.
func (r *fuzzRunner) reproduce() error {
	for _, l := range r.lanes {
		for i, f := range l.found {
			f.Got, f.Want = clean(f.Got), clean(f.Want) // a guest's words
			c, errC := f.C()
			test, errGo := f.GoTest()
			if err := errors.Join(errC, errGo); err != nil {
				return fmt.Errorf("%s: a finding that is no program: %w", l.Where, err)
			}
			base := filepath.Join(r.repro, fmt.Sprintf("%s-%d", l.Where, i+1))
			for suffix, text := range map[string]string{corpusSuffix: f.Kept(), ".c": c, "_test.go": test} {
				if err := os.WriteFile(base+suffix, []byte(text), 0o644); err != nil {
					return fmt.Errorf("write what does a finding again: %w", err)
				}
			}
		}
	}
	return nil
}

// again is the command that does a finding's program again.
func (r *fuzzRunner) again(where string, f *fuzz.Finding) string {
	args := []string{"unotify-bench fuzz --on", where}
	switch {
	case where == host:
	case r.fault != "":
		args = append(args, "--fault", r.fault)
		if r.kernel != string(kernel.Faulty) {
			args = append(args, "--kernel", shellWord(r.kernel))
		}
	default:
		args = append(args, "--kernel", shellWord(r.kernel))
	}
	args = append(args, "--replay FILE")
	if name := fuzz.FilterNames(f.Filter); name != "" {
		args = append(args, "--filter", name)
	}
	if n := f.Times(); n > 1 {
		args = append(args, "--times", strconv.Itoa(n))
	}
	return strings.Join(args, " ")
}

// shellWord is a word as a shell takes it.
func shellWord(s string) string {
	if s != "" && strings.Trim(s, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-_./,:=+@") == "" {
		return s
	}
	return "'" + strings.ReplaceAll(s, "'", `'\''`) + "'"
}

// parsePart reads K/N.
func parsePart(text string) (part, parts int, err error) {
	k, n, ok := strings.Cut(text, "/")
	part, errK := strconv.Atoi(k)
	parts, errN := strconv.Atoi(n)
	if !ok || errors.Join(errK, errN) != nil || part < 1 || part > parts || parts > 1<<20 {
		return 0, 0, usageError("--part is %.40q; want K/N, of N parts the K-th, as in 1/4", text)
	}
	return part, parts, nil
}

func indent(text string) string {
	var b strings.Builder
	for line := range strings.Lines(text) {
		b.WriteString("    " + strings.TrimRight(line, "\n") + "\n")
	}
	return b.String()
}
