package main

import (
	"path/filepath"
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
	stock := costs(t, arch, kernel.Stock, "native,allow")
	patched := costs(t, arch, kernel.Patched, "native,allow,inject,target-call,target-call-send,redirect,ptrace-seccomp")
	for _, row := range []string{"native getppid", "native write", "allow getppid", "allow openat", "allow write"} {
		was, ok1 := stock[row]
		now, ok2 := patched[row]
		if !ok1 || !ok2 || now > was {
			t.Errorf("%s: %v instructions on patched, %v on stock", row, now, was)
		}
	}
	traced := patched["ptrace-seccomp openat"]
	for _, mech := range []string{"inject", "target-call", "target-call-send", "redirect"} {
		if cost := patched[mech+" openat"]; cost <= 0 || cost >= traced {
			t.Errorf("%s openat: %v instructions more than native, a tracer %v", mech, cost, traced)
		}
	}
}

// costs measures rows and returns the least that each took with any of some
// seeds: native in all, others in addition to the native of the same run. (A
// native openat takes 20 instructions more or less, as a boot's random numbers
// put another name before its own into the hash table of names, or none.)
func costs(t *testing.T, arch *abi.Arch, v kernel.Variant, mechs string) map[string]float64 {
	t.Helper()
	path := filepath.Join(t.TempDir(), "r.txt")
	c := newCommand(t, "run", "--on", arch.Name, "--kernel", string(v), "--mech", mechs, "--syscall", "getppid,openat,write",
		"--count", "3", "-o", path)
	c.runs(t, exitOK)
	least := map[string]float64{}
	for _, result := range results(t, path).Results {
		r := report.NewRow(result)
		name, cost := r.Keys["mech"]+" "+r.Keys["syscall"], r.Metrics["insns/op"]
		if r.Keys["mech"] != "native" {
			cost -= r.Metrics["native-insns/op"]
		}
		if old, ok := least[name]; !ok || cost < old {
			least[name] = cost
		}
	}
	return least
}
