package main

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"unotify-bench/internal/report"
	"unotify-bench/kernel"
)

// stabilityFlags are the flags of `stability`.
type stabilityFlags struct{ format, output string }

var stabilityFormats = []string{"json", "text"}

func (a *app) stabilityCommand() *cobra.Command {
	var f stabilityFlags
	cmd := &cobra.Command{
		Use:   "stability FILE...",
		Short: "How well do runs repeat, and what is the smallest change they show?",
		Long: `Holds results files of the same rows against each other, in instructions.

Runs of one kernel, QEMU and program must have the same samples, to the
instruction: where their hashes differ, the files are named and the exit status
is 1. What differs between builds that change nothing of what is measured is
noise; from it follows the smallest change, in instructions of a call, that
compare finds between any two of them.

A study in JSON (--format json) is shown again if it is given alone.`,
		Example: `  unotify-bench stability monday.txt tuesday.txt other-compiler.txt
  unotify-bench stability results/stability.json`,
		Args: func(_ *cobra.Command, args []string) error {
			if len(args) == 0 {
				return usageError("stability takes results files, two or more; make them with: unotify-bench run -o FILE")
			}
			return nil
		},
		RunE: func(_ *cobra.Command, args []string) error { return a.stability(args, f) },
	}
	cmd.Flags().StringVar(&f.format, "format", "text", strings.Join(stabilityFormats, ", "))
	cmd.Flags().StringVarP(&f.output, "output", "o", "", "file for it (default: standard output)")
	return cmd
}

func (a *app) stability(names []string, f stabilityFlags) error {
	if !slices.Contains(stabilityFormats, f.format) {
		return usageError("unknown format %q: known are %s", f.format, strings.Join(stabilityFormats, ", "))
	}
	if err := notInput(f.output, names); err != nil {
		return err
	}
	studies, err := a.studies(names)
	if err != nil {
		return err
	}
	var buf bytes.Buffer
	if err := writeStudies(&buf, studies, f.format); err != nil {
		return fmt.Errorf("write the study: %w", err)
	}
	if f.output == "" {
		_, err = a.stdout.Write(buf.Bytes())
	} else {
		err = os.WriteFile(f.output, buf.Bytes(), 0o644)
	}
	if err != nil {
		return fmt.Errorf("write the study (choose another file with -o): %w", err)
	}
	for i := range studies {
		if n, differ := studies[i].Hashes(); len(differ) > 0 {
			return failure("%s: %d of %d hashes of samples are not those of another run of the same kernel, QEMU and program:\n  %s",
				studies[i].Where, len(differ), n, strings.Join(differ, "\n  "))
		}
	}
	return nil
}

// studies reads results files, or one study.
func (a *app) studies(names []string) ([]report.Stability, error) {
	var files []*report.File
	seen := map[string]string{} // names of files, by what is in them
	for _, name := range names {
		sum, err := kernel.FileSHA256(name)
		if err != nil {
			return nil, usageError("%w", err)
		}
		if seen[sum] != "" {
			a.warn(fmt.Errorf("%s holds what %s does: counted once", name, seen[sum]))
			continue
		}
		seen[sum] = name
		in, err := report.ReadInput(name)
		if err != nil {
			return nil, usageError("%w", err)
		}
		for _, w := range in.Warnings {
			a.warn(w)
		}
		switch {
		case in.Studies != nil && len(names) == 1:
			return in.Studies, nil
		case in.File == nil || len(in.File.Results) == 0:
			return nil, usageError("%s: no row was measured in it; a study is shown alone, and made of the results files of run", name)
		}
		files = append(files, in.File)
	}
	if len(files) < 2 {
		return nil, usageError("one run says nothing of how well runs repeat: give stability two files or more")
	}
	studies, warnings, err := report.NewStabilities(files)
	for _, w := range warnings {
		a.warn(w)
	}
	if err != nil {
		return nil, usageError("%w", err)
	}
	return studies, nil
}

func writeStudies(w io.Writer, studies []report.Stability, format string) error {
	if format == "text" {
		return report.StabilitiesText(w, studies)
	}
	e := json.NewEncoder(w)
	e.SetIndent("", " ")
	return e.Encode(studies)
}
