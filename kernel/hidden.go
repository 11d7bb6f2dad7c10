package kernel

import (
	"bytes"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strings"
)

// hidden finds files of over that objects were made without seeing them. A
// file that includes "../workqueue_internal.h" from kernel/sched gets the
// source's, as long as kernel/sched is a link into the source: only a real
// directory has the view's kernel/ above it. Kbuild's lists of what each
// object is made of tell how a file was reached.
func (o objectTree) hidden(over overlay) (files, open []string, err error) {
	err = filepath.WalkDir(o.out(), func(at string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() || !strings.HasSuffix(at, ".cmd") {
			return err
		}
		text, err := os.ReadFile(at)
		if err != nil {
			return err
		}
		for line := range bytes.Lines(text) {
			if !bytes.Contains(line, []byte("/../")) {
				continue
			}
			// "  ../kernel/sched/../workqueue_internal.h \\", with the
			// source one above the output.
			name, ok := strings.CutPrefix(strings.Trim(string(line), " \t\\\n"), "../")
			file := path.Clean(name)
			if !ok || over[file] == nil || o.sees(name, file) {
				continue
			}
			files = append(files, file)
			for i := range len(name) {
				if dir := path.Clean(name[:i]); strings.HasPrefix(name[i:], "/../") && filepath.IsLocal(dir) && dir != "." {
					open = append(open, dir)
				}
			}
		}
		return nil
	})
	slices.Sort(files)
	slices.Sort(open)
	return slices.Compact(files), slices.Compact(open), err
}

// sees says that a path with ".." in it leads to the view's file.
func (o objectTree) sees(name, file string) bool {
	a, err1 := os.Stat(o.dir + "/" + name) // not cleaned: that is the point
	b, err2 := os.Stat(filepath.Join(o.dir, file))
	return err1 == nil && err2 == nil && os.SameFile(a, b)
}
