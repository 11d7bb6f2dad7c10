// Package leak fails the tests of a package that leave something behind: a goroutine, a
// descriptor, a child. Only tests import it.
package leak

import (
	"errors"
	"fmt"
	"io"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"go.uber.org/goleak"
	"golang.org/x/sys/unix"
)

// Tests are those of a package, as TestMain gets them.
type Tests struct {
	M    interface{ Run() int }
	Kept []string // beginnings of what descriptors may stay open to
	Out  io.Writer
}

// Run is m.Run, and fails where something is left.
func (t Tests) Run() int {
	if t.Out == nil {
		t.Out = os.Stderr
	}
	// The runtime's own descriptors (epoll) come with the first pipe.
	if r, w, err := os.Pipe(); err == nil {
		r.Close()
		w.Close()
	}
	before, err := Descriptors()
	if err != nil {
		fmt.Fprintf(t.Out, "FAIL: cannot tell what is left behind: %v\n", err)
		return 1
	}
	code := t.M.Run()
	left := t.left(before)
	// What was told to end may take a moment: goleak waits so, too.
	for range 50 {
		if len(left) == 0 {
			break
		}
		time.Sleep(20 * time.Millisecond)
		left = t.left(before)
	}
	if err := goleak.Find(); err != nil {
		left = append(left, fmt.Sprintf("a goroutine was left behind: %v", err))
	}
	for _, l := range left {
		fmt.Fprintln(t.Out, "FAIL:", l)
		code = max(code, 1)
	}
	return code
}

// left names descriptors and children.
func (t Tests) left(before map[string]string) (left []string) {
	after, err := Descriptors()
	if err != nil {
		left = append(left, fmt.Sprintf("cannot tell what is left behind: %v", err))
	}
	for _, fd := range slices.Sorted(maps.Keys(after)) {
		kept := slices.ContainsFunc(t.Kept, func(name string) bool { return strings.HasPrefix(after[fd], name) })
		if before[fd] != after[fd] && !kept {
			left = append(left, fmt.Sprintf("descriptor %s was left open: %s", fd, after[fd]))
		}
	}
	var info unix.Siginfo
	if err := unix.Waitid(unix.P_ALL, 0, &info, unix.WEXITED|unix.WNOHANG|unix.WNOWAIT, nil); !errors.Is(err, unix.ECHILD) {
		left = append(left, fmt.Sprintf("a child was left behind: %q (waitid: %v)", children(), err))
	}
	return left
}

// Descriptors maps every open descriptor to what it is, but for the one that reads the
// list.
func Descriptors() (map[string]string, error) {
	names, err := os.ReadDir("/proc/self/fd")
	if err != nil {
		return nil, err
	}
	fds := map[string]string{}
	for _, n := range names {
		if to, err := os.Readlink("/proc/self/fd/" + n.Name()); err == nil {
			fds[n.Name()] = to
		}
	}
	return fds, nil
}

// children are this process's, as a person knows them.
func children() (names []string) {
	lists, _ := filepath.Glob("/proc/self/task/*/children")
	for _, list := range lists {
		pids, _ := os.ReadFile(list)
		for pid := range strings.FieldsSeq(string(pids)) {
			name, _ := os.ReadFile("/proc/" + pid + "/comm")
			names = append(names, pid+" "+strings.TrimSpace(string(name)))
		}
	}
	return names
}
