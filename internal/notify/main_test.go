package notify

import (
	"errors"
	"flag"
	"fmt"
	"maps"
	"os"
	"runtime"
	"runtime/debug"
	"slices"
	"testing"

	"golang.org/x/sys/unix"
)

// roles are what a child of the test binary can be. Each stands beside the
// tests that start it.
var roles = map[string]func(*Conn) error{}

func role(name string, f func(*Conn) error) string {
	roles[name] = f
	return name
}

// patched is set by who knows that the kernel is.
var patched = flag.Bool("patched", false, "fail where this kernel lacks anything that is proposed")

func TestMain(m *testing.M) {
	// A thread in a raw call keeps its P and stops for no collection.
	runtime.GOMAXPROCS(8)
	debug.SetGCPercent(-1)
	if name := Role(); name != "" {
		f := roles[name]
		if f == nil {
			fmt.Fprintf(os.Stderr, "no role %q\n", name)
			os.Exit(2)
		}
		if err := f(NewConn(RoleFD)); err != nil && !errors.Is(err, ErrPeerGone) {
			fmt.Fprintf(os.Stderr, "%s: %v\n", name, err)
			os.Exit(1)
		}
		os.Exit(0)
	}
	os.Exit(runTests(m))
}

// runTests fails when the tests leave a descriptor or a child behind.
func runTests(m *testing.M) int {
	// The runtime's own descriptors (epoll) come with the first pipe.
	r, w, err := os.Pipe()
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	r.Close()
	w.Close()
	before, err := descriptors()
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	code := m.Run()
	after, err := descriptors()
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	for _, fd := range slices.Sorted(maps.Keys(after)) {
		if before[fd] != after[fd] {
			fmt.Fprintf(os.Stderr, "FAIL: descriptor %s was left open: %s\n", fd, after[fd])
			code = 1
		}
	}
	var info unix.Siginfo
	if err := unix.Waitid(unix.P_ALL, 0, &info, unix.WEXITED|unix.WNOHANG|unix.WNOWAIT, nil); err != unix.ECHILD {
		fmt.Fprintf(os.Stderr, "FAIL: a child was left behind (waitid: %v)\n", err)
		code = 1
	}
	return code
}

// descriptors maps every open descriptor to what it is, but for the one that
// reads the list.
func descriptors() (map[string]string, error) {
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

// start runs a role until the test's end.
func start(t *testing.T, role string, files ...*os.File) *Process {
	t.Helper()
	p, err := Start(role, files...)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { p.Kill(); _ = p.Wait() })
	return p
}
