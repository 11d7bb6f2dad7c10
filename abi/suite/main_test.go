package suite

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"unotify-bench/internal/leak"
)

func TestMain(m *testing.M) {
	Main()
	os.Exit(runTests(m))
}

// runTests fails when a check leaves files behind.
func runTests(m *testing.M) int {
	tmp, err := os.MkdirTemp("", "suite-test-")
	if err != nil {
		panic(err)
	}
	defer os.RemoveAll(tmp)
	_ = os.Setenv("TMPDIR", tmp)
	code := leak.Tests{M: m}.Run()
	if left, _ := filepath.Glob(tmp + "/*"); len(left) > 0 {
		_, _ = os.Stderr.WriteString("FAIL: files were left behind: " + strings.Join(left, " ") + "\n")
		code = 1
	}
	return code
}
