package kernel

import (
	"bytes"
	"strings"
)

// lineWriter calls do with each whole line.
type lineWriter struct {
	do   func(string)
	rest []byte
}

// maxLine bounds what is held of a line that does not end.
const maxLine = 1 << 16

func newLineWriter(do func(string)) *lineWriter { return &lineWriter{do: do} }

func (w *lineWriter) Write(b []byte) (int, error) {
	n := len(b)
	for {
		line, after, found := bytes.Cut(b, []byte("\n"))
		if !found {
			break
		}
		w.do(string(append(w.rest, line...)))
		w.rest, b = w.rest[:0], after
	}
	if w.rest = append(w.rest, b...); len(w.rest) > maxLine {
		w.flush()
	}
	return n, nil
}

// flush hands over a last line without an end.
func (w *lineWriter) flush() {
	if len(w.rest) > 0 {
		w.do(string(w.rest))
		w.rest = w.rest[:0]
	}
}

// tail returns the last n lines of s, each with its end.
func tail(s string, n int) string {
	lines := strings.SplitAfter(strings.TrimRight(s, "\n")+"\n", "\n")
	lines = lines[:len(lines)-1]
	return strings.Join(lines[max(0, len(lines)-n):], "")
}
