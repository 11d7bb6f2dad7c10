package kernel

import (
	"errors"
	"fmt"

	"golang.org/x/sys/unix"
)

// Room that is needed, as seen with 6.12.117 and rounded up.
const (
	sourceSpace int64 = 1 << 30
	objectSpace int64 = 512 << 20
)

// room fails if the file system of dir has less than need left.
func room(dir string, need int64) error {
	var st unix.Statfs_t
	if err := unix.Statfs(dir, &st); err != nil {
		return fmt.Errorf("look for room on %s: %w", dir, err)
	}
	if free(st) < need {
		return spaceError(unix.ENOSPC, dir, need)
	}
	return nil
}

func free(st unix.Statfs_t) int64 { return int64(st.Bavail) * st.Bsize }

// spaceError says what to do if err is about a full disk, and is err
// otherwise.
func spaceError(err error, dir string, need int64) error {
	if !errors.Is(err, unix.ENOSPC) && !errors.Is(err, unix.EDQUOT) {
		return err
	}
	left := "?"
	var st unix.Statfs_t
	if unix.Statfs(dir, &st) == nil {
		left = fmt.Sprint(free(st) >> 20)
	}
	return fmt.Errorf("%w on the file system of %s: %d MiB are needed, %s are left; free some, or set XDG_CACHE_HOME to a directory elsewhere: %w",
		ErrNoSpace, dir, need>>20, left, err)
}
