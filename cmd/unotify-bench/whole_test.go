package main

import (
	"os"
	"path/filepath"
	"testing"
)

// TestWriteWhole: what cannot be written leaves the file as it was, and nothing beside.
func TestWriteWhole(t *testing.T) {
	dir := t.TempDir()
	path := filepath.Join(dir, "file")
	if err := writeWhole(path, []byte("old\n")); err != nil {
		t.Fatal(err)
	}
	// No room, as a directory is in the way.
	if err := os.Mkdir(path+newSuffix, 0o755); err != nil {
		t.Fatal(err)
	}
	if err := writeWhole(path, []byte("new\n")); err == nil {
		t.Error("it is written where it cannot be")
	}
	if got := readText(t, path); got != "old\n" {
		t.Errorf("the file is %q", got)
	}
	if left, err := os.ReadDir(dir); err != nil || len(left) != 1 {
		t.Errorf("left beside: %v, %v", left, err)
	}
}
