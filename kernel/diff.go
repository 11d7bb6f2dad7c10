package kernel

import (
	"fmt"
	"path/filepath"
	"slices"
	"strconv"
	"strings"

	"unotify-bench/internal/lazy"
)

// parsedPatch is what a patch, as git format-patch writes it, says of itself.
type parsedPatch struct {
	trailers []string // "Key: value" lines of its message
	files    []fileDiff
}

// fileDiff is the part of a patch about one file.
type fileDiff struct {
	old, new string // "" where there is none: a file that is made or removed
	added    int    // lines
	removed  int
	hunks    []int // first line of each in the old file
}

// name is the file's, for a person.
func (f fileDiff) name() string {
	if f.new == "" {
		return f.old
	}
	return f.new
}

var (
	hunkLine    = lazy.Regexp(`^@@ -(\d+)(?:,(\d+))? \+\d+(?:,(\d+))? @@`)
	trailerLine = lazy.Regexp(`^[A-Z][A-Za-z-]+: \S`)
)

// parsePatch finds what a patch touches. Beside git's patches it takes those of
// diff -u, as quilt makes them. It counts each hunk's lines by the
// hunk's head, so that no line of code is taken for one of the patch's own.
func parsePatch(p patch) (parsedPatch, error) {
	var out parsedPatch
	var f *fileDiff
	plain := "" // the last "--- " that stands below no "diff --git"
	oldLeft, newLeft := 0, 0
	n := 0
	fail := func(format string, args ...any) (parsedPatch, error) {
		return parsedPatch{}, fmt.Errorf("%s, line %d: %w", p.name, n, fmt.Errorf(format, args...))
	}
	for line := range strings.Lines(p.text) {
		n++
		line = strings.TrimSuffix(line, "\n")
		if oldLeft > 0 || newLeft > 0 {
			switch {
			case line == "" || line[0] == ' ':
				oldLeft, newLeft = oldLeft-1, newLeft-1
			case line[0] == '-':
				oldLeft, f.removed = oldLeft-1, f.removed+1
			case line[0] == '+':
				newLeft, f.added = newLeft-1, f.added+1
			case line[0] != '\\': // "\ No newline at end of file"
				return fail("%q is no line of a hunk", line)
			}
			continue
		}
		switch {
		case strings.HasPrefix(line, "diff --git "):
			names, ok := strings.CutPrefix(line, "diff --git a/")
			a, b, two := strings.Cut(names, " b/")
			if !ok || !two || !filepath.IsLocal(a) || !filepath.IsLocal(b) {
				return fail("%q names no file", line)
			}
			out.files = append(out.files, fileDiff{old: a, new: b})
			f = &out.files[len(out.files)-1]
		case strings.HasPrefix(line, "--- ") && (f == nil || f.hunks != nil):
			plain = line
		case strings.HasPrefix(line, "+++ ") && plain != "":
			old, oldOK := plainName(plain)
			now, newOK := plainName(line)
			if !oldOK || !newOK || old == "" && now == "" {
				return fail("%q and %q name no file below a directory", plain, line)
			}
			plain = ""
			out.files = append(out.files, fileDiff{old: old, new: now})
			f = &out.files[len(out.files)-1]
		case f == nil:
			if trailerLine().MatchString(line) {
				out.trailers = append(out.trailers, line)
			}
		case line == "--- /dev/null":
			f.old = ""
		case line == "+++ /dev/null":
			f.new = ""
		case strings.HasPrefix(line, "GIT binary patch"):
			return fail("a binary file cannot be patched")
		default:
			m := hunkLine().FindStringSubmatch(line)
			if m == nil {
				continue // index, mode, "-- " and git's version
			}
			first, _ := strconv.Atoi(m[1])
			oldLeft, newLeft = count(m[2]), count(m[3])
			f.hunks = append(f.hunks, first)
		}
	}
	if oldLeft > 0 || newLeft > 0 {
		return fail("the last hunk is cut short")
	}
	if len(out.files) == 0 {
		return fail("there is no \"diff --git\" and no \"---\" with \"+++\" in it")
	}
	return out, nil
}

// plainName takes "--- linux.orig/kernel/x.c<TAB>2026-01-01 …" without its first
// directory; "" is for a file that is not there.
func plainName(line string) (name string, ok bool) {
	path, _, _ := strings.Cut(line[len("--- "):], "\t")
	if path = strings.TrimSpace(path); path == "/dev/null" {
		return "", true
	}
	_, name, found := strings.Cut(path, "/")
	return name, found && filepath.IsLocal(name)
}

// count is the length in a hunk's head, which leaves 1 out.
func count(s string) int {
	if s == "" {
		return 1
	}
	n, _ := strconv.Atoi(s)
	return n
}

// touched lists the files that applying p reads or writes.
func (p parsedPatch) touched() []string {
	var names []string
	for _, f := range p.files {
		for _, name := range []string{f.old, f.new} {
			if name != "" && !slices.Contains(names, name) {
				names = append(names, name)
			}
		}
	}
	return names
}

// trailer returns the value of the last trailer of that key, "" for none.
func (p parsedPatch) trailer(key string) string {
	value := ""
	for _, line := range p.trailers {
		if v, ok := strings.CutPrefix(line, key+": "); ok {
			value = strings.TrimSpace(v)
		}
	}
	return value
}
