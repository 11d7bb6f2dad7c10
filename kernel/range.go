package kernel

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
)

// CommitSteps are the commits of a range A..B of the git repository that the
// source directory is in, the first parents only. Nothing is checked out there: the
// tree below the first commit is exported to the cache once, and every step is
// that tree with the files that differ.
func (b *Builder) CommitSteps(ctx context.Context, base Variant, commits string) (*Steps, error) {
	spec, err := base.spec()
	if err != nil {
		return nil, err
	}
	if spec.patches != nil {
		return nil, fmt.Errorf("%w: the patches of %s are not for the commits of %s", ErrNoStep, base, b.Source)
	}
	if err := (Tool{"git", "git", "read commits"}).Find(); err != nil {
		return nil, err
	}
	repo := repository{ctx, b.Source}
	list, err := repo.git("log", "--reverse", "--first-parent", "--no-show-signature", "--format=%H%x00%h%x00%T%x00%s", "--end-of-options", commits, "--")
	if err != nil {
		return nil, fmt.Errorf("%w: %w", ErrNoStep, err)
	}
	lines := strings.Split(strings.TrimSpace(string(list)), "\n")
	first, _, ok := strings.Cut(lines[0], "\x00")
	if !ok {
		return nil, fmt.Errorf("%w: no commit of %s is in %s", ErrNoStep, b.Source, commits)
	}
	from, err := repo.git("rev-parse", "--verify", "--quiet", first+"^^{tree}")
	if err != nil {
		return nil, fmt.Errorf("%w: there is nothing below %.12s, the first commit of %s", ErrNoStep, first, commits)
	}
	bottom := strings.TrimSpace(string(from))
	src, err := b.export(repo, bottom)
	if err != nil {
		return nil, err
	}
	s := &Steps{builder: *b, base: base, src: src}
	s.List = []Step{{Name: string(base), changes: func(context.Context) (overlay, error) { return nil, nil }}}
	for _, line := range lines {
		f := strings.SplitN(line, "\x00", 4)
		if len(f) != 4 {
			return nil, fmt.Errorf("git log says %q", line)
		}
		tree := f[2]
		s.List = append(s.List, Step{
			Name: fileName(f[1] + "-" + f[3]), Title: f[3], id: tree,
			changes: func(ctx context.Context) (overlay, error) {
				return repository{ctx, repo.dir}.changes(bottom, tree)
			},
		})
	}
	return s, nil
}

// exportedFile lies beside a tree that was exported whole.
const exportedFile = "exported.json"

// export puts what is needed of a tree of a repository into the cache. It is
// not what newestSource looks for: nobody who asks for no source wants it.
func (b *Builder) export(repo repository, tree string) (*source, error) {
	cache, err := b.cache()
	if err != nil {
		return nil, err
	}
	l, err := lock(repo.ctx, cache.lockFile("source"), "the kernel source", b.progress())
	if err != nil {
		return nil, err
	}
	defer l.Close()
	dir := filepath.Join(cache.sources(), "tree-"+tree[:min(keyLen, len(tree))])
	linux := filepath.Join(dir, "linux")
	if !fileExists(filepath.Join(dir, exportedFile)) {
		if err := os.RemoveAll(dir); err != nil {
			return nil, err
		}
		if err := os.MkdirAll(linux, 0o755); err != nil {
			return nil, spaceError(err, cache.root, sourceSpace)
		}
		b.progress().Step(fmt.Sprintf("export %.12s of %s", tree, repo.dir))
		if err := repo.unpack(tree, linux); err != nil {
			return nil, errors.Join(spaceError(err, cache.root, sourceSpace), os.RemoveAll(dir))
		}
	}
	version, err := makefileVersion(linux)
	if err != nil {
		return nil, fmt.Errorf("%.12s of %s: %w", tree, repo.dir, err)
	}
	src := &source{dir: linux, id: "tree:" + tree, version: version}
	return src, writeJSON(filepath.Join(dir, exportedFile), src.id)
}

// repository is a git repository, which is only read.
type repository struct {
	ctx context.Context
	dir string
}

func (r repository) command(args ...string) *exec.Cmd {
	cmd := exec.CommandContext(r.ctx, "git", append([]string{"-C", r.dir, "--no-optional-locks"}, args...)...)
	// In a hook or below git bisect run, variables could name another one.
	for _, v := range os.Environ() {
		if !strings.HasPrefix(v, "GIT_") {
			cmd.Env = append(cmd.Env, v)
		}
	}
	cmd.Env = append(cmd.Env, "LC_ALL=C")
	return cmd
}

func (r repository) git(args ...string) ([]byte, error) {
	cmd := r.command(args...)
	var said bytes.Buffer
	cmd.Stderr = &said
	out, err := cmd.Output()
	if r.ctx.Err() != nil {
		return nil, r.ctx.Err()
	}
	if err != nil {
		return nil, fmt.Errorf("git %s in %s: %w: %s", args[0], r.dir, err, strings.TrimSpace(tail(said.String(), 3)))
	}
	return out, nil
}

func (r repository) unpack(tree, dir string) error {
	root, err := os.OpenRoot(dir)
	if err != nil {
		return err
	}
	defer root.Close()
	cmd := r.command("archive", "--format=tar", "--prefix=linux/", tree)
	var said strings.Builder
	cmd.Stderr = &said
	out, err := cmd.StdoutPipe()
	if err == nil {
		err = cmd.Start()
	}
	if err != nil {
		return err
	}
	err = unpackTarball(r.ctx, bufio.NewReaderSize(out, 1<<20), root, needed)
	if err == nil {
		_, err = io.Copy(io.Discard, out) // padding
	} else {
		_ = cmd.Process.Kill() // nobody reads on
	}
	if wait := cmd.Wait(); err == nil {
		err = wait
	}
	if err != nil {
		return errors.Join(r.ctx.Err(), fmt.Errorf("git archive %.12s in %s: %w: %s", tree, r.dir, err, strings.TrimSpace(said.String())))
	}
	return nil
}

// changes are the files of which the tree to differs from the tree from.
func (r repository) changes(from, to string) (overlay, error) {
	list, err := r.git("diff-tree", "-r", "-z", "--raw", "--no-renames", "--full-index", from, to)
	if err != nil {
		return nil, err
	}
	over := overlay{}
	fields := strings.Split(strings.TrimSuffix(string(list), "\x00"), "\x00")
	for i := 0; i+1 < len(fields); i += 2 {
		// ":100644 100644 0a1b… 2c3d… M", then the name.
		f, name := strings.Fields(fields[i]), fields[i+1]
		if len(f) != 5 || !filepath.IsLocal(name) {
			return nil, fmt.Errorf("git diff-tree says %q of %q", fields[i], name)
		}
		if below(name, notBuilt) {
			continue
		}
		switch mode := f[1]; mode {
		case "000000":
			over[name] = nil
		case "100644", "100755":
			text, err := r.git("cat-file", "blob", f[3])
			if err != nil {
				return nil, err
			}
			over[name] = &overlayFile{text, mode == "100755"}
		default:
			m, _ := strconv.ParseUint(mode, 8, 32)
			return nil, fmt.Errorf("%s is of mode %o in %.12s: only regular files can change in a series", name, m, to)
		}
	}
	return over, nil
}
