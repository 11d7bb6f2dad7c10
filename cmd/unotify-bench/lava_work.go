package main

import (
	"fmt"
	"io"
	"slices"
	"strings"

	"github.com/spf13/pflag"

	"unotify-bench/abi"
)

// lavaWork is what the flags ask devices to do.
type lavaWork struct {
	abi []*abiPlan // a shard each, none for no checks
	run *plan      // nil for no rows

	abiArgs, runArgs string
}

func (f *lavaJobFlags) plan() (*lavaWork, []*abi.Arch, error) {
	onHost, arches, err := parsePlaces(f.on)
	switch {
	case err != nil:
		return nil, nil, err
	case onHost && !slices.Contains(f.on, "all"):
		return nil, nil, usageError("--on host: a device of a lab is named by its architecture")
	case f.output == "":
		return nil, nil, usageError("-o DIR says where jobs and files go")
	case f.shards < 1 || f.shards > 1000:
		return nil, nil, usageError("--shards is %d; want 1 to 1000", f.shards)
	case f.minutes < 5 || f.minutes > 7*24*60:
		return nil, nil, usageError("--minutes is %d; want 5 or more", f.minutes)
	case f.memory < 48:
		return nil, nil, usageError("--memory is %d; want 48 or more, in MiB", f.memory)
	case f.dtb != "" && f.deviceType == "qemu":
		return nil, nil, usageError("--dtb is for boards: QEMU makes its own device tree")
	case f.deviceType == "" || strings.ContainsAny(f.deviceType, " \t\n"):
		return nil, nil, usageError("--device-type is %q; want the lab's name for it", f.deviceType)
	}
	if err := checkKernel(f.kernel, arches); err != nil {
		return nil, nil, err
	}
	w := &lavaWork{}
	if f.abi != noCommand {
		args, err := deviceWords("abi", f.abi)
		if err != nil {
			return nil, nil, err
		}
		if f.expect != "" {
			args = append(args, "--expect", f.expect)
		}
		for i := 1; i <= f.shards; i++ {
			p, err := onDevice[abiFlags]("abi", append(slices.Clone(args), shardArgs(i, f.shards)...), (*abiFlags).define, func(f abiFlags) (*abiPlan, error) {
				if f.list || f.mutants || f.fault != "" || f.resume {
					return nil, usageError("--abi: a device checks, nothing else")
				}
				return f.plan()
			})
			if err != nil {
				return nil, nil, err
			}
			w.abi = append(w.abi, p)
		}
		w.abiArgs = strings.Join(args, " ")
	}
	if f.run != noCommand {
		args, err := deviceWords("run", f.run)
		if err != nil {
			return nil, nil, err
		}
		w.run, err = onDevice[runFlags]("run", args, (*runFlags).define, func(f runFlags) (*plan, error) {
			if f.quick && !slices.ContainsFunc(args, func(a string) bool { return strings.HasPrefix(a, "--count") }) {
				f.count = 2
			}
			if f.asked() || f.series != "" || f.profile || f.list || f.resume || f.install || f.guests != "" {
				return nil, usageError("--run: a device measures rows, nothing else")
			}
			return f.plan()
		})
		if err != nil {
			return nil, nil, err
		}
		w.runArgs = strings.Join(args, " ")
	}
	if len(w.abi) == 0 && w.run == nil {
		return nil, nil, usageError("--abi none --run none leave nothing to do")
	}
	return w, arches, nil
}

// deviceWords splits the arguments of a command as a shell does. In commandsFile a space
// ends one.
func deviceWords(name, line string) ([]string, error) {
	words, err := splitWords(line)
	if err != nil {
		return nil, usageError("--%s: %w", name, err)
	}
	for _, w := range words {
		flag, _, _ := strings.Cut(strings.TrimLeft(w, "-"), "=")
		if strings.HasPrefix(w, "--") && slices.Contains([]string{"on", "kernel", "source", "shard", "format", "output", "jobs"}, flag) {
			return nil, usageError("--%s: --%s is lava job's to say", name, flag)
		}
		if w == "" || strings.ContainsAny(w, " \t\n") {
			return nil, usageError("--%s: %q: what a device is told has no spaces in an argument", name, w)
		}
	}
	return words, nil
}

// shardArgs are the arguments for a part of the checks.
func shardArgs(part, parts int) []string {
	if parts == 1 {
		return nil
	}
	return []string{"--shard", fmt.Sprintf("%d/%d", part, parts)}
}

// deviceArgs are what a command on a device is given besides.
var deviceArgs = []string{"--on", host, "--format", lavaFormat}

// onDevice plans what a command does on a device, which is its host.
func onDevice[Flags, Plan any](name string, args []string, define func(*Flags, *pflag.FlagSet), plan func(Flags) (*Plan, error)) (*Plan, error) {
	var f Flags
	fl := pflag.NewFlagSet(name, pflag.ContinueOnError)
	fl.SetOutput(io.Discard)
	define(&f, fl)
	if err := fl.Parse(slices.Concat(args, deviceArgs)); err != nil {
		return nil, usageError("--%s: %w", name, err)
	}
	if fl.NArg() > 0 {
		return nil, usageError("--%s: %q is no flag", name, fl.Arg(0))
	}
	p, err := plan(f)
	if err != nil {
		return nil, usageError("--%s: %w", name, err)
	}
	return p, nil
}
