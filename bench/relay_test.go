package bench

import (
	"os"
	"strings"
	"testing"

	"golang.org/x/sys/unix"

	"unotify-bench/asmstubs"
)

// TestRelay runs a relay from this process, without any filter. The rows
// after the first break it for good, each a little more.
func TestRelay(t *testing.T) {
	counters := asmstubs.Counters()
	s := &scene{dir: t.TempDir(), counter: counters[len(counters)-1]} // the one that is open everywhere
	r, err := newRelay(s)
	if err != nil {
		t.Fatal(err)
	}
	path := string(r.path)
	for _, row := range []struct {
		name  string
		spoil func() error
		n     int
		made  int
		err   string
	}{
		{"whole", func() error { return nil }, 50, 51, ""},
		{"more than there is room for", func() error { return nil }, len(r.deltas), 0, "too many"},
		{"without its memory", func() error { return unix.Close(asmstubs.RelayFD) }, 50, 1, "call 0: the program that execve started cannot map its memory"},
		{"not executable", func() error { return os.Chmod(path, 0o600) }, 50, 1, "call 0: execve of " + path + " returned -EACCES"},
		{"gone", func() error { return os.Remove(path) }, 50, 1, "call 0: execve of " + path + " returned -ENOENT"},
	} {
		if err := row.spoil(); err != nil {
			t.Fatalf("%s: %v", row.name, err)
		}
		deltas := make([]uint64, row.n)
		before := asmstubs.ReadCounter(s.counter)
		made, err := r.run(row.n, deltas)
		span := asmstubs.ReadCounter(s.counter) - before
		if made != row.made {
			t.Errorf("%s: made %d calls, want %d", row.name, made, row.made)
		}
		if row.err != "" {
			if err == nil || !strings.Contains(err.Error(), row.err) {
				t.Errorf("%s: error %v, want %q", row.name, err, row.err)
			}
			continue
		}
		if err != nil {
			t.Errorf("%s: %v", row.name, err)
			continue
		}
		var sum uint64
		for i, d := range deltas {
			if d == 0 {
				t.Errorf("%s: call %d took no time", row.name, i)
			}
			sum += d
		}
		if sum > span {
			t.Errorf("%s: the calls took %d ticks, all together %d", row.name, sum, span)
		}
	}
}
