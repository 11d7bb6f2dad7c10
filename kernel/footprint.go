package kernel

import (
	"fmt"
	"path"
	"slices"
	"strings"
)

// mechanismTrailer is the line of a patch's message that says what it is for.
const mechanismTrailer = "Unotify-mechanism"

// mechanisms are what it may say, in the order in which they are shown.
var mechanisms = []string{"shared", "inject", "target-call", "pins", "redirect", "exec-event", "doc", "selftest"}

// Footprint is what a mechanism's patches change.
type Footprint struct {
	Mechanism string
	Patches   int
	Code      Lines // that a kernel is made of
	Docs      Lines // Documentation/
	Tests     Lines // tools/testing/
}

// Lines counts lines of a diff, and the files that they are in.
type Lines struct {
	Added, Removed int
	Files          []string // sorted
}

func (l *Lines) add(f fileDiff) {
	l.Added += f.added
	l.Removed += f.removed
	if !slices.Contains(l.Files, f.name()) {
		l.Files = append(l.Files, f.name())
		slices.Sort(l.Files)
	}
}

// Plus is both together.
func (l Lines) Plus(m Lines) Lines {
	files := slices.Concat(l.Files, m.Files)
	slices.Sort(files)
	return Lines{l.Added + m.Added, l.Removed + m.Removed, slices.Compact(files)}
}

// Dirs lists the topmost directories.
func (l Lines) Dirs() []string {
	var dirs []string
	for _, f := range l.Files {
		dir, _, ok := strings.Cut(f, "/")
		if !ok {
			dir = "."
		}
		if !slices.Contains(dirs, dir) {
			dirs = append(dirs, dir)
		}
	}
	return dirs
}

// Footprints counts the patches of the variant patched. Mechanisms without a
// patch are left out.
func Footprints() ([]Footprint, error) {
	spec, err := Patched.spec()
	if err != nil {
		return nil, err
	}
	series, err := spec.series()
	if err != nil {
		return nil, err
	}
	return footprints(series)
}

func footprints(series []patch) ([]Footprint, error) {
	found := map[string]*Footprint{}
	for _, p := range series {
		parsed, err := parsePatch(p)
		if err != nil {
			return nil, err
		}
		name := parsed.trailer(mechanismTrailer)
		if !slices.Contains(mechanisms, name) {
			return nil, fmt.Errorf("%s: %s is %q; want one of %s", p.name, mechanismTrailer, name, strings.Join(mechanisms, ", "))
		}
		fp := found[name]
		if fp == nil {
			fp = &Footprint{Mechanism: name}
			found[name] = fp
		}
		fp.Patches++
		for _, f := range parsed.files {
			switch {
			case strings.HasPrefix(f.name(), "Documentation/"), path.Ext(f.name()) == ".rst":
				fp.Docs.add(f)
			case strings.HasPrefix(f.name(), "tools/testing/"):
				fp.Tests.add(f)
			default:
				fp.Code.add(f)
			}
		}
	}
	var all []Footprint
	for _, name := range mechanisms {
		if fp := found[name]; fp != nil {
			all = append(all, *fp)
		}
	}
	return all, nil
}

// Posted is what a proposal of the 2026 threads on the kernel's mailing lists
// came to, as this project's brief sums them up.
type Posted struct {
	Name      string
	Lines     int // about
	Dirs      []string
	Mechanism string // ours for the same, or "": shelved after review, and not built
}

// PostedFootprints are what ours are to be compared with.
func PostedFootprints() []Posted {
	return []Posted{
		{"PIN_ARGS", 1000, []string{"kernel", "fs", "mm", "net", "lib"}, ""},
		{"INJECT", 540, []string{"kernel"}, "inject"},
	}
}
