package main

import (
	"context"
	"crypto/rand"
	"encoding/json"
	"fmt"
	"text/tabwriter"
	"time"

	"github.com/spf13/cobra"

	"unotify-bench/abi"
	"unotify-bench/bench"
	"unotify-bench/kernel"
)

// expectations says what --expect demands.
var expectations = map[string]func(bench.Finding) bool{
	"":        func(bench.Finding) bool { return false },
	"stock":   func(f bench.Finding) bool { return !f.Proposed },
	"patched": func(bench.Finding) bool { return true },
}

func (a *app) probeCommand() *cobra.Command {
	var on []string
	var image, expect, source string
	cmd := &cobra.Command{
		Use:   "probe",
		Short: "What does this kernel offer?",
		Long: `Finds out what a kernel offers, by using it: every mechanism answers real calls,
whose results are checked. What is proposed is asked for as well, which tells a
kernel that lacks it from one that has it and gets it wrong. Versions are not
looked at.

"could not tell" is never taken for an answer: with --expect it fails as
"missing" does.`,
		Example: `  unotify-bench probe
  unotify-bench probe --on riscv64 --kernel ~/linux/arch/riscv/boot/Image --expect stock`,
		Args: noArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			demanded, ok := expectations[expect]
			if !ok {
				return usageError("--expect is %q; want stock or patched", expect)
			}
			onHost, as, err := parsePlaces(on)
			if err != nil {
				return err
			}
			if err := checkKernel(image, as); err != nil {
				return err
			}
			return a.probe(cmd.Context(), onHost, as, image, source, demanded)
		},
	}
	f := cmd.Flags()
	f.StringSliceVar(&on, "on", []string{host}, "where: host, amd64, arm64, riscv64, or all")
	f.StringVar(&image, "kernel", string(defaultKernel), kernelUsage())
	f.StringVar(&expect, "expect", "", "stock or patched: what is missing then is a failure")
	f.StringVar(&source, "source", "", "kernel source: a tarball, a .deb or a directory (default: fetch Debian's)")
	return cmd
}

func (a *app) probe(ctx context.Context, onHost bool, as []*abi.Arch, image, source string, demanded func(bench.Finding) bool) error {
	missing := 0
	show := func(where string, fs []bench.Finding) {
		fmt.Fprintf(a.stdout, "%s\n", where)
		w := tabwriter.NewWriter(a.stdout, 0, 0, 2, ' ', 0)
		for _, f := range fs {
			proposed := ""
			if f.Proposed {
				proposed = "proposed"
			}
			mark := ""
			if demanded(f) && f.State != bench.Works {
				missing++
				mark = "EXPECTED"
			}
			fmt.Fprintf(w, "  %s\t%s\t%s\t%s\t%s\n", f.Feature, f.State, proposed, mark, f.Detail)
		}
		_ = w.Flush() // to a person
	}
	if onHost {
		show(fmt.Sprintf("host (Linux %s)", unameRelease()), bench.Probe(ctx))
	}
	bar := a.newProgress()
	defer bar.End()
	for _, arch := range as {
		r := &runner{app: a, plan: &plan{runFlags: runFlags{kernel: image, source: source}}, bar: bar}
		img, fs, err := r.probeGuest(ctx, arch)
		if err != nil {
			return fmt.Errorf("%s: %w", arch.Name, err)
		}
		bar.Clear()
		show(fmt.Sprintf("%s (Linux %s)", arch.Name, img.Release), fs)
	}
	if missing > 0 {
		return failure("%d expected features are not there", missing)
	}
	return ctx.Err()
}

// probeGuest probes a kernel in a virtual machine.
func (r *runner) probeGuest(ctx context.Context, arch *abi.Arch) (*kernel.Image, []bench.Finding, error) {
	program, err := guestBinary(arch)
	if err != nil {
		return nil, nil, err
	}
	img, err := r.image(ctx, arch)
	if err != nil {
		return nil, nil, err
	}
	j, err := json.Marshal(job{Probe: true})
	if err != nil {
		return nil, nil, err
	}
	r.bar.Step("probe " + arch.Name)
	m := &kernel.Machine{
		Image: img, Arch: arch, Init: program, Files: map[string][]byte{jobFile: j},
		Clock: kernel.Wall, Accel: kernel.AccelTCG, CPUs: 2, Run: rand.Text(), Timeout: 5 * time.Minute,
	}
	var fs []bench.Finding
	exit, err := m.Boot(ctx, func(e kernel.Event) error {
		if e.Kind != eventProbe || len(fs) > 100 {
			return fmt.Errorf("guest sent an event of unknown kind %.40q", e.Kind)
		}
		var f bench.Finding
		if err := decode(e.Data, &f, "finding"); err != nil {
			return err
		}
		fs = append(fs, printable(f))
		return nil
	})
	if err != nil {
		return nil, nil, err
	}
	if exit.Code != 0 {
		return nil, nil, fmt.Errorf("the guest ended with status %d", exit.Code)
	}
	return img, fs, nil
}

// printable keeps what a guest says from writing to the terminal: no control
// characters, no endless line, no state but the three.
func printable(f bench.Finding) bench.Finding {
	f.Feature = fmt.Sprintf("%.40s", clean(f.Feature))
	f.Detail = fmt.Sprintf("%.200s", clean(f.Detail))
	if f.State != bench.Works && f.State != bench.Missing {
		f.State = bench.Unclear
	}
	return f
}
