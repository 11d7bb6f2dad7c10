package main

import (
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

// TestDebianKernel measures what is stock on the kernels that Debian ships. They
// are older than what the project builds: a listener's wait does not end by
// itself, and there is no sync wake-up.
func TestDebianKernel(t *testing.T) {
	for _, arch := range []string{"amd64", "arm64"} {
		t.Run(arch, func(t *testing.T) {
			needGuests(t, arch)
			path := filepath.Join(t.TempDir(), "r.txt")
			newCommand(t, "run", "--on", arch, "--kernel", "debian", "--all", "--count", "1",
				"--run", "mech=.*/syscall=openat/(peers=4/)?(wake=async/)?cpus=same", "-o", path).runs(t, exitOK)
			f := results(t, path)
			mech := regexp.MustCompile("mech=([^/]*)")
			got := map[string]bool{}
			for _, r := range f.Results {
				got[mech.FindStringSubmatch(string(r.Name))[1]] = true
			}
			for _, name := range []string{"native", "allow", "errno", "sigsys", "reply", "continue", "continue-read", "addfd", "ptrace-seccomp", "ptrace-syscall", "ptrace-freeze"} {
				if !got[name] {
					t.Errorf("%s is not measured", name)
				}
			}
			if len(f.NAs) == 0 {
				t.Error("nothing is n/a, where no mechanism is proposed")
			}
			for _, na := range f.NAs {
				if !strings.Contains(na.Why, "this kernel has no ") {
					t.Errorf("%s is n/a: %s", na.Name, na.Why)
				}
			}
			if release := f.Results[0].GetConfig("kernel"); !strings.HasSuffix(release, "-"+arch) {
				t.Errorf("measured on %q, want Debian's", release)
			}
		})
	}
}

// TestDebianHasNone: an architecture that this Debian has no kernel for.
func TestDebianHasNone(t *testing.T) {
	needGuests(t, "riscv64")
	c := newCommand(t, "probe", "--on", "riscv64", "--kernel", "debian")
	c.start(t)
	status := c.status(t)
	if out := c.stdout.String(); status == exitOK && strings.Contains(out, "-riscv64)") {
		return // Debian 13 and later
	}
	if want := "Debian's kernel for riscv64: apt-cache depends linux-image-riscv64: "; status != exitEnvironment || !strings.Contains(c.stderr.String(), want) {
		t.Errorf("exit status %d, and it says\n%s\nwant %q", status, &c.stderr, want)
	}
}
