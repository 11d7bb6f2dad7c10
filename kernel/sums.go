package kernel

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
)

// sumsFile has the hash of each file of an unpacked package, as sha256sum(1) has it.
const sumsFile = "SHA256SUMS"

// sums are those of the files in dir.
func sums(dir string) (string, error) {
	var text strings.Builder
	err := filepath.WalkDir(dir, func(path string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() || path == filepath.Join(dir, sumsFile) {
			return err
		}
		sum, err := FileSHA256(path)
		if err != nil {
			return err
		}
		name, err := filepath.Rel(dir, path)
		fmt.Fprintf(&text, "%s  %s\n", sum, name)
		return err
	})
	return text.String(), err
}

func writeSums(dir string) error {
	text, err := sums(dir)
	if err != nil {
		return err
	}
	return os.WriteFile(filepath.Join(dir, sumsFile), []byte(text), 0o644)
}

// checkUnpacked is errDamaged if dir is not as it was when it was unpacked, and
// fs.ErrNotExist as well if an earlier version has, which wrote no sums.
func checkUnpacked(dir string) error {
	want, err := os.ReadFile(filepath.Join(dir, sumsFile))
	var got string
	if err == nil {
		got, err = sums(dir)
	}
	if err == nil && got != string(want) {
		err = errors.New("a file of it is not as it was unpacked")
	}
	if err != nil {
		return fmt.Errorf("%s %w: %w", dir, errDamaged, err)
	}
	return nil
}
