package kernel

import (
	"context"
	_ "embed"
	"errors"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strings"

	"unotify-bench/abi"
)

// capabilityHeader stands in for libcap, which Debian has for the host's
// architecture alone.
//
//go:embed selftest/sys/capability.h
var capabilityHeader string

// selftestDir is the directory of the kernel's source whose programs Selftests
// builds.
const selftestDir = "tools/testing/selftests/seccomp"

// selftestUnits is how many lines a build from 6.12.117 prints: almost all of
// them are of the headers.
const selftestUnits = 1000

// Selftests returns the selftests of seccomp that are in the kernel's own
// source, and those that the patches add to it: programs for arch, linked
// statically, by name. They come from the cache if they can. All variants are
// tested with the same ones.
func (b *Builder) Selftests(ctx context.Context, arch *abi.Arch) (programs map[string]string, err error) {
	r, err := b.request(arch, Patched)
	if err != nil {
		return nil, err
	}
	if err := r.target.libcTool().Find(); err != nil {
		return nil, fmt.Errorf("build selftests for %s: %w", arch.Name, err)
	}
	compiler, err := b.toolchain(ctx, r.target)
	if err != nil {
		return nil, fmt.Errorf("build selftests for %s: %w", arch.Name, err)
	}
	src, err := b.source(ctx)
	if err != nil {
		return nil, err
	}
	cache, err := b.cache()
	if err != nil {
		return nil, err
	}
	over, err := applySeries(ctx, r.series, src, []string{docs})
	if err != nil {
		return nil, err
	}
	name := "selftest-" + arch.Name + "-" + hash(src.id, src.version, compiler, over.userHash(), capabilityHeader)
	l, err := lock(ctx, cache.lockFile(name), "selftests for "+arch.Name, b.progress())
	if err != nil {
		return nil, err
	}
	defer l.Close()
	built := cache.objectTree(name)
	if !fileExists(built) || src.mutable {
		work := objectTree{dir: built + ".work", target: r.target, lock: l}
		if err := b.buildSelftests(ctx, work, src, over, built); err != nil {
			return nil, fmt.Errorf("build selftests for %s: %w", arch.Name, spaceError(err, cache.root, objectSpace))
		}
	}
	return listPrograms(built)
}

// buildSelftests fills the directory built, which appears when it is complete.
func (b *Builder) buildSelftests(ctx context.Context, work objectTree, src *source, over overlay, built string) error {
	// Nothing is left of an earlier attempt: it may be half of a file.
	if err := os.RemoveAll(work.dir); err != nil {
		return err
	}
	if err := work.show(src, over); err != nil {
		return err
	}
	include, out := work.out("include"), work.out("selftest")
	if err := os.MkdirAll(filepath.Join(include, "sys"), 0o755); err != nil {
		return err
	}
	if err := os.WriteFile(filepath.Join(include, "sys", "capability.h"), []byte(capabilityHeader), 0o644); err != nil {
		return err
	}
	if err := os.Mkdir(out, 0o755); err != nil {
		return err
	}
	b.progress().Step("compile selftests for " + work.target.arch)
	var units int64
	onLine := func(line string) {
		b.onLine(line)
		if isUnit(line) {
			units++
			b.progress().Done(min(units, selftestUnits), selftestUnits)
		}
	}
	jobs := b.Jobs
	if jobs <= 0 {
		jobs = runtime.NumCPU() + 1 // as for kernels
	}
	// The C library's own copies of the kernel's headers are older.
	if err := work.make(ctx, onLine, fmt.Sprintf("-j%d", jobs), "headers"); err != nil {
		return err
	}
	err := work.make(ctx, onLine, "-C", filepath.Join(work.dir, selftestDir), "OUTPUT="+out,
		"KHDR_INCLUDES=-isystem "+work.out("usr", "include"),
		"USERCFLAGS=-I"+include, "USERLDFLAGS=-static",
		"LDLIBS=", // -lcap
		"all")
	if err != nil {
		return err
	}
	if err := os.RemoveAll(built); err != nil {
		return err
	}
	return errors.Join(os.Rename(out, built), os.RemoveAll(work.dir))
}

// userHash tells what patches change for programs: one that stays within the
// kernel leaves the selftests as they are.
func (over overlay) userHash() string {
	var parts []string
	for _, name := range slices.Sorted(maps.Keys(over)) {
		if f := over[name]; strings.Contains(name, "include/uapi/") || strings.HasPrefix(name, "tools/") {
			parts = append(parts, name, fmt.Sprint(f != nil))
			if f != nil {
				parts = append(parts, string(f.text))
			}
		}
	}
	return hash(parts...)
}

func listPrograms(dir string) (map[string]string, error) {
	entries, err := os.ReadDir(dir)
	if err != nil {
		return nil, err
	}
	programs := map[string]string{}
	for _, e := range entries {
		programs[e.Name()] = filepath.Join(dir, e.Name())
	}
	return programs, nil
}
