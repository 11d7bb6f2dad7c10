package kernel

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"

	"unotify-bench/internal/lazy"
	"unotify-bench/internal/tempdir"
)

// overlay is how a patched source differs from the source: the text of each
// file that patches touch, nil for one that they remove.
type overlay map[string]*overlayFile

type overlayFile struct {
	text []byte
	exec bool
}

// notBuilt are parts of the source that no kernel is made of. An unpacked
// source lacks most of the first.
var notBuilt = []string{docs, "tools/testing/"}

const docs = "Documentation/"

// scratch is a directory with copies of the files that patches touch, to
// which they are applied one after another. The source is never written to.
type scratch struct {
	dir     string
	temp    *tempdir.Dir // it
	src     *source
	without []string // prefixes of paths that patches do not reach
	copied  map[string]bool
}

func newScratch(src *source, without []string) (*scratch, error) {
	dir, err := tempdir.New("")
	if err != nil {
		return nil, fmt.Errorf("apply patches: %w", err)
	}
	return &scratch{dir.Path, dir, src, without, map[string]bool{}}, nil
}

func (s *scratch) close() { _ = s.temp.Remove() }

func (s *scratch) leavesOut(name string) bool { return below(name, s.without) }

func below(name string, prefixes []string) bool {
	return slices.ContainsFunc(prefixes, func(prefix string) bool { return strings.HasPrefix(name, prefix) })
}

// copyIn fetches from the source what p touches and no patch before it did.
func (s *scratch) copyIn(p parsedPatch) error {
	for _, name := range p.touched() {
		if s.copied[name] || s.leavesOut(name) {
			continue
		}
		f, err := readOverlayFile(filepath.Join(s.src.dir, name))
		if err != nil {
			return err
		}
		s.copied[name] = true
		if f == nil {
			continue
		}
		to := filepath.Join(s.dir, name)
		if err := os.MkdirAll(filepath.Dir(to), 0o755); err != nil {
			return err
		}
		if err := os.WriteFile(to, f.text, f.mode()); err != nil {
			return err
		}
	}
	return nil
}

// readOverlayFile returns nil for a file that is not there.
func readOverlayFile(name string) (*overlayFile, error) {
	text, err := os.ReadFile(name)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	st, err := os.Stat(name)
	if err != nil {
		return nil, err
	}
	return &overlayFile{text, st.Mode()&0o100 != 0}, nil
}

func (f *overlayFile) equal(g *overlayFile) bool {
	return f != nil && g != nil && f.exec == g.exec && bytes.Equal(f.text, g.text)
}

func (f *overlayFile) mode() os.FileMode {
	if f.exec {
		return 0o755
	}
	return 0o644
}

// apply applies p whole or not at all; git knows no fuzz. Hunks may have
// moved: the notes say which.
func (s *scratch) apply(ctx context.Context, p patch) (notes []string, err error) {
	parsed, err := parsePatch(p)
	if err != nil {
		return nil, err
	}
	if err := s.copyIn(parsed); err != nil {
		return nil, fmt.Errorf("apply %s: %w", p.name, err)
	}
	args := []string{"apply", "--verbose", "--whitespace=nowarn"}
	for _, prefix := range s.without {
		args = append(args, "--exclude="+prefix+"*")
	}
	cmd := exec.CommandContext(ctx, "git", append(args, "-")...)
	cmd.Dir = s.dir
	cmd.Stdin = strings.NewReader(p.text)
	// In a repository, git would skip what lies outside of the directory;
	// the user's configuration could make it lenient.
	cmd.Env = []string{
		"PATH=" + os.Getenv("PATH"), "LC_ALL=C",
		"GIT_DIR=/nonexistent", "GIT_CONFIG_NOSYSTEM=1", "GIT_CONFIG_GLOBAL=/dev/null",
	}
	var said bytes.Buffer
	cmd.Stdout, cmd.Stderr = &said, &said
	err = cmd.Run()
	switch {
	case ctx.Err() != nil:
		return nil, ctx.Err()
	case err != nil && cmd.ProcessState == nil:
		return nil, fmt.Errorf("apply %s: %w", p.name, err)
	case err != nil:
		return nil, s.explain(p, parsed, said.String())
	}
	file := ""
	for line := range strings.Lines(said.String()) {
		line = strings.TrimSpace(line)
		if name, ok := strings.CutPrefix(line, "Checking patch "); ok {
			file = strings.TrimSuffix(name, "...")
		}
		if strings.HasPrefix(line, "Hunk #") {
			notes = append(notes, file+": "+line)
		}
	}
	return notes, nil
}

var patchFailed = lazy.Regexp(`(?m)^error: patch failed: (.+):(\d+)$`)

// explain finds in git's words where it failed.
func (s *scratch) explain(p patch, parsed parsedPatch, said string) error {
	e := &ErrPatch{Patch: filepath.Join(p.dir, p.name), Version: s.src.version}
	if m := patchFailed().FindStringSubmatch(said); m != nil {
		e.File = m[1]
		e.Line, _ = strconv.Atoi(m[2])
		for _, f := range parsed.files {
			if f.old == e.File {
				e.Hunk = slices.Index(f.hunks, e.Line) + 1
			}
		}
	}
	for line := range strings.Lines(said) {
		line = strings.TrimSpace(line)
		if strings.HasPrefix(line, "error: ") && !strings.HasPrefix(line, "error: while searching") && !patchFailed().MatchString(line) {
			e.Git = strings.TrimPrefix(line, "error: ")
			break
		}
	}
	if e.File == "" { // as in "kernel/x.c: No such file or directory"
		for _, name := range parsed.touched() {
			if strings.HasPrefix(e.Git, name+":") {
				e.File = name
			}
		}
	}
	return e
}

// overlay tells what the patches so far came to.
func (s *scratch) overlay() (overlay, error) {
	over := overlay{}
	for name := range s.copied {
		f, err := readOverlayFile(filepath.Join(s.dir, name))
		if err != nil {
			return nil, err
		}
		over[name] = f
	}
	return over, nil
}

// applySeries applies those patches of a series that are for src, but for what
// lies below without.
func applySeries(ctx context.Context, series []patch, src *source, without []string) (overlay, error) {
	if len(series) == 0 {
		return nil, nil
	}
	s, err := newScratch(src, without)
	if err != nil {
		return nil, err
	}
	defer s.close()
	for _, p := range series {
		why, err := p.skipped(src)
		if err != nil {
			return nil, err
		}
		if why != "" {
			continue
		}
		if _, err := s.apply(ctx, p); err != nil {
			return nil, err
		}
	}
	return s.overlay()
}
