package main

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"sync"

	"golang.org/x/perf/benchfmt"

	"unotify-bench/internal/lava"
	"unotify-bench/internal/report"
)

// sink is where results go as they come: a results file, which has every row
// on disk before the next is measured; a stream in the asked format; and the
// set that the table is made from.
type sink struct {
	mu      sync.Mutex
	file    *ownFile
	path    string
	writers []report.Writer
	flush   []*bufio.Writer
	set     report.Set
	lava    *lavaFigures // one of writers, if any is

	fileFormat string
}

// newSink opens the results file: output where -o names one, a new file in
// output where that is a directory, else one under the state directory.
// format goes to standard output, or to -o; text is the table, which is
// printed at the end and for which the results file is in benchfmt.
func newSink(format, output string, resume bool, stdout io.Writer) (*sink, error) {
	s := &sink{}
	dir, ours := output, false // whether the name is for us to choose
	switch info, err := os.Stat(output); {
	case output == "":
		if dir, err = stateDir(); err != nil {
			return nil, err
		}
		ours = true
	case err == nil && info.IsDir():
		ours = true
	}
	var err error
	if ours {
		err = byTime(func(name string) error {
			s.path = filepath.Join(dir, name+".txt")
			return s.claim(resume)
		}, errTaken)
	} else {
		s.path = output
		err = s.claim(resume)
	}
	if err != nil {
		return nil, err
	}
	s.fileFormat = "benchfmt"
	if output != "" && format != "text" {
		s.fileFormat = format
	}
	if err := s.add(s.fileFormat, s.file); err != nil {
		return nil, err
	}
	if output == "" && format != "text" {
		if err := s.add(format, stdout); err != nil {
			return nil, err
		}
	}
	return s, nil
}

// claim opens the results file, which must not be another run's. Nothing is
// cut off before the run begins; see open.
func (s *sink) claim(resume bool) error {
	file, err := claim(s.path)
	if errors.Is(err, errTaken) {
		return err
	}
	if err != nil {
		return fmt.Errorf("open the file for results (choose another with -o): %w", err)
	}
	if file.size > 0 && !resume {
		file.Close()
		return usageError("%s holds results already: %w, remove it, or --resume its run", s.path, errTaken)
	}
	s.file = file
	return nil
}

// beside names a file beside the results; "" where they go to a device or a
// pipe, beside which nothing is kept.
func (s *sink) beside(suffix string) string {
	if !s.file.regular {
		return ""
	}
	return s.path + suffix
}

// discard ends a sink that nothing was written to.
func (s *sink) discard() { s.file.discard() }

func (s *sink) add(format string, w io.Writer) error {
	b := bufio.NewWriter(w)
	if format == lavaFormat {
		s.lava = newLavaFigures(lava.NewPrinter(b))
		s.writers, s.flush = append(s.writers, s.lava), append(s.flush, b)
		return nil
	}
	rw, err := report.NewWriter(format, b)
	if err != nil {
		return usageError("%w", err)
	}
	s.writers = append(s.writers, rw)
	s.flush = append(s.flush, b)
	return nil
}

// open empties the results file, which a resumed run writes anew from its
// journal.
func (s *sink) open() error {
	if s.lava != nil {
		if err := errors.Join(s.lava.begin(), s.each(func(report.Writer) error { return nil })); err != nil {
			return err
		}
	}
	if !s.file.regular {
		return nil
	}
	if err := s.file.Truncate(0); err != nil {
		return fmt.Errorf("empty %s: %w", s.path, err)
	}
	return nil
}

// result stores one row. It is safe for concurrent use, as the rest is.
func (s *sink) result(r *benchfmt.Result) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if err := s.set.Add(r); err != nil {
		return fmt.Errorf("take in %s: %w", r.Name, err)
	}
	return s.each(func(w report.Writer) error { return w.Write(r) })
}

// na stores that a cell does not exist.
func (s *sink) na(na report.NA) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if err := s.set.AddNA(na); err != nil {
		return fmt.Errorf("take in %s: %w", na.Name, err)
	}
	return s.each(func(w report.Writer) error { return w.WriteNA(na) })
}

// remark writes a line that readers of benchmarks skip.
func (s *sink) remark(format string, args ...any) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.fileFormat != "benchfmt" {
		return nil
	}
	fmt.Fprintf(s.flush[0], "# "+format+"\n", args...)
	return s.each(func(report.Writer) error { return nil })
}

func (s *sink) each(f func(report.Writer) error) error {
	for i, w := range s.writers {
		if err := errors.Join(f(w), s.flush[i].Flush()); err != nil {
			return fmt.Errorf("write results: %w", err)
		}
	}
	return nil
}

func (s *sink) close() error {
	if s.lava != nil {
		if err := errors.Join(s.lava.End(lava.Figures), s.each(func(report.Writer) error { return nil })); err != nil {
			return err
		}
	}
	if err := s.file.Close(); err != nil {
		return fmt.Errorf("close %s: %w", s.path, err)
	}
	return nil
}
