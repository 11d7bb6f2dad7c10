package main

import (
	"errors"
	"os"
	"time"

	"golang.org/x/sys/unix"
)

// An ownFile is this run's alone, as long as it is open: results, and a journal
// beside them, are of one run.
type ownFile struct {
	lineFile
	size    int64 // before the run
	regular bool  // not a device or a pipe
	created bool  // by this run
}

// errTaken says that a file is another run's.
var errTaken = errors.New("choose another file")

// claim opens a file, or makes it.
func claim(path string) (*ownFile, error) {
	for {
		f, again, err := tryClaim(path)
		if !again {
			return f, err
		}
	}
}

// tryClaim is claim, but for that who had the lock may have taken the file away
// meanwhile: see discard.
func tryClaim(path string) (f *ownFile, again bool, err error) {
	_, err = os.Lstat(path)
	f = &ownFile{created: errors.Is(err, os.ErrNotExist)}
	if f.File, err = os.OpenFile(path, os.O_WRONLY|os.O_CREATE, 0o644); err != nil {
		return nil, false, err
	}
	if again, err = f.lock(); again || err != nil {
		f.Close()
		return nil, again, err
	}
	return f, false, nil
}

// lock takes the lock, or says to open the file again.
func (f *ownFile) lock() (again bool, err error) {
	info, err := f.Stat()
	if err != nil {
		return false, err
	}
	if f.regular = info.Mode().IsRegular(); !f.regular {
		return false, nil
	}
	// A file system without locks has this check less.
	if err := unix.Flock(int(f.Fd()), unix.LOCK_EX|unix.LOCK_NB); errors.Is(err, unix.EWOULDBLOCK) {
		return false, usageError("another run is writing %s: %w", f.Name(), errTaken)
	}
	// Only with the lock is known what is in the file.
	if info, err = f.Stat(); err != nil {
		return false, err
	}
	f.size = info.Size()
	now, err := os.Stat(f.Name())
	if errors.Is(err, os.ErrNotExist) {
		return true, nil
	}
	return err == nil && !os.SameFile(info, now), err
}

// discard closes a file that nothing was written to.
func (f *ownFile) discard() {
	// While the lock is held: later it can be another run's, as it was if it was
	// empty no more when the lock was had.
	if f.created && f.size == 0 {
		os.Remove(f.Name())
	}
	f.Close()
}

// byTime calls do with the name of this moment and, as long as what that makes is
// there already, as its error says, with that of the next. Another run may have begun
// in the same millisecond, or before somebody set the clock back.
func byTime(do func(name string) error, taken error) error {
	for now := time.Now().UTC(); ; now = now.Add(time.Millisecond) {
		if err := do(now.Format("20060102T150405.000Z")); !errors.Is(err, taken) {
			return err
		}
	}
}
