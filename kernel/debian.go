package kernel

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"strings"

	"unotify-bench/abi"
)

// Debian names, as a kernel, the one that Debian ships for an architecture: it
// has what is stock, and nothing of ours.
const Debian = "debian"

// OpenDebian is OpenPackage of the newest linux-image of an architecture in this
// machine's Debian, which is fetched once: Clean(Packages) forgets it. It is
// ErrNoSource if there is none, as for riscv64 before Debian 13.
func (b *Builder) OpenDebian(ctx context.Context, arch *abi.Arch) (*Image, error) {
	c, err := b.cache()
	if err != nil {
		return nil, err
	}
	l, err := lock(ctx, c.lockFile(Debian+"-"+arch.Name), "Debian's kernel for "+arch.Name, b.progress())
	if err != nil {
		return nil, err
	}
	defer l.Close()
	// The name of the unpacked package's directory.
	known := c.path(string(Packages), Debian+"-"+arch.Name)
	if name, err := os.ReadFile(known); err == nil {
		if dir := c.path(string(Packages), filepath.Base(string(name))); fileExists(dir) {
			err := checkUnpacked(dir)
			if err == nil || errors.Is(err, fs.ErrNotExist) {
				return openUnpacked(dir, arch, false)
			}
			b.progress().Log(fmt.Sprintf("%v: it is fetched again", err))
		}
	}
	work := c.path("download-" + arch.Name)
	if err := os.RemoveAll(work); err != nil { // left by an interrupted attempt
		return nil, err
	}
	defer os.RemoveAll(work)
	deb, err := b.fetchDebian(ctx, arch, work)
	if ctx.Err() != nil {
		return nil, fmt.Errorf("fetch Debian's kernel for %s: %w", arch.Name, ctx.Err())
	}
	if err != nil {
		return nil, spaceError(fmt.Errorf("%w: Debian's kernel for %s: %w", ErrNoSource, arch.Name, err), c.root, objectSpace)
	}
	img, err := b.OpenPackage(ctx, deb, arch)
	if err != nil {
		return nil, err
	}
	return img, os.WriteFile(known, []byte(filepath.Base(filepath.Dir(img.Path))), 0o644)
}

// fetchDebian downloads the package to a directory of its own. apt-get gets
// lists of its own there, so that it can be of another architecture than this
// machine's without that the user has to add it. It checks signatures as ever.
func (b *Builder) fetchDebian(ctx context.Context, arch *abi.Arch, work string) (string, error) {
	if _, err := exec.LookPath("apt-get"); err != nil {
		return "", errors.New("there is no apt-get to fetch it with; give --kernel FILE.deb")
	}
	for _, dir := range []string{"lists/partial", "cache/archives/partial"} {
		if err := os.MkdirAll(filepath.Join(work, dir), 0o755); err != nil {
			return "", err
		}
	}
	options := []string{
		"-o", "APT::Architecture=" + arch.Name, "-o", "APT::Architectures=" + arch.Name,
		"-o", "Dir::State::lists=" + filepath.Join(work, "lists"), "-o", "Dir::State::status=/dev/null",
		"-o", "Dir::Cache=" + filepath.Join(work, "cache"), "-o", "APT::Sandbox::User=",
	}
	if complaints, err := b.aptGet(ctx, work, "update", "", options...); err != nil {
		return "", fmt.Errorf("apt-get update: %w: %s", err, tail(complaints, 5))
	}
	pkg := "linux-image-" + arch.Name
	out, err := exec.CommandContext(ctx, "apt-cache", append(options, "depends", "--important", pkg)...).CombinedOutput()
	if err != nil {
		return "", fmt.Errorf("apt-cache depends %s: %w: %s", pkg, err, strings.TrimSpace(string(out)))
	}
	for line := range strings.Lines(string(out)) {
		if name, ok := strings.CutPrefix(strings.TrimSpace(line), "Depends: linux-image-"); ok {
			pkg = "linux-image-" + name
		}
	}
	if complaints, err := b.aptGet(ctx, work, "download", pkg, options...); err != nil {
		return "", fmt.Errorf("apt-get download %s: %w: %s", pkg, err, tail(complaints, 5))
	}
	debs, err := filepath.Glob(filepath.Join(work, pkg+"_*.deb"))
	if err == nil && len(debs) != 1 {
		err = fmt.Errorf("apt-get download %s has left %d packages", pkg, len(debs))
	}
	if err != nil {
		return "", err
	}
	return debs[0], nil
}
