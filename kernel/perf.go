package kernel

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"runtime"
)

// perfWithout keeps every optional part out of perf (they are listed at the
// top of tools/perf/Makefile.perf), so that nothing but a compiler, flex and
// bison is needed. jevents, which would take longest, wants Python.
var perfWithout = []string{
	"NO_JEVENTS=1", "NO_LIBPYTHON=1", "NO_LIBPERL=1", "NO_LIBELF=1", "NO_DWARF=1", "NO_LIBBPF=1", "BUILD_BPF_SKEL=0",
	"NO_LIBTRACEEVENT=1", "NO_LIBUNWIND=1", "NO_LIBDW_DWARF_UNWIND=1", "NO_LIBNUMA=1", "NO_LIBCAP=1", "NO_LIBCRYPTO=1",
	"NO_LIBZSTD=1", "NO_LZMA=1", "NO_ZLIB=1", "NO_SLANG=1", "NO_CAPSTONE=1", "NO_LIBBABELTRACE=1", "NO_LIBPFM4=1",
	"NO_LIBDEBUGINFOD=1", "NO_DEMANGLE=1", "NO_SDT=1", "NO_JVMTI=1", "NO_AUXTRACE=1", "NO_BACKTRACE=1", "NO_SHELLCHECK=1",
	"WERROR=0",
}

// perfUnits is how many lines a build of perf from 6.12.117 prints.
const perfUnits = 430

// PerfTools lists what Perf needs.
func PerfTools() []Tool {
	const need = "build perf"
	return []Tool{
		{"xz", "xz-utils", "unpack the kernel's source"},
		{"make", "make", need}, {"gcc", "gcc", need}, {"<stdio.h>", "libc6-dev", need},
		{"flex", "flex", need}, {"bison", "bison", need},
	}
}

// Perf returns this machine's perf, built from the kernel's own source
// (tools/perf) without anything optional; from the cache if it can.
func (b *Builder) Perf(ctx context.Context) (string, error) {
	for _, t := range PerfTools() {
		if err := t.Find(); err != nil {
			return "", err
		}
	}
	src, err := b.source(ctx)
	if err != nil {
		return "", err
	}
	cache, err := b.cache()
	if err != nil {
		return "", err
	}
	host := hostTarget()
	compiler, err := host.compiler(ctx)
	if err != nil {
		return "", err
	}
	name := "perf-" + hash(src.id, src.version, compiler)
	l, err := lock(ctx, cache.lockFile(name), "perf", b.progress())
	if err != nil {
		return "", err
	}
	defer l.Close()
	o := objectTree{dir: cache.objectTree(name), target: host, lock: l}
	perf := filepath.Join(o.dir, "perf")
	if _, err := os.Stat(perf); err == nil {
		return perf, nil
	}
	for _, dir := range []string{o.out(), o.temp()} {
		if err := os.MkdirAll(dir, 0o755); err != nil {
			return "", spaceError(err, cache.root, objectSpace)
		}
	}
	jobs := b.Jobs
	if jobs == 0 {
		jobs = runtime.NumCPU()
	}
	b.progress().Step("compile perf " + src.version)
	var units int64
	args := append([]string{"-C", filepath.Join(src.dir, "tools", "perf"), "O=" + o.out(), fmt.Sprintf("-j%d", jobs)}, perfWithout...)
	err = o.make(ctx, func(line string) {
		b.onLine(line)
		if isUnit(line) {
			units++
			b.progress().Done(min(units, perfUnits), perfUnits)
		}
	}, append(args, "all")...)
	if err != nil {
		return "", fmt.Errorf("build perf: %w", err)
	}
	if err := os.Rename(o.out("perf"), perf); err != nil {
		return "", fmt.Errorf("build perf: %w", err)
	}
	// The objects are as large as a kernel's and nobody will ask for them.
	return perf, errors.Join(os.RemoveAll(o.out()), os.RemoveAll(o.temp()))
}

// hostTarget is the target that is this machine, as kbuild calls it.
func hostTarget() target {
	for _, t := range targets {
		if t.arch == runtime.GOARCH {
			return t
		}
	}
	return target{}
}
