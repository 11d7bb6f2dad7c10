package main

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io/fs"
	"os"
	"regexp"
	"runtime/debug"
	"strings"
)

// licenses are those of all code that is in the program: each asks for its text to
// go with it. Copyright is the file that Debian's policy (12.5) wants.
func licenses(info *debug.BuildInfo) ([]file, error) {
	root, err := output("go", "env", "GOROOT")
	if err != nil {
		return nil, err
	}
	dirs := map[string]string{"go": strings.TrimSpace(string(root))}
	ask := []string{"mod", "download", "-json"}
	for _, m := range info.Deps {
		if m.Replace != nil {
			m = m.Replace
		}
		ask = append(ask, m.Path+"@"+m.Version)
	}
	said, err := output("go", ask...)
	if err != nil {
		return nil, err
	}
	for d := json.NewDecoder(bytes.NewReader(said)); d.More(); {
		var at struct{ Path, Dir string }
		if err := d.Decode(&at); err != nil {
			return nil, fmt.Errorf("where the sources of modules are: %w", err)
		}
		dirs[at.Path] = at.Dir
	}
	var all []file
	for module, dir := range dirs {
		found, err := licensesIn(dir)
		if err != nil {
			return nil, err
		}
		if len(found) == 0 {
			return nil, fmt.Errorf("%s has no licence in %s: its code cannot be given away in a program", module, dir)
		}
		for _, f := range found {
			f.name = docs + "licenses/" + module + "/" + f.name
			all = append(all, f)
		}
	}
	own, err := os.ReadFile("LICENSE")
	if err != nil {
		return nil, err
	}
	return append(all, file{docs + "copyright", 0o644, copyright(string(own))}), nil
}

var legal = regexp.MustCompile(`(?i)licen[sc]e|copying|notice|patents`)

// licensesIn finds the files that lawyers would, and all of a directory of such a
// name: freetype's license names two, which are in one.
func licensesIn(dir string) ([]file, error) {
	var found []file
	tree := os.DirFS(dir)
	err := fs.WalkDir(tree, ".", func(path string, d fs.DirEntry, err error) error {
		switch {
		case err != nil || path == ".":
			return err
		case !legal.MatchString(path) && d.IsDir():
			return fs.SkipDir
		case !legal.MatchString(path) || d.IsDir():
			return nil
		}
		data, err := fs.ReadFile(tree, path)
		found = append(found, file{path, 0o644, data})
		return err
	})
	return found, err
}

// copyright is in Debian's machine-readable format. The license's first line is whose
// the code is.
func copyright(license string) []byte {
	holder, terms, _ := strings.Cut(license, "\n")
	var b strings.Builder
	b.WriteString(`Format: https://www.debian.org/doc/packaging-manuals/copyright-format/1.0/
Upstream-Name: unotify-bench
Comment: The program has code of other authors in it. Their licenses are in the
 directory licenses beside this file, by the name of the Go module.

Files: *
`)
	fmt.Fprintf(&b, "Copyright: %s\nLicense: BSD-3-Clause\n", strings.TrimPrefix(holder, "Copyright (c) "))
	for line := range strings.Lines(strings.Trim(terms, "\n")) {
		if line = strings.TrimRight(line, "\n"); line == "" {
			line = "."
		}
		b.WriteString(" " + line + "\n")
	}
	b.WriteString(`
Files: kernel/patches/* kernel/faults/* kernel/selftest/*
Copyright: ` + strings.TrimPrefix(holder, "Copyright (c) ") + `
License: GPL-2
Comment: The program holds the text of these, to build kernels with.

License: GPL-2
 On Debian systems the text is in /usr/share/common-licenses/GPL-2, and in the
 file COPYING of any Linux source.
`)
	return []byte(b.String())
}
