package report

import (
	"errors"
	"io"
	"strings"
	"testing"
)

// spaces are without end.
type spaces struct{}

func (spaces) Read(p []byte) (int, error) {
	for i := range p {
		p[i] = ' '
	}
	return len(p), nil
}

// TestHugeFiles: a file without end is read to a bound, and so is a list.
func TestHugeFiles(t *testing.T) {
	all := &io.LimitedReader{R: spaces{}, N: 1 << 40}
	if _, err := Read(all, "f"); !errors.Is(err, ErrFormat) || !strings.Contains(err.Error(), "more than 64 MiB") {
		t.Errorf("error %v", err)
	}
	if read := 1<<40 - all.N; read > maxFile+1<<20 {
		t.Errorf("%d bytes were read", read)
	}
	in, err := input([]byte("["+strings.Repeat(checkJSON+",", maxObjects)+checkJSON+"]"), "f")
	if err != nil {
		t.Fatal(err)
	}
	if len(in.Checks) != maxObjects || len(in.Warnings) != 1 || !strings.Contains(in.Warnings[0].Error(), "what follows the first 200000 elements is left out") {
		t.Errorf("%d elements, %v", len(in.Checks), in.Warnings)
	}
}
