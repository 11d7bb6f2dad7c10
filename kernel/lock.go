package kernel

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"time"

	"golang.org/x/sys/unix"
)

// lockPoll is how often a waiting process looks whether the lock is free.
// flock(2) itself could not be interrupted by a context.
const lockPoll = 100 * time.Millisecond

// lock takes path for this process alone, and says so once if it has to wait
// for another. The lock goes with the descriptor: a child that inherits it
// holds the lock even when this process is killed.
func lock(ctx context.Context, path, what string, p Progress) (*os.File, error) {
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		return nil, err
	}
	f, err := os.OpenFile(path, os.O_RDWR|os.O_CREATE, 0o644)
	if err != nil {
		return nil, err
	}
	told := false
	for {
		err = unix.Flock(int(f.Fd()), unix.LOCK_EX|unix.LOCK_NB)
		if err == nil {
			break
		}
		if !errors.Is(err, unix.EWOULDBLOCK) && !errors.Is(err, unix.EINTR) {
			f.Close()
			return nil, fmt.Errorf("lock %s: %w", path, err)
		}
		if !told {
			holder, _ := os.ReadFile(path)
			p.Log(fmt.Sprintf("waiting for process %s, which is busy with %s", strings.TrimSpace(string(holder)), what))
			told = true
		}
		select {
		case <-ctx.Done():
			f.Close()
			return nil, fmt.Errorf("wait for another process, busy with %s: %w", what, ctx.Err())
		case <-time.After(lockPoll):
		}
	}
	// The id is only for the message above: failing to write it is harmless.
	_ = f.Truncate(0)
	_, _ = f.WriteAt([]byte(fmt.Sprintln(os.Getpid())), 0)
	return f, nil
}
