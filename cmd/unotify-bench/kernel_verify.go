package main

import (
	"fmt"
	"slices"
	"strings"
	"text/tabwriter"

	"github.com/spf13/cobra"

	"unotify-bench/kernel"
)

func (a *app) kernelVerifyCommand(flags *kernelFlags) *cobra.Command {
	var twice bool
	cmd := &cobra.Command{
		Use: "verify", Short: "Check the patches: they apply, read well, and build one by one", Args: noArgs,
		Long: `Checks the patches of a variant, with a line for each step: each applies in
order, without fuzz, and passes Linux's checkpatch.pl; for each architecture
the kernel builds after each of them.

Exit status 1 if a step failed.`,
		Example: `  unotify-bench kernel verify --on amd64
  unotify-bench kernel verify --twice`,
		RunE: func(cmd *cobra.Command, _ []string) error {
			f := *flags
			if !cmd.Flags().Changed("kernel") {
				f.variant = string(kernel.Patched)
			}
			b, as, bar, err := a.builder(f)
			if err != nil {
				return err
			}
			defer bar.End()
			failed := 0
			err = b.Verify(cmd.Context(), as, kernel.Variant(f.variant), twice, func(v kernel.Verdict) {
				if v.Err != nil {
					failed++
				}
				bar.Clear()
				fmt.Fprintln(a.stdout, v)
			})
			if failed > 0 && cmd.Context().Err() == nil {
				return failure("kernel verify: %d steps failed", failed)
			}
			return err
		},
	}
	cmd.Flags().BoolVar(&twice, "twice", false, "build the last step again in a fresh object tree, and compare: minutes for each architecture")
	return cmd
}

func (a *app) kernelFootprintCommand() *cobra.Command {
	return &cobra.Command{
		Use: "footprint", Short: "What the patches change, beside what others proposed", Args: noArgs,
		Long: `Counts lines and files of the patches, by mechanism: code is what a kernel is
made of, apart from documentation and selftests. Below stand the figures of
what was posted on the kernel's mailing lists in 2026.

Exit status 1 if fs/, net/ or lib/ is touched, which none of the patches may.`,
		Example: `  unotify-bench kernel footprint
  unotify-bench kernel footprint --quiet`,
		RunE: func(*cobra.Command, []string) error {
			all, err := kernel.Footprints()
			if err != nil {
				return err
			}
			return a.showFootprints(all)
		},
	}
}

// spared are the directories that proposals before touched; the first ones
// must stay as they are.
var spared = []string{"fs", "net", "lib", "mm"}

func (a *app) showFootprints(all []kernel.Footprint) error {
	w := tabwriter.NewWriter(a.stdout, 0, 0, 2, ' ', 0)
	fmt.Fprintln(w, "mechanism\tpatches\tcode\tfiles\tin\tdocumentation\tselftests")
	row := func(name string, f kernel.Footprint) {
		dirs := "-"
		if len(f.Code.Files) > 0 {
			dirs = strings.Join(f.Code.Dirs(), " ")
		}
		fmt.Fprintf(w, "%s\t%d\t+%d -%d\t%d\t%s\t+%d -%d\t+%d -%d\n", name, f.Patches, f.Code.Added, f.Code.Removed,
			len(f.Code.Files), dirs, f.Docs.Added, f.Docs.Removed, f.Tests.Added, f.Tests.Removed)
	}
	var sum kernel.Footprint
	for _, f := range all {
		row(f.Mechanism, f)
		sum.Patches += f.Patches
		sum.Code, sum.Docs, sum.Tests = sum.Code.Plus(f.Code), sum.Docs.Plus(f.Docs), sum.Tests.Plus(f.Tests)
	}
	row("all", sum)
	if err := w.Flush(); err != nil {
		return err
	}
	fmt.Fprintln(a.stdout, "\nPosted in 2026, about, as a whole:")
	w = tabwriter.NewWriter(a.stdout, 0, 0, 2, ' ', 0)
	for _, p := range kernel.PostedFootprints() {
		fmt.Fprintf(w, "%s\t%d lines\tin %s\t%s\n", p.Name, p.Lines, strings.Join(p.Dirs, " "), postedHere(p))
	}
	if err := w.Flush(); err != nil {
		return err
	}
	var touched []string
	for _, dir := range sum.Code.Dirs() {
		if slices.Contains(spared, dir) {
			touched = append(touched, dir+"/")
		}
	}
	if touched == nil {
		fmt.Fprintln(a.stdout, "\nOf fs/, net/, lib/ and mm/ these patches touch none.")
		return nil
	}
	fmt.Fprintf(a.stdout, "\nOf fs/, net/, lib/ and mm/ these patches touch %s.\n", strings.Join(touched, ", "))
	if !slices.Equal(touched, []string{"mm/"}) {
		return failure("kernel footprint: fs/, net/ and lib/ must stay as they are")
	}
	return nil
}

// postedHere says what of a proposal is in our kernel.
func postedHere(p kernel.Posted) string {
	if p.Mechanism == "" {
		return "not built: shelved after review"
	}
	return "here: shared and " + p.Mechanism
}
