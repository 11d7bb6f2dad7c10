package kernel

import (
	"bytes"
	"context"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"time"
)

// A patience is time that passed while this process ran. Whoever stops it for a
// while, by Ctrl-Z or SIGSTOP, has most often stopped QEMU with it, and a machine
// that could not run is not one that hangs.
type patience struct {
	last time.Time
	sum  time.Duration
}

// mostAtOnce is what counts of the time since it was last looked at. Those who look
// do so much more often.
const mostAtOnce = time.Second

// passed is how much has passed since the first call.
func (p *patience) passed() time.Duration {
	now := time.Now()
	if !p.last.IsZero() {
		p.sum += min(now.Sub(p.last), mostAtOnce)
	}
	p.last = now
	return p.sum
}

// withPatience is context.WithTimeout by a patience: the cause is then
// context.DeadlineExceeded.
func withPatience(ctx context.Context, d time.Duration) (context.Context, func()) {
	bound, cancel := context.WithCancelCause(ctx)
	go func() {
		tick := time.NewTicker(mostAtOnce / 10)
		defer tick.Stop()
		for p := (patience{}); p.passed() < d; {
			select {
			case <-bound.Done():
				return
			case <-tick.C:
			}
		}
		cancel(context.DeadlineExceeded)
	}()
	return bound, func() { cancel(nil) }
}

// childStopped reports whether somebody has stopped a child of this process, as
// QEMU is one: proc_pid_stat(5).
func childStopped() bool {
	lists, _ := filepath.Glob("/proc/self/task/*/children")
	for _, list := range lists {
		pids, _ := os.ReadFile(list)
		for _, pid := range strings.Fields(string(pids)) {
			stat, _ := os.ReadFile(fmt.Sprintf("/proc/%s/stat", pid))
			if i := bytes.LastIndexByte(stat, ')'); bytes.HasPrefix(stat[i+1:], []byte(" T ")) {
				return true
			}
		}
	}
	return false
}
