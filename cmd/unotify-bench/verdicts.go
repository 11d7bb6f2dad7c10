package main

import (
	"errors"
	"fmt"
)

// verdicts is where a report of `abi` or `abi race` goes: a file, or standard output. The
// file is opened before the work, which might be in vain, and emptied after
// it, so that what it holds is lost only to something newer.
type verdicts struct {
	checked
	file *ownFile // nil for standard output
}

func (a *app) openVerdicts(path string) (*verdicts, error) {
	if path == "" {
		return &verdicts{checked: checked{Writer: a.stdout}}, nil
	}
	f, err := claim(path)
	if errors.Is(err, errTaken) {
		return nil, err
	}
	if err != nil {
		return nil, fmt.Errorf("open the file for the report (choose another with -o): %w", err)
	}
	return &verdicts{checked: checked{Writer: f}, file: f}, nil
}

// discard ends a run before anything is checked.
func (v *verdicts) discard() {
	if v.file != nil {
		v.file.discard()
	}
}

// Close closes a file.
func (v *verdicts) Close() error {
	if v.file == nil {
		return nil
	}
	return v.file.Close()
}

// regular reports whether there is a file that can be emptied, and beside
// which a journal can lie.
func (v *verdicts) regular() bool { return v.file != nil && v.file.regular }

// journal is the path of the journal, "" if there is to be none.
func (v *verdicts) journal() string {
	if !v.regular() {
		return ""
	}
	return v.file.Name() + ".journal"
}

// begin empties a file.
func (v *verdicts) begin() error {
	if !v.regular() {
		return nil
	}
	return v.file.Truncate(0)
}

// failed is the first error of writing, if there was one.
func (v *verdicts) failed() error {
	if v.err == nil {
		return nil
	}
	if v.file == nil {
		return v.err
	}
	return fmt.Errorf("write %s: %w", v.file.Name(), v.err)
}
