// Package tempdir makes directories for temporary files that are removed even if
// who made them is killed: by the next one that makes a directory. A process holds a
// lock on its own, and what nobody holds is nobody's.
package tempdir

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"

	"golang.org/x/sys/unix"
)

// prefix is what only directories of this package are called.
const prefix = "unotify-owned-"

// Dir is a directory for temporary files.
type Dir struct {
	Path string
	lock *os.File // the directory itself; no child inherits it; nil without locks
}

// errNoLocks says that a file system, or a kernel, has no locks. Then nobody can tell
// whose a directory is, and none is removed but by who made it.
var errNoLocks = errors.New("no locks")

// flock is another in a test.
var flock = unix.Flock

// New makes a directory below parent, or if that is "" the system's for such, and
// removes what was left there by processes that have ended.
func New(parent string) (*Dir, error) {
	if parent == "" {
		parent = os.TempDir()
	}
	sweep(parent)
	for {
		path, err := os.MkdirTemp(parent, prefix)
		if err != nil {
			return nil, err
		}
		d, err := own(path)
		switch {
		case err == nil:
			return d, nil
		case errors.Is(err, errNoLocks):
			return &Dir{Path: path}, nil
		case !errors.Is(err, os.ErrNotExist):
			os.RemoveAll(path)
			return nil, fmt.Errorf("lock a directory for temporary files: %w", err)
		}
		// Somebody's sweep came before the lock, and it is gone.
	}
}

// Remove removes the directory and what is in it.
func (d *Dir) Remove() error {
	// The lock goes last, or a sweep would be in the way.
	err := os.RemoveAll(d.Path)
	if d.lock != nil {
		d.lock.Close()
	}
	return err
}

// own takes the lock of a directory. That of one that was removed meanwhile is
// worth nothing: os.ErrNotExist, as for one that somebody else holds.
func own(path string) (*Dir, error) {
	// Anybody may have put anything there, where the directory is a common one.
	f, err := os.OpenFile(path, unix.O_DIRECTORY|unix.O_NOFOLLOW, 0)
	if err != nil {
		return nil, err
	}
	err = flock(int(f.Fd()), unix.LOCK_EX|unix.LOCK_NB)
	if errors.Is(err, unix.EWOULDBLOCK) {
		err = os.ErrNotExist
	} else if err != nil {
		err = fmt.Errorf("%w: %w", errNoLocks, err)
	}
	var mine, now os.FileInfo
	if err == nil {
		mine, err = f.Stat()
	}
	if err == nil {
		now, err = os.Lstat(path)
	}
	if err == nil && !os.SameFile(mine, now) {
		err = os.ErrNotExist
	}
	if err != nil {
		f.Close()
		return nil, err
	}
	return &Dir{Path: path, lock: f}, nil
}

// sweep removes what nobody holds. What cannot be removed, as it is another
// user's, stays.
func sweep(parent string) {
	entries, _ := os.ReadDir(parent) // the directory that is made next tells more
	for _, e := range entries {
		if !strings.HasPrefix(e.Name(), prefix) {
			continue
		}
		if d, err := own(filepath.Join(parent, e.Name())); err == nil {
			_ = d.Remove()
		}
	}
}
