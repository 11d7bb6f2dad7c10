package a

import "testing"

func FuzzHolds(f *testing.F) { f.Fuzz(func(*testing.T, []byte) {}) }

func FuzzSkips(f *testing.F) { f.Skip("never fuzzed") }

func FuzzFails(f *testing.F) {
	f.Add("a")
	f.Fuzz(func(t *testing.T, s string) {
		if len(s) > 3 {
			t.Error("found")
		}
	})
}
