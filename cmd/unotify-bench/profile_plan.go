package main

import (
	"slices"
	"strings"
	"time"

	"unotify-bench/bench"
	"unotify-bench/kernel"
)

// maxProfiles bounds the machines that a run with --profile boots, and
// profileTakes is about what each takes on one of today's CPUs.
const (
	maxProfiles  = 200
	profileTakes = 6 * time.Second
)

// checkProfile sees whether a plan's rows can be profiled. The default places
// mean the virtual machines, as the default rows mean those that can be.
func (p *plan) checkProfile() error {
	switch {
	case slices.Contains(p.on, host):
		return usageError("--profile counts emulated instructions: the host has none; leave it out of --on")
	case p.clock != "insns":
		return usageError("--profile counts instructions: it takes --clock insns")
	case p.resume:
		return usageError("--profile does not --resume: no trace is kept of rows that were measured before")
	}
	p.onHost, p.host = false, nil
	asked := len(p.guest)
	p.guest = slices.DeleteFunc(p.guest, func(c bench.Cell) bool { return !c.OneByOne() })
	if len(p.guest) == 0 {
		why := "no row is left"
		if asked > 0 {
			why = "the calls of execve, and of many targets at once, are not made one by one"
		}
		return usageError("--profile: %s; see unotify-bench run --list", why)
	}
	if n := len(p.guest) * len(p.arches) * p.count; n > maxProfiles {
		return usageError("--profile boots a machine for each row, seed and architecture: %d, some %v on one CPU; at most %d. Choose with --on, --mech and --syscall",
			n, (time.Duration(n) * profileTakes).Round(time.Minute), maxProfiles)
	}
	return nil
}

// forProfile sets what a profile takes unless it was said otherwise.
func (f *runFlags) forProfile(changed func(string) bool) {
	if !changed("count") {
		f.count = 1
	}
}

// checkFault refuses what --fault cannot mean.
func (f *runFlags) checkFault() error {
	if f.fault == "" {
		return nil
	}
	if _, err := kernel.FindSlowdown(f.fault); err != nil {
		return usageError("--fault: %w", err)
	}
	if f.kernel != string(kernel.Faulty) {
		return usageError("--fault is for --kernel %s", kernel.Faulty)
	}
	return nil
}

func slowdownNames() string {
	var names []string
	for _, f := range kernel.Slowdowns() {
		names = append(names, f.Name+" ("+f.Doc+")")
	}
	return strings.Join(names, ", ")
}
