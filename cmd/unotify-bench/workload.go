package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"

	"github.com/spf13/pflag"

	"unotify-bench/bench/workload"
)

// workloadFlags are the flags of `run` that choose a workload.
type workloadFlags struct {
	workloads []string
	program   string
	policy    workload.Policy
}

// asked reports whether the run is one of workloads.
func (f workloadFlags) asked() bool { return len(f.workloads) > 0 || f.program != "" }

func (f *workloadFlags) define(fl *pflag.FlagSet) {
	fl.StringSliceVar(&f.workloads, "workload", nil, "instead, a whole program under a small policy: "+workloadNames()+", or all")
	fl.StringVar(&f.program, "program", "", "instead, any program under --allow-path and --allow-bind, on the host: a command line, quoted as for a shell")
	fl.StringSliceVar(&f.policy.Paths, "allow-path", defaultPaths(), "of --program: what openat and execve may name, and all below it")
	fl.StringSliceVar(&f.policy.Addrs, "allow-bind", []string{"127.0.0.0/8", "::1", "unix:/tmp", "unix:/run", "unix:/var/run", "unix:@", "netlink"},
		"of --program: what bind and connect may name: IP addresses, prefixes, unix:/PATH, unix:@ABSTRACT, netlink")
}

func workloadNames() string {
	var names []string
	for _, w := range workload.Workloads() {
		names = append(names, w.Name)
	}
	return strings.Join(names, ", ")
}

// defaultPaths are where a program finds what it needs to run, and the working
// directory; not the homes of people.
func defaultPaths() []string {
	return []string{"/bin", "/dev", "/etc", "/lib", "/lib64", "/opt", "/proc", "/sbin", "/sys", "/tmp", "/usr", "/var", "."}
}

// workloadPlan is what the flags come to.
type workloadPlan struct {
	*plan
	here, inGuest []workload.Cell
	program       []string
	policy        workload.Policy
}

// workloadPlan checks everything that can be checked before any work begins.
func (f runFlags) workloadPlan() (*workloadPlan, error) {
	if len(f.syscalls) > 0 || len(f.sweep) > 0 || f.all || f.per != 0 || f.shard != "" {
		return nil, usageError("--workload and --program measure whole programs: --syscall, --sweep, --all, --time and --shard have no meaning there")
	}
	if f.program != "" && len(f.workloads) > 0 {
		return nil, usageError("--workload and --program exclude each other")
	}
	mechs, err := workload.SelectMechanisms(f.mechs)
	if err != nil {
		return nil, usageError("%w", err)
	}
	var known []string
	for _, w := range workload.Workloads() {
		known = append(known, w.Name)
	}
	p := &workloadPlan{policy: f.policy}
	var names []string
	if f.program != "" {
		if p.program, err = f.findProgram(); err != nil {
			return nil, err
		}
		names = []string{programName(p.program[0])}
		if p.policy.Paths, err = absolutePaths(f.policy.Paths); err != nil {
			return nil, err
		}
		if err := p.policy.Check(); err != nil {
			return nil, usageError("%w", err)
		}
		if !slices.Equal(f.on, []string{"all"}) && !slices.Equal(f.on, []string{host}) {
			return nil, usageError("--program is of this machine: --on host")
		}
		f.on = []string{host}
	} else if names, err = choose("workload", f.workloads, known); err != nil {
		return nil, err
	}
	// What is left is as with rows of calls.
	rest := f
	rest.mechs, rest.match = nil, ""
	if p.plan, err = rest.plan(); err != nil {
		return nil, err
	}
	p.plan.runFlags = f
	match, err := regexp.Compile(f.match)
	if err != nil {
		return nil, usageError("--run: %w", err)
	}
	var cells []workload.Cell
	for _, w := range names {
		for _, m := range mechs {
			if c := (workload.Cell{Workload: w, Mech: m}); match.MatchString(c.Name()) || m == workload.Baseline {
				cells = append(cells, c)
			}
		}
	}
	if p.onHost {
		p.here = cells
	}
	if len(p.arches) > 0 {
		p.inGuest = cells
	}
	return p, nil
}

// findProgram takes the command line apart and finds its program.
func (f runFlags) findProgram() ([]string, error) {
	words, err := splitWords(f.program)
	if err != nil {
		return nil, usageError("--program: %w", err)
	}
	if len(words) == 0 {
		return nil, usageError("--program names no program")
	}
	path, err := exec.LookPath(words[0])
	if err == nil {
		path, err = filepath.Abs(path)
	}
	if err != nil {
		return nil, usageError("--program: %w", err)
	}
	return append([]string{path}, words[1:]...), nil
}

func absolutePaths(paths []string) ([]string, error) {
	var out []string
	for _, p := range paths {
		abs, err := filepath.Abs(p)
		if err != nil {
			return nil, fmt.Errorf("find the allowed path %s: %w", p, err)
		}
		out = append(out, abs)
	}
	return out, nil
}

// programName is what a program is called in the names of rows.
func programName(path string) string {
	return regexp.MustCompile(`[^A-Za-z0-9._+-]`).ReplaceAllString(filepath.Base(path), "_")
}

// errQuote is a command line that does not end.
var errQuote = errors.New("a quote is not closed")

// splitWords takes a command line apart as a shell does that knows quotes and
// backslashes, and nothing else.
func splitWords(line string) (words []string, err error) {
	var word strings.Builder
	inWord, quote := false, rune(0)
	escaped := false
	for _, r := range line {
		switch {
		case escaped:
			word.WriteRune(r)
			escaped = false
		case r == '\\' && quote != '\'':
			escaped, inWord = true, true
		case quote != 0 && r == quote:
			quote = 0
		case quote == 0 && (r == '\'' || r == '"'):
			quote, inWord = r, true
		case quote == 0 && (r == ' ' || r == '\t' || r == '\n'):
			if inWord {
				words = append(words, word.String())
			}
			word.Reset()
			inWord = false
		default:
			word.WriteRune(r)
			inWord = true
		}
	}
	if quote != 0 || escaped {
		return nil, errQuote
	}
	if inWord {
		words = append(words, word.String())
	}
	return words, nil
}

// measureWorkloads is `run` with --workload or --program.
func (a *app) measureWorkloads(ctx context.Context, f runFlags) error {
	p, err := f.workloadPlan()
	if err != nil {
		return err
	}
	if f.list {
		for _, c := range append(slices.Clone(p.here), p.inGuest...) {
			fmt.Fprintln(a.stdout, c.Name())
		}
		return nil
	}
	if len(p.program) > 0 {
		if info, err := os.Stat(p.program[0]); err == nil && info.Mode()&(os.ModeSetuid|os.ModeSetgid) != 0 {
			a.note("%s is setuid or setgid: who installs a filter gives that up, so it runs with your rights here, and may fail", p.program[0])
		}
	}
	s, err := newSink(f.format, f.output, f.resume, a.stdout)
	if err != nil {
		return err
	}
	j, err := openJournal[workload.Row](s.beside(".journal"), p.id(), f.resume)
	if err != nil {
		s.discard()
		return err
	}
	r := &workloadRunner{runner: &runner{app: a, plan: p.plan, sink: s, bar: a.newProgress()}, workloadPlan: p, journal: j}
	if err = s.open(); err == nil {
		err = r.run(ctx)
	}
	err = errors.Join(err, j.close(err == nil || exitStatus(err) == exitFailed))
	r.bar.End()
	if f.format == "text" {
		if e := s.set.WorkloadTable(a.stdout, a.tableOptions(a.stdout)); err == nil {
			err = e
		}
	}
	a.note("results: %s", s.path)
	if e := s.close(); err == nil {
		err = e
	}
	return err
}

// id tells whether two runs measure the same.
func (p *workloadPlan) id() string {
	return fmt.Sprintf("%s workloads %q %q %q %v %v", p.plan.id(), p.program, p.policy.Paths, p.policy.Addrs, p.here, p.inGuest)
}
