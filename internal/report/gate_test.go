package report

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestParseGate(t *testing.T) {
	for _, s := range []string{"1%", "0.5%", "0%", "100%"} {
		if _, err := ParseGate(s); err != nil {
			t.Error(err)
		}
	}
	for _, s := range []string{"", "1", "%", "-1%", "NaN%", "Inf%", "one%", "1%%", "10insns"} {
		if _, err := ParseGate(s); err == nil || !strings.Contains(err.Error(), "want a percentage such as 1%") {
			t.Errorf("%q: %v", s, err)
		}
	}
}

func TestGate(t *testing.T) {
	const name = "Notify/mech=continue/syscall=getppid/wake=sync/cpus=same-1"
	five := func(v string) string { return getppid + strings.Repeat(v+" ", 5) }
	for _, tt := range []struct {
		name, limit string
		old, new    []string
		closed      bool
		want        []string
	}{
		{"nothing", "0%", []string{five("100")}, []string{five("100")}, false,
			[]string{"gate of 0%, 1 row: open: none is slower by more, significantly"}},
		{"more than the limit", "1%", []string{five("100")}, []string{five("102")}, true,
			[]string{"gate of 1%, 1 row: closed: 1 slower", "slower: arm64 " + name + ": +2 each (+2.00%) insns, p=0.008 n=5"}},
		{"the limit itself", "1%", []string{five("100")}, []string{five("101")}, false,
			[]string{"gate of 1%, 1 row: open: none is slower by more, significantly"}},
		{"above it by a hundredth", "1%", []string{five("100")}, []string{five("101.01")}, true,
			[]string{"gate of 1%, 1 row: closed: 1 slower", "slower: arm64 " + name + ": +1.01 each (+1.01%) insns, p=0.008 n=5"}},
		{"faster", "0%", []string{five("102")}, []string{five("100")}, false,
			[]string{"gate of 0%, 1 row: open: none is slower by more, significantly"}},
		{"not significant", "1%", []string{getppid + "100 100 100 200 200"}, []string{getppid + "100 100 200 200 200"}, false,
			[]string{"gate of 1%, 1 row: open: none is slower by more, significantly"}},
		{"too few runs to tell", "1%", []string{getppid + "100 100"}, []string{getppid + "102 102"}, false,
			[]string{"gate of 1%, 1 row: undecided: 1 with too few runs to tell: measure with --count 5", "too few runs: arm64 " + name + ": +2 each (+2.00%) insns, p=0.333 n=2"}},
		{"few runs, the same", "0%", []string{getppid + "100"}, []string{getppid + "100"}, false,
			[]string{"gate of 0%, 1 row: open: none is slower by more, significantly"}},
		{"a row that is gone", "1%", []string{five("100"), openat + "5"}, []string{five("100")}, true,
			[]string{"gate of 1%, 1 row: closed: 1 missing in the new file", "missing: arm64 " + strings.Fields(openat)[0]}},
		{"a row that is new", "1%", []string{five("100")}, []string{five("100"), openat + "5"}, false,
			[]string{"gate of 1%, 1 row: open: none is slower by more, significantly"}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			c := compared(t, sheet(insnsKeys, tt.old...), sheet(newKernel, tt.new...), CompareOptions{})
			g, err := ParseGate(tt.limit)
			if err != nil {
				t.Fatal(err)
			}
			if err := c.Judge(g); err != nil {
				t.Fatal(err)
			}
			if g.Closed() != tt.closed {
				t.Errorf("closed is %v", g.Closed())
			}
			if diff := cmp.Diff(tt.want, g.Lines(true)); diff != "" {
				t.Errorf("(-want +got):\n%s", diff)
			}
		})
	}
}

// TestGateWithoutRows: with --all, files without a common headline compare;
// but there is nothing for a gate, which is no pass.
func TestGateWithoutRows(t *testing.T) {
	const row = "Notify/mech=continue/syscall=getppid/wake=sync/cpus=same-1 ticks/op 1 1"
	c := compared(t, sheet(insnsKeys, row), sheet(newKernel, row), CompareOptions{All: true})
	g, err := ParseGate("1%")
	if err != nil {
		t.Fatal(err)
	}
	if err := c.Judge(g); err == nil || !strings.Contains(err.Error(), "the gate has no row to look at") {
		t.Errorf("got %v", err)
	}
}
