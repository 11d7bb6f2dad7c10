package main

import (
	"bytes"
	"encoding/json"
	"encoding/xml"
	"fmt"
	"io"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"unotify-bench/abi"
	"unotify-bench/abi/suite"
	"unotify-bench/kernel"
)

// abiRows is a report with a row of each verdict, on two kernels.
func abiRows(t *testing.T) *abiReport {
	t.Helper()
	r := &abiReport{}
	for _, where := range []string{host, "arm64"} {
		l := &abiLane{Where: where, Release: "6.12", rerun: "unotify-bench abi --on " + where + " --run '%s'"}
		for i, v := range suite.Verdicts() {
			c := suite.Catalogue()[i]
			text := fmt.Sprintf("first <%s>\nsecond", v)
			if v == suite.Pass {
				text = ""
			}
			l.Rows = append(l.Rows, abiRow{Check: c, Verdict: v, Text: text})
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
	if got, want := r.bad(), "4 checks failed or could not tell: host "+r.lanes[0].Rows[0].Check.ID+", "; !strings.HasPrefix(got, want) {
		t.Errorf("%q, want %q and so on", got, want)
	}
}

// TestAbiWorst: of several runs of a check the worst counts.
func TestAbiWorst(t *testing.T) {
	l := &abiLane{}
	c := suite.Catalogue()[0]
	for _, v := range []suite.Verdict{suite.Pass, suite.Skip, suite.Fail, suite.Pass, suite.Fail} {
		l.seed++
		l.row(c, v, fmt.Sprintf("%s %d", v, l.seed))
	}
	want := []abiRow{{Check: c, Verdict: suite.Fail, Text: "in run 3: fail 3", Runs: 5, Bad: 2}}
	if d := cmp.Diff(want, l.Rows, cmp.AllowUnexported(abiRow{}), cmp.Comparer(func(a, b *suite.Check) bool { return a == b })); d != "" {
		t.Errorf("rows (-want +got):\n%s", d)
	}
	r := &abiReport{lanes: []*abiLane{l}}
	if got := written(t, "table", r); !strings.Contains(got, "(must, in 2 of 5 runs): ") {
		t.Errorf("how often is not in the table:\n%s", got)
	}
	if got, want := written(t, "table", r), ": 1 checks, 5 runs of each: 1 fail\n"; !strings.Contains(got, want) {
		t.Errorf("%q is not in the table:\n%s", want, got)
	}
	l.row(suite.Catalogue()[1], suite.Pass, "")
	if got, want := written(t, "table", r), ": 2 checks, 1 to 5 runs of each: "; !strings.Contains(got, want) {
		t.Errorf("%q is not in the table of a run that was interrupted:\n%s", want, got)
	}
}

// TestAbiTimes: of several runs the time is the mean, in every format with times; the
// host was not booted for it.
func TestAbiTimes(t *testing.T) {
	r := &abiRunner{app: &app{quiet: true, stderr: io.Discard}, abiPlan: &abiPlan{}, journal: &journal[suite.Result]{}}
	r.bar = r.newProgress()
	for _, where := range []string{host, "arm64"} {
		l := r.lane(where, "6.12", "")
		for _, took := range []time.Duration{time.Millisecond, 3 * time.Millisecond} {
			l.todo = suite.Catalogue()[:1]
			if err := r.take(l, suite.Result{ID: l.todo[0].ID, Outcome: suite.Held, Began: time.Second, Took: took}); err != nil {
				t.Fatal(err)
			}
		}
	}
	type times struct{ Began, Seconds float64 }
	var got []times
	report := &abiReport{lanes: r.lanes}
	if err := json.Unmarshal([]byte(written(t, "json", report)), &got); err != nil {
		t.Fatal(err)
	}
	if d := cmp.Diff([]times{{0, 0.002}, {1, 0.002}}, got); d != "" {
		t.Errorf("times in JSON (-want +got):\n%s", d)
	}
	var suites junitSuites
	if err := xml.Unmarshal([]byte(written(t, "junit", report)), &suites); err != nil {
		t.Fatal(err)
	}
	if s := suites.Suites[1]; s.Time != "0.002" || s.Cases[0].Time != "0.002" {
		t.Errorf("times in JUnit: %+v", s)
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
		{"no result", eventCheck, 0, 7, "guest sent no result: json: cannot"},
		{"back in time", eventCheck, 0, suite.Result{ID: ok.ID, Took: -1}, "took -1ns"},
		{"another kind", "row", 0, ok, "unknown kind"},
		{"complaint", eventErr, 0, "\x1b[2J", `guest: "\x1b[2J"`},
	} {
		t.Run(tt.name, func(t *testing.T) {
			data, err := json.Marshal(tt.data)
			if err != nil {
				t.Fatal(err)
			}
			res, err := said(&abiLane{todo: checks[tt.rows:]}, kernel.Event{Kind: tt.kind, Data: data})
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
// the stock one all that is stock, in a machine as small as a small board.
func TestAbiMachines(t *testing.T) {
	for _, arch := range arches() {
		t.Run(arch.Name, func(t *testing.T) {
			needGuests(t, arch.Name)
			for _, k := range []string{"patched", "stock"} {
				memory := map[string]string{"patched": "512", "stock": "64"}[k]
				c := newCommand(t, "abi", "--on", arch.Name, "--kernel", k, "--expect", k, "--memory", memory, "--format", "json", "--quiet")
				c.start(t)
				status := c.status(t)
				var rows []struct{ ID, Verdict, Text string }
				if err := json.Unmarshal(c.stdout.Bytes(), &rows); err != nil {
					t.Fatalf("%v\n%s", err, &c.stderr)
				}
				passed := 0
				for _, r := range rows {
					if r.Verdict == string(suite.Pass) {
						passed++
					} else if k == "patched" && !debugOnly(arch, r.ID) || r.Verdict != string(suite.Skip) {
						t.Errorf("%s: %s is %s: %s", k, r.ID, r.Verdict, r.Text)
					}
				}
				if status != exitOK {
					t.Errorf("%s: exit status %d\n%s", k, status, &c.stderr)
				}
				if len(rows) != len(suite.Catalogue()) || passed < 60 {
					t.Errorf("%s: %d rows, %d passed, of %d checks", k, len(rows), passed, len(suite.Catalogue()))
				}
			}
		})
	}
}

// debugOnly are checks of what the variant debug alone has been built with, or
// an architecture has not.
func debugOnly(arch *abi.Arch, id string) bool {
	return strings.Contains(id, ".memcg-") || strings.Contains(id, ".audit-") || strings.Contains(id, ".compat") || strings.Contains(id, ".x32-") && !arch.Has(abi.QuirkX32)
}
