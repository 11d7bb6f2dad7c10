package main

import (
	"bytes"
	"io"
	"os"
)

// newSuffix is that of a file that takes the place of another when it is whole.
const newSuffix = ".new"

// writeWhole writes a file that is whole or as it was before, whatever comes between.
func writeWhole(path string, text []byte) error {
	if err := os.WriteFile(path+newSuffix, text, 0o644); err != nil {
		os.Remove(path + newSuffix)
		return err
	}
	return os.Rename(path+newSuffix, path)
}

// A lineFile has whole lines, also when there is no room for the last one: what was
// written of that is taken off again.
type lineFile struct {
	*os.File
	at, end int64 // what was written, and of it whole lines
}

func (f *lineFile) Write(p []byte) (int, error) {
	n, err := f.File.Write(p)
	if i := bytes.LastIndexByte(p[:n], '\n'); i >= 0 {
		f.end = f.at + int64(i) + 1
	}
	f.at += int64(n)
	if err == nil || f.at == f.end {
		return n, err
	}
	// A pipe or a device cannot be cut, which says nothing that err does not.
	if f.Truncate(f.end) == nil {
		if at, e := f.Seek(f.end, io.SeekStart); e == nil {
			f.at = at
		}
	}
	return n, err
}
