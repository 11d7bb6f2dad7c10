package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"slices"
	"strings"
	"text/tabwriter"

	"github.com/spf13/cobra"

	"unotify-bench/abi"
)

func (a *app) doctorCommand() *cobra.Command {
	var on []string
	var source string
	var install, peer, tests, lab bool
	var count int
	cmd := &cobra.Command{
		Use:   "doctor",
		Short: "What is missing on this machine, and the line that installs it",
		Long: `Looks at everything that measuring needs: a line for each thing, with what to
do where it is missing, and one line at the end that installs all of it.
Exit status 3 if something is missing that nothing works without.

--install runs that line. It is the only part of this program that uses the
package manager, or sudo.

--peer is about this program: it builds perf from the kernel's source and a C
program with the same loop, and lets them measure what this program measures,
in turn. Exit status 1 if ours takes longer than the bar allows.`,
		Example: `  unotify-bench doctor --on host,arm64
  unotify-bench doctor --peer --count 20`,
		Args: noArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			onHost, as, err := parsePlaces(on)
			switch {
			case err != nil:
				return err
			case count < 1 || count > 1000:
				return usageError("--count is %d; want 1 to 1000", count)
			case peer && install:
				return usageError("--peer and --install exclude each other")
			case peer:
				return a.peer(cmd.Context(), source, count, peerCalls)
			}
			d := &doctor{app: a, host: onHost, arches: as, source: source, tests: tests, lab: lab}
			return d.run(cmd.Context(), install)
		},
	}
	f := cmd.Flags()
	f.StringSliceVar(&on, "on", []string{"all"}, "what for: host, amd64, arm64, riscv64, or all")
	f.BoolVar(&install, "install", false, "install what is missing, with apt-get, and with sudo unless root")
	f.BoolVar(&tests, "tests", false, "and what only this project's own tests need")
	f.BoolVar(&lab, "lab", false, "and what its tests with a LAVA lab need")
	f.BoolVar(&peer, "peer", false, "compare this program with perf bench and a C program")
	f.IntVar(&count, "count", 10, "rounds of --peer")
	f.StringVar(&source, "source", "", "kernel source: a tarball, a .deb or a directory (default: fetch Debian's)")
	return cmd
}

// health says how one thing is.
type health string

const (
	fine    health = "ok"
	warning health = "warn" // some rows cannot be measured, or not well
	missing health = "missing"
)

// check is one thing that was looked at.
type check struct {
	health
	name   string
	detail string // what it is for, what was found, what to do
	pkg    string // Debian package that brings it
	update bool   // apt-get update may bring it
}

// ward is a group of checks.
type ward struct {
	name   string
	checks []check
}

// doctor is one examination.
type doctor struct {
	*app
	host   bool
	arches []*abi.Arch
	source string
	tests  bool
	lab    bool
}

func (d *doctor) run(ctx context.Context, install bool) error {
	wards, err := d.examine(ctx)
	if err != nil {
		return err
	}
	if r := prescribe(wards); install && !r.empty() {
		if err := d.install(ctx, r); err != nil {
			return err
		}
		if wards, err = d.examine(ctx); err != nil {
			return err
		}
	}
	d.show(wards)
	if r := prescribe(wards); !r.empty() {
		fmt.Fprintf(d.stdout, "\nTo install what is missing:\n  %s\n", r.line(os.Geteuid() != 0))
	}
	n := 0
	for _, w := range wards {
		for _, c := range w.checks {
			if c.health == missing {
				n++
			}
		}
	}
	switch n {
	case 0:
		return nil
	case 1:
		return errors.New("doctor: one thing is missing")
	}
	return fmt.Errorf("doctor: %d things are missing", n)
}

// examine makes all checks that are asked for.
func (d *doctor) examine(ctx context.Context) ([]ward, error) {
	var wards []ward
	if d.host {
		wards = append(wards, ward{fmt.Sprintf("host (Linux %s)", unameRelease()), hostChecks(ctx)})
	}
	if len(d.arches) > 0 {
		more, err := machineWards(ctx, d.arches, d.source)
		if err != nil {
			return nil, err
		}
		wards = append(wards, more...)
	}
	if d.tests {
		wards = append(wards, testWard())
	}
	if d.lab {
		wards = append(wards, labWard())
	}
	return wards, ctx.Err()
}

// show prints the wards; with --quiet, what is not well in them.
func (d *doctor) show(wards []ward) {
	for _, w := range wards {
		checks := w.checks
		if d.quiet {
			checks = slices.DeleteFunc(slices.Clone(checks), func(c check) bool { return c.health == fine })
		}
		if len(checks) == 0 {
			continue
		}
		fmt.Fprintln(d.stdout, w.name)
		t := tabwriter.NewWriter(d.stdout, 0, 0, 2, ' ', 0)
		for _, c := range checks {
			detail := c.detail
			if c.health != fine && c.pkg != "" {
				detail += ": apt-get install " + c.pkg
			}
			fmt.Fprintf(t, "  %s\t%s\t%s\n", c.health, c.name, clean(detail))
		}
		_ = t.Flush() // to a person
	}
}

// remedy is what the package manager can do.
type remedy struct {
	packages []string
	update   bool
}

func prescribe(wards []ward) remedy {
	var r remedy
	for _, w := range wards {
		for _, c := range w.checks {
			if c.health == fine {
				continue
			}
			if c.pkg != "" && !slices.Contains(r.packages, c.pkg) {
				r.packages = append(r.packages, c.pkg)
			}
			r.update = r.update || c.update
		}
	}
	slices.Sort(r.packages)
	return r
}

func (r remedy) empty() bool { return len(r.packages) == 0 && !r.update }

// line is what a person types.
func (r remedy) line(sudo bool) string {
	prefix := ""
	if sudo {
		prefix = "sudo "
	}
	update := prefix + "apt-get update"
	if len(r.packages) == 0 {
		return update
	}
	line := prefix + "apt-get install --no-install-recommends " + strings.Join(r.packages, " ")
	if r.update {
		line = update + " && " + line
	}
	return line
}
