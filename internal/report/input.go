package report

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"
)

// An Input is what one file holds, whichever of this program's files it is: one
// of the pointers and slices is set. What it is shows in what it holds; its
// name is never asked.
type Input struct {
	Name     string
	File     *File // measurements
	Races    []Race
	Checks   []Check
	Faults   *Faults
	Studies  []Stability
	Warnings []error // what was left out, and why
}

// maxObjects bounds the elements of a JSON file.
const maxObjects = 200_000

// ErrRows is what ReadInput says of the json of `run`.
var ErrRows = errors.New("rows of run --format json, which is for other programs: give the benchfmt file")

// ReadInput reads the file at path. A cut file gives what is complete of it, and
// a warning.
func ReadInput(path string) (*Input, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, fmt.Errorf("reading results: %w", err)
	}
	defer f.Close()
	data, err := io.ReadAll(io.LimitReader(f, maxFile+1))
	if err != nil {
		return nil, fmt.Errorf("reading results from %s: %w", path, err)
	}
	return input(data, path)
}

func input(data []byte, name string) (*Input, error) {
	in := &Input{Name: name}
	text := bytes.TrimSpace(data)
	switch {
	case len(data) > maxFile: // Read says so
	case isArray(text):
		if err := in.json(text); err != nil {
			return nil, err
		}
		return in, nil
	case bytes.HasPrefix(text, []byte(`{"where":`)):
		return nil, fmt.Errorf("reading results from %s: %w", name, ErrRows)
	case bytes.HasPrefix(text, []byte(faultsHead)) && bytes.Contains(firstLine(text), []byte(faultsFound)):
		var warnings []error
		in.Faults, warnings = readFaults(string(text), name)
		in.Warnings = warnings
		if in.Faults == nil {
			return nil, errors.Join(warnings...)
		}
		return in, nil
	}
	file, err := Read(bytes.NewReader(data), name)
	switch {
	case errors.Is(err, ErrCut) && len(file.Results)+len(file.NAs) > 0:
		in.Warnings = append(in.Warnings, err)
	case errors.Is(err, ErrCut):
		return nil, fmt.Errorf("reading results from %s: one line, which does not end: %w", name, ErrFormat)
	case err != nil:
		return nil, err
	}
	in.File = file
	in.Warnings = append(in.Warnings, file.Warnings...)
	return in, nil
}

// isArray tells an array of objects from a console's log, which begins with a time in
// brackets.
func isArray(text []byte) bool {
	after, ok := bytes.CutPrefix(text, []byte("["))
	after = bytes.TrimSpace(after)
	return ok && (len(after) == 0 || after[0] == '{' || after[0] == ']')
}

func firstLine(text []byte) []byte {
	line, _, _ := bytes.Cut(text, []byte("\n"))
	return line
}

// json reads an array of races, of checks or of studies, one element after the other, so
// that those before a cut remain.
func (in *Input) json(text []byte) error {
	d := json.NewDecoder(bytes.NewReader(text))
	if _, err := d.Token(); err != nil {
		return fmt.Errorf("reading results from %s: %w: %w", in.Name, ErrFormat, err)
	}
	for n := 1; d.More() && n <= maxObjects; n++ {
		var raw json.RawMessage
		if err := d.Decode(&raw); err != nil {
			return in.broken(n, err)
		}
		if err := in.element(raw); err != nil {
			if in.empty() {
				return fmt.Errorf("reading results from %s: element %d: %w", in.Name, n, err)
			}
			in.Warnings = append(in.Warnings, fmt.Errorf("%s: element %d left out: %w", in.Name, n, err))
		}
	}
	if d.More() {
		in.Warnings = append(in.Warnings, fmt.Errorf("%s: what follows the first %d elements is left out", in.Name, maxObjects))
	} else if _, err := d.Token(); err != nil {
		return in.broken(len(in.Races)+len(in.Checks)+len(in.Studies)+1, err)
	}
	if in.empty() {
		return fmt.Errorf("reading results from %s: %w", in.Name, ErrEmpty)
	}
	return nil
}

func (in *Input) empty() bool { return len(in.Races)+len(in.Checks)+len(in.Studies) == 0 }

// broken is a warning where elements remain.
func (in *Input) broken(n int, err error) error {
	why := fmt.Errorf("%s: cut or damaged in element %d, what is before it is used: %w", in.Name, n, err)
	if in.empty() {
		return fmt.Errorf("reading results from %s: %w: %w", in.Name, ErrFormat, err)
	}
	in.Warnings = append(in.Warnings, why)
	return nil
}

func (in *Input) element(raw json.RawMessage) error {
	var keys map[string]json.RawMessage
	if err := json.Unmarshal(raw, &keys); err != nil {
		return fmt.Errorf("%w: %w", ErrFormat, err)
	}
	has := func(k string) bool { return keys[k] != nil }
	switch {
	case has("mechanism") && has("attack") && len(in.Checks)+len(in.Studies) == 0:
		var r Race
		if err := errors.Join(json.Unmarshal(raw, &r), r.Check()); err != nil {
			return err
		}
		r.Kernel, r.Accel, r.Verdict, r.Text = short(r.Kernel), short(r.Accel), short(r.Verdict), short(r.Text)
		in.Races = append(in.Races, r)
	case has("id") && has("verdict") && len(in.Races)+len(in.Studies) == 0:
		var c Check
		if err := errors.Join(json.Unmarshal(raw, &c), c.check()); err != nil {
			return err
		}
		c.Kernel, c.Level, c.Doc, c.Source, c.Text = short(c.Kernel), short(c.Level), short(c.Doc), short(c.Source), short(c.Text)
		in.Checks = append(in.Checks, c)
	case has("builds") && has("rows") && len(in.Races)+len(in.Checks) == 0:
		var st Stability
		if err := errors.Join(json.Unmarshal(raw, &st), st.check()); err != nil {
			return err
		}
		in.Studies = append(in.Studies, st)
	default:
		return fmt.Errorf("neither a race nor a check nor a study: %w", ErrFormat)
	}
	return nil
}

// short bounds a text that somebody else wrote. Lines stay lines.
func short(s string) string {
	const most = 2000
	lines := strings.Split(cut(s, most), "\n")
	for i := range lines {
		lines[i] = clean(lines[i])
	}
	return strings.Join(lines, "\n")
}
