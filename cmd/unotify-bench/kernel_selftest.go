package main

import (
	"context"
	"crypto/rand"
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"unotify-bench/abi"
	"unotify-bench/kernel"
)

// selftestArgs are what programs are given that would else ask for too much.
var selftestArgs = map[string][]string{
	// System calls a figure; by default as many as take 15 seconds.
	"seccomp_benchmark": {"20000"},
}

func (a *app) kernelSelftestCommand(flags *kernelFlags) *cobra.Command {
	var fault string
	cmd := &cobra.Command{
		Use: "selftest", Short: "Run the kernel's own selftests of seccomp", Args: noArgs,
		Long: `Builds the selftests of seccomp of the kernel's own source, and those that
kernel/patches add, and runs them in a virtual machine, with a line for each
test. --kernel takes the path of an image as well. What a kernel has no
mechanism for is skipped.

The machine's clock counts instructions: a slow host makes no test run into
its time limit, and seccomp_benchmark compares counts.

--fault boots the variant faulty with one of its seeded bugs switched on. Then
some test should fail.

Exit status 1 if a test failed.`,
		Example: `  unotify-bench kernel selftest --on arm64 --fault redirect_leak
  unotify-bench kernel selftest --on arm64 --kernel ~/linux/arch/arm64/boot/Image`,
		RunE: func(cmd *cobra.Command, _ []string) error {
			_, as, err := parsePlaces(flags.on)
			switch {
			case err != nil:
				return err
			case len(as) == 0:
				return usageError("--on names no architecture; the host boots its own kernel")
			}
			var params []string
			if fault != "" {
				f, err := kernel.FindFault(fault)
				if err != nil {
					return usageError("%v", err)
				}
				params = []string{f.Param()}
				if !cmd.Flags().Changed("kernel") {
					flags.variant = string(kernel.Faulty)
				} else if flags.variant != string(kernel.Faulty) {
					return usageError("--fault is for --kernel %s", kernel.Faulty)
				}
			}
			if err := checkKernel(flags.variant, as); err != nil {
				return err
			}
			return a.selftest(cmd.Context(), as, *flags, params...)
		},
	}
	cmd.Flags().StringVar(&fault, "fault", "", "the seeded bug to switch on; an unknown name lists them")
	return cmd
}

func (a *app) selftest(ctx context.Context, as []*abi.Arch, flags kernelFlags, params ...string) error {
	bar := a.newProgress()
	defer bar.End()
	b := a.newBuilder(flags, bar)
	failed := 0
	for _, arch := range as {
		// What is missing can be said before a build that takes minutes.
		init, err := guestBinary(arch)
		if err != nil {
			return err
		}
		img, err := a.image(ctx, arch, flags, bar)
		if err != nil {
			return err
		}
		programs, err := b.Selftests(ctx, arch)
		if err != nil {
			return err
		}
		bar.Step("selftests on " + arch.Name + " " + img.Release)
		verdicts, err := runSelftests(ctx, img, init, programs, func(line string) {
			if a.verbose {
				bar.Log(line)
			}
		}, params...)
		if err != nil {
			return fmt.Errorf("%s: %w", arch.Name, err)
		}
		bar.Clear()
		failed += a.showVerdicts(img, verdicts)
	}
	if failed > 0 {
		return failure("kernel selftest: %d tests failed", failed)
	}
	return nil
}

// showVerdicts prints a line for each test, and returns how many have failed.
func (a *app) showVerdicts(img *kernel.Image, verdicts []verdict) (failed int) {
	fmt.Fprintf(a.stdout, "%s (Linux %s)\n", img.Arch.Name, img.Release)
	counts := map[string]int{}
	for _, v := range verdicts {
		counts[v.Result]++
		if a.quiet && v.Result == resultOK {
			continue
		}
		fmt.Fprintf(a.stdout, "  %-6s  %s  %s\n", v.Result, v.Program, v.Test)
		for line := range strings.Lines(v.Why) {
			fmt.Fprintf(a.stdout, "            %s\n", strings.TrimSuffix(line, "\n"))
		}
	}
	var sum []string
	for _, result := range slices.Sorted(maps.Keys(counts)) {
		sum = append(sum, fmt.Sprintf("%d %s", counts[result], result))
	}
	fmt.Fprintf(a.stdout, "%s: %d tests: %s\n", img.Arch.Name, len(verdicts), strings.Join(sum, ", "))
	return counts[resultFailed]
}

// runSelftests runs programs, by name, in one machine, and gives each line that
// they print to onLine.
func runSelftests(ctx context.Context, img *kernel.Image, init string, programs map[string]string, onLine func(string), params ...string) ([]verdict, error) {
	var j job
	m := &kernel.Machine{
		Image: img, Init: init, Execs: map[string]string{}, Params: params,
		Clock: kernel.Insns, Halt: true, Seed: 1, Run: rand.Text(),
		Timeout: 30 * time.Minute, Idle: 5 * time.Minute,
	}
	for _, name := range slices.Sorted(maps.Keys(programs)) {
		m.Execs["bin/"+name] = programs[name]
		j.Selftests = append(j.Selftests, append([]string{name}, selftestArgs[name]...))
	}
	text, err := json.Marshal(j)
	if err != nil {
		return nil, err
	}
	m.Files = map[string][]byte{jobFile: text}
	t := selftestOutput{asked: j.Selftests, onLine: onLine}
	if _, err := m.Boot(ctx, t.event); err != nil {
		return nil, err
	}
	if len(t.asked) > 0 || t.now == nil {
		return nil, fmt.Errorf("the guest did not run %q", t.asked)
	}
	return append(t.verdicts, t.now.end()...), nil
}

// selftestOutput takes in what a guest says of its selftests.
type selftestOutput struct {
	asked    [][]string // that did not begin yet
	now      *ktap
	verdicts []verdict
	onLine   func(string)
}

func (t *selftestOutput) event(e kernel.Event) error {
	var text string
	if err := decode(e.Data, &text, "event"); err != nil {
		return err
	}
	switch {
	case e.Kind == eventErr:
		return fmt.Errorf("guest: %.1000q", text)
	case e.Kind == eventSelftest && len(t.asked) > 0 && text == t.asked[0][0]:
		t.asked = t.asked[1:]
		if t.now != nil {
			t.verdicts = append(t.verdicts, t.now.end()...)
		}
		t.now = newKTAP(text)
		return nil
	case e.Kind == eventOut && t.now != nil && len(t.now.verdicts) < 10000:
		t.onLine(clean(text))
		return t.now.line(fmt.Sprintf("%.4000s", text))
	}
	return fmt.Errorf("guest sent %.40q: %.40q, which was not asked for", e.Kind, text)
}
