package kernel

import (
	"embed"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"regexp"
	"strings"

	"unotify-bench/internal/lazy"
)

//go:embed patches faults
var embeddedPatches embed.FS

// patchFiles holds a directory for each name in variantSpec.patches; tests
// put others there.
var patchFiles fs.FS = embeddedPatches

// embeddedDir is where they lie in this repository.
const embeddedDir = "kernel"

// seriesFile names the patches of its directory in order, as quilt has it.
const seriesFile = "series"

// patch is one line of a series.
type patch struct {
	name   string // "patches/0001-seccomp-x.patch"
	dir    string // of which that is a file, for a person: "kernel"
	text   string
	unless []condition
}

// condition holds if the source has what the patch would bring.
type condition struct{ file, word string }

func (c condition) String() string { return "unless=" + c.file + ":" + c.word }

var wholeWord = lazy.Regexp(`^\w+$`)

// loadSeries reads the patches that dir/series names.
func loadSeries(files fs.FS, dir string) ([]patch, error) {
	text, err := fs.ReadFile(files, path.Join(dir, seriesFile))
	if err != nil {
		return nil, err
	}
	var series []patch
	seen := map[string]bool{}
	n := 0
	for line := range strings.Lines(string(text)) {
		n++
		line, _, _ = strings.Cut(line, "#")
		words := strings.Fields(line)
		if len(words) == 0 {
			continue
		}
		fail := func(format string, args ...any) error {
			return fmt.Errorf("%s/%s, line %d: %w", dir, seriesFile, n, fmt.Errorf(format, args...))
		}
		p := patch{name: path.Join(dir, words[0])}
		if seen[p.name] {
			return nil, fail("%s is there twice", words[0])
		}
		seen[p.name] = true
		for _, w := range words[1:] {
			c, err := parseCondition(w)
			if err != nil {
				return nil, fail("%w", err)
			}
			p.unless = append(p.unless, c)
		}
		patchText, err := fs.ReadFile(files, p.name)
		if err != nil {
			return nil, fail("%w", err)
		}
		p.text = string(patchText)
		series = append(series, p)
	}
	return series, nil
}

func parseCondition(s string) (condition, error) {
	rest, ok := strings.CutPrefix(s, "unless=")
	file, word, colon := strings.Cut(rest, ":")
	if !ok || !colon || !filepath.IsLocal(file) || !wholeWord().MatchString(word) {
		return condition{}, fmt.Errorf("%q is no condition: want unless=FILE:WORD", s)
	}
	return condition{file, word}, nil
}

// holds looks into the source as it is without patches. A source without the
// file does not have the word.
func (c condition) holds(src *source) (bool, error) {
	text, err := os.ReadFile(filepath.Join(src.dir, c.file))
	if errors.Is(err, fs.ErrNotExist) {
		return false, nil
	}
	if err != nil {
		return false, err
	}
	return regexp.MustCompile(`\b` + c.word + `\b`).Match(text), nil
}

// skipped says why a patch is not for src, or "".
func (p patch) skipped(src *source) (string, error) {
	for _, c := range p.unless {
		holds, err := c.holds(src)
		if err != nil {
			return "", fmt.Errorf("condition %s of %s: %w", c, p.name, err)
		}
		if holds {
			return fmt.Sprintf("%s of Linux %s has %s already", c.file, src.version, c.word), nil
		}
	}
	return "", nil
}

// series lists the patches of a variant, those of later directories on top
// of earlier ones'.
func (s variantSpec) series() ([]patch, error) {
	var all []patch
	for _, dir := range s.patches {
		series, err := loadSeries(patchFiles, dir)
		if err != nil {
			return nil, fmt.Errorf("patches of %s: %w", s.name, err)
		}
		for i := range series {
			series[i].dir = embeddedDir
		}
		all = append(all, series...)
	}
	return all, nil
}

// patchesHash is "" for no patch. It takes the conditions as they are
// written: what they come to is the source's doing, which a kernel's key
// holds as well, and a kernel can be looked up where no source is.
func patchesHash(series []patch) string {
	if len(series) == 0 {
		return ""
	}
	var parts []string
	for _, p := range series {
		parts = append(parts, p.name, fmt.Sprint(p.unless), p.text)
	}
	return hash(parts...)
}
