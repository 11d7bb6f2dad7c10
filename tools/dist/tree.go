package main

import (
	"bytes"
	"cmp"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path"
	"runtime/debug"
	"slices"
	"strings"
)

// file is one of a release. Its name is relative to where it is installed.
type file struct {
	name string
	mode fs.FileMode
	data []byte
}

// tree is what is installed: the same directories in a tarball, which so can be
// unpacked into /usr/local or ~/.local as well as anywhere, and in a package.
type tree []file

const docs = "share/doc/" + name + "/"

// completions are where shells look for them below /usr/local, by shell.
var completions = map[string]string{
	"bash": "share/bash-completion/completions/" + name,
	"fish": "share/fish/vendor_completions.d/" + name + ".fish",
	"zsh":  "share/zsh/site-functions/_" + name,
}

// pages are what is to be read, and what that refers to: the results are what the
// examples of README are about.
var pages = []string{"ARCHITECTURE.md", "CONTRIBUTING.md", "LICENSE", "README.md", "docs", "kernel/README.md", "results"}

// sharedFiles is all but the program. Native is the program of this machine, which
// is asked for what it says about itself.
func (r *release) sharedFiles(native string, info *debug.BuildInfo) ([]file, error) {
	var all tree
	for _, arch := range arches {
		data, err := os.ReadFile(guest(arch))
		if err != nil {
			return nil, err
		}
		all = append(all, file{"lib/" + name + "/" + guestName(arch), 0o755, data})
	}
	for shell, at := range completions {
		script, err := output(native, "completion", shell)
		if err != nil {
			return nil, err
		}
		all = append(all, file{at, 0o644, script})
	}
	// What git knows, and nothing else that lies there.
	list, err := output("git", append([]string{"ls-files", "-z", "--"}, pages...)...)
	if err != nil {
		return nil, err
	}
	for name := range strings.SplitSeq(strings.TrimSuffix(string(list), "\x00"), "\x00") {
		if path.Ext(name) == ".go" {
			continue // a result that is compiled in
		}
		data, err := os.ReadFile(name)
		if err != nil {
			return nil, err
		}
		all = append(all, file{docs + name, 0o644, data})
	}
	manual, err := r.manual(native)
	if err != nil {
		return nil, err
	}
	licenses, err := licenses(info)
	if err != nil {
		return nil, err
	}
	return slices.Concat(all, manual, licenses), nil
}

// sorted has every directory before what is in it.
func (t tree) sorted() tree {
	t = slices.Clone(t)
	dirs := map[string]bool{".": true}
	for _, f := range t {
		for d := path.Dir(f.name); !dirs[d]; d = path.Dir(d) {
			dirs[d] = true
			t = append(t, file{d, fs.ModeDir | 0o755, nil})
		}
	}
	slices.SortFunc(t, func(a, b file) int { return cmp.Compare(a.name, b.name) })
	return t
}

// output is what a command prints.
func output(command string, args ...string) ([]byte, error) {
	cmd := exec.Command(command, args...)
	var stderr bytes.Buffer
	cmd.Stderr = &stderr
	out, err := cmd.Output()
	if err != nil {
		return nil, fmt.Errorf("%v: %w\n%s", cmd, err, &stderr)
	}
	return out, nil
}
