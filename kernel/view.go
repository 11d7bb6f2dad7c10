package kernel

import (
	"errors"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"strings"
)

// show makes o.dir look like src with the files of over in it. Directories
// above such a file are real ones, full of symbolic links to what lies
// beside it in the source.
//
// Make goes by time. So a file that any variant ever touched stays a regular
// one, also when it is the source's again: a link would have the source's old
// time, and objects made of the patched file would pass for new. It is
// written only if its content changes, so that little is compiled again.
//
// The tree itself is all that is remembered of earlier variants, and each
// call looks at every file: one that was interrupted is made good by the
// next.
//
// The directories in open are real ones as well: see hidden.
func (o objectTree) show(src *source, over overlay, open ...string) error {
	fresh := !fileExists(o.out())
	for _, dir := range []string{o.dir, o.out(), o.temp()} {
		if err := os.MkdirAll(dir, 0o755); err != nil {
			return err
		}
	}
	v := view{tree: o, src: src.dir, over: over, below: map[string]bool{}}
	for name := range over {
		for dir := path.Dir(name); dir != "."; dir = path.Dir(dir) {
			v.below[dir] = true
		}
	}
	for _, dir := range open {
		for ; dir != "."; dir = path.Dir(dir) {
			v.below[dir] = true
		}
	}
	return v.dir("", fresh)
}

type view struct {
	tree  objectTree
	src   string
	over  overlay
	below map[string]bool // directories that are to be real ones
}

// keeps tells what in the topmost directory is no part of the view.
func (v view) keeps(name string) bool {
	return name == "o" || name == filepath.Base(v.tree.makeLog()) || name == filepath.Base(v.tree.temp())
}

// dir shows one real directory, which is fresh if it was made just now.
func (v view) dir(rel string, fresh bool) error {
	entries, err := os.ReadDir(filepath.Join(v.src, rel))
	if err != nil && (rel == "" || !errors.Is(err, fs.ErrNotExist)) {
		return err
	}
	here := map[string]bool{} // what belongs here: whether it is a directory
	for _, e := range entries {
		// Linux would add the commit to the version.
		if rel == "" && (e.Name() == ".git" || v.keeps(e.Name())) {
			continue
		}
		here[path.Join(rel, e.Name())] = e.IsDir()
	}
	for name, f := range v.over {
		if f != nil && path.Dir("/"+name) == "/"+rel {
			here[name] = false
		}
	}
	for name := range v.below {
		if path.Dir("/"+name) == "/"+rel {
			here[name] = true
		}
	}
	shown, err := os.ReadDir(filepath.Join(v.tree.dir, rel))
	if err != nil {
		return err
	}
	for _, e := range shown {
		name := path.Join(rel, e.Name())
		if rel == "" && v.keeps(e.Name()) {
			continue
		}
		f, patched := v.over[name]
		if _, ok := here[name]; !ok || patched && f == nil {
			if err := os.RemoveAll(filepath.Join(v.tree.dir, name)); err != nil {
				return err
			}
		}
	}
	for name, isDir := range here {
		if err := v.entry(name, isDir, fresh); err != nil {
			return err
		}
	}
	return nil
}

func (v view) entry(name string, isDir, fresh bool) error {
	at, to := filepath.Join(v.tree.dir, name), filepath.Join(v.src, name)
	// What is missing from a directory that is not fresh may have been
	// removed by a variant's patches: it counts as touched.
	var now fs.FileMode
	if st, err := os.Lstat(at); err == nil {
		now = st.Mode()
	} else if fresh || isDir {
		now = fs.ModeSymlink
	}
	f, patched := v.over[name]
	switch {
	case patched && f == nil:
		return nil
	case isDir && (v.below[name] || now.IsDir()):
		made := !now.IsDir()
		if made {
			if err := os.RemoveAll(at); err != nil {
				return err
			}
			if err := os.Mkdir(at, 0o755); err != nil {
				return err
			}
		}
		return v.dir(name, made)
	case !isDir && now.IsRegular(), patched && !v.same(name, f):
		return v.file(name, f)
	}
	if old, err := os.Readlink(at); err == nil && old == to {
		return nil
	}
	if err := os.RemoveAll(at); err != nil {
		return err
	}
	return os.Symlink(to, at)
}

// same says that patches left a file as it is in the source.
func (v view) same(name string, f *overlayFile) bool {
	src, err := readOverlayFile(filepath.Join(v.src, name))
	return err == nil && src.equal(f)
}

// file writes f, or with nil the source's file, unless its content is there
// already.
func (v view) file(name string, f *overlayFile) error {
	if f == nil {
		var err error
		if f, err = readOverlayFile(filepath.Join(v.src, name)); err != nil || f == nil {
			return err
		}
	}
	at := filepath.Join(v.tree.dir, name)
	now, err := readOverlayFile(at)
	if err == nil && now.equal(f) {
		return nil
	}
	if strings.HasPrefix(path.Base(name), "Kconfig") {
		// A symbol came or went: see configure.
		if err := os.RemoveAll(v.tree.out(configChecked)); err != nil {
			return err
		}
	}
	// A reader, or who comes after an interruption, finds the old file or
	// the new one.
	temp, err := os.Create(filepath.Join(filepath.Dir(at), tempPrefix+filepath.Base(at)))
	if err != nil {
		return err
	}
	_, err = temp.Write(f.text)
	if err := errors.Join(err, temp.Chmod(f.mode()), temp.Close()); err != nil {
		os.Remove(temp.Name())
		return err
	}
	return os.Rename(temp.Name(), at)
}
