package abi_test

import (
	"encoding/json"
	"errors"
	"io"
	"os"
	"os/exec"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// TestBuilds builds the tables where nothing of them could run: they must be
// readable from any desk. Vet is for where the tests run too, since it has to
// compile what they import.
func TestBuilds(t *testing.T) {
	for target, verbs := range map[string][]string{
		"linux/amd64":   {"build", "vet"},
		"linux/arm64":   {"build", "vet"},
		"linux/riscv64": {"build", "vet"},
		"darwin/arm64":  {"build"},
		"windows/amd64": {"build"},
		"linux/386":     {"build"}, // 64-bit fields are aligned to 4 there
	} {
		t.Run(target, func(t *testing.T) {
			for _, verb := range verbs {
				if out, err := goFor(target, verb, tables()...).CombinedOutput(); err != nil {
					t.Errorf("go %s: %v\n%s", verb, err, out)
				}
			}
		})
	}
}

// TestNoConstraints asks that no file is left out anywhere and that the
// packages import what ARCHITECTURE allows, nothing else.
func TestNoConstraints(t *testing.T) {
	imports := map[string][]string{
		"unotify-bench/abi":         {"unsafe"},
		"unotify-bench/abi/amd64":   {"unotify-bench/abi"},
		"unotify-bench/abi/arm64":   {"unotify-bench/abi"},
		"unotify-bench/abi/riscv64": {"unotify-bench/abi"},
	}
	for _, target := range []string{"linux/amd64", "darwin/arm64", "windows/amd64"} {
		t.Run(target, func(t *testing.T) {
			cmd := goFor(target, "list", append([]string{"-json"}, tables()...)...)
			cmd.Stderr = os.Stderr
			out, err := cmd.Output()
			if err != nil {
				t.Fatalf("%v: %v", cmd, err)
			}
			got := map[string][]string{}
			for dec := json.NewDecoder(strings.NewReader(string(out))); ; {
				var p struct {
					ImportPath     string
					Imports        []string
					IgnoredGoFiles []string
				}
				if err := dec.Decode(&p); errors.Is(err, io.EOF) {
					break
				} else if err != nil {
					t.Fatal(err)
				}
				got[p.ImportPath] = p.Imports
				ignored := slices.DeleteFunc(p.IgnoredGoFiles, func(f string) bool {
					return strings.HasSuffix(f, "_test.go")
				})
				if len(ignored) > 0 {
					t.Errorf("%s: files left out: %q", p.ImportPath, ignored)
				}
			}
			if d := cmp.Diff(imports, got); d != "" {
				t.Errorf("imports (-want +got):\n%s", d)
			}
		})
	}
}

// tables are the packages of facts: suite, below the same directory, is code
// for the kernel it runs on.
func tables() []string {
	paths := []string{"."}
	for _, a := range archs {
		paths = append(paths, "./"+a.Name)
	}
	return paths
}

func goFor(target, verb string, args ...string) *exec.Cmd {
	goos, goarch, _ := strings.Cut(target, "/")
	cmd := exec.Command("go", append([]string{verb}, args...)...)
	cmd.Env = append(os.Environ(), "GOOS="+goos, "GOARCH="+goarch, "CGO_ENABLED=0")
	return cmd
}
