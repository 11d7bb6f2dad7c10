package kernel

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"

	"unotify-bench/abi"
)

// tempPrefix marks what is not published yet.
const tempPrefix = ".new-"

// publish copies the finished image into the cache, where it appears with
// its description at once or not at all.
func publish(ctx context.Context, c cacheDir, tree objectTree, e Entry, arch *abi.Arch) (_ *Image, err error) {
	images := c.path(string(Images))
	if err := os.MkdirAll(images, 0o755); err != nil {
		return nil, err
	}
	// The name is the entry's, whose object tree is locked: what a build that was
	// killed has left there is removed by the next.
	final := c.imageDir(e)
	dir := filepath.Join(images, tempPrefix+filepath.Base(final))
	if err := os.RemoveAll(dir); err != nil {
		return nil, err
	}
	if err := os.Mkdir(dir, 0o755); err != nil {
		return nil, err
	}
	defer os.RemoveAll(dir)
	path := filepath.Join(dir, kernelFile)
	if tree.target.strip {
		strip := exec.CommandContext(ctx, tree.target.prefix()+"strip", "-s", "-o", path, tree.out(tree.target.image))
		if out, err := strip.CombinedOutput(); err != nil {
			return nil, fmt.Errorf("%v: %w\n%s", strip, err, out)
		}
	} else if err := copyFile(path, tree.out(tree.target.image)); err != nil {
		return nil, err
	}
	img, err := OpenImage(path, arch)
	if err != nil {
		return nil, fmt.Errorf("what make built: %w", err)
	}
	release, err := os.ReadFile(tree.out("include/config/kernel.release"))
	if err != nil {
		return nil, err
	}
	st, err := os.Stat(path)
	if err != nil {
		return nil, err
	}
	e.Release, e.SHA256, e.Size = strings.TrimSpace(string(release)), img.SHA256, st.Size()
	if err := copyFile(filepath.Join(dir, "config"), tree.out(".config")); err != nil {
		return nil, err
	}
	if err := writeEntry(dir, e); err != nil {
		return nil, err
	}
	if err := os.RemoveAll(final); err != nil {
		return nil, err
	}
	if err := os.Rename(dir, final); err != nil {
		return nil, err
	}
	e.Path = filepath.Join(final, kernelFile)
	return e.image(arch), nil
}

// copyFile makes sure that the copy is on the disk before it is renamed to
// where others find it.
func copyFile(to, from string) (err error) {
	src, err := os.Open(from)
	if err != nil {
		return err
	}
	defer src.Close()
	dst, err := os.Create(to)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, dst.Close()) }()
	if _, err := io.Copy(dst, src); err != nil {
		return err
	}
	return dst.Sync()
}

func fileExists(path string) bool {
	_, err := os.Stat(path)
	return err == nil
}
