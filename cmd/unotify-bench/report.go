package main

import (
	"bytes"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"unotify-bench/internal/report"
	"unotify-bench/kernel"
)

// reportFlags are the flags of `report`.
type reportFlags struct {
	format string
	output string
}

func (a *app) reportCommand() *cobra.Command {
	var f reportFlags
	cmd := &cobra.Command{
		Use:   "report [FILE|DIR ...]",
		Short: "Results as one page with plots, or as pictures",
		Long: `Makes one HTML page of results, with plots and tables, that needs no network and
no script: latency, its distribution, sweeps, races, conformance, and the size of
our patches. --format svg or png writes the pictures alone, into a directory.

What a file holds is seen from what is in it: measurements (run, in benchfmt),
races (abi race --format json), checks (abi --format json), seeded bugs (abi
--mutants), how well runs repeat (stability --format json). Of a directory, everything below it that is one of these. Without any,
the results of the last run are taken from where run keeps them.

Instructions and time are never in one table. Of two kernels of one name and
place, the one measured last is shown: compare is for two.`,
		Example: `  unotify-bench report results/ -o page.html
  unotify-bench report --format png results/amd64.txt results/race/amd64.json -o pictures`,
		RunE: func(_ *cobra.Command, args []string) error { return a.report(args, f) },
	}
	fl := cmd.Flags()
	fl.StringVar(&f.format, "format", "html", strings.Join(reportFormats, ", "))
	fl.StringVarP(&f.output, "output", "o", "", "file for the page (default: standard output); directory for the pictures")
	return cmd
}

var reportFormats = []string{"html", "png", "svg"}

func (a *app) report(args []string, f reportFlags) error {
	switch {
	case !slices.Contains(reportFormats, f.format):
		return usageError("unknown format %q: known are %s", f.format, strings.Join(reportFormats, ", "))
	case f.format != "html" && f.output == "":
		return usageError("--format %s makes many files: give a directory for them with -o", f.format)
	}
	paths, err := reportPaths(args)
	if err != nil {
		return err
	}
	inputs, err := a.readInputs(paths)
	if err != nil {
		return err
	}
	var names []string
	for _, in := range inputs {
		names = append(names, in.Name)
	}
	if err := notInput(f.output, names); err != nil {
		return err
	}
	o, err := pageOptions()
	if err != nil {
		return err
	}
	page, err := report.NewPage(inputs, o)
	if err != nil {
		return usageError("%w", err)
	}
	for _, w := range page.Warnings() {
		a.warn(w)
	}
	for _, line := range page.Asides {
		a.note("%s", line)
	}
	if f.format != "html" {
		return a.pictures(page, f)
	}
	var buf bytes.Buffer
	if err := page.HTML(&buf); err != nil {
		return err
	}
	if f.output == "" {
		_, err := a.stdout.Write(buf.Bytes())
		return err
	}
	if err := os.WriteFile(f.output, buf.Bytes(), 0o644); err != nil {
		return fmt.Errorf("write the page (choose another file with -o): %w", err)
	}
	a.note("page: %s, %d kB", f.output, (buf.Len()+999)/1000)
	return nil
}

// reportPath is a file to read. One that was only found in a directory may be
// something else.
type reportPath struct {
	path  string
	named bool
}

// maxFound bounds what is looked at below a directory.
const maxFound = 2000

// reportPaths lists the files that args name, those below directories included.
func reportPaths(args []string) ([]reportPath, error) {
	if len(args) == 0 {
		last, err := lastResults()
		return []reportPath{{last, true}}, err
	}
	var paths []reportPath
	add := func(p string, named bool) {
		if !slices.ContainsFunc(paths, func(o reportPath) bool { return filepath.Clean(o.path) == filepath.Clean(p) }) {
			paths = append(paths, reportPath{p, named})
		}
	}
	for _, arg := range args {
		info, err := os.Stat(arg)
		switch {
		case errors.Is(err, fs.ErrNotExist):
			return nil, usageError("%w", err)
		case err != nil:
			return nil, fmt.Errorf("look for results: %w", err)
		case !info.IsDir():
			add(arg, true)
			continue
		}
		before := len(paths)
		root, err := filepath.EvalSymlinks(arg) // which WalkDir would not follow
		if err != nil {
			return nil, fmt.Errorf("look for results: %w", err)
		}
		err = filepath.WalkDir(root, func(path string, e fs.DirEntry, err error) error {
			switch {
			case err != nil:
				return err
			case e.IsDir() && path != root && strings.HasPrefix(e.Name(), "."):
				return fs.SkipDir
			case e.Type().IsRegular():
				add(path, false)
			}
			if len(paths)-before > maxFound {
				return usageError("%s has more than %d files below it: name those that hold results", arg, maxFound)
			}
			return nil
		})
		if err != nil {
			return nil, fmt.Errorf("look for results: %w", err)
		}
	}
	return paths, nil
}

// lastResults is the newest file of run's under the state directory that holds
// results.
func lastResults() (string, error) {
	dir, err := stateDir()
	if err != nil {
		return "", err
	}
	files, err := filepath.Glob(filepath.Join(dir, "*.txt")) // sorted, and named by time
	if err != nil {
		return "", fmt.Errorf("look for the last run: %w", err)
	}
	for _, path := range slices.Backward(files) {
		if in, err := report.ReadInput(path); err == nil && in.File != nil && len(in.File.Results) > 0 {
			return path, nil
		}
	}
	return "", usageError("no run has left results in %s: measure with unotify-bench run, or name files or a directory", dir)
}

// readInputs reads the files. What was named must hold results; what was found
// need not.
func (a *app) readInputs(paths []reportPath) ([]*report.Input, error) {
	var inputs []*report.Input
	for _, p := range paths {
		in, err := report.ReadInput(p.path)
		switch {
		case err == nil:
			inputs = append(inputs, in)
		case !p.named:
			if a.verbose {
				a.note("not shown: %v", err)
			}
		case errors.Is(err, report.ErrEmpty), errors.Is(err, report.ErrFormat), errors.Is(err, report.ErrCut), errors.Is(err, report.ErrRows):
			return nil, usageError("%w", err)
		default:
			return nil, err
		}
	}
	if len(inputs) == 0 {
		return nil, usageError("none of %d files holds results: measure with unotify-bench run -o FILE; --verbose says what each is", len(paths))
	}
	return inputs, nil
}

// pageOptions are what this program itself knows: the size of its patches.
func pageOptions() (report.PageOptions, error) {
	all, err := kernel.Footprints()
	if err != nil {
		return report.PageOptions{}, err
	}
	o := report.PageOptions{Spare: spared}
	for _, f := range all {
		o.Footprints = append(o.Footprints, report.Footprint{
			Mech: f.Mechanism, Patches: f.Patches, Added: f.Code.Added, Removed: f.Code.Removed, Files: f.Code.Files,
			Docs: f.Docs.Added, Tests: f.Tests.Added,
		})
	}
	for _, p := range kernel.PostedFootprints() {
		o.Footprints = append(o.Footprints, report.Footprint{Mech: p.Name, Added: p.Lines, Files: slashed(p.Dirs), Posted: true, PostedComment: postedHere(p)})
	}
	return o, nil
}

func slashed(dirs []string) []string {
	var out []string
	for _, d := range dirs {
		out = append(out, d+"/")
	}
	return out
}
