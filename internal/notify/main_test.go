package notify

import (
	"errors"
	"flag"
	"fmt"
	"os"
	"runtime"
	"runtime/debug"
	"testing"

	"unotify-bench/internal/leak"
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
	os.Exit(leak.Tests{M: m}.Run())
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
