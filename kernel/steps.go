package kernel

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"

	"unotify-bench/abi"
	"unotify-bench/internal/lazy"
)

// Stepped is the variant of which the cache says a [Step]'s kernel is.
const Stepped Variant = "series"

// Steps are kernels of which each has what the one before it has, and a patch
// more. All are of one source and one configuration and have the same
// release: a patch that no kernel is made of gives the same image, to the byte.
type Steps struct {
	List []Step // the first is what the series begins with

	builder Builder
	base    Variant
	src     *source
}

// A Step is one of them.
type Step struct {
	Name  string // that a file can have: "stock", "0001-seccomp-x", "3fa5c2d81e07-seccomp-x"
	Title string // a patch's or commit's subject
	// Err says why the patch is in no kernel: it does not apply. The steps
	// after it are without it.
	Err error

	series  []patch
	changes func(context.Context) (overlay, error)
	id      string // of what is changed, "" for nothing
}

// PatchSteps are those of dir, which holds patches and a file named series with
// their order, as quilt has it. They are applied to the source with the
// patches of base.
func (b *Builder) PatchSteps(ctx context.Context, base Variant, dir string) (*Steps, error) {
	spec, err := base.spec()
	if err != nil {
		return nil, err
	}
	applied, err := spec.series()
	if err != nil {
		return nil, err
	}
	theirs, err := loadSeries(os.DirFS(dir), ".")
	if err != nil {
		return nil, fmt.Errorf("%w: patches of %s: %w", ErrNoStep, dir, err)
	}
	if len(theirs) == 0 {
		return nil, fmt.Errorf("%w: %s names no patch", ErrNoStep, filepath.Join(dir, seriesFile))
	}
	for i := range theirs {
		theirs[i].dir = dir
	}
	src, err := b.source(ctx)
	if err != nil {
		return nil, err
	}
	s := &Steps{builder: *b, base: base, src: src, List: []Step{{Name: string(base), series: applied, id: patchesHash(applied)}}}
	at, err := newScratch(src, notBuilt)
	if err != nil {
		return nil, err
	}
	defer at.close()
	if err := b.onto(ctx, at, applied); err != nil {
		return nil, err
	}
	for _, p := range theirs {
		step := Step{Name: fileName(strings.TrimSuffix(strings.TrimSuffix(filepath.Base(p.name), ".patch"), ".diff")), Title: p.subject()}
		step.Err = b.onto(ctx, at, []patch{p})
		if err := ctx.Err(); err != nil {
			return nil, err
		}
		var missing *ErrMissingTool
		if errors.As(step.Err, &missing) {
			return nil, missing
		}
		if step.Err == nil {
			// Each step has a series of its own to append to.
			applied = append(applied[:len(applied):len(applied)], p)
			step.series, step.id = applied, patchesHash(applied)
		}
		s.List = append(s.List, step)
	}
	return s, nil
}

// onto applies patches to what at has so far, each whole or not at all.
func (b *Builder) onto(ctx context.Context, at *scratch, series []patch) error {
	if err := (Tool{"git", "git", "apply patches"}).Find(); err != nil {
		return err
	}
	for _, p := range series {
		why, err := p.skipped(at.src)
		if err != nil {
			return err
		}
		if why != "" {
			continue
		}
		parsed, err := parsePatch(p)
		if err != nil {
			return err
		}
		var built []string
		for _, name := range parsed.touched() {
			if !at.leavesOut(name) {
				built = append(built, name)
			}
		}
		if err := b.complete(ctx, at.src, built); err != nil {
			return err
		}
		if _, err := at.apply(ctx, p); err != nil {
			return err
		}
	}
	return nil
}

// Build builds the i-th step, or takes it from the cache. All share an object
// tree, so that what a patch does not touch is compiled once. A step that does
// not compile gives *ErrMake.
func (s *Steps) Build(ctx context.Context, arch *abi.Arch, i int) (*Image, error) {
	b, step := &s.builder, s.List[i]
	if step.Err != nil {
		return nil, step.Err
	}
	r, err := b.request(arch, s.base)
	if err != nil {
		return nil, err
	}
	r.series, r.patches, r.source, r.changes = step.series, step.id, s.src.id, step.changes
	// What has nothing of the user's is the variant, under its own name.
	if i > 0 || step.changes != nil {
		r.spec.name = Stepped
	}
	compiler, err := b.toolchain(ctx, r.target)
	if err != nil {
		return nil, fmt.Errorf("build %s: %w", step.Name, err)
	}
	if !s.src.mutable {
		if img, err := b.cached(r, compiler); img != nil || err != nil {
			return img, err
		}
	}
	img, err := b.build(ctx, r, s.src, compiler)
	if err != nil {
		return nil, fmt.Errorf("build %s: %w", step.Name, err)
	}
	return img, nil
}

// subjectTag is what git format-patch puts before a commit's subject.
var subjectTag = lazy.Regexp(`^(\[[^\]]*\]\s*)+`)

// subject is what a patch that came as a mail is about, else its name.
func (p patch) subject() string {
	subject, found := "", false
	for line := range strings.Lines(p.text) {
		line = strings.TrimRight(line, "\r\n")
		switch {
		case found && strings.HasPrefix(line, " "): // folded, as long headers are
			subject += line
			continue
		case found || line == "" || strings.HasPrefix(line, "diff --git "):
			if subject = subjectTag().ReplaceAllString(subject, ""); subject == "" {
				return p.name
			}
			return subject
		}
		subject, found = strings.CutPrefix(line, "Subject: ")
	}
	return p.name
}

var noFileName = lazy.Regexp(`[^A-Za-z0-9._+-]+`)

// fileName makes of a name or a subject what is no trouble as a file's name.
func fileName(s string) string {
	s = strings.Trim(noFileName().ReplaceAllString(s, "-"), "-.")
	return strings.Trim(s[:min(len(s), 60)], "-.")
}
