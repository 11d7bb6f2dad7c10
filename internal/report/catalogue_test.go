package report

import "testing"

// The rows of a table go from what decides nothing to what is safe, so that a
// reader in need of a safe mechanism compares neighbours; and nothing is in
// the catalogue without a reason.
func TestCatalogue(t *testing.T) {
	last := NoDecision
	seen := make(map[string]bool)
	for _, m := range Mechanisms() {
		if m.Safety < last {
			t.Errorf("%s is %s, after a mechanism that is %s", m.Name, m.Safety, last)
		}
		last = m.Safety
		if m.Why == "" || seen[m.Name] {
			t.Errorf("%s: no reason, or there twice", m.Name)
		}
		seen[m.Name] = true
	}
}

func TestSafetyOf(t *testing.T) {
	for _, tt := range []struct {
		mech string
		want Safety
	}{
		{"native", NoDecision}, {"allow", NoDecision}, {"errno", NoDecision}, {"sigsys", NoDecision},
		{"continue", Racy}, {"continue-read", Racy}, {"ptrace-seccomp", Racy}, {"ptrace-syscall", Racy},
		{"reply", RaceFree}, {"addfd", RaceFree}, {"ptrace-freeze", RaceFree}, {"inject", RaceFree},
		{"target-call", RaceFree}, {"target-call-send", RaceFree}, {"redirect", RaceFree}, {"redirect-cold", RaceFree},
		{"magic", Unknown},
	} {
		if got := SafetyOf(tt.mech); got != tt.want {
			t.Errorf("%s is %s, want %s", tt.mech, got, tt.want)
		}
	}
}
