package main

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"runtime"
	"runtime/debug"
	"slices"
	"strings"

	"unotify-bench/abi"
	"unotify-bench/bench"
	"unotify-bench/internal/notify"
	"unotify-bench/kernel"
)

// hostChecks finds out by use whether this kernel lets us measure.
func hostChecks(ctx context.Context) []check {
	found := map[string]bench.Finding{}
	for _, f := range bench.Probe(ctx) {
		found[f.Feature] = f
	}
	checks := []check{
		probed(found, "seccomp filter", "allow", missing),
		probed(found, "notifications", "reply", missing),
		probed(found, "sync wake-up", "sync-wake", warning),
		probed(found, "ptrace", "ptrace-seccomp", warning),
	}
	checks = append(checks, earlierFilters(), cpuCheck())
	if runtime.GOARCH == "amd64" {
		checks = append(checks, tscCheck())
	}
	if info, ok := debug.ReadBuildInfo(); ok {
		checks = append(checks, buildCheck(info))
	}
	return checks
}

// buildCheck warns of a program with cgo: glibc registers restartable
// sequences (rseq(2)) for every thread, which the kernel then looks after on
// the way out of every context switch, twice a call. That was seen to cost 330 ns
// of 5700.
func buildCheck(info *debug.BuildInfo) check {
	cgo := debug.BuildSetting{Key: "CGO_ENABLED", Value: "1"}
	if slices.Contains(info.Settings, cgo) {
		return check{health: warning, name: "this program", detail: "built with cgo, whose C library makes every call about 5 % slower: CGO_ENABLED=0 go build"}
	}
	return check{health: fine, name: "this program", detail: "built without cgo"}
}

// probed turns a finding, which says what to do, into a check.
func probed(found map[string]bench.Finding, name, feature string, bad health) check {
	f, ok := found[feature]
	if !ok {
		f = found["everything else"]
	}
	if f.State == bench.Works {
		bad = fine
	}
	return check{health: bad, name: name, detail: f.Detail}
}

// procStatus returns a field of /proc/self/status, "" if there is none.
func procStatus(field string) string {
	b, _ := os.ReadFile("/proc/self/status")
	for line := range strings.Lines(string(b)) {
		if v, ok := strings.CutPrefix(line, field+":"); ok {
			return strings.TrimSpace(v)
		}
	}
	return ""
}

// earlierFilters warns of filters that we did not install: every syscall of
// every row passes through them.
func earlierFilters() check {
	c := check{health: fine, name: "other filters", detail: "none"}
	if procStatus("Seccomp") == "2" {
		c.health = warning
		c.detail = fmt.Sprintf("%s in force already, probably a container's: native is not native here, and every row pays for them",
			procStatus("Seccomp_filters"))
	}
	return c
}

func cpuCheck() check {
	cpus, err := notify.AllowedCPUs()
	c := check{health: fine, name: "CPUs", detail: fmt.Sprintf("%d", len(cpus))}
	switch {
	case err != nil:
		c.health, c.detail = warning, err.Error()
	case len(cpus) < 2:
		c.health = warning
		c.detail = "this process may use one only: rows with cpus=cross are n/a"
	}
	return c
}

// tscCheck looks whether the TSC ticks at one rate and does not stop, without
// which its ticks are not time.
func tscCheck() check {
	b, _ := os.ReadFile("/proc/cpuinfo")
	var flags []string
	for line := range strings.Lines(string(b)) {
		if k, v, ok := strings.Cut(line, ":"); ok && strings.TrimSpace(k) == "flags" {
			flags = strings.Fields(v)
			break
		}
	}
	var without []string
	for _, f := range []string{"constant_tsc", "nonstop_tsc"} {
		if !slices.Contains(flags, f) {
			without = append(without, f)
		}
	}
	if len(without) > 0 {
		return check{health: warning, name: "TSC", detail: "/proc/cpuinfo does not show " + strings.Join(without, ", ") + ": nanoseconds may be wrong"}
	}
	return check{health: fine, name: "TSC", detail: "constant_tsc nonstop_tsc"}
}

// machineWards are a ward for what all virtual machines need and one for
// each architecture.
func machineWards(ctx context.Context, arches []*abi.Arch, source string) ([]ward, error) {
	b := &kernel.Builder{Source: source}
	ready, err := b.Ready(ctx, arches, defaultKernel)
	if err != nil {
		return nil, err
	}
	uses := map[string]int{}
	for _, arch := range arches {
		for _, t := range kernel.Tools(arch) {
			uses[t.Name]++
		}
	}
	// gcc's package only recommends the C library's headers.
	shared := ward{"virtual machines", []check{
		toolCheck(kernel.Tool{Name: "<stdio.h>", Package: "libc6-dev", Need: "build kernels"}),
	}}
	var wards []ward
	for i, arch := range arches {
		w := ward{name: arch.Name}
		for _, t := range kernel.Tools(arch) {
			if uses[t.Name] < len(arches) || len(arches) == 1 {
				w.checks = append(w.checks, toolCheck(t))
			} else if i == 0 {
				t.Need = strings.Replace(t.Need, "build "+arch.Name, "build kernels", 1)
				shared.checks = append(shared.checks, toolCheck(t))
			}
		}
		w.checks = append(w.checks, programCheck(arch), kernelCheck(b, arch))
		if c, ok := kvmCheck(ctx, arch); ok {
			w.checks = append(w.checks, c)
		}
		wards = append(wards, w)
	}
	if ready.Need > 0 {
		shared.checks = append(shared.checks, sourceCheck(ready))
	}
	shared.checks = append(shared.checks, roomCheck(ready))
	return append([]ward{shared}, wards...), nil
}

// testWard is what no command needs, only tests.
func testWard() ward {
	return ward{"tests", []check{
		toolCheck(kernel.Tool{Name: "man", Package: "man-db", Need: "read the manual as its readers do"}),
		toolCheck(kernel.Tool{Name: "groff", Package: "groff-base", Need: "let the manual be complained of"}),
		toolCheck(kernel.Tool{Name: "chromium", Package: "chromium", Need: "look at the page of report as its readers do"}),
		toolCheck(kernel.Tool{Name: "python3", Package: "python3", Need: "read verdicts as kunit.py does"}),
		toolCheck(kernel.Tool{Name: "rsync", Package: "rsync", Need: "install a kselftest"}),
		toolCheck(kernel.Tool{Name: "cpio", Package: "cpio", Need: "make an initramfs as porters do"}),
		toolCheck(kernel.Tool{Name: "curl", Package: "curl", Need: "speak to a LAVA lab"}),
	}}
}

// labWard is what the tests with a whole LAVA lab need beside that.
func labWard() ward {
	return ward{"lab", []check{
		toolCheck(kernel.Tool{Name: "lava-run", Package: "lava-dispatcher", Need: "do jobs"}),
		toolCheck(kernel.Tool{Name: "lava-server", Package: "lava-server", Need: "hand them out"}),
		toolCheck(kernel.Tool{Name: "pg_createcluster", Package: "postgresql", Need: "keep them"}),
	}}
}

func toolCheck(t kernel.Tool) check {
	c := check{health: fine, name: t.Name, detail: t.Need, pkg: t.Package}
	if t.Find() != nil {
		c.health = missing
	}
	return c
}

func programCheck(arch *abi.Arch) check {
	p, err := guestBinary(arch)
	if err != nil {
		return check{health: missing, name: "guest program", detail: err.Error()}
	}
	return check{health: fine, name: "guest program", detail: p}
}

func kernelCheck(b *kernel.Builder, arch *abi.Arch) check {
	c := check{health: fine, name: "kernel"}
	switch img, err := b.Lookup(arch, defaultKernel); {
	case err == nil:
		c.detail = fmt.Sprintf("%s %s, built", defaultKernel, img.Release)
	case errors.Is(err, kernel.ErrNotBuilt):
		c.detail = fmt.Sprintf("%s is not built yet: the first run does it, in about four minutes", defaultKernel)
	default:
		c.health, c.detail = missing, err.Error()
	}
	return c
}

func sourceCheck(r kernel.Readiness) check {
	if r.SourceErr != nil {
		return check{health: missing, name: "kernel source", detail: r.SourceErr.Error() + "; apt-get update, or give --source", update: true}
	}
	return check{health: fine, name: "kernel source", detail: r.Source}
}

func roomCheck(r kernel.Readiness) check {
	c := check{health: fine, name: "room", detail: fmt.Sprintf("%s: %d MiB left, %d needed", r.Dir, r.Free>>20, r.Need>>20)}
	if r.Free < r.Need {
		c.health = missing
		c.detail += "; free some, or set XDG_CACHE_HOME to a directory elsewhere"
	}
	return c
}

// kvmCheck is false where KVM is no question: for another architecture, or
// without QEMU.
func kvmCheck(ctx context.Context, arch *abi.Arch) (check, bool) {
	works, tried, why := kernel.KVM(ctx, arch)
	c := check{health: fine, name: "KVM"}
	var noQEMU *kernel.ErrMissingTool
	const emulated = "machines on the wall clock are emulated"
	switch {
	case arch.Name != runtime.GOARCH, errors.As(why, &noQEMU):
		return c, false
	case works:
		c.detail = "works"
	case tried:
		c.health, c.detail = warning, fmt.Sprintf("does not work here (%v): %s", why, emulated)
	case errors.Is(why, fs.ErrPermission):
		c.health, c.detail = warning, fmt.Sprintf("%v: %s; adduser $USER kvm, and log in again", why, emulated)
	case why != nil:
		c.detail = fmt.Sprintf("%v: %s", why, emulated)
	default:
		c.detail = "not tried yet"
	}
	return c, true
}
