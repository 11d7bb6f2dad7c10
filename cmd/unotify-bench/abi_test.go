package main

import (
	"bytes"
	"encoding/json"
	"encoding/xml"
	"fmt"
	"regexp"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"unotify-bench/abi/suite"
	"unotify-bench/kernel"
)

// abiRows is a report with a row of each verdict, on two kernels.
func abiRows(t *testing.T) *abiReport {
	t.Helper()
	r := &abiReport{}
	for _, where := range []string{host, "arm64"} {
		l := &abiLane{Where: where, Release: "6.12", rerun: "unotify-bench abi --on " + where}
		for i, v := range suite.Verdicts() {
			c := suite.Catalogue()[i]
			text := fmt.Sprintf("first <%s>\nsecond", v)
			if v == suite.Pass {
				text = ""
			}
			l.Rows = append(l.Rows, abiRow{c, v, text})
		}
		r.lanes = append(r.lanes, l)
	}
	return r
}

func written(t *testing.T, format string, r *abiReport) string {
	t.Helper()
	var out bytes.Buffer
	r.w = &out
	if err := abiWriters[format](r); err != nil {
		t.Fatal(err)
	}
	return out.String()
}

func TestAbiTable(t *testing.T) {
	r := abiRows(t)
	got := written(t, "table", r)
	for _, want := range []string{
		"arm64 (Linux 6.12): 5 checks: 1 error, 1 fail, 1 divergent, 1 skip, 1 pass\n",
		"  fail " + r.lanes[0].Rows[1].Check.ID + " (must): ",
		"      first <fail>\n      second\n",
		"      again: unotify-bench abi --on arm64 --run '^wire\\.",
		"  skip 1: first <skip>\n",
	} {
		if !strings.Contains(got, want) {
			t.Errorf("%q is not in the table:\n%s", want, got)
		}
	}
	if strings.Contains(got, "  pass ") {
		t.Errorf("a check that passes is listed:\n%s", got)
	}
	if r.verbose = true; !strings.Contains(written(t, "table", r), "  pass ") {
		t.Error("with --verbose a check that passes is not listed")
	}
	if got := r.bad(); got != 4 {
		t.Errorf("%d verdicts are bad, want 4", got)
	}
}

// TestAbiKTAP reads the output as the output of a kernel selftest is read.
func TestAbiKTAP(t *testing.T) {
	k := newKTAP("abi")
	names := map[string]bool{}
	lines := strings.Split(written(t, "ktap", abiRows(t)), "\n")
	if lines[0] != "KTAP version 1" {
		t.Errorf("it begins with %q", lines[0])
	}
	for _, line := range lines {
		if err := k.line(line); err != nil {
			t.Error(err)
		}
	}
	counts := map[string]int{}
	for _, v := range k.end() {
		counts[v.Result]++
		if names[v.Test] || !regexp.MustCompile(`^(host|arm64)\.[a-z-]+\.[a-z0-9-]+$`).MatchString(v.Test) {
			t.Errorf("%q comes twice, or is not arch.mechanism.case", v.Test)
		}
		names[v.Test] = true
	}
	if d := cmp.Diff(map[string]int{"ok": 2, "not ok": 4, "SKIP": 2, "XFAIL": 2}, counts); d != "" {
		t.Errorf("verdicts (-want +got):\n%s", d)
	}
}

func TestAbiJUnit(t *testing.T) {
	var got junitSuites
	if err := xml.Unmarshal([]byte(written(t, "junit", abiRows(t))), &got); err != nil {
		t.Fatal(err)
	}
	if len(got.Suites) != 2 {
		t.Fatalf("%d suites, want 2", len(got.Suites))
	}
	s := got.Suites[1]
	if s.Name != "arm64" || s.Tests != 5 || s.Failures != 1 || s.Errors != 1 || s.Skipped != 2 || len(s.Cases) != 5 {
		t.Errorf("the suite is %+v", s)
	}
	if f := s.Cases[1].Failure; f == nil || !strings.Contains(f.Text, "first <fail>\nsecond") || !strings.Contains(f.Text, "--run") {
		t.Errorf("the failure is %+v", f)
	}
}

func TestAbiJSON(t *testing.T) {
	var got []map[string]string
	if err := json.Unmarshal([]byte(written(t, "json", abiRows(t))), &got); err != nil {
		t.Fatal(err)
	}
	if len(got) != 10 || got[6]["where"] != "arm64" || got[6]["verdict"] != "fail" || got[6]["text"] != "first <fail>\nsecond" || got[6]["source"] == "" {
		t.Errorf("%d objects, the 7th is %v", len(got), got[6])
	}
	if text := written(t, "json", &abiReport{}); text != "[]\n" {
		t.Errorf("of nothing: %q", text)
	}
}

// TestAbiSaid plays a guest that is not to be believed.
func TestAbiSaid(t *testing.T) {
	checks := suite.Catalogue()[:2]
	ok := suite.Result{ID: checks[0].ID, Outcome: suite.Held, Text: "a\x1b[2J\n" + strings.Repeat("x", 5000) + strings.Repeat("\nline", 5000)}
	for _, tt := range []struct {
		name, kind string
		rows       int
		data       any
		err        string
	}{
		{"as asked", eventCheck, 0, ok, ""},
		{"another", eventCheck, 1, ok, "guest sent a result for"},
		{"one more", eventCheck, 2, ok, "more results than were asked for"},
		{"no result", eventCheck, 0, 7, "a result that is none"},
		{"another kind", "row", 0, ok, "unknown kind"},
		{"complaint", eventErr, 0, "\x1b[2J", `guest: "\x1b[2J"`},
	} {
		t.Run(tt.name, func(t *testing.T) {
			r := &abiRunner{abiPlan: &abiPlan{checks: checks}}
			data, err := json.Marshal(tt.data)
			if err != nil {
				t.Fatal(err)
			}
			res, err := r.said(&abiLane{Rows: make([]abiRow, tt.rows)}, kernel.Event{Kind: tt.kind, Data: data})
			if tt.err != "" {
				if err == nil || !strings.Contains(err.Error(), tt.err) {
					t.Errorf("error %v, want one with %q", err, tt.err)
				}
				return
			}
			if err != nil {
				t.Fatal(err)
			}
			if strings.ContainsRune(res.Text, '\x1b') || strings.Count(res.Text, "\n") > 100 || len(res.Text) > 100*401 || !strings.HasPrefix(res.Text, "a?[2J\nxxx") {
				t.Errorf("the text is %.200q, of %d bytes", res.Text, len(res.Text))
			}
		})
	}
}

// TestAbiMachines: the patched kernel of each architecture passes everything,
// the stock one all that is stock.
func TestAbiMachines(t *testing.T) {
	for _, arch := range arches() {
		t.Run(arch.Name, func(t *testing.T) {
			needGuests(t, arch.Name)
			for _, k := range []string{"patched", "stock"} {
				c := newCommand(t, "abi", "--on", arch.Name, "--kernel", k, "--expect", k, "--format", "json", "--quiet")
				c.runs(t, exitOK)
				var rows []struct{ ID, Verdict string }
				if err := json.Unmarshal(c.stdout.Bytes(), &rows); err != nil {
					t.Fatal(err)
				}
				passed := 0
				for _, r := range rows {
					if r.Verdict == string(suite.Pass) {
						passed++
					} else if k == "patched" || r.Verdict != string(suite.Skip) {
						t.Errorf("%s: %s is %s", k, r.ID, r.Verdict)
					}
				}
				if len(rows) != len(suite.Catalogue()) || passed < 60 {
					t.Errorf("%s: %d rows, %d passed, of %d checks", k, len(rows), passed, len(suite.Catalogue()))
				}
			}
		})
	}
}

// finders names, for each seeded fault, a check that fails on it.
var finders = map[string]string{
	"inject_leak":           "inject.leak",
	"inject_twice":          "inject.error-twice",
	"inject_errno":          "inject.error-too-large",
	"target_call_twice":     "target-call.write-once",
	"target_call_flags":     "target-call.error-flag",
	"pin_unsealed":          "pin.keeps-munmap",
	"pin_shrink":            "pin.error-shrinkable",
	"redirect_leak":         "redirect.pointer-openat",
	"redirect_child":        "redirect.fork-child",
	"redirect_restart":      "redirect.restart",
	"redirect_restartblock": "redirect.restartblock",
	"redirect_exec":         "redirect.exec-fail",
	"redirect_sigreturn":    "redirect.sigreturn",
	"redirect_length":       "redirect.error-beyond",
	"redirect_memfd":        "redirect.error-other-memfd",
	"redirect_filters":      "redirect.other-filter-errno",
	"exec_event_failed":     "exec-event.not-on-failure",
}

// TestAbiFaults: every seeded fault is found on every architecture, by the
// check that is about it.
func TestAbiFaults(t *testing.T) {
	for _, arch := range arches() {
		t.Run(arch.Name, func(t *testing.T) {
			needGuests(t, arch.Name)
			for _, f := range kernel.Faults() {
				t.Run(f.Name, func(t *testing.T) {
					id := finders[f.Name]
					if suite.Find(id) == nil {
						t.Fatalf("no check is there to find it: %q", id)
					}
					c := newCommand(t, "abi", "--on", arch.Name, "--fault", f.Name, "--quiet", "--run", "^"+regexp.QuoteMeta(id)+"$")
					c.runs(t, exitFailed)
					if got := c.stdout.String(); !strings.Contains(got, "  fail "+id) {
						t.Errorf("%s does not fail:\n%s", id, got)
					}
				})
			}
		})
	}
}
