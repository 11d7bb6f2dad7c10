package main

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"text/tabwriter"
	"unicode"

	"github.com/spf13/cobra"

	"unotify-bench/abi"
	"unotify-bench/kernel"
)

// clean replaces what does not print, control characters among it, so that
// foreign text stays text.
func clean(s string) string {
	return strings.Map(func(r rune) rune {
		if !unicode.IsPrint(r) {
			return '?'
		}
		return r
	}, s)
}

// plain is what a terminal is shown of a text of several lines, whoever wrote it: the
// names of files are in messages, too.
func plain(s string) string {
	return strings.Map(func(r rune) rune {
		if r == '\n' || r == '\t' || unicode.IsPrint(r) {
			return r
		}
		return '?'
	}, s)
}

// kernelFlags are what the kernel commands share.
type kernelFlags struct {
	on              []string
	variant, source string
	jobs            int
}

// builder checks the flags, and returns what they come to. The caller ends
// the bar.
func (a *app) builder(f kernelFlags) (b *kernel.Builder, as []*abi.Arch, bar *progress, err error) {
	_, as, err = parsePlaces(f.on)
	switch {
	case err != nil:
		return nil, nil, nil, err
	case len(as) == 0:
		return nil, nil, nil, usageError("--on names no architecture; the host boots its own kernel")
	case !slices.Contains(kernel.Variants(), kernel.Variant(f.variant)):
		return nil, nil, nil, usageError("unknown kernel variant %q; known: %s", f.variant, variantNames())
	}
	bar = a.newProgress()
	return a.newBuilder(f, bar), as, bar, nil
}

func (a *app) newBuilder(f kernelFlags, bar *progress) *kernel.Builder {
	b := &kernel.Builder{Source: f.source, Jobs: f.jobs, Progress: bar}
	if a.verbose {
		b.Verbose = a.stderr
	}
	return b
}

// image builds the kernel that f.variant names, or opens it if that is a path.
func (a *app) image(ctx context.Context, arch *abi.Arch, f kernelFlags, bar *progress) (*kernel.Image, error) {
	switch {
	case f.variant == kernel.Debian:
		return a.newBuilder(f, bar).OpenDebian(ctx, arch)
	case isTree(f.variant):
		f.source, f.variant = f.variant, string(kernel.Stock) // it has the patches that it has
	case isPath(f.variant):
		return a.newBuilder(f, bar).OpenPackage(ctx, f.variant, arch)
	}
	return a.newBuilder(f, bar).Build(ctx, arch, kernel.Variant(f.variant))
}

func (a *app) kernelCommand() *cobra.Command {
	var flags kernelFlags
	// each runs f for every architecture that --on names.
	each := func(f func(cmd *cobra.Command, b *kernel.Builder, arch *abi.Arch, v kernel.Variant) error) func(*cobra.Command, []string) error {
		return func(cmd *cobra.Command, _ []string) error {
			b, as, bar, err := a.builder(flags)
			if err != nil {
				return err
			}
			defer bar.End()
			for _, arch := range as {
				if err := f(cmd, b, arch, kernel.Variant(flags.variant)); err != nil {
					return err
				}
			}
			return nil
		}
	}
	cmd := &cobra.Command{
		Use:   "kernel",
		Short: "Build and manage the kernels that virtual machines boot",
		Example: `  unotify-bench kernel build --on riscv64
  qemu-system-riscv64 -M virt -nographic -kernel $(unotify-bench kernel path --on riscv64)`,
		Args: func(cmd *cobra.Command, args []string) error {
			if len(args) > 0 {
				return usageError("unknown command %q for kernel; see unotify-bench kernel --help", args[0])
			}
			return nil
		},
		RunE: func(cmd *cobra.Command, _ []string) error { return cmd.Help() },
	}
	f := cmd.PersistentFlags()
	f.StringSliceVar(&flags.on, "on", []string{"all"}, "architectures: amd64, arm64, riscv64, or all")
	f.StringVar(&flags.variant, "kernel", string(defaultKernel), "variant: "+variantNames())
	f.StringVar(&flags.source, "source", "", "kernel source: a tarball, a .deb or a directory (default: fetch Debian's)")
	f.IntVar(&flags.jobs, "jobs", 0, "compilers at once (default: one a CPU)")

	cmd.AddCommand(
		a.kernelCleanCommand(), a.kernelVerifyCommand(&flags), a.kernelFootprintCommand(), a.kernelSelftestCommand(&flags),
		&cobra.Command{
			Use: "build", Short: "Build, or find in the cache", Args: noArgs,
			Example: `  unotify-bench kernel build
  unotify-bench kernel build --kernel patched --on arm64 --source ~/linux-6.12.tar.xz`,
			RunE: each(func(cmd *cobra.Command, b *kernel.Builder, arch *abi.Arch, v kernel.Variant) error {
				img, err := b.Build(cmd.Context(), arch, v)
				if err != nil {
					return err
				}
				fmt.Fprintf(a.stdout, "%s %s %s %s\n", arch.Name, v, img.Release, img.Path)
				return nil
			}),
		},
		&cobra.Command{
			Use: "path", Short: "Print where the built image is", Args: noArgs,
			Example: `  unotify-bench kernel path --on amd64
  unotify-bench kernel path --on all`,
			RunE: each(func(_ *cobra.Command, b *kernel.Builder, arch *abi.Arch, v kernel.Variant) error {
				img, err := b.Lookup(arch, v)
				if err != nil {
					return err
				}
				fmt.Fprintln(a.stdout, img.Path)
				return nil
			}),
		},
		&cobra.Command{
			Use: "config", Short: "Print the configuration fragment, each line with its reason", Args: noArgs,
			Example: `  unotify-bench kernel config --on riscv64
  unotify-bench kernel config --on amd64 > unotify.config`,
			RunE: each(func(_ *cobra.Command, b *kernel.Builder, arch *abi.Arch, v kernel.Variant) error {
				text, err := b.Config(arch, v)
				if err != nil {
					return err
				}
				fmt.Fprint(a.stdout, text)
				return nil
			}),
		},
		&cobra.Command{
			Use: "list", Short: "List what is cached", Args: noArgs,
			Example: `  unotify-bench kernel list
  unotify-bench kernel list --quiet`,
			RunE: func(*cobra.Command, []string) error {
				entries, err := (&kernel.Builder{}).List()
				if err != nil {
					return err
				}
				w := tabwriter.NewWriter(a.stdout, 0, 0, 2, ' ', 0)
				for _, e := range entries {
					state := ""
					switch {
					case e.Damaged != "":
						state = "damaged: " + clean(e.Damaged)
					case e.Variant == kernel.Stepped:
						state = "of run --series"
					case e.Outdated:
						state = "outdated"
					}
					fmt.Fprintf(w, "%s\t%s\t%s\t%.1f MB\t%s\t%s\n", e.Arch, e.Variant, e.Release, float64(e.Size)/1e6, e.Path, state)
				}
				return w.Flush()
			},
		},
	)
	return cmd
}

func (a *app) kernelCleanCommand() *cobra.Command {
	var outdated bool
	cmd := &cobra.Command{
		Use: "clean", Short: "Remove cached kernels, object trees and sources", Args: noArgs,
		Example: `  unotify-bench kernel clean
  unotify-bench kernel clean --outdated`,
		RunE: func(cmd *cobra.Command, _ []string) error {
			bar := a.newProgress()
			defer bar.End()
			b := &kernel.Builder{Progress: bar}
			if !outdated {
				return b.Clean(cmd.Context())
			}
			n, err := b.CleanOutdated(cmd.Context())
			if err == nil {
				bar.Log(fmt.Sprintf("%d kernels removed", n))
			}
			return err
		},
	}
	cmd.Flags().BoolVar(&outdated, "outdated", false, "only kernels whose fragments or patches were edited since, and those of run --series")
	return cmd
}
