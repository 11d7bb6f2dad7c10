package kernel

import (
	"context"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"time"
)

// Make goes by time. Where the clock was set back since an object was made, what a
// patch changes now is older than that object, and the kernel would be one without
// the patch.

// now is the time by which files in the tree are dated. Where that is a server's it
// need not be this machine's.
func (o objectTree) now() (time.Time, error) {
	file := o.out(".now")
	if err := os.WriteFile(file, []byte("now\n"), 0o644); err != nil {
		return time.Time{}, err
	}
	info, err := os.Stat(file)
	if err != nil {
		return time.Time{}, err
	}
	return info.ModTime(), nil
}

// ahead names a file of the output that is of the future, if there is one.
func (o objectTree) ahead() (name string, err error) {
	if !fileExists(o.out()) {
		return "", nil // nothing was made yet
	}
	now, err := o.now()
	if err != nil {
		return "", err
	}
	err = filepath.WalkDir(o.out(), func(path string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		info, err := d.Info()
		if err == nil && info.ModTime().After(now) {
			name, err = path, fs.SkipAll
		}
		return err
	})
	return name, err
}

// fillInOrder is fill in a tree in which time goes forward only: else it begins anew.
func (b *Builder) fillInOrder(ctx context.Context, tree objectTree, r request, src *source, cacheRoot string) (units int64, err error) {
	const tries = 2
	for range tries {
		late, err := tree.ahead()
		if err != nil {
			return 0, spaceError(err, cacheRoot, objectSpace)
		}
		if late != "" {
			b.progress().Log(fmt.Sprintf("the clock was set back since %s was made: all of %s is compiled again", late, r))
			if err := os.RemoveAll(tree.dir); err != nil {
				return 0, err
			}
		}
		if units, err = b.fill(ctx, tree, r, src, cacheRoot); err != nil {
			return units, err
		}
		if late, err = tree.ahead(); err != nil || late == "" {
			return units, err
		}
	}
	return units, fmt.Errorf("%w, twice: build it again", ErrClock)
}
