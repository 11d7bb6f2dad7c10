package bench

import (
	"strings"
	"testing"

	"unotify-bench/internal/notify"
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
	works := func(name string) {
		t.Helper()
		if f := got[name]; f.State != Works || f.Proposed {
			t.Errorf("%s: %+v, want that it works", name, f)
		}
	}
	// What a kernel knows works, and what it does not know is missing.
	proposed := func(name string, fs ...notify.Feature) {
		t.Helper()
		want := Works
		for _, f := range fs {
			ask := got["ask for "+f.String()]
			if ask.State != Works && ask.State != Missing || !ask.Proposed {
				t.Errorf("%v: %+v, want works or missing", f, ask)
			}
			if ask.State == Missing && !*patched {
				want = Missing
			}
		}
		f := got[name]
		if f.State != want || !f.Proposed {
			t.Errorf("%s: %+v, want %s", name, f, want)
		}
		if want == Missing && !strings.HasPrefix(f.Detail, "this kernel has no ") {
			t.Errorf("%s: the reason is %q", name, f.Detail)
		}
	}
	works("sync-wake")
	proposed("exec-event", append(redirectFeatures, notify.FeatureExecEvent)...)
	for _, m := range product() {
		if len(m.Needs) > 0 {
			proposed(m.Name, m.Needs...)
		} else {
			works(m.Name)
		}
	}
	if n := len(product()) + 2 + len(notify.Features()); len(got) != n {
		t.Errorf("%d findings, want %d: %v", len(got), n, got)
	}
}
