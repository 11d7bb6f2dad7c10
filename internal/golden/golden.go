// Package golden compares what a test gets with a file that is committed. Only
// tests import it.
package golden

import (
	"flag"
	"os"
	"path/filepath"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// update has the files written anew.
var update = flag.Bool("update", false, "write the golden files anew")

// Check compares got with testdata/name, which may lead elsewhere. On a difference
// what was got stays beside it as .got-name, which git ignores.
func Check(t *testing.T, name, got string) {
	t.Helper()
	path := filepath.Join("testdata", name)
	gotPath := filepath.Join(filepath.Dir(path), ".got-"+filepath.Base(path))
	if *update {
		if err := os.WriteFile(path, []byte(got), 0o644); err != nil {
			t.Fatal(err)
		}
		os.Remove(gotPath)
		return
	}
	want, err := os.ReadFile(path)
	if err != nil {
		t.Fatalf("%v: make it with: go test -update", err)
	}
	if diff := cmp.Diff(string(want), got); diff != "" {
		if err := os.WriteFile(gotPath, []byte(got), 0o644); err != nil {
			t.Error(err)
		}
		t.Errorf("%s differs from %s (-want +got):\n%s", gotPath, path, diff)
		return
	}
	os.Remove(gotPath)
}
