package kernel

import (
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"time"

	"unotify-bench/abi"
)

// Entry describes a kernel in the cache.
type Entry struct {
	Arch     string // abi.Arch.Name
	Variant  Variant
	Release  string
	Key      string
	SHA256   string
	Size     int64
	Built    time.Time
	Source   string // version and hash of the archive, or "dir:" and its path
	Config   string // hash of the merged fragments
	Patches  string `json:",omitempty"` // hash of the series, "" for none
	Compiler string
	Units    int64  // lines that make printed for the whole object tree
	Sum      string `json:",omitempty"` // of all this; entries of before have none

	Path    string `json:"-"`
	Damaged string `json:"-"` // why the entry is of no use, if it is not
	// Outdated says that its fragments or patches are others than today's.
	Outdated bool `json:"-"`
}

const (
	entryFile  = "entry.json"
	kernelFile = "kernel"
)

func readEntry(dir string) Entry {
	e := Entry{Path: filepath.Join(dir, kernelFile)}
	text, err := os.ReadFile(filepath.Join(dir, entryFile))
	if err == nil {
		err = json.Unmarshal(text, &e)
	}
	if err == nil && e.Sum != "" {
		var sum string
		if sum, err = entrySum(text); err == nil && sum != e.Sum {
			err = fmt.Errorf("its description, %s, was changed", entryFile)
		}
	}
	if err != nil {
		return Entry{Path: e.Path, Key: filepath.Base(dir), Damaged: err.Error()}
	}
	if st, err := os.Stat(e.Path); err != nil {
		e.Damaged = err.Error()
	} else if st.Size() != e.Size {
		e.Damaged = fmt.Sprintf("it has %d bytes instead of %d", st.Size(), e.Size)
	}
	return e
}

// entrySum tells whether a description is as it was written: nothing else would say
// that a kernel's release is another, by which results are read. It is of whatever
// fields there are, as another version may have more.
func entrySum(text []byte) (string, error) {
	fields := map[string]any{}
	if err := json.Unmarshal(text, &fields); err != nil {
		return "", err
	}
	delete(fields, "Sum")
	text, err := json.Marshal(fields) // sorted
	return hash(string(text)), err
}

// writeEntry writes the description of what is in dir.
func writeEntry(dir string, e Entry) error {
	e.Sum = ""
	text, err := json.Marshal(e)
	if err == nil {
		e.Sum, err = entrySum(text)
	}
	if err != nil {
		return err
	}
	return writeJSON(filepath.Join(dir, entryFile), e)
}

// check reads the whole image.
func (e Entry) check() error {
	if e.Damaged != "" {
		return errors.New(e.Damaged)
	}
	sum, err := FileSHA256(e.Path)
	if err != nil {
		return err
	}
	if sum != e.SHA256 {
		return fmt.Errorf("its SHA-256 is %.12s instead of %.12s", sum, e.SHA256)
	}
	if e.Sum != "" {
		return nil
	}
	// The description may have been changed, and only here would it count.
	img, err := OpenImage(e.Path, nil)
	if err == nil && img.Release != "" && img.Release != e.Release {
		err = fmt.Errorf("it is Linux %s, and not %s as %s says", img.Release, e.Release, entryFile)
	}
	return err
}

func (e Entry) image(arch *abi.Arch) *Image {
	return &Image{Arch: arch, Variant: e.Variant, Path: e.Path, Release: e.Release, SHA256: e.SHA256, Key: e.Key}
}
