package main

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"unotify-bench/abi"
	"unotify-bench/internal/lava"
	"unotify-bench/kernel"
)

// lavaPlanFile is what `lava job` writes down about its jobs, and fetch holds their
// results against.
const lavaPlanFile = "plan.json"

// lavaPlanFormat is raised when an older program would misread a plan.
const lavaPlanFormat = 1

// A lavaPlan is the jobs of a directory.
type lavaPlan struct {
	Format     int       `json:"format"`
	Version    string    `json:"version"` // of the program that made it, and that devices run
	DeviceType string    `json:"device_type"`
	Expect     string    `json:"expect,omitempty"`
	Minutes    int       `json:"minutes"` // that a job may take
	Jobs       []lavaJob `json:"jobs"`
}

// A lavaJob is what one device is to do.
type lavaJob struct {
	Name         string   `json:"name"` // that of its file, without .yaml
	Arch         string   `json:"arch"`
	Release      string   `json:"release"` // of the kernel, "" if nobody knows
	KernelSHA256 string   `json:"kernel_sha256"`
	Checks       []string `json:"checks,omitempty"` // IDs
	Rows         []string `json:"rows,omitempty"`   // names
	Count        int      `json:"count,omitempty"`  // runs of each row

	commands []string
}

// check refuses what no plan of ours has: a job's name is one of files beside the plan,
// and how often its rows run decides how much fetch remembers.
func (j *lavaJob) check() error {
	named := filepath.IsLocal(j.Name) && filepath.Base(j.Name) == j.Name && !strings.HasPrefix(j.Name, ".") && clean(j.Name) == j.Name
	switch {
	case !named || len(j.Name) > 100:
		return fmt.Errorf("%.100q is no job's name", j.Name)
	case j.Count < 0 || j.Count > 1000:
		return fmt.Errorf("%s has its rows run %d times", j.Name, j.Count)
	}
	return nil
}

// lavaJob writes the jobs.
func (a *app) lavaJob(ctx context.Context, f lavaJobFlags) error {
	work, arches, err := f.plan()
	if err != nil {
		return err
	}
	for _, name := range []string{lavaPlanFile, lavaLedgerFile} {
		if _, err := os.Lstat(filepath.Join(f.output, name)); err == nil {
			return usageError("%s has jobs already, in %s: choose another directory", f.output, name)
		}
	}
	if err := os.MkdirAll(f.output, 0o755); err != nil {
		return fmt.Errorf("make the directory for jobs: %w", err)
	}
	bar := a.newProgress()
	defer bar.End()
	p := &lavaPlan{Format: lavaPlanFormat, Version: version(), DeviceType: f.deviceType, Expect: f.expect, Minutes: f.minutes}
	for _, arch := range arches {
		if err := a.lavaArch(ctx, f, p, work, arch, bar); err != nil {
			return fmt.Errorf("%s: %w", arch.Name, err)
		}
	}
	// Last: what has a plan is complete.
	text, err := json.MarshalIndent(p, "", "  ")
	if err != nil {
		return err
	}
	if err := os.WriteFile(filepath.Join(f.output, lavaPlanFile), append(text, '\n'), 0o644); err != nil {
		return fmt.Errorf("write down the jobs: %w", err)
	}
	for _, j := range p.Jobs {
		fmt.Fprintf(a.stdout, "%s  %d checks, %d rows × %d\n", filepath.Join(f.output, j.Name+".yaml"), len(j.Checks), len(j.Rows), j.Count)
	}
	return nil
}

// jobs are those of one architecture.
func (w *lavaWork) jobs(arch string, img *kernel.Image) []lavaJob {
	var jobs []lavaJob
	add := func(kind string) *lavaJob {
		jobs = append(jobs, lavaJob{Name: arch + "-" + kind, Arch: arch, Release: img.Release, KernelSHA256: img.SHA256})
		return &jobs[len(jobs)-1]
	}
	args := func(name, of string, more ...string) string {
		return strings.Join(slices.Concat([]string{name}, strings.Fields(of), more, deviceArgs, []string{"--quiet"}), " ")
	}
	for i, p := range w.abi {
		j := add(fmt.Sprint(i + 1))
		for _, c := range p.checks {
			j.Checks = append(j.Checks, c.ID)
		}
		j.commands = []string{args("abi", w.abiArgs, shardArgs(i+1, len(w.abi))...)}
	}
	if w.run != nil {
		// A device that shares the checks is not kept from them by rows.
		if len(jobs) != 1 {
			add("rows")
		}
		j := &jobs[len(jobs)-1]
		for _, c := range w.run.host {
			j.Rows = append(j.Rows, c.Name())
		}
		j.Count = w.run.count
		j.commands = append(j.commands, args("run", w.runArgs))
	}
	return jobs
}

// lavaArch writes the jobs and files of one architecture.
func (a *app) lavaArch(ctx context.Context, f lavaJobFlags, p *lavaPlan, work *lavaWork, arch *abi.Arch, bar *progress) error {
	program, err := guestBinary(arch)
	if err != nil {
		return err
	}
	img, err := a.image(ctx, arch, kernelFlags{variant: f.kernel, source: f.source}, bar)
	if err != nil {
		return err
	}
	bar.Step("write jobs for " + arch.Name)
	base, err := f.base()
	if err != nil {
		return err
	}
	copied := func(name, from string) (lava.File, error) {
		data, err := os.ReadFile(from)
		if err != nil {
			return lava.File{}, err
		}
		return f.put(base, name, data)
	}
	image, err := copied(arch.Name+".kernel", img.Path)
	if err != nil {
		return err
	}
	var dtb lava.File
	if f.dtb != "" {
		if dtb, err = copied(arch.Name+".dtb", f.dtb); err != nil {
			return err
		}
	}
	for _, j := range work.jobs(arch.Name, img) {
		d := &lava.Definition{
			Name: "unotify-bench " + j.Name, DeviceType: f.deviceType, Arch: arch.Name,
			Metadata: [][2]string{{"unotify-bench", p.Version}, {"unotify-bench-job", j.Name}, {"kernel-sha256", j.KernelSHA256}},
			Kernel:   image, DTB: dtb, Params: kernel.QuietParams, Method: f.method,
			MemMiB: f.memory, Minutes: f.minutes, Silence: min(f.minutes, lavaSilence),
		}
		if d.QEMU() {
			d.Params = kernel.ConsoleParams(arch)
		}
		if len(j.Checks) > 0 {
			d.Monitors = append(d.Monitors, lava.Checks)
		}
		if len(j.Rows) > 0 {
			d.Monitors = append(d.Monitors, lava.Figures)
		}
		if err := lava.Clashes(slices.Concat(j.Checks, j.Rows)); err != nil {
			return err
		}
		m := &kernel.Machine{Image: img, Arch: arch, Init: program, Files: map[string][]byte{
			commandsFile: []byte(strings.Join(j.commands, "\n") + "\n"),
		}}
		var ramdisk bytes.Buffer
		if err := m.WriteInitramfs(&ramdisk); err != nil {
			return err
		}
		if d.Ramdisk, err = f.put(base, j.Name+".cpio", ramdisk.Bytes()); err != nil {
			return err
		}
		text, err := d.YAML()
		if err != nil {
			return err
		}
		if _, err := f.put(base, j.Name+".yaml", []byte(text)); err != nil {
			return err
		}
		p.Jobs = append(p.Jobs, j)
	}
	return nil
}

// lavaSilence is how many minutes may pass between two cases. A check has a minute, a
// row two (bench.Config.Limit), and an emulated device is slow to boot.
const lavaSilence = 10

// base is where the lab finds the files.
func (f *lavaJobFlags) base() (string, error) {
	if f.url != "" {
		return strings.TrimRight(f.url, "/"), nil
	}
	dir, err := filepath.Abs(f.output)
	if err != nil {
		return "", err
	}
	if strings.ContainsAny(dir, " %#?\"") {
		return "", errors.New("the path of -o has a character that a URL cannot have: give --url")
	}
	return "file://" + dir, nil
}

// put writes a file of the directory.
func (f *lavaJobFlags) put(base, name string, data []byte) (lava.File, error) {
	if err := os.WriteFile(filepath.Join(f.output, name), data, 0o644); err != nil {
		return lava.File{}, fmt.Errorf("write %s: %w", name, err)
	}
	sum := sha256.Sum256(data)
	return lava.File{URL: base + "/" + name, SHA256: hex.EncodeToString(sum[:])}, nil
}
