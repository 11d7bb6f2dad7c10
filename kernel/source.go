package kernel

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"unotify-bench/internal/lazy"
)

// sourcePackage is what is fetched if nothing else is said. The archive
// keeps only the newest 6.12.y under this name.
const sourcePackage = "linux-source-6.12"

// installedSource is where that package puts the source, if somebody
// installed it.
const installedSource = "/usr/src/" + sourcePackage + ".tar.xz"

// source is a tree of Linux source. It is never written to: builds happen in
// object trees, and all of them share it.
type source struct {
	dir string
	// id is part of the cache key. That of an unpacked archive comes from
	// the archive's hash; that of a user's directory is its path, as
	// hashing it would take longer than asking make.
	id      string
	version string // "6.12.117"
	// mutable says that the user may have changed the tree since it was
	// built, so that only make knows what is out of date.
	mutable bool
}

// sourceMeta lies beside an unpacked tree and makes it valid: it is written
// last.
type sourceMeta struct {
	ID      string
	Version string
	Fetched time.Time
}

const sourceMetaFile = "source.json"

// source provides the tree that b.Source names.
func (b *Builder) source(ctx context.Context) (*source, error) {
	if b.Source != "" {
		st, err := os.Stat(b.Source)
		if err != nil {
			return nil, fmt.Errorf("%w: %w", ErrNoSource, err)
		}
		if st.IsDir() {
			return sourceDir(b.Source)
		}
	}
	cache, err := b.cache()
	if err != nil {
		return nil, err
	}
	l, err := lock(ctx, cache.lockFile("source"), "the kernel source", b.progress())
	if err != nil {
		return nil, err
	}
	defer l.Close()
	if b.Source != "" {
		return b.unpacked(ctx, cache, b.Source)
	}
	if src := newestSource(cache); src != nil {
		return src, nil
	}
	if _, err := os.Stat(installedSource); err == nil {
		return b.unpacked(ctx, cache, installedSource)
	}
	deb, err := b.fetch(ctx, cache)
	if err != nil {
		return nil, err
	}
	src, err := b.unpacked(ctx, cache, deb)
	if err != nil {
		return nil, err
	}
	// The tree is all that is needed from here on.
	return src, os.RemoveAll(filepath.Dir(deb))
}

// SourceTree returns the directory of the source that b builds from. It is there
// for what else Linux brings (tools/testing), and not to be written to.
func (b *Builder) SourceTree(ctx context.Context) (dir string, err error) {
	src, err := b.source(ctx)
	if err != nil {
		return "", err
	}
	return src.dir, nil
}

func sourceDir(dir string) (*source, error) {
	dir, err := filepath.Abs(dir)
	if err != nil {
		return nil, err
	}
	version, err := makefileVersion(dir)
	if err != nil {
		return nil, err
	}
	return &source{dir: dir, id: "dir:" + dir, version: version, mutable: true}, nil
}

// newestSource picks among trees unpacked earlier.
func newestSource(c cacheDir) *source {
	var newest *source
	var when time.Time
	dirs, _ := filepath.Glob(filepath.Join(c.sources(), "*"))
	for _, dir := range dirs {
		if src, meta, err := readSource(dir); err == nil && (newest == nil || meta.Fetched.After(when)) {
			newest, when = src, meta.Fetched
		}
	}
	return newest
}

func readSource(dir string) (*source, sourceMeta, error) {
	var meta sourceMeta
	text, err := os.ReadFile(filepath.Join(dir, sourceMetaFile))
	if err != nil {
		return nil, meta, err
	}
	if err := json.Unmarshal(text, &meta); err != nil {
		return nil, meta, err
	}
	return &source{dir: filepath.Join(dir, "linux"), id: meta.ID, version: meta.Version}, meta, nil
}

// unpacked returns the tree of an archive, unpacking it unless that was done
// before.
func (b *Builder) unpacked(ctx context.Context, c cacheDir, archive string) (*source, error) {
	sum, err := FileSHA256(archive)
	if err != nil {
		return nil, fmt.Errorf("%w: %w", ErrNoSource, err)
	}
	dir := filepath.Join(c.sources(), sum[:keyLen])
	if src, _, err := readSource(dir); err == nil {
		return src, nil
	}
	if err := (Tool{"xz", "xz-utils", ""}).Find(); err != nil {
		return nil, err
	}
	if err := os.RemoveAll(dir); err != nil { // left by an interrupted attempt
		return nil, err
	}
	tree := filepath.Join(dir, "linux")
	if err := os.MkdirAll(tree, 0o755); err != nil {
		return nil, spaceError(err, c.root, sourceSpace)
	}
	b.progress().Step("unpack " + filepath.Base(archive))
	if err := unpack(ctx, archive, tree, needed, b.progress()); err != nil {
		// Half a tree is of no use: give the room back.
		return nil, errors.Join(spaceError(fmt.Errorf("unpack %s: %w", archive, err), c.root, sourceSpace), os.RemoveAll(dir))
	}
	version, err := makefileVersion(tree)
	if err != nil {
		return nil, errors.Join(fmt.Errorf("%s: %w", archive, err), os.RemoveAll(dir))
	}
	meta := sourceMeta{ID: version + "-" + sum[:keyLen], Version: version, Fetched: time.Now().UTC()}
	if err := writeJSON(filepath.Join(dir, sourceMetaFile), meta); err != nil {
		return nil, spaceError(err, c.root, sourceSpace)
	}
	src, _, err := readSource(dir)
	return src, err
}

// makefileField is one of the first lines of Linux's Makefile.
var makefileField = lazy.Regexp(`(?m)^(VERSION|PATCHLEVEL|SUBLEVEL|EXTRAVERSION) *=[ \t]*([!-~]*)$`)

// makefileVersion reads the version that a source tree says it has.
func makefileVersion(dir string) (string, error) {
	text, err := os.ReadFile(filepath.Join(dir, "Makefile"))
	if err != nil {
		return "", fmt.Errorf("%w: %s is no Linux source: %w", ErrNoSource, dir, err)
	}
	f := map[string]string{}
	for _, m := range makefileField().FindAllSubmatch(text, -1) {
		f[string(m[1])] = string(m[2])
	}
	if f["VERSION"] == "" || f["PATCHLEVEL"] == "" {
		return "", fmt.Errorf("%w: %s is no Linux source: its Makefile has no VERSION", ErrNoSource, dir)
	}
	return strings.TrimRight(f["VERSION"]+"."+f["PATCHLEVEL"]+"."+f["SUBLEVEL"], ".") + f["EXTRAVERSION"], nil
}

// SourceVersion reads the version of Linux that a directory has the source of.
func SourceVersion(dir string) (string, error) { return makefileVersion(dir) }

// fetch downloads the source package. apt-get needs no root for that, and
// checks the archive's signatures.
func (b *Builder) fetch(ctx context.Context, c cacheDir) (string, error) {
	manual := fmt.Sprintf("get it by hand and say where it is:\n"+
		"  apt-get update && apt-get download %s\n  --source %s_*.deb\n"+
		"Debian 12 has it in bookworm-security only: that must be among apt's sources", sourcePackage, sourcePackage)
	if _, err := exec.LookPath("apt-get"); err != nil {
		return "", fmt.Errorf("%w: there is no apt-get to fetch %s with; unpack any 6.12 and give --source DIR, or on a Debian machine %s",
			ErrNoSource, sourcePackage, manual)
	}
	dir := c.path("download")
	if err := os.RemoveAll(dir); err != nil {
		return "", err
	}
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return "", err
	}
	complaints, err := b.aptGet(ctx, dir, "download", sourcePackage)
	if ctx.Err() != nil {
		return "", fmt.Errorf("fetch %s: %w", sourcePackage, ctx.Err())
	}
	debs, _ := filepath.Glob(filepath.Join(dir, sourcePackage+"_*.deb"))
	if err != nil || len(debs) != 1 {
		return "", spaceError(fmt.Errorf("%w: apt-get download %s failed: %s\n%s%s", ErrNoSource, sourcePackage, fmt.Sprint(err),
			tail(complaints, 5), manual), c.root, sourceSpace)
	}
	return debs[0], nil
}

// aptGet runs apt-get in dir, with a progress of what it does, and returns what
// it complains of.
func (b *Builder) aptGet(ctx context.Context, dir, what, pkg string, options ...string) (string, error) {
	b.progress().Step(strings.TrimSpace(what + " " + pkg))
	// Status-Fd reports "dlstatus:<n>:<percent>:<text>" lines (apt's
	// README.progress-reporting).
	args := slices.Concat([]string{"-q", "-o", "APT::Status-Fd=1"}, options, strings.Fields(what+" "+pkg))
	cmd := exec.CommandContext(ctx, "apt-get", args...)
	cmd.Dir = dir
	cmd.Env = append(os.Environ(), "LC_ALL=C")
	var complaints bytes.Buffer
	cmd.Stderr = &complaints
	cmd.Stdout = newLineWriter(func(line string) {
		if f := strings.Split(line, ":"); len(f) > 3 && f[0] == "dlstatus" {
			var percent float64
			if _, err := fmt.Sscan(f[2], &percent); err == nil {
				b.progress().Done(int64(percent), 100)
			}
		}
	})
	err := cmd.Run()
	return complaints.String(), err
}
