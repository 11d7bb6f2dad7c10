package bench

import (
	"testing"
)

// TestProbe: on the kernel of this test every stock feature works, and what
// is proposed is there or not, but never unclear.
func TestProbe(t *testing.T) {
	all := mechanisms
	mechanisms = product()
	defer func() { mechanisms = all }()
	got := map[string]Finding{}
	for _, f := range Probe(t.Context()) {
		if _, ok := got[f.Feature]; ok {
			t.Errorf("two findings about %s", f.Feature)
		}
		got[f.Feature] = f
		if f.Detail == "" {
			t.Errorf("%s: %s, and no word why", f.Feature, f.State)
		}
	}
	want := []string{"sync-wake"}
	for _, m := range product() {
		want = append(want, m.Name)
	}
	for _, name := range want {
		if f := got[name]; f.State != Works || f.Proposed {
			t.Errorf("%s: %+v, want that it works", name, f)
		}
	}
	for _, name := range []string{"filter-flag-redirect", "inject", "target-call", "pin-install", "send-redirect"} {
		if f := got[name]; f.State != Works && f.State != Missing || !f.Proposed {
			t.Errorf("%s: %+v, want works or missing", name, f)
		}
	}
	if n := len(want) + 5; len(got) != n {
		t.Errorf("%d findings, want %d: %v", len(got), n, got)
	}
}
