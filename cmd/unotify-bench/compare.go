package main

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"maps"
	"os"
	"regexp"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"unotify-bench/internal/report"
)

// compareFlags are the flags of `compare`.
type compareFlags struct {
	report.CompareOptions
	match  string
	gate   string
	format string
	output string

	profile bool
}

func (a *app) compareCommand() *cobra.Command {
	var f compareFlags
	cmd := &cobra.Command{
		Use:   "compare OLD NEW",
		Short: "Compare two results files: did a patch change anything?",
		Long: `Compares two files of run in benchfmt (its -o file, or --format benchfmt), row
by row, with benchstat's statistics. The kernel may differ, and whatever else
does is warned of; files of different clocks do not compare.

Instructions are compared exactly, too: "=" means that every run gave the same
number, "+10 each" that each took ten instructions more.

--gate 1% fails, with status 1, if a row's headline (insns/op or ns/op) is
significantly slower by more, or if the new file has no such row. It names the
rows. Where there are too few runs to tell it fails with status 2.

--profile compares two runs with --profile instead, and names the functions that
take more instructions of a call, or fewer.`,
		Example: `  unotify-bench compare old.txt new.txt
  unotify-bench compare --gate 1% --mech continue --format markdown old.txt new.txt > table.md`,
		Args: func(cmd *cobra.Command, args []string) error {
			if len(args) != 2 {
				return usageError("compare takes two results files, OLD and NEW; got %q", args)
			}
			return nil
		},
		RunE: func(cmd *cobra.Command, args []string) error {
			if f.profile {
				return a.compareProfiles(args, f, cmd.Flags().Changed)
			}
			return a.compare(args, f)
		},
	}
	fl := cmd.Flags()
	fl.BoolVar(&f.All, "all", false, "every unit: means, quantiles, the supervisor's share")
	fl.StringSliceVar(&f.Mechs, "mech", nil, "these mechanisms only")
	fl.StringSliceVar(&f.Syscalls, "syscall", nil, "these syscalls only")
	fl.StringVar(&f.match, "run", "", "only rows whose name matches this regular expression")
	fl.StringVar(&f.gate, "gate", "", "fail if a row is significantly slower by more than this, as in 1% or 0.5%")
	fl.StringVar(&f.format, "format", "text", strings.Join(compareFormats(), ", "))
	fl.BoolVar(&f.profile, "profile", false, "compare the profiles of run --profile: which functions grew?")
	fl.StringVarP(&f.output, "output", "o", "", "file for the comparison (default: standard output)")
	return cmd
}

var compareWriters = map[string]func(*report.Comparison, io.Writer, bool) error{
	"text":     (*report.Comparison).Text,
	"markdown": func(c *report.Comparison, w io.Writer, _ bool) error { return c.Markdown(w) },
	"mail":     func(c *report.Comparison, w io.Writer, _ bool) error { return c.Mail(w) },
	"html":     func(c *report.Comparison, w io.Writer, _ bool) error { return c.HTML(w) },
}

func compareFormats() []string { return slices.Sorted(maps.Keys(compareWriters)) }

func (a *app) compare(names []string, f compareFlags) error {
	write := compareWriters[f.format]
	if write == nil {
		return usageError("unknown format %q: known are %s", f.format, strings.Join(compareFormats(), ", "))
	}
	var gate *report.Gate
	var err error
	if f.gate != "" {
		if gate, err = report.ParseGate(f.gate); err != nil {
			return usageError("--gate: %w", err)
		}
	}
	if f.match != "" {
		if f.Run, err = regexp.Compile(f.match); err != nil {
			return usageError("--run: %w", err)
		}
	}
	if err := notInput(f.output, names); err != nil {
		return err
	}
	var files [2]*report.File
	for i, name := range names {
		if files[i], err = a.comparable(name, gate != nil); err != nil {
			return err
		}
	}
	c, err := report.Compare(files[0], files[1], f.CompareOptions)
	if err != nil {
		return usageError("%w", err)
	}
	for _, w := range c.Warnings {
		a.warn(w)
	}
	if gate != nil {
		if err := c.Judge(gate); err != nil {
			return usageError("%w", err)
		}
	}
	if err := a.write(c, f.output, write); err != nil {
		return err
	}
	return gateError(gate)
}

// comparable reads a results file for a comparison. What is wrong with one is
// the caller's to mend, so most of it is a matter of usage. A gate does not
// judge a file of which a line was left out: it may be the slow one.
func (a *app) comparable(name string, strict bool) (*report.File, error) {
	f, err := report.ReadFile(name)
	switch {
	case errors.Is(err, report.ErrCut):
		return nil, usageError("%w; finish that run with run --resume -o %s, or remove what follows the last complete line", err, name)
	case errors.Is(err, report.ErrEmpty):
		return nil, usageError("%w; measure with: unotify-bench run -o FILE", err)
	case errors.Is(err, report.ErrFormat), errors.Is(err, fs.ErrNotExist):
		return nil, usageError("%w", err)
	case err != nil:
		return nil, err
	case len(f.Results) == 0:
		return nil, usageError("%s: no row was measured in it, all are n/a", name)
	case len(f.Warnings) > 0 && strict:
		return nil, usageError("%w: a gate needs the whole file; measure again, or remove that line", f.Warnings[0])
	}
	for _, w := range f.Warnings {
		a.warn(w)
	}
	return f, nil
}

// warn tells of a doubt, which --quiet does not remove.
func (a *app) warn(err error) {
	fmt.Fprintf(a.stderr, "unotify-bench: warning: %s\n", plain(err.Error()))
}

// notInput keeps what is made of files from taking the place of one of them.
func notInput(output string, names []string) error {
	out, err := os.Stat(output)
	if output == "" || err != nil {
		return nil //nolint:nilerr // there is no such file yet, or writing it will say why not
	}
	for _, name := range names {
		if in, err := os.Stat(name); err == nil && out.Mode().IsRegular() && os.SameFile(in, out) {
			return usageError("-o %s is one of the files that are read: choose another", output)
		}
	}
	return nil
}

// write renders before it opens the file, so that a failure leaves the last
// comparison alone.
func (a *app) write(c *report.Comparison, output string, write func(*report.Comparison, io.Writer, bool) error) error {
	var buf bytes.Buffer
	if err := write(c, &buf, output == "" && a.tableOptions(a.stdout).Color); err != nil {
		return fmt.Errorf("write the comparison: %w", err)
	}
	if output == "" {
		_, err := a.stdout.Write(buf.Bytes())
		return err
	}
	if err := os.WriteFile(output, buf.Bytes(), 0o644); err != nil {
		return fmt.Errorf("write the comparison (choose another file with -o): %w", err)
	}
	return nil
}

// gateError turns a gate into the exit status.
func gateError(g *report.Gate) error {
	switch {
	case g == nil:
		return nil
	case g.Closed():
		return failure("%s", strings.Join(g.Lines(true), "\n  "))
	case len(g.Undecided) > 0:
		return usageError("%s", strings.Join(g.Lines(true), "\n  "))
	}
	return nil
}
