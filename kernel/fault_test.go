package kernel

import (
	"errors"
	"io/fs"
	"strings"
	"testing"
)

// TestFaults reads the list out of the patch, and finds each fault used there.
func TestFaults(t *testing.T) {
	faults := Faults()
	if len(faults) < 10 {
		t.Errorf("%d faults, want at least ten", len(faults))
	}
	names, err := fs.Glob(embeddedPatches, "faults/*.patch")
	if err != nil {
		t.Fatal(err)
	}
	var patches strings.Builder
	for _, name := range names {
		text, err := fs.ReadFile(embeddedPatches, name)
		if err != nil {
			t.Fatal(err)
		}
		patches.Write(text)
	}
	for _, v := range Variants() {
		want := 0
		for _, f := range faults {
			if f.In(v) {
				want++
			}
		}
		if got := len(FaultsIn(v)); got != want || want > 0 != strings.Contains(string(v), "faulty") {
			t.Errorf("%s can have %d faults, want %d", v, got, want)
		}
	}
	if n, all := len(FaultsIn(Faulty)), len(faults); n >= all || len(FaultsIn(DebugFaulty)) != all {
		t.Errorf("%s can have %d of %d faults; want fewer, and %s all", Faulty, n, all, DebugFaulty)
	}
	slow := Slowdowns()
	if len(slow) == 0 {
		t.Error("no slow-down, want one")
	}
	for _, f := range slow {
		if !strings.Contains(patches.String(), "seccomp_fault_nops("+f.Name+")") {
			t.Errorf("no code has the slow-down %s", f.Name)
		}
		if got, err := FindSlowdown(f.Name); got != f || err != nil || f.Doc == "" {
			t.Errorf("FindSlowdown(%q) = %v, %v", f.Name, got, err)
		}
		if _, err := FindFault(f.Name); !errors.Is(err, ErrUnknownFault) {
			t.Errorf("FindFault(%q) = %v: a hunt for it would be in vain", f.Name, err)
		}
	}
	bugs := 0
	for _, f := range seeded() {
		if _, err := FindFault(f.Name); err == nil || f.Section == slowdowns {
			continue
		}
		bugs++
		if got, err := FindBug(f.Name); got != f || err != nil || !strings.Contains(patches.String(), "seccomp_fault("+f.Name+")") {
			t.Errorf("FindBug(%q) = %v, %v, or no code has it", f.Name, got, err)
		}
	}
	if bugs == 0 {
		t.Error("no bug is for the kernel's log alone, want one")
	}
	for _, f := range faults {
		if !strings.Contains(patches.String(), "seccomp_fault("+f.Name+")") {
			t.Errorf("no code has the fault %s", f.Name)
		}
		if got, err := FindFault(f.Name); got != f || err != nil || f.Doc == "" {
			t.Errorf("FindFault(%q) = %v, %v", f.Name, got, err)
		}
	}
	_, err = FindFault("none_such")
	if !errors.Is(err, ErrUnknownFault) || !strings.Contains(err.Error(), faults[0].Name) {
		t.Errorf("an unknown fault: %v, want the list", err)
	}
}
