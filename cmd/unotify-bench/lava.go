package main

import (
	"time"

	"github.com/spf13/cobra"

	"unotify-bench/kernel"
)

// lavaJobFlags are the flags of `lava job`.
type lavaJobFlags struct {
	on         []string
	kernel     string
	source     string
	deviceType string
	method     string
	dtb        string
	url        string
	abi, run   string // arguments of the commands, "none" for not at all
	expect     string
	shards     int
	memory     int
	minutes    int
	output     string
}

// noCommand says that a device shall not execute one of the commands.
const noCommand = "none"

func (a *app) lavaCommand() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "lava",
		Short: "Check and measure on the devices of a LAVA lab",
		Long: `A LAVA lab is where boards of kernel developers are: KernelCI's, for one. Three
steps, around a directory that has all of it:

job writes one job for each architecture, or several that share the checks: a
kernel, a ramdisk that holds this one program, and the job's definition. submit
hands them to a lab. fetch gets what came of it, holds that against what each
job should have done, and writes verdicts.json and results.txt into the
directory, which compare and report read. A job that a lab calls complete is
not believed: every check must have its verdict, and every row its figures.`,
		Example: `  unotify-bench lava job --on arm64 --device-type bcm2711-rpi-4-b --url http://files.lab/unotify -o jobs
  unotify-bench lava submit jobs --server https://lava.lab --token-file token`,
		Args: func(_ *cobra.Command, args []string) error {
			if len(args) > 0 {
				return usageError("unknown command %q for lava; see unotify-bench lava --help", args[0])
			}
			return nil
		},
		RunE: func(cmd *cobra.Command, _ []string) error { return cmd.Help() },
	}
	cmd.AddCommand(a.lavaJobCommand(), a.lavaSubmitCommand(), a.lavaFetchCommand())
	return cmd
}

func (a *app) lavaJobCommand() *cobra.Command {
	var f lavaJobFlags
	cmd := &cobra.Command{
		Use:   "job",
		Short: "Write jobs, and what their devices boot, into a directory",
		Long: `Writes one job for each architecture: its device boots --kernel with a ramdisk
that holds this program, runs abi and run there, prints each verdict and figure
for LAVA's monitors, and switches off. It needs no shell, no network and no
root file system.

--shards N writes N jobs, each with a part of the checks, for N devices at once;
the rows are measured by one of their own. The lab gets the files from --url,
where DIR is to be copied to, or else from DIR itself, if the lab's workers
see this machine's files.`,
		Example: `  unotify-bench lava job --on riscv64 --device-type qemu --shards 4 -o jobs
  unotify-bench lava job --on arm64 --device-type odroid-n2 --run '--mech continue --count 10' --abi none -o jobs`,
		Args: noArgs,
		RunE: func(cmd *cobra.Command, _ []string) error { return a.lavaJob(cmd.Context(), f) },
	}
	fl := cmd.Flags()
	fl.StringSliceVar(&f.on, "on", []string{"all"}, "architectures of devices: amd64, arm64, riscv64, or all")
	fl.StringVar(&f.kernel, "kernel", string(defaultKernel), "what the devices boot: "+variantNames()+"; "+kernel.Debian+"; or the path of an image, of a .deb or .rpm with one, or of a source tree, which is built")
	fl.StringVar(&f.source, "source", "", "kernel source: a tarball, a .deb or a directory (default: fetch Debian's)")
	fl.StringVar(&f.deviceType, "device-type", "qemu", "as the lab names it")
	fl.StringVar(&f.method, "boot-method", "u-boot", "how a device boots that is not qemu: LAVA's name for it")
	fl.StringVar(&f.dtb, "dtb", "", "device tree of the board, if its boot loader has none")
	fl.StringVar(&f.url, "url", "", "where the lab finds the files of DIR (default: file://DIR)")
	fl.StringVar(&f.abi, "abi", "", "arguments of abi on the device, or none: --run '^redirect'")
	fl.StringVar(&f.run, "run", "--quick", "arguments of run on the device, or none: --mech continue --count 10")
	fl.StringVar(&f.expect, "expect", "", "stock or patched: what is missing then is a failure")
	fl.IntVar(&f.shards, "shards", 1, "jobs for each architecture that share the checks")
	fl.IntVar(&f.memory, "memory", 512, "MiB of each virtual machine")
	fl.IntVar(&f.minutes, "minutes", 60, "that a whole job may take, from 5")
	fl.StringVarP(&f.output, "output", "o", "", "directory for jobs and files, which is made")
	return cmd
}

// lavaServerFlags say how to reach a lab.
type lavaServerFlags struct {
	server, tokenFile string
	limit             time.Duration
}

func (f *lavaServerFlags) define(cmd *cobra.Command) {
	cmd.Flags().StringVar(&f.server, "server", "", "the lab: its address as a browser has it, without /api")
	cmd.Flags().StringVar(&f.tokenFile, "token-file", "", "file with the token that the lab's page API > Authentication tokens gives")
	cmd.Flags().DurationVar(&f.limit, "limit", 6*time.Hour, "no longer than this, with all waiting")
}

// lavaFetchFlags are the flags of `lava fetch`.
type lavaFetchFlags struct {
	lavaServerFlags
	wait   bool
	poll   time.Duration
	retry  int
	logs   []string
	format string
}

func (a *app) lavaSubmitCommand() *cobra.Command {
	var f lavaServerFlags
	var again []string
	cmd := &cobra.Command{
		Use:   "submit DIR",
		Short: "Submit the jobs of a directory to a lab",
		Long: `Submits each job of DIR that has not been, and writes down its number there. What
was submitted is not submitted twice, whatever happened meanwhile, unless
--again names it. A lab that has not answered by --limit may have taken a job.`,
		Example: `  unotify-bench lava submit jobs --server https://lava.lab --token-file token
  unotify-bench lava submit jobs --server https://lava.lab --token-file token --again arm64-2`,
		Args: oneDir,
		RunE: func(cmd *cobra.Command, args []string) error { return a.lavaSubmit(cmd.Context(), args[0], f, again) },
	}
	f.define(cmd)
	cmd.Flags().StringSliceVar(&again, "again", nil, "jobs of DIR, by name, to submit although they were")
	return cmd
}

func (a *app) lavaFetchCommand() *cobra.Command {
	var f lavaFetchFlags
	cmd := &cobra.Command{
		Use:   "fetch DIR",
		Short: "Get the results of submitted jobs",
		Long: `Gets the cases of every job of DIR, holds them against what the job should have
done, prints a table, and writes DIR/verdicts.json and DIR/results.txt. What a
job did not do is named: the status is 1 then, as it is if a check failed.

Of a job that was run twice, each check and each row counts once: the last run
that has it. --retry submits a job again that ended without having done all.
What a run of it has shown of the kernel, a complaint or a crash, stays.

--log FILE takes the place of a lab: it is what lava-run printed on standard
error for a job of DIR, given as NAME=FILE.`,
		Example: `  unotify-bench lava fetch jobs --server https://lava.lab --token-file token --wait --retry 1
  unotify-bench lava fetch jobs --log amd64-1=lava-run.log`,
		Args: oneDir,
		RunE: func(cmd *cobra.Command, args []string) error { return a.lavaFetch(cmd.Context(), args[0], f) },
	}
	f.define(cmd)
	fl := cmd.Flags()
	fl.BoolVar(&f.wait, "wait", false, "until all jobs have ended")
	fl.DurationVar(&f.poll, "poll", 10*time.Second, "how often to ask")
	fl.IntVar(&f.retry, "retry", 0, "with --wait: how often a job is submitted again that has not done all")
	fl.StringArrayVar(&f.logs, "log", nil, "NAME=FILE: the log of lava-run for a job, instead of a lab")
	fl.StringVar(&f.format, "format", "table", "of the verdicts on standard output: table, ktap, junit, json")
	return cmd
}

func oneDir(cmd *cobra.Command, args []string) error {
	if len(args) != 1 {
		return usageError("%s takes the directory that lava job has written", cmd.CommandPath())
	}
	return nil
}
