package main

import (
	"path/filepath"
	"regexp"
	"slices"
	"testing"

	"unotify-bench/bench"
)

// TestProposedMachines measures what is proposed on the patched kernel of each
// architecture, and steps of sweeps: every row that can exist is measured, and
// twice the same run has the same samples.
func TestProposedMachines(t *testing.T) {
	for _, arch := range arches() {
		t.Run(arch.Name, func(t *testing.T) {
			needGuests(t, arch.Name)
			for _, tt := range []struct {
				name  string
				args  []string
				match string
				twice bool
			}{
				{"headline", []string{"--mech", "inject,target-call,target-call-send,redirect,redirect-cold"}, "wake=sync/cpus=same", false},
				{"sweeps", []string{"--sweep", "all", "--mech", "redirect,target-call"},
					"(bytes=1048576|peers=4|filters=8|targets=16/supervisors=4)/.*cpus=same", true},
			} {
				t.Run(tt.name, func(t *testing.T) {
					args := append([]string{"run", "--on", arch.Name, "--kernel", "patched", "--run", tt.match, "--count", "1"}, tt.args...)
					path := filepath.Join(t.TempDir(), "r.txt")
					newCommand(t, append(args, "-o", path)...).runs(t, exitOK)
					f := results(t, path)
					if len(f.Results) == 0 {
						t.Error("nothing was measured")
					}
					for _, na := range f.NAs {
						if na.Why != unable()[na.Name] {
							t.Errorf("%s is n/a: %s", na.Name, na.Why)
						}
					}
					if !tt.twice {
						return
					}
					again := filepath.Join(t.TempDir(), "r.txt")
					newCommand(t, append(args, "-o", again)...).runs(t, exitOK)
					if a, b := samples(t, path), samples(t, again); len(a) != 1 || !slices.Equal(a, b) {
						t.Errorf("the samples are %q, and then %q", a, b)
					}
				})
			}
		})
	}
}

// unable are the cells that cannot exist anywhere, and why, by name.
func unable() map[string]string {
	why := map[string]string{}
	for _, c := range bench.Cells(bench.Mechanisms(), bench.Cases()) {
		if w := c.Unable(); w != "" {
			why[c.Name()] = w
		}
	}
	return why
}

// TestProposedOnStock: where a kernel lacks what is proposed, each row says so
// and is no failure. The host's may have it by the time this is read.
func TestProposedOnStock(t *testing.T) {
	needGuests(t, "riscv64")
	path := filepath.Join(t.TempDir(), "r.txt")
	newCommand(t, vmRun("riscv64", "native,inject,target-call,redirect", path, "--count", "1", "--kernel", "stock", "--syscall", "openat")...).runs(t, exitOK)
	f := results(t, path)
	if got := len(f.Results); got != 2 {
		t.Errorf("%d rows measured, want native's two: %q", got, names(f))
	}
	lacks := regexp.MustCompile(`^(this kernel has no (INJECT|TARGET_CALL|SECCOMP_FILTER_FLAG_REDIRECT)|INJECT can .*|TARGET_CALL can .*)$`)
	for _, na := range f.NAs {
		if !lacks.MatchString(na.Why) {
			t.Errorf("%s is n/a: %s", na.Name, na.Why)
		}
	}
	if got := len(f.NAs); got != 6 {
		t.Errorf("%d rows are n/a, want 6", got)
	}
}
