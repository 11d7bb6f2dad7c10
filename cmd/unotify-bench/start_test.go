package main

import (
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"runtime"
	"strconv"
	"strings"
	"testing"
)

// initLine is what the runtime says of a package that it has initialised.
var initLine = regexp.MustCompile(`(?m)^init (\S+) @.*, (\d+) bytes, (\d+) allocs$`)

// TestStart bounds what packages of this module allocate before main, which every
// row and every check has processes do: nothing is compiled there. See
// internal/lazy. What the bounds are about is a multiple of them. The program is one
// without tests, whose flags are not its own.
func TestStart(t *testing.T) {
	program := filepath.Join(t.TempDir(), "unotify-bench")
	goBuild(t, runtime.GOARCH, program, "-trimpath", "-ldflags=-w", ".")
	cmd := exec.Command(program, "version")
	cmd.Env = append(os.Environ(), "GODEBUG=inittrace=1")
	var said strings.Builder
	cmd.Stderr = &said
	if err := cmd.Run(); err != nil {
		t.Fatal(err)
	}
	const allocs = 300
	seen := 0
	for _, m := range initLine.FindAllStringSubmatch(said.String(), -1) {
		if m[1] != "main" && !strings.HasPrefix(m[1], "unotify-bench/") {
			continue
		}
		seen++
		n, err := strconv.Atoi(m[3])
		if err != nil {
			t.Fatal(err)
		}
		if n > allocs {
			t.Errorf("%s makes %d things at each start of the program (%s bytes), at most %d are its due", m[1], n, m[2], allocs)
		}
	}
	if seen < 5 {
		t.Errorf("the runtime tells of %d packages:\n%s", seen, &said)
	}
}
