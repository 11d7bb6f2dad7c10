package main

import (
	"fmt"
	"maps"
	"path/filepath"
	"slices"
	"testing"

	"unotify-bench/abi"
	"unotify-bench/internal/report"
	"unotify-bench/kernel"
)

// TestCost holds the series to what it promises: who does not use it does not
// pay for it, and who does pays less than a tracer's target would.
func TestCost(t *testing.T) {
	for _, arch := range arches() {
		t.Run(arch.Name, func(t *testing.T) { testCost(t, arch) })
	}
}

func testCost(t *testing.T, arch *abi.Arch) {
	needGuests(t, arch.Name)
	const free = "native,allow,errno,sigsys"
	stock := costs(t, arch, kernel.Stock, free, 3, 2)
	patched := costs(t, arch, kernel.Patched, free+",inject,target-call,target-call-send,redirect,ptrace-seccomp", 3, 1)
	if len(dearer(patched, stock)) > 0 {
		// Half of all boots have a longer path to the file, and so have all of
		// three one time in eight.
		maps.Copy(patched, costs(t, arch, kernel.Patched, free, 12, 1))
	}
	for _, text := range dearer(patched, stock) {
		t.Error(text)
	}
	traced := patched["ptrace-seccomp openat"]
	for _, mech := range []string{"inject", "target-call", "target-call-send", "redirect"} {
		if cost := patched[mech+" openat"]; cost <= 0 || cost >= traced {
			t.Errorf("%s openat: %v instructions more than native, a tracer %v", mech, cost, traced)
		}
	}
}

// dearer says which calls cost more on patched than they may.
func dearer(patched, stock map[string]float64) (texts []string) {
	for _, row := range []struct {
		name string
		luck float64
	}{
		{"native getppid", 0}, {"native write", 0}, {"allow getppid", 0}, {"allow write", 0},
		// One openat takes two instructions more than the next, and the median
		// is that of one kind or of the other.
		{"native openat", 2}, {"allow openat", 2},
		// Verdicts that end a call share a function with the one that traps
		// it: where gcc puts a value, or a branch, is one instruction or two.
		{"errno getppid", 1}, {"errno write", 1}, {"sigsys getppid", 2}, {"sigsys write", 2},
	} {
		was, ok1 := stock[row.name]
		now, ok2 := patched[row.name]
		if !ok1 || !ok2 || now > was+row.luck {
			texts = append(texts, fmt.Sprintf("%s: %v instructions on patched, %v on stock", row.name, now, was))
		}
	}
	return texts
}

// costs measures rows and returns the least that each took with any of some seeds, and
// that so many of them have had: native in all, others in addition to the native of the
// same run. (A native openat takes 20 instructions more or less, as a boot's random
// numbers put another name before its own into the hash table of names, or none. One
// boot in some twenty has a way to the file that no other has: 5053 where 22 of 24 have
// 5135, on riscv64. What stock had once, nobody is held to.)
func costs(t *testing.T, arch *abi.Arch, v kernel.Variant, mechs string, seeds, shared int) map[string]float64 {
	t.Helper()
	path := filepath.Join(t.TempDir(), "r.txt")
	c := newCommand(t, "run", "--on", arch.Name, "--kernel", string(v), "--mech", mechs, "--syscall", "getppid,openat,write",
		"--count", fmt.Sprint(seeds), "-o", path)
	c.runs(t, exitOK)
	all := map[string][]float64{}
	for _, result := range results(t, path).Results {
		r := report.NewRow(result)
		name, cost := r.Keys["mech"]+" "+r.Keys["syscall"], r.Metrics["insns/op"]
		if r.Keys["mech"] != "native" {
			cost -= r.Metrics["native-insns/op"]
		}
		all[name] = append(all[name], cost)
	}
	least := map[string]float64{}
	for name, costs := range all {
		slices.Sort(costs)
		least[name] = costs[0]
		for i := shared - 1; i < len(costs); i++ {
			if costs[i] == costs[i-shared+1] {
				least[name] = costs[i]
				break
			}
		}
	}
	return least
}
