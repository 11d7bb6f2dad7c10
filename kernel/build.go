package kernel

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"runtime"
	"slices"
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
	arch    *abi.Arch
	target  target
	spec    variantSpec
	config  string  // merged fragments
	series  []patch // of them, those that are for the source are applied
	patches string  // hash of series
	release string  // what is added to the kernel's

	// Of a Step: the id of the one source that will do, and what is
	// changed in it if that is no series.
	source  string
	changes func(context.Context) (overlay, error)
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
	if err != nil {
		return request{}, err
	}
	series, err := spec.series()
	return request{
		arch: arch, target: t, spec: spec, config: config,
		series: series, patches: patchesHash(series), release: spec.release(),
	}, err
}

// overlay is how what is built differs from src.
func (r request) overlay(ctx context.Context, src *source) (overlay, error) {
	if r.changes != nil {
		return r.changes(ctx)
	}
	return applySeries(ctx, r.series, src, notBuilt)
}

func (r request) String() string     { return r.arch.Name + " " + string(r.spec.name) }
func (r request) configHash() string { return hash(slices.Concat([]string{r.config}, r.spec.vars)...) }

// objectName names the object tree, which knows nothing of the variant:
// those with one configuration share it.
func (r request) objectName(src *source, compiler string) string {
	return r.arch.Name + "-" + hash(src.id, r.config, compiler)
}

func (r request) key(src *source, compiler string) string {
	parts := []string{string(r.spec.name), src.id, r.config, compiler}
	if r.patches != "" {
		parts = append(parts, r.patches)
	}
	parts = append(parts, r.spec.vars...)
	return hash(parts...)
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
		img, lookup := b.Lookup(arch, v)
		if lookup == nil {
			return img, nil
		}
		if errors.Is(lookup, errDamaged) {
			err = errors.Join(lookup, err)
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
	tree := objectTree{dir: cache.objectTree(name), target: r.target, release: r.release, vars: r.spec.vars, lock: l}
	units, err := b.fillInOrder(ctx, tree, r, src, cache.root)
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
		Patches:  r.patches,
		Compiler: compiler,
		Units:    units,
	}, r.arch)
	return img, spaceError(err, cache.root, objectSpace)
}

// fill makes the objects of r in its tree and returns how many units that
// took.
func (b *Builder) fill(ctx context.Context, tree objectTree, r request, src *source, cacheRoot string) (units int64, err error) {
	over, err := r.overlay(ctx, src)
	if err != nil {
		return 0, err
	}
	fresh := !fileExists(tree.out(configChecked))
	if err := tree.show(src, over); err != nil {
		return 0, spaceError(err, cacheRoot, objectSpace)
	}
	if fresh {
		need := b.objectRoom
		if need == 0 {
			need = objectSpace
		}
		if err := room(cacheRoot, need); err != nil {
			return 0, err
		}
	}
	b.progress().Step("configure " + r.String())
	if err := tree.configure(ctx, r.config, src, b.onLine); err != nil {
		return 0, spaceError(err, cacheRoot, objectSpace)
	}
	b.progress().Step("compile " + r.String())
	jobs := b.Jobs
	if jobs <= 0 {
		jobs = runtime.NumCPU() + 1 // kbuild's directories leave gaps
	}
	units, err = tree.compile(ctx, jobs, b.estimate(r, tree), b.progress(), b.onLine)
	if err != nil || len(over) == 0 {
		return units, err
	}
	files, open, err := tree.hidden(over)
	if err != nil || len(files) == 0 {
		return units, err
	}
	// First they become new to make, which is what an interruption must
	// leave to be done.
	now, err := tree.now()
	if err != nil {
		return units, spaceError(err, cacheRoot, objectSpace)
	}
	for _, name := range files {
		if err := os.Chtimes(filepath.Join(tree.dir, name), now, now); err != nil {
			return units, err
		}
	}
	if err := tree.show(src, over, open...); err != nil {
		return units, err
	}
	more, err := tree.compile(ctx, jobs, 0, b.progress(), b.onLine)
	return units + more, err
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
