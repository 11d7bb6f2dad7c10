package main

import (
	"context"
	"fmt"
	"io"
	"os"
	"runtime"
	"slices"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"
	"golang.org/x/term"

	"unotify-bench/internal/report"
)

// app is what every command shares: where to write, and how much.
type app struct {
	stdout, stderr io.Writer
	quiet, verbose bool
	color          string // auto, always, never
}

// run executes one command line and returns the exit status.
func run(ctx context.Context, args []string, stdout, stderr io.Writer) int {
	out := &checked{Writer: stdout}
	a := &app{stdout: out, stderr: stderr}
	root := a.rootCommand()
	root.SetArgs(args)
	root.SetOut(out)
	root.SetErr(stderr)
	cmd, err := root.ExecuteContextC(ctx)
	if err == nil && out.err != nil {
		err = fmt.Errorf("write to standard output: %w", out.err)
	}
	if err != nil {
		switch status := exitStatus(err); status {
		case exitInterrupted:
			fmt.Fprintln(stderr, "unotify-bench: interrupted; what was measured is kept")
		default:
			fmt.Fprintf(stderr, "unotify-bench: %s\n", plain(err.Error()))
		}
	}
	if cmd.Name() == bisectName {
		return bisectStatus(err)
	}
	return exitStatus(err)
}

func (a *app) rootCommand() *cobra.Command {
	root := &cobra.Command{
		Use:   "unotify-bench",
		Short: "Are a kernel's seccomp user-notification mechanisms fast and right?",
		Long: `Measures what a syscall costs under each seccomp user-notification mechanism,
on this host and in virtual machines of amd64, arm64 and riscv64.

Exit status: 0 all well; 1 a check or measurement failed, a gate closed; 2 usage;
3 the environment is not able (missing tool, kernel does not boot);
130 interrupted, with what was measured kept. Those of bisect are git's.

Environment: XDG_CACHE_HOME and XDG_STATE_HOME say where kernels and results
are kept; NO_COLOR keeps tables plain. Nothing else is read.`,
		SilenceUsage:  true,
		SilenceErrors: true,
		PersistentPreRunE: func(*cobra.Command, []string) error {
			if !slices.Contains([]string{"auto", "always", "never"}, a.color) {
				return usageError("--color is %q; want auto, always or never", a.color)
			}
			if a.quiet && a.verbose {
				return usageError("--quiet and --verbose exclude each other")
			}
			return nil
		},
		Args: func(cmd *cobra.Command, args []string) error {
			if len(args) > 0 {
				return usageError("unknown command %q; see unotify-bench --help", args[0])
			}
			return nil
		},
		RunE: func(cmd *cobra.Command, args []string) error { return cmd.Help() },
	}
	f := root.PersistentFlags()
	f.BoolVarP(&a.quiet, "quiet", "q", false, "print results and errors only")
	f.BoolVarP(&a.verbose, "verbose", "v", false, "print what is done, and every tool's output")
	f.StringVar(&a.color, "color", "auto", "auto, always or never")
	root.SetFlagErrorFunc(func(_ *cobra.Command, err error) error { return usageError("%w", err) })
	root.SetHelpCommand(helpCommand())
	root.AddCommand(a.runCommand(), a.abiCommand(), a.fuzzCommand(), a.compareCommand(), a.stabilityCommand(), a.reportCommand(), a.bisectCommand(), a.probeCommand(), a.kernelCommand(), a.lavaCommand(), a.doctorCommand(), a.versionCommand())
	return root
}

// jobsFlag is --jobs of what boots machines. The default that help and the manual
// show is a word, as the manual is not made on the machine where it is read.
func jobsFlag(f *pflag.FlagSet, jobs *int) {
	f.IntVar(jobs, "jobs", runtime.NumCPU(), "virtual machines at once")
	f.Lookup("jobs").DefValue = "CPUs"
}

// noArgs refuses arguments with the exit status for it.
func noArgs(cmd *cobra.Command, args []string) error {
	if len(args) > 0 {
		return usageError("%s takes no arguments, got %q", cmd.CommandPath(), args)
	}
	return nil
}

// checked remembers the first failure to write, so that a full disk is an
// error of every command.
type checked struct {
	io.Writer
	err error
}

func (c *checked) Write(p []byte) (int, error) {
	n, err := c.Writer.Write(p)
	if c.err == nil {
		c.err = err
	}
	return n, err
}

// terminal returns the width of w in columns if it is a terminal that has one, else 0.
func terminal(w io.Writer) int {
	if c, ok := w.(*checked); ok {
		w = c.Writer
	}
	if own, ok := w.(*ownFile); ok {
		w = own.File
	}
	f, ok := w.(*os.File)
	if !ok || !term.IsTerminal(int(f.Fd())) {
		return 0
	}
	// A serial console has no size, and mostly a log at its other end.
	width, _, err := term.GetSize(int(f.Fd()))
	if err != nil || width <= 0 {
		return 0
	}
	return width
}

// tableOptions fits tables to where they go.
func (a *app) tableOptions(w io.Writer) report.TableOptions {
	width := terminal(w)
	return report.TableOptions{
		Width: width,
		Color: a.color == "always" || a.color == "auto" && width > 0 && os.Getenv("NO_COLOR") == "",
	}
}

// note tells the person something, on standard error.
func (a *app) note(format string, args ...any) {
	if !a.quiet {
		fmt.Fprintln(a.stderr, plain(fmt.Sprintf(format, args...)))
	}
}
