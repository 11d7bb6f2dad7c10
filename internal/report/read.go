package report

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"

	"golang.org/x/perf/benchfmt"
)

// What Read says of input that is not the results of a whole run.
var (
	ErrEmpty  = errors.New("no results in it")
	ErrFormat = errors.New("not benchmark results (make them with: unotify-bench run --format benchfmt)")
	ErrCut    = errors.New("cut in the middle of the last line")
)

// maxFile bounds what Read takes in. A full run of four lanes over five seeds
// is below 1 MB.
const maxFile = 64 << 20

// A File is what a results file holds.
type File struct {
	Name     string
	Results  []*benchfmt.Result
	NAs      []NA
	Samples  []Sample
	Units    benchfmt.UnitMetadataMap
	Warnings []error // lines left out, and why
}

// ReadFile reads the results file at path.
func ReadFile(path string) (*File, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, fmt.Errorf("reading results: %w", err)
	}
	defer f.Close()
	return Read(f, path)
}

// Read reads results; name is for messages. The file is nil for any error but
// ErrCut, for which it holds what the complete lines said: an interrupted run
// loses its last line and no more.
func Read(r io.Reader, name string) (*File, error) {
	data, err := io.ReadAll(io.LimitReader(r, maxFile+1))
	switch {
	case err != nil:
		return nil, fmt.Errorf("reading results from %s: %w", name, err)
	case len(data) > maxFile:
		return nil, fmt.Errorf("reading results from %s: more than %d MiB: %w", name, maxFile>>20, ErrFormat)
	case len(bytes.TrimSpace(data)) == 0:
		return nil, fmt.Errorf("reading results from %s: %w", name, ErrEmpty)
	case bytes.IndexByte(data, 0) >= 0:
		return nil, fmt.Errorf("reading results from %s: binary data: %w", name, ErrFormat)
	}
	whole := data[:bytes.LastIndexByte(data, '\n')+1]

	f := &File{Name: name}
	if err := f.results(whole); err != nil {
		return nil, err
	}
	f.remarks(whole)
	if len(whole) < len(data) {
		return f, fmt.Errorf("reading results from %s: %w: %d results before it are complete", name, ErrCut, len(f.Results))
	}
	if len(f.Results) == 0 && len(f.NAs) == 0 {
		return nil, fmt.Errorf("reading results from %s: %w", name, f.emptiness(whole))
	}
	return f, nil
}

func (f *File) results(data []byte) error {
	br := benchfmt.NewReader(bytes.NewReader(data), f.Name)
	for br.Scan() {
		switch rec := br.Result().(type) {
		case *benchfmt.Result:
			if err := check(rec); err != nil {
				_, line := rec.Pos()
				f.Warnings = append(f.Warnings, fmt.Errorf("%s:%d: left out: %w", f.Name, line, err))
				continue
			}
			f.Results = append(f.Results, rec.Clone())
		case *benchfmt.SyntaxError:
			f.Warnings = append(f.Warnings, rec)
		}
	}
	f.Units = br.Units()
	if err := br.Err(); err != nil {
		return fmt.Errorf("reading results: %w: %w", err, ErrFormat)
	}
	return nil
}

// remarks reads the comments that mean something.
func (f *File) remarks(data []byte) {
	s := bufio.NewScanner(bytes.NewReader(data))
	for n := 1; s.Scan(); n++ {
		var err error
		switch line := s.Text(); {
		case strings.HasPrefix(line, naPrefix):
			var na NA
			if na, err = parseNA(line); err == nil {
				f.NAs = append(f.NAs, na)
			}
		case strings.HasPrefix(line, samplePrefix):
			var sum Sample
			if sum, err = parseSample(line); err == nil {
				f.Samples = append(f.Samples, sum)
			}
		}
		if err != nil {
			f.Warnings = append(f.Warnings, fmt.Errorf("%s:%d: left out: %w", f.Name, n, err))
		}
	}
}

// emptiness says why a file that holds text holds no result.
func (f *File) emptiness(data []byte) error {
	if len(f.Warnings) > 0 {
		return fmt.Errorf("%w: %w", ErrFormat, f.Warnings[0])
	}
	first, _, _ := bytes.Cut(bytes.TrimSpace(data), []byte("\n"))
	key, _, isKey := bytes.Cut(first, []byte(":"))
	if isKey && checkConfig(string(key), "") == nil || bytes.HasPrefix(first, []byte("Unit ")) {
		return fmt.Errorf("only file keys: %w", ErrEmpty)
	}
	const show = 40
	if len(first) > show {
		first = append(first[:show:show], "…"...)
	}
	return fmt.Errorf("begins with %q: %w", first, ErrFormat)
}
