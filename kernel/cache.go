package kernel

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"unotify-bench/abi"
)

// keyLen is how much of a SHA-256 in hex makes names unique here.
const keyLen = 16

// cacheDir is the directory that a Builder keeps things in:
//
//	source/HASH/linux           source trees, unpacked
//	object/ARCH-HASH            object trees, see compile.go
//	image/ARCH-VARIANT-KEY      kernel, entry.json, config
//	package/HASH                a distribution's kernel, and modules
//	lock/NAME                   for flock(2), never removed
//
// What lies in source and image is complete: it is renamed or marked last.
type cacheDir struct{ root string }

func (b *Builder) cache() (cacheDir, error) {
	root := b.CacheDir
	if root == "" {
		user, err := os.UserCacheDir()
		if err != nil {
			return cacheDir{}, fmt.Errorf("no cache directory: %w", err)
		}
		root = filepath.Join(user, "unotify-bench")
	}
	root, err := filepath.Abs(root)
	return cacheDir{root}, err
}

func (c cacheDir) path(elem ...string) string    { return filepath.Join(c.root, filepath.Join(elem...)) }
func (c cacheDir) sources() string               { return c.path(string(Sources)) }
func (c cacheDir) lockFile(name string) string   { return c.path("lock", name) }
func (c cacheDir) objectTree(name string) string { return c.path(string(Objects), name) }
func (c cacheDir) imageDir(e Entry) string {
	return c.path(string(Images), e.Arch+"-"+string(e.Variant)+"-"+e.Key)
}

// List tells what kernels the cache holds, the newest first.
func (b *Builder) List() ([]Entry, error) {
	c, err := b.cache()
	if err != nil {
		return nil, err
	}
	dirs, err := os.ReadDir(c.path(string(Images)))
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return nil, fmt.Errorf("list kernels: %w", err)
	}
	var entries []Entry
	for _, d := range dirs {
		if strings.HasPrefix(d.Name(), tempPrefix) {
			continue
		}
		e := readEntry(c.path(string(Images), d.Name()))
		r, err := b.request(&abi.Arch{Name: e.Arch}, e.Variant)
		// Those of steps are among them: a series may have changed.
		e.Outdated = err != nil || e.Config != r.configHash() || e.Patches != r.patches
		entries = append(entries, e)
	}
	slices.SortStableFunc(entries, func(a, b Entry) int { return b.Built.Compare(a.Built) })
	return entries, nil
}

// Lookup returns a kernel that was built before from today's fragments and
// patches. It neither builds nor needs a compiler.
func (b *Builder) Lookup(arch *abi.Arch, v Variant) (*Image, error) {
	r, err := b.request(arch, v)
	if err != nil {
		return nil, err
	}
	e, found, err := b.find(r, "")
	if err != nil {
		return nil, err
	}
	hint := fmt.Sprintf("unotify-bench kernel build --on %s --kernel %s", arch.Name, v)
	if !found {
		return nil, fmt.Errorf("%w: %s %s; %s", ErrNotBuilt, arch.Name, v, hint)
	}
	if err := e.check(); err != nil {
		return nil, fmt.Errorf("%w: %s %w: %w; %s", ErrNotBuilt, e.Path, errDamaged, err, hint)
	}
	return e.image(arch), nil
}

// find returns the newest kernel that answers r, built by the given compiler
// or, if that is "", by any.
func (b *Builder) find(r request, compiler string) (Entry, bool, error) {
	fromSource, err := b.sourceFilter()
	if r.source != "" {
		fromSource, err = func(id string) bool { return id == r.source }, nil
	}
	if err != nil {
		return Entry{}, false, err
	}
	entries, err := b.List()
	if err != nil {
		return Entry{}, false, err
	}
	for _, e := range entries {
		if e.Arch == r.arch.Name && e.Variant == r.spec.name && e.Config == r.configHash() && e.Patches == r.patches &&
			(compiler == "" || e.Compiler == compiler) && fromSource(e.Source) {
			return e, true, nil
		}
	}
	return Entry{}, false, nil
}

// sourceFilter tells which ids b.Source can have. With no source given, any
// archive is as good as another: a kernel that works is not rebuilt because
// the distribution has a newer one.
func (b *Builder) sourceFilter() (func(id string) bool, error) {
	if b.Source == "" {
		return func(id string) bool { return !strings.HasPrefix(id, "dir:") }, nil
	}
	st, err := os.Stat(b.Source)
	if err != nil {
		return nil, fmt.Errorf("%w: %w", ErrNoSource, err)
	}
	if st.IsDir() {
		dir, err := filepath.Abs(b.Source)
		return func(id string) bool { return id == "dir:"+dir }, err
	}
	sum, err := FileSHA256(b.Source)
	if err != nil {
		return nil, fmt.Errorf("%w: %w", ErrNoSource, err)
	}
	return func(id string) bool { return strings.HasSuffix(id, "-"+sum[:keyLen]) }, nil
}

// Part is a part of the cache.
type Part string

const (
	Sources Part = "source"
	Objects Part = "object"
	Images  Part = "image"
	// Packages are distributions' kernels, unpacked.
	Packages Part = "package"
)

// Clean removes parts of the cache, or with none named all of it, once no
// build is using them.
func (b *Builder) Clean(ctx context.Context, parts ...Part) error {
	c, err := b.cache()
	if err != nil {
		return err
	}
	if len(parts) == 0 {
		parts = []Part{Sources, Objects, Images, Packages}
	}
	unlock, err := b.lockAll(ctx, c)
	if err != nil {
		return err
	}
	defer unlock()
	for _, p := range parts {
		if p == Sources {
			err = os.RemoveAll(c.path("download")) // left by an interrupted fetch
		}
		if err := errors.Join(err, os.RemoveAll(c.path(string(p)))); err != nil {
			return fmt.Errorf("clean the cache: %w", err)
		}
	}
	return nil
}

// CleanOutdated removes the images that are not found any more, as their
// fragments or patches were edited or they are damaged, and returns how many.
func (b *Builder) CleanOutdated(ctx context.Context) (int, error) {
	c, err := b.cache()
	if err != nil {
		return 0, err
	}
	unlock, err := b.lockAll(ctx, c)
	if err != nil {
		return 0, err
	}
	defer unlock()
	entries, err := b.List()
	if err != nil {
		return 0, err
	}
	// What a build that was killed was about to publish.
	left, _ := filepath.Glob(c.path(string(Images), tempPrefix+"*"))
	for _, dir := range left {
		if err := os.RemoveAll(dir); err != nil {
			return 0, fmt.Errorf("clean the cache: %w", err)
		}
	}
	n := 0
	for _, e := range entries {
		if e.Outdated || e.Damaged != "" {
			if err := os.RemoveAll(filepath.Dir(e.Path)); err != nil {
				return n, fmt.Errorf("clean the cache: %w", err)
			}
			n++
		}
	}
	return n, nil
}

// lockAll waits until nobody builds. New builds cannot start while the locks
// are held, except in object trees that never existed before.
func (b *Builder) lockAll(ctx context.Context, c cacheDir) (unlock func(), err error) {
	var held []*os.File
	unlock = func() {
		for _, l := range held {
			l.Close()
		}
	}
	names, _ := filepath.Glob(c.lockFile("*"))
	slices.Sort(names)
	for _, name := range names {
		l, err := lock(ctx, name, filepath.Base(name), b.progress())
		if err != nil {
			unlock()
			return nil, err
		}
		held = append(held, l)
	}
	return unlock, nil
}

func writeJSON(path string, v any) error {
	text, err := json.MarshalIndent(v, "", "\t")
	if err != nil {
		return err
	}
	return os.WriteFile(path, append(text, '\n'), 0o644)
}
