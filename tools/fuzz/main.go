// Fuzz runs every fuzz target of the module for a while, prints a line for each, and
// ends with the line
//
//	N passed, N failed
//
// as tally does. go test -fuzz takes one target at a time, and links the package anew
// for each: here a package is built once.
//
// -table FILE keeps what came of each that passed, a line of tab-separated values; what
// has one for the same -time and -seed is not fuzzed again, so that hours can be had in
// pieces.
//
// Inputs that reach something new stay in out/fuzz, and the next run begins with them.
// One that fails is where go test puts it: in testdata/fuzz of its package, to be
// committed with what repairs it.
package main

import (
	"bytes"
	"errors"
	"flag"
	"fmt"
	"io"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
)

func main() { os.Exit(run(os.Args[1:], os.Stdout, os.Stderr)) }

// settings are the flags.
type settings struct {
	dir, keep, only string
	time, seed      string
	table           string
	parallel        int
	stdout, stderr  io.Writer
}

func run(args []string, stdout, stderr io.Writer) int {
	s := settings{stdout: stdout, stderr: stderr}
	f := flag.NewFlagSet("fuzz", flag.ContinueOnError)
	f.SetOutput(stderr)
	f.StringVar(&s.dir, "dir", ".", "the module")
	f.StringVar(&s.keep, "keep", "out/fuzz", "where inputs stay")
	f.StringVar(&s.only, "run", ".", "targets, as a regular expression")
	f.StringVar(&s.time, "time", "300x", "for how long each, or how many inputs")
	f.StringVar(&s.seed, "seed", "1", "of what inputs are made of; with -parallel 1 they are the same each time")
	f.StringVar(&s.table, "table", "", "a file that is given a line for each target, which is not fuzzed again then")
	f.IntVar(&s.parallel, "parallel", 1, "inputs at once")
	if err := f.Parse(args); err != nil {
		return 2
	}
	only, err := regexp.Compile(s.only)
	if err != nil {
		fmt.Fprintf(stderr, "fuzz: -run: %v\n", err)
		return 2
	}
	packages, err := targets(s.dir, only)
	if err == nil {
		s.keep, err = filepath.Abs(s.keep) // each package is run in its directory
	}
	if err != nil {
		fmt.Fprintf(stderr, "fuzz: look for targets: %v\n", err)
		return 1
	}
	done, err := s.done()
	if err != nil {
		fmt.Fprintf(stderr, "fuzz: -table: %v\n", err)
		return 1
	}
	passed, failed := 0, 0
	for _, p := range packages {
		good, bad := s.fuzz(p, done)
		passed, failed = passed+good, failed+bad
	}
	if passed+failed == 0 {
		fmt.Fprintln(stdout, "no target passed")
	}
	fmt.Fprintf(stdout, "%d passed, %d failed\n", passed, failed)
	if failed > 0 || passed == 0 {
		return 1
	}
	return 0
}

// pkg is a package with targets.
type pkg struct {
	dir     string // below the module
	targets []string
}

var target = regexp.MustCompile(`(?m)^func (Fuzz\w+)\(\w+ \*testing\.F\)`)

// targets finds them in the source, as to ask each package's tests takes minutes.
func targets(root string, only *regexp.Regexp) ([]pkg, error) {
	var all []pkg
	err := filepath.WalkDir(root, func(path string, e os.DirEntry, err error) error {
		if err != nil {
			return err
		}
		if name := e.Name(); e.IsDir() {
			if path != root && (name == "testdata" || strings.HasPrefix(name, ".")) {
				return filepath.SkipDir
			}
			return nil
		} else if !strings.HasSuffix(name, "_test.go") {
			return nil
		}
		text, err := os.ReadFile(path)
		if err != nil {
			return err
		}
		dir := filepath.Dir(path)
		for _, m := range target.FindAllSubmatch(text, -1) {
			if !only.Match(m[1]) {
				continue
			}
			if n := len(all); n == 0 || all[n-1].dir != dir {
				all = append(all, pkg{dir: dir})
			}
			p := &all[len(all)-1]
			p.targets = append(p.targets, string(m[1]))
		}
		return nil
	})
	return all, err
}

// tableHead names the columns of a table.
const tableHead = "package\ttarget\ttime\tseed\tinputs\tnew\tkept\n"

// row begins the line that a table has for a target.
func (s *settings) row(name, target string) string {
	return strings.Join([]string{filepath.ToSlash(name), target, s.time, s.seed, ""}, "\t")
}

// done is the lines of the table, which is begun if there is none.
func (s *settings) done() ([]string, error) {
	if s.table == "" {
		return nil, nil
	}
	text, err := os.ReadFile(s.table)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, os.WriteFile(s.table, []byte(tableHead), 0o644)
	}
	if err == nil && (!bytes.HasPrefix(text, []byte(tableHead)) || !bytes.HasSuffix(text, []byte("\n"))) {
		err = fmt.Errorf("%s is no table of whole lines that begins with %q: name another", s.table, tableHead)
	}
	return strings.SplitAfter(string(text), "\n"), err
}

// write adds a target's line to the table, in one piece: others may do so, too.
func (s *settings) write(row string, c count) error {
	if s.table == "" {
		return nil
	}
	f, err := os.OpenFile(s.table, os.O_WRONLY|os.O_APPEND, 0)
	if err != nil {
		return err
	}
	_, err = fmt.Fprintf(f, "%s%s\t%s\t%s\n", row, c.inputs, c.fresh, c.kept)
	return errors.Join(err, f.Close())
}

// fuzz runs the targets of a package which the table does not have.
func (s *settings) fuzz(p pkg, done []string) (passed, failed int) {
	name, err := filepath.Rel(s.dir, p.dir)
	if err != nil {
		fmt.Fprintf(s.stderr, "fuzz: %v\n", err)
		return 0, len(p.targets)
	}
	p.targets = slices.DeleteFunc(p.targets, func(t string) bool {
		row := s.row(name, t)
		return slices.ContainsFunc(done, func(line string) bool {
			cells, ok := strings.CutPrefix(line, row)
			if ok {
				passed++
				fmt.Fprintf(s.stdout, "%-18s %-14s is in %s: %s", name, t, s.table, cells)
			}
			return ok
		})
	})
	if len(p.targets) == 0 {
		return passed, 0
	}
	keep := filepath.Join(s.keep, name)
	binary := filepath.Join(keep, "fuzz.test")
	// With -fuzz and -c what is built tells which code an input has reached.
	if out, err := exec.Command("go", "test", "-C", p.dir, "-c", "-o", binary, "-fuzz=.", ".").CombinedOutput(); err != nil {
		fmt.Fprintf(s.stdout, "%s: %v\n%s", name, err, out)
		return passed, len(p.targets)
	}
	defer os.Remove(binary)
	for _, t := range p.targets {
		cmd := exec.Command(binary, "-test.run=^$", "-test.fuzz=^"+t+"$", "-test.fuzztime="+s.time,
			"-test.fuzzcachedir="+filepath.Join(keep, "inputs"),
			// To make an input that reaches something new as small as can be
			// takes a minute each, and where coverage varies, in vain.
			"-test.fuzzminimizetime=20x", fmt.Sprintf("-test.parallel=%d", s.parallel))
		cmd.Dir = p.dir
		cmd.Env = append(os.Environ(), "GODEBUG=fuzzseed="+s.seed)
		out, err := cmd.CombinedOutput()
		// When the time is over in the middle of an input, go test now and then calls
		// that a failure. One that is has its input written.
		if bytes.Contains(out, []byte("context deadline exceeded\n")) && !bytes.Contains(out, []byte("Failing input")) {
			err = nil
		}
		did, ok := counts(string(out))
		if err == nil && !ok {
			err = errors.New("not a single input")
		}
		if err == nil {
			err = s.write(s.row(name, t), did)
		}
		if err != nil {
			failed++
			fmt.Fprintf(s.stdout, "%s %s: %v\n%s", name, t, err, out)
			continue
		}
		passed++
		fmt.Fprintf(s.stdout, "%-18s %-14s %s inputs, %s new, %s kept\n", name, t, did.inputs, did.fresh, did.kept)
	}
	return passed, failed
}

// count is of inputs: those tried, those that reached something new, and those kept of
// this run and earlier ones.
type count struct{ inputs, fresh, kept string }

var (
	counted = regexp.MustCompile(`execs: (\d+) .*new interesting: (\d+) \(total: (\d+)\)`)
	// begun is what is said of inputs that were there before.
	begun = regexp.MustCompile(`baseline coverage: ([1-9]\d*)/`)
)

// counts is what go test has said last of inputs that were tried. With more kept than
// -time allows, those are all that were.
func counts(out string) (count, bool) {
	if all := counted.FindAllStringSubmatch(out, -1); all != nil {
		last := all[len(all)-1]
		return count{inputs: last[1], fresh: last[2], kept: last[3]}, true
	}
	if all := begun.FindAllStringSubmatch(out, -1); all != nil {
		n := all[len(all)-1][1]
		return count{inputs: n, fresh: "0", kept: n}, true
	}
	return count{}, false
}
