//go:build linux && (amd64 || arm64 || riscv64)

package asmstubs

import (
	"strings"
	"sync"
	"testing"
)

// usableOnce asks children, as a counter that the kernel keeps closed kills
// its reader with SIGILL. The last counter of every architecture is open
// everywhere: a process that cannot have children (qemu-user) tests that one.
var usableOnce = sync.OnceValues(func() ([]Counter, error) {
	var open []Counter
	all := Counters()
	for _, c := range all[:len(all)-1] {
		_, err := runChild("counter", c.String())
		if err == nil {
			open = append(open, c)
		} else if isNoExec(err) {
			return all[len(all)-1:], nil
		} else if !strings.Contains(err.Error(), "SIGILL") {
			return nil, err
		}
	}
	return append(open, all[len(all)-1]), nil
})

func usable(t *testing.T) []Counter {
	t.Helper()
	cs, err := usableOnce()
	if err != nil {
		t.Fatal(err)
	}
	return cs
}

// fallback is the counter that is always there.
func fallback() Counter { return Counters()[len(Counters())-1] }

// fine reports whether c ticks at least once a syscall.
func fine(c Counter) bool { return c != CNTVCT && c != Time }

func childCounter(name string) error {
	for _, c := range Counters() {
		if c.String() == name {
			ReadCounter(c)
		}
	}
	return nil
}

func TestReadCounter(t *testing.T) {
	t.Logf("usable of %v: %v", Counters(), usable(t))
	for _, c := range usable(t) {
		first := ReadCounter(c)
		last := first
		for n := 0; last == first && n < 1e6; n++ {
			last = ReadCounter(c)
		}
		if last <= first {
			t.Errorf("%v went from %d to %d, want it to rise", c, first, last)
		}
	}
}

func TestReadCounterRefusesForeign(t *testing.T) {
	defer func() {
		if recover() == nil {
			t.Error("ReadCounter of no counter did not panic")
		}
	}()
	ReadCounter(0)
}
