package kernel

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"

	"golang.org/x/sys/unix"

	"unotify-bench/abi"
)

// Readiness is what a Builder finds on a machine before it does anything.
type Readiness struct {
	Source    string // where the source will come from
	SourceErr error  // or why there is none
	Dir       string // the cache
	Free      int64  // bytes left on its file system
	Need      int64  // bytes that what is missing will take
}

// Ready looks at what building a variant for the given architectures would
// find. It changes nothing.
func (b *Builder) Ready(ctx context.Context, arches []*abi.Arch, v Variant) (Readiness, error) {
	cache, err := b.cache()
	if err != nil {
		return Readiness{}, err
	}
	r := Readiness{Dir: cache.root}
	var unpacked bool
	r.Source, unpacked, r.SourceErr = b.sourceOrigin(ctx, cache)
	if !unpacked {
		r.Need += sourceSpace
	}
	for _, arch := range arches {
		if _, err := b.Lookup(arch, v); err != nil {
			r.Need += objectSpace
		}
	}
	if r.Need == sourceSpace {
		r.Need = 0 // every kernel is there, and nobody will ask for the source
	}
	var st unix.Statfs_t
	dir := cache.root
	for err = unix.Statfs(dir, &st); errors.Is(err, unix.ENOENT) && dir != "/"; err = unix.Statfs(dir, &st) {
		dir = filepath.Dir(dir)
	}
	if err != nil {
		return r, fmt.Errorf("look for room on %s: %w", dir, err)
	}
	r.Free = free(st)
	return r, nil
}

// sourceOrigin says where source would take its tree from, and whether that
// is unpacked.
func (b *Builder) sourceOrigin(ctx context.Context, c cacheDir) (origin string, unpacked bool, err error) {
	if b.Source != "" {
		st, err := os.Stat(b.Source)
		if err != nil {
			return "", false, fmt.Errorf("%w: %w", ErrNoSource, err)
		}
		return b.Source, st.IsDir(), nil
	}
	if src := newestSource(c); src != nil {
		return src.version + ", unpacked", true, nil
	}
	if _, err := os.Stat(installedSource); err == nil {
		return installedSource, false, nil
	}
	if _, err := exec.LookPath("apt-get"); err != nil {
		return "", false, fmt.Errorf("%w: there is no apt-get to fetch %s with", ErrNoSource, sourcePackage)
	}
	// It prints where it would download from, or fails if the lists of
	// packages do not have it, as in a fresh container that has no lists.
	if out, err := exec.CommandContext(ctx, "apt-get", "-q", "--print-uris", "download", sourcePackage).CombinedOutput(); err != nil {
		return "", false, fmt.Errorf("%w: apt-get knows no %s (%w): %s", ErrNoSource, sourcePackage, err, tail(string(out), 1))
	}
	return sourcePackage + ", to be fetched", false, nil
}

// KVM tells what is known of KVM for arch without trying it: works holds
// only if tried; why says why it does not work or was not tried.
func KVM(ctx context.Context, arch *abi.Arch) (works, tried bool, why error) {
	if arch.Name != runtime.GOARCH {
		return false, false, fmt.Errorf("the host is %s", runtime.GOARCH)
	}
	fd, err := unix.Open("/dev/kvm", unix.O_RDWR|unix.O_CLOEXEC, 0)
	if err != nil {
		return false, false, fmt.Errorf("open /dev/kvm: %w", err)
	}
	unix.Close(fd)
	emu, err := findEmulator(ctx, arch)
	if err != nil {
		return false, false, err
	}
	file, err := kvmFile(emu)
	if err != nil {
		return false, false, err
	}
	v, tried := readVerdict(file)
	if tried && !v.Works {
		return false, true, errors.New(v.Reason)
	}
	return v.Works, tried, nil
}
