package main

import (
	"bytes"
	"strings"
	"testing"
)

// FuzzTally: whatever go test says, nothing is counted that it did not say, and what
// did not end is no success.
func FuzzTally(f *testing.F) {
	f.Add(`{"Action":"start","Package":"p"}` + "\n" + `{"Action":"run","Package":"p","Test":"T"}` + "\n" + `{"Action":"pass","Package":"p","Test":"T"}` + "\n")
	f.Add(`{"Action":"fail","Package":"p"}` + "\nnoise\n" + `{"Action":"skip","Test":"T/a"}`)
	f.Fuzz(func(t *testing.T, text string) {
		var out bytes.Buffer
		c := newTally(&out)
		if err := c.read(strings.NewReader(text)); err != nil {
			t.Fatal(err)
		}
		good := c.summary()
		lines := strings.Count(text, "\n") + 1
		if c.passed > lines || len(c.failed) > 2*lines || good && (c.passed == 0 || len(c.failed) > 0) {
			t.Errorf("%d passed, %v failed, of %d lines: %v", c.passed, c.failed, lines, good)
		}
	})
}
