package kernel

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"unotify-bench/abi"
)

// Verdict is what came of one step of Verify.
type Verdict struct {
	Step   string // "apply", "style", "build", "image", "twice"
	Arch   string // "" if it is about every architecture
	Patch  string // "" if it is about all of them
	Detail string
	Err    error
}

func (v Verdict) String() string {
	words := []string{"ok   "}
	if v.Err != nil {
		words[0] = "FAIL "
	}
	for _, w := range []string{v.Step, v.Arch, v.Patch} {
		if w != "" {
			words = append(words, w)
		}
	}
	line := strings.Join(words, " ")
	if v.Detail != "" {
		line += ": " + v.Detail
	}
	if v.Err != nil {
		line += ": " + v.Err.Error()
	}
	return line
}

// verification is one call of Verify.
type verification struct {
	*Builder
	ctx    context.Context
	tell   func(Verdict) (well bool)
	src    *source
	series []patch // without those that are not for src
}

// Verify checks the patches of v: that each applies, also where no kernel is
// made of it; that its style passes Linux's checkpatch.pl; and that for each
// architecture the kernel builds without a warning after each of them. With
// twice it builds the whole once more, in an object tree of its own, which must
// give the same image. Each step's verdict goes to tell; the error says what kept Verify
// from going on, or joins the verdicts' errors.
func (b *Builder) Verify(ctx context.Context, arches []*abi.Arch, v Variant, twice bool, tell func(Verdict)) error {
	spec, err := v.spec()
	if err != nil {
		return err
	}
	all, err := spec.series()
	if err != nil {
		return err
	}
	for _, tool := range []Tool{{"git", "git", ""}, styleTool} {
		if err := tool.Find(); err != nil {
			return err
		}
	}
	src, err := b.source(ctx)
	if err != nil {
		return err
	}
	failed := []error{}
	x := &verification{Builder: b, ctx: ctx, src: src, tell: func(v Verdict) bool {
		if v.Err != nil {
			failed = append(failed, fmt.Errorf("%s %s %s: %w", v.Step, v.Arch, v.Patch, v.Err))
		}
		tell(v)
		return v.Err == nil
	}}
	applies, err := x.apply(all)
	if err != nil {
		return err
	}
	if applies { // else there is nothing to build
		for _, arch := range arches {
			if err := x.builds(arch, v, twice); err != nil {
				return err
			}
		}
	}
	return errors.Join(failed...)
}

// apply applies everything, in order, and looks at each patch's style.
func (x *verification) apply(all []patch) (applies bool, err error) {
	s, err := newScratch(x.src, nil)
	if err != nil {
		return false, err
	}
	defer s.close()
	x.progress().Step("apply and read the patches")
	broken := false
	for i, p := range all {
		x.progress().Done(int64(i), int64(len(all)))
		why, err := p.skipped(x.src)
		if err != nil {
			return false, err
		}
		if why != "" {
			x.tell(Verdict{Step: "apply", Patch: p.name, Detail: "skipped: " + why})
			continue
		}
		x.series = append(x.series, p)
		if !broken { // what comes after a patch that does not apply says nothing
			notes, err := x.applyOne(s, p)
			if x.ctx.Err() != nil {
				return false, x.ctx.Err()
			}
			broken = err != nil
			x.tell(Verdict{Step: "apply", Patch: p.name, Detail: strings.Join(notes, "; "), Err: err})
		}
		err = checkStyle(x.ctx, x.src, p)
		if x.ctx.Err() != nil {
			return false, x.ctx.Err()
		}
		x.tell(Verdict{Step: "style", Patch: p.name, Err: err})
	}
	return !broken, nil
}

func (x *verification) applyOne(s *scratch, p patch) (notes []string, err error) {
	parsed, err := parsePatch(p)
	if err != nil {
		return nil, err
	}
	var olds []string
	for _, f := range parsed.files {
		if f.old != "" && !s.copied[f.old] {
			olds = append(olds, f.old)
		}
	}
	if err := x.complete(x.ctx, x.src, olds); err != nil {
		return nil, err
	}
	return s.apply(x.ctx, p)
}

// builds compiles after each patch, in the tree that variants share.
func (x *verification) builds(arch *abi.Arch, v Variant, twice bool) error {
	r, err := x.request(arch, v)
	if err != nil {
		return err
	}
	compiler, err := x.toolchain(x.ctx, r.target)
	if err != nil {
		return err
	}
	for i, p := range x.series {
		step := r
		step.series = x.series[:i+1]
		err := x.step(step, compiler)
		if x.ctx.Err() != nil {
			return x.ctx.Err()
		}
		if !x.tell(Verdict{Step: "build", Arch: arch.Name, Patch: p.name, Err: err}) {
			return nil // the next one has nothing to stand on
		}
	}
	img, err := x.build(x.ctx, r, x.src, compiler)
	if x.ctx.Err() != nil {
		return x.ctx.Err()
	}
	verdict := Verdict{Step: "image", Arch: arch.Name, Err: err}
	if err == nil {
		verdict.Detail = img.Release + " sha256 " + img.SHA256
	}
	if !x.tell(verdict) || !twice {
		return nil
	}
	err = x.again(arch, v, img)
	if x.ctx.Err() != nil {
		return x.ctx.Err()
	}
	x.tell(Verdict{Step: "twice", Arch: arch.Name, Err: err})
	return nil
}

// step compiles a part of the series and keeps nothing of it but objects.
func (x *verification) step(r request, compiler string) error {
	cache, err := x.cache()
	if err != nil {
		return err
	}
	name := r.objectName(x.src, compiler)
	l, err := lock(x.ctx, cache.lockFile(name), "verifying "+r.String(), x.progress())
	if err != nil {
		return err
	}
	defer l.Close()
	tree := objectTree{dir: cache.objectTree(name), target: r.target, release: r.release, vars: r.spec.vars, lock: l}
	var warnings []string
	quiet := *x.Builder
	quiet.Verbose = newLineWriter(func(line string) {
		x.onLine(line)
		if strings.Contains(line, ": warning: ") && x.touches(line) {
			warnings = append(warnings, line)
		}
	})
	if _, err := quiet.fill(x.ctx, tree, r, x.src, cache.root); err != nil {
		return err
	}
	if warnings != nil {
		return fmt.Errorf("%w:\n  %s", ErrWarning, strings.Join(warnings, "\n  "))
	}
	return nil
}

// touches says that a line of the compiler's is about a file that a patch
// touches: Linux has warnings of its own.
func (x *verification) touches(line string) bool {
	for _, p := range x.series {
		parsed, err := parsePatch(p)
		if err == nil && slices.ContainsFunc(parsed.touched(), func(name string) bool { return strings.Contains(line, name) }) {
			return true
		}
	}
	return false
}

// again builds in an object tree that was never there before, of the same
// source, and wants img.
func (x *verification) again(arch *abi.Arch, v Variant, img *Image) error {
	cache, err := x.cache()
	if err != nil {
		return err
	}
	// Where Clean looks, should this process be killed.
	dir, err := os.MkdirTemp(cache.path(string(Objects)), "twice-")
	if err != nil {
		return err
	}
	defer os.RemoveAll(dir)
	if err := os.Symlink(cache.sources(), filepath.Join(dir, string(Sources))); err != nil {
		return err
	}
	other := *x.Builder
	other.CacheDir = dir
	second, err := other.Build(x.ctx, arch, v)
	if err != nil {
		return err
	}
	if second.SHA256 != img.SHA256 {
		return fmt.Errorf("%w: sha256 %s, and in a fresh object tree %s", ErrNotReproducible, img.SHA256, second.SHA256)
	}
	return nil
}
