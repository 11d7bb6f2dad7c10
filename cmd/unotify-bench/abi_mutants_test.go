package main

import (
	"encoding/json"
	"os"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"unotify-bench/abi/suite"
	"unotify-bench/kernel"
)

// TestAbiMutants: every seeded fault is found on every architecture, by the
// check that is about it, and without a fault there is nothing to find.
func TestAbiMutants(t *testing.T) {
	for _, arch := range arches() {
		t.Run(arch.Name, func(t *testing.T) {
			needGuests(t, arch.Name)
			c := newCommand(t, "abi", "--mutants", "--on", arch.Name, "--format", "json", "--quiet")
			c.runs(t, exitOK)
			got := map[string]string{}
			var rows []struct{ ID, Verdict, Text string }
			if err := json.Unmarshal(c.stdout.Bytes(), &rows); err != nil {
				t.Fatal(err)
			}
			for _, r := range rows {
				if r.Verdict == string(suite.Pass) {
					got[strings.TrimPrefix(r.ID, mutantPrefix)] = firstLine(r.Text)
				}
			}
			if _, healthy := got[noFault]; !healthy {
				t.Error("nothing was found, or tried, without a fault")
			}
			delete(got, noFault)
			if d := cmp.Diff(foundIn(kernel.Faulty), got); d != "" {
				t.Errorf("what finds each fault (-want +got):\n%s", d)
			}
		})
	}
}

// foundIn are the finders of the faults that a variant has.
func foundIn(v kernel.Variant) map[string]string {
	found := map[string]string{}
	for _, f := range kernel.FaultsIn(v) {
		found[f.Name] = finders[f.Name]
	}
	return found
}

// TestFinders: each fault has a check that is about it.
func TestFinders(t *testing.T) {
	sections := map[string]int{}
	for _, f := range kernel.Faults() {
		sections[f.Section]++
		if suite.Find(finders[f.Name]) == nil {
			t.Errorf("no check finds %s: %q", f.Name, finders[f.Name])
		}
	}
	for name := range finders {
		if _, err := kernel.FindFault(name); err != nil {
			t.Error(err)
		}
	}
	if got, all := len(foundIn(kernel.DebugFaulty)), len(finders); got != all {
		t.Errorf("a debug kernel has %d faults of %d", got, all)
	}
	for _, s := range []string{"C", "D", "E", "F"} {
		if sections[s] < 6 {
			t.Errorf("section %s has %d faults, want 6", s, sections[s])
		}
	}
}

// TestCommittedMutants: the table under results/ is of the faults that there
// are, and of the checks that find them.
func TestCommittedMutants(t *testing.T) {
	text, err := os.ReadFile("../../results/abi/mutants.txt")
	if err != nil {
		t.Fatal(err)
	}
	got := map[string]string{}
	for line := range strings.Lines(string(text)) {
		f := strings.Fields(line)
		if len(f) != 2+len(arches()) {
			continue // the head, or the score
		}
		if got[f[0]] = f[2]; slices.ContainsFunc(f[2:], func(id string) bool { return id != f[2] }) {
			t.Errorf("not found by the same everywhere: %s", line)
		}
	}
	if d := cmp.Diff(foundIn(kernel.Faulty), got); d != "" {
		t.Errorf("what finds each fault (-want +got):\n%s", d)
	}
}

// TestHunt plays a guest that hunts: what it may say, and what it is taken for.
func TestHunt(t *testing.T) {
	res := func(id string, o suite.Outcome) suite.Result { return suite.Result{ID: id, Outcome: o, Text: "why"} }
	const a, b, c = "wire.sizes", "inject.leak", "redirect.restart"
	for _, id := range []string{a, b, c} {
		if suite.Find(id) == nil {
			t.Fatalf("there is no check %s", id)
		}
	}
	none := mutant{Fault: noFault, First: []string{b, c}}
	leak := mutant{Fault: "inject_leak", First: []string{b}}
	for _, tt := range []struct {
		name string
		m    mutant
		says []suite.Result
		want suite.Result // but for its ID
		err  string
	}{
		{"found at once", leak, []suite.Result{res(b, suite.Broken)}, suite.Result{Outcome: suite.Held, Text: b + "\nwhy"}, ""},
		{"found later", leak, []suite.Result{res(b, suite.Held), res(a, suite.Unclear), res(c, suite.Broken)}, suite.Result{Outcome: suite.Held, Text: c + "\nwhy"}, ""},
		{"survived", leak, []suite.Result{res(b, suite.Held), res(a, suite.Unclear), res(c, suite.Held)}, suite.Result{Outcome: suite.Broken, Text: "3 checks have not found it"}, ""},
		{"healthy", none, []suite.Result{res(b, suite.Held), res(c, suite.Held)}, suite.Result{Outcome: suite.Held, Text: "2 checks pass"}, ""},
		{"false alarm", none, []suite.Result{res(b, suite.Broken), res(c, suite.Held)}, suite.Result{Outcome: suite.Broken, Text: "without any fault: " + b}, ""},
		{"another check", leak, []suite.Result{res(c, suite.Held)}, suite.Result{}, "asked was"},
		{"goes on", leak, []suite.Result{res(b, suite.Broken), res(a, suite.Held)}, suite.Result{}, "more results than were asked for"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			h := &hunt{job: job{Checks: []string{a, b, c}, Mutants: []mutant{tt.m}}}
			var got *suite.Result
			for i, r := range tt.says {
				data, err := json.Marshal(hunted{tt.m.Fault, r})
				if err != nil {
					t.Fatal(err)
				}
				row, err := h.heard(kernel.Event{Kind: eventHunt, Data: data})
				if err != nil && tt.err != "" && strings.Contains(err.Error(), tt.err) {
					return
				}
				if err != nil || (row != nil) != (i == len(tt.says)-1) && tt.err == "" {
					t.Fatalf("after result %d: %v, error %v", i+1, row, err)
				}
				got = row
			}
			if tt.err != "" {
				t.Fatalf("no error, want one with %q", tt.err)
			}
			tt.want.ID = mutantPrefix + tt.m.Fault
			if d := cmp.Diff(&tt.want, got); d != "" {
				t.Errorf("row (-want +got):\n%s", d)
			}
		})
	}
}
