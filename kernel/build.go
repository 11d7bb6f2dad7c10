package kernel

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"time"

	"unotify-bench/abi"
)

// Builder builds kernels, or takes them out of the cache. The zero value
// works.
type Builder struct {
	CacheDir string // "" means unotify-bench in the user's cache directory
	// Source is a tarball, a Debian package or a directory of Linux
	// source. "" means what was unpacked before, else the installed
	// package linux-source-6.12, else fetch that.
	Source   string
	Jobs     int       // 0 means one more than there are CPUs
	Progress Progress  // nil means silence
	Verbose  io.Writer // if not nil, gets everything that make prints

	objectRoom int64 // bytes that a new object tree needs; 0 means objectSpace
}

func (b *Builder) progress() Progress {
	if b.Progress == nil {
		return silent{}
	}
	return b.Progress
}

func (b *Builder) onLine(line string) {
	if b.Verbose != nil {
		fmt.Fprintln(b.Verbose, line)
	}
}

// request is a kernel asked for.
type request struct {
	arch   *abi.Arch
	target target
	spec   variantSpec
	config string // merged fragments
}

func (b *Builder) request(arch *abi.Arch, v Variant) (request, error) {
	t, err := targetOf(arch)
	if err != nil {
		return request{}, err
	}
	spec, err := v.spec()
	if err != nil {
		return request{}, err
	}
	config, err := mergedConfig(t, spec)
	return request{arch, t, spec, config}, err
}

func (r request) String() string     { return r.arch.Name + " " + string(r.spec.name) }
func (r request) configHash() string { return hash(r.config) }

// objectName names the object tree, which knows nothing of the variant:
// those with one configuration share it.
func (r request) objectName(src *source, compiler string) string {
	return r.arch.Name + "-" + hash(src.id, r.config, compiler)
}

func (r request) key(src *source, compiler string) string {
	return hash(string(r.spec.name), src.id, r.config, compiler)
}

// hash tells lists of strings apart.
func hash(parts ...string) string {
	h := sha256.New()
	for _, p := range parts {
		fmt.Fprintf(h, "%d:%s", len(p), p)
	}
	return hex.EncodeToString(h.Sum(nil))[:keyLen]
}

// Build returns a kernel, from the cache if it can. An interrupted build is
// taken up where it was.
//
// A source that is a directory may have changed since, which only make can
// tell: it is always asked.
func (b *Builder) Build(ctx context.Context, arch *abi.Arch, v Variant) (*Image, error) {
	r, err := b.request(arch, v)
	if err != nil {
		return nil, err
	}
	compiler, err := b.toolchain(ctx, r.target)
	var missing *ErrMissingTool
	if errors.As(err, &missing) {
		// Who has no compiler can still use what was built.
		if img, lookup := b.Lookup(arch, v); lookup == nil {
			return img, nil
		}
	}
	if err != nil {
		return nil, fmt.Errorf("build %s: %w", r, err)
	}
	if st, err := os.Stat(b.Source); err != nil || !st.IsDir() {
		if img, err := b.cached(r, compiler); img != nil || err != nil {
			return img, err
		}
	}
	src, err := b.source(ctx)
	if err != nil {
		return nil, fmt.Errorf("build %s: %w", r, err)
	}
	img, err := b.build(ctx, r, src, compiler)
	if err != nil {
		return nil, fmt.Errorf("build %s: %w", r, err)
	}
	return img, nil
}

// toolchain makes sure that everything is there before anything is started.
func (b *Builder) toolchain(ctx context.Context, t target) (compiler string, err error) {
	var missing []error
	for _, tool := range t.buildTools() {
		if err := tool.Find(); err != nil {
			missing = append(missing, err)
		}
	}
	if missing != nil {
		return "", errors.Join(missing...)
	}
	return t.compiler(ctx)
}

// cached returns nil if there is nothing of use, and removes what is
// damaged.
func (b *Builder) cached(r request, compiler string) (*Image, error) {
	e, found, err := b.find(r, compiler)
	if !found || err != nil {
		return nil, err
	}
	if err := e.check(); err != nil {
		b.progress().Log(fmt.Sprintf("the cached kernel %s is damaged, it is built again: %v", e.Path, err))
		return nil, os.RemoveAll(filepath.Dir(e.Path))
	}
	return e.image(r.arch), nil
}

func (b *Builder) build(ctx context.Context, r request, src *source, compiler string) (*Image, error) {
	cache, err := b.cache()
	if err != nil {
		return nil, err
	}
	if strings.ContainsAny(cache.root, " \t:") {
		return nil, fmt.Errorf("the cache directory %q will not do: Linux's Makefile takes no path with a space or colon; set XDG_CACHE_HOME to another", cache.root)
	}
	name := r.objectName(src, compiler)
	l, err := lock(ctx, cache.lockFile(name), "building "+r.String(), b.progress())
	if err != nil {
		return nil, err
	}
	defer l.Close()
	if !src.mutable {
		// Who held the lock may have built just this.
		if img, err := b.cached(r, compiler); img != nil || err != nil {
			return img, err
		}
	}
	if dir := cache.imageDir(Entry{Arch: r.arch.Name, Variant: r.spec.name, Key: r.key(src, compiler)}); fileExists(dir) && !src.mutable {
		b.progress().Log(fmt.Sprintf("the description of %s is damaged, it is built again", dir))
	}
	tree := objectTree{dir: cache.objectTree(name), target: r.target, lock: l}
	fresh := !fileExists(tree.out(".config.checked"))
	if err := tree.link(src); err != nil {
		return nil, spaceError(err, cache.root, objectSpace)
	}
	if fresh {
		need := b.objectRoom
		if need == 0 {
			need = objectSpace
		}
		if err := room(cache.root, need); err != nil {
			return nil, err
		}
	}
	b.progress().Step("configure " + r.String())
	if err := tree.configure(ctx, r.config, src, b.onLine); err != nil {
		return nil, spaceError(err, cache.root, objectSpace)
	}
	b.progress().Step("compile " + r.String())
	jobs := b.Jobs
	if jobs <= 0 {
		jobs = runtime.NumCPU() + 1 // kbuild's directories leave gaps
	}
	units, err := tree.compile(ctx, jobs, b.estimate(r, tree), b.progress(), b.onLine)
	if err != nil {
		return nil, err
	}
	img, err := publish(ctx, cache, tree, Entry{
		Arch:     r.arch.Name,
		Variant:  r.spec.name,
		Key:      r.key(src, compiler),
		Built:    time.Now().UTC(),
		Source:   src.id,
		Config:   r.configHash(),
		Compiler: compiler,
		Units:    units,
	}, r.arch)
	return img, spaceError(err, cache.root, objectSpace)
}

// estimate is how many units compiling will take: as many as it took the
// largest build that the cache knows for the architecture, else what the
// architecture's row says. A tree that was complete once only needs a few,
// nobody knows which: 0.
func (b *Builder) estimate(r request, tree objectTree) int64 {
	if fileExists(tree.out(r.target.image)) {
		return 0
	}
	total := int64(0)
	entries, err := b.List()
	if err == nil {
		for _, e := range entries {
			if e.Arch == r.arch.Name {
				total = max(total, e.Units)
			}
		}
	}
	if total == 0 {
		total = r.target.units
	}
	return total
}

// tempPrefix marks what is not published yet.
const tempPrefix = ".new-"

// publish copies the finished image into the cache, where it appears with
// its description at once or not at all.
func publish(ctx context.Context, c cacheDir, tree objectTree, e Entry, arch *abi.Arch) (_ *Image, err error) {
	images := c.path(string(Images))
	if err := os.MkdirAll(images, 0o755); err != nil {
		return nil, err
	}
	dir, err := os.MkdirTemp(images, tempPrefix)
	if err != nil {
		return nil, err
	}
	defer os.RemoveAll(dir)
	if err := os.Chmod(dir, 0o755); err != nil {
		return nil, err
	}
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
	if err := writeJSON(filepath.Join(dir, entryFile), e); err != nil {
		return nil, err
	}
	final := c.imageDir(e)
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
