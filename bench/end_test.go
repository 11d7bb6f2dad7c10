package bench

import "testing"

func TestOlderThan(t *testing.T) {
	for release, want := range map[string]bool{
		"6.1.0-56-amd64": true, "6.10": true, "5.19.3": true, "6.11-rc1": false, "6.11": false, "6.12.117+unotify": false,
		"7.0": false, "": true, "next": true, "6": true, "6.x": true,
	} {
		if got := olderThan(release, 6, 11); got != want {
			t.Errorf("%q is older than 6.11: %t", release, got)
		}
	}
}
