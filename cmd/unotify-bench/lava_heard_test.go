package main

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"unotify-bench/abi/suite"
	"unotify-bench/internal/lava"
)

// lavaSample is a job of three checks and two rows, and what a device says that did it
// all.
var lavaSample = lavaJob{
	Name: "amd64-1", Arch: "amd64", Release: "6.12.117+x",
	Checks: []string{"reply.values", "reply.float", "reply.rivals"},
	Rows:   []string{"Notify/mech=a/syscall=b/cpus=same", "Notify/mech=c/syscall=b/cpus=same"}, Count: 2,
}

const lavaMonitored = "lava lava-test-monitor pass"

func lavaCases(lines ...string) (cases []lava.Case) {
	for i, line := range lines {
		w := strings.Fields(line)
		w = append(w, "", "")
		cases = append(cases, lava.Case{ID: i + 1, Suite: w[0], Name: w[1], Result: w[2], Measurement: w[3], Unit: w[4]})
	}
	return cases
}

func checkCase(id, result string) string { return "checks " + lava.CaseID(id) + " " + result }

func figureCases(row string, run int, ns float64) []string {
	var lines []string
	for unit, v := range map[string]float64{unitCalls: 1000, unitCPUs: 2, unitFigures: 2, "ns/op": ns, "p99.9-ns/op": 2 * ns} {
		lines = append(lines, fmt.Sprintf("figures %s pass %v %s", lava.CaseID(figureID(row, unit, run)), v, unit))
	}
	slices.Sort(lines)
	return lines
}

func wholeLava() []string {
	lines := []string{checkCase(kernelCase("6.12.117+x"), "pass")}
	for _, id := range lavaSample.Checks {
		lines = append(lines, checkCase(id, "pass"))
	}
	lines = append(lines, checkCase(splatCase, "pass"))
	for run := 1; run <= 2; run++ {
		lines = append(lines, figureCases(lavaSample.Rows[0], run, 100)...)
		lines = append(lines, fmt.Sprintf("figures %s skip 0 %s", lava.CaseID(figureID(lavaSample.Rows[1], unitNA, run)), unitNA))
	}
	return append(lines, lavaMonitored)
}

// TestHear has a line for each way in which what a lab says is not what a job should have
// done.
func TestHear(t *testing.T) {
	without := func(part string) []string {
		return slices.DeleteFunc(wholeLava(), func(l string) bool { return strings.Contains(l, part) })
	}
	with := func(at int, more ...string) []string { return slices.Insert(wholeLava(), at, more...) }
	replaced := func(from, to string) []string {
		lines := wholeLava()
		for i := range lines {
			lines[i] = strings.Replace(lines[i], from, to, 1)
		}
		return lines
	}
	all := map[string]suite.Verdict{"reply.values": suite.Pass, "reply.float": suite.Pass, "reply.rivals": suite.Pass}
	changed := func(id string, v suite.Verdict) map[string]suite.Verdict {
		m := map[string]suite.Verdict{}
		for k, old := range all {
			m[k] = old
		}
		if m[id] = v; v == "" {
			delete(m, id)
		}
		return m
	}
	for _, tt := range []struct {
		name   string
		cases  []string
		log    string
		checks map[string]suite.Verdict
		rows   int      // whole
		doubts []string // the gap first
	}{
		{"all", wholeLava(), "", all, 2, nil},
		{"a check is missing", without("reply_float"), "", changed("reply.float", ""), 2, nil},
		{"a figure is missing", without("same_ns_op_run2"), "", all, 1, nil},
		{"the end of its distribution is missing", without("same_p99_9_ns_op_run2"), "", all, 1, nil},
		{"the number of calls is missing", without("same_calls_run1"), "", all, 1, nil},
		{"no end seen", without("lava "), "", all, 2, []string{"the lab did not see the device finish"}},
		{"the monitor failed", replaced("lava-test-monitor pass", "lava-test-monitor fail"), "", all, 2, []string{"the lab did not see the device finish"}},
		{"another kernel", replaced("kernel_release_6_12_117_x", "kernel_release_6_1_0"), "", map[string]suite.Verdict{}, 0,
			[]string{"the device ran another kernel, kernel_release_6_1_0"}},
		{"no kernel told", without("kernel_release"), "", map[string]suite.Verdict{}, 0, []string{"the device did not tell its kernel"}},
		{"a failure", replaced("reply_values pass", "reply_values fail"), "unotify: about reply_values: fail 80, want 88", changed("reply.values", suite.Fail), 2, nil},
		{"divergent", replaced("reply_values pass", "reply_values unknown"), "unotify: about reply_values: divergent EPERM, want EACCES", changed("reply.values", suite.Divergent), 2, nil},
		{"could not tell", replaced("reply_values pass", "reply_values unknown"), "unotify: about reply_values: error no memory", changed("reply.values", suite.Error), 2, nil},
		{"unknown, without a log", replaced("reply_values pass", "reply_values unknown"), "", changed("reply.values", suite.Error), 2, nil},
		{"not asked for", with(2, checkCase("evil\x1b[2J", "pass")), "", all, 2, []string{`"evil_2j" was not asked for`}},
		{"a row not asked for", with(6, figureCases("Notify/other", 1, 3)[:1]...), "", all, 2, []string{`"notify_other_calls_run1" in "calls" was not asked for`}},
		{"a third run", with(6, figureCases(lavaSample.Rows[0], 3, 3)[:1]...), "", all, 2, []string{`"notify_mech_a_syscall_b_cpus_same_calls_run3" in "calls" was not asked for`}},
		{"no number", replaced("same_ns_op_run1 pass 100 ", "same_ns_op_run1 pass NaN "), "", all, 1, []string{`notify_mech_a_syscall_b_cpus_same_ns_op_run1 is "NaN" ns/op, which is no figure`}},
		{"a row failed", replaced("n_a_run1 skip 0 n/a", "failed_run1 fail 0 failed"), "unotify: about notify_mech_c_syscall_b_cpus_same_failed_run1: the limit is over", all, 2,
			[]string{lavaSample.Rows[1] + ": failed: the limit is over"}},
		{"a splat", replaced("no_splat pass", "no_splat fail"), "unotify: about kernel_no_splat: fail: the kernel complained", all, 2, []string{"fail: the kernel complained"}},
		{"began again in the middle", with(3, wholeLava()[:1]...), "", all, 2, nil}, // the kernel's case alone: it rebooted before any other
		{"began again during the third", with(3, wholeLava()[:3]...), "", changed("reply.rivals", suite.Error), 2, []string{"the device began again during reply.rivals"}},
		{"measured twice", with(9, strings.Replace(figureCases(lavaSample.Rows[0], 1, 100)[3], " 100 ", " 101 ", 1)), "", all, 1,
			[]string{"the device has measured " + lavaSample.Rows[0] + " twice: it began again"}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			h := lavaSample.hear("job 1", "Complete", lavaCases(tt.cases...), []lava.Line{{Level: "target", Text: tt.log}})
			got := map[string]suite.Verdict{}
			for id, v := range h.checks {
				got[id] = v.Verdict
			}
			if diff := cmp.Diff(tt.checks, got); diff != "" {
				t.Errorf("verdicts (-want +got):\n%s", diff)
			}
			rows := 0
			for _, name := range lavaSample.Rows {
				if h.wholeRow(name) {
					rows++
				}
			}
			if rows != tt.rows {
				t.Errorf("%d rows are whole, want %d", rows, tt.rows)
			}
			doubts := h.doubts
			if h.gap != "" {
				doubts = append([]string{h.gap}, doubts...)
			}
			if diff := cmp.Diff(tt.doubts, doubts); diff != "" {
				t.Errorf("doubts (-want +got):\n%s", diff)
			}
		})
	}
}

// TestHearRows: a job of rows alone tells its kernel, too.
func TestHearRows(t *testing.T) {
	j := lavaSample
	j.Checks = nil
	rows := slices.DeleteFunc(wholeLava(), func(l string) bool { return strings.HasPrefix(l, "checks") })
	kernel := func(release string) string {
		return "figures " + lava.CaseID(kernelCase(release)) + " pass 0 " + unitKernel
	}
	for _, tt := range []struct {
		release, gap string
	}{
		{j.Release, ""},
		{"6.1.0", "the device ran another kernel, kernel_release_6_1_0"},
	} {
		h := j.hear("job 1", "Complete", lavaCases(append([]string{kernel(tt.release)}, rows...)...), nil)
		if h.gap != tt.gap || h.whole(&j) != (tt.gap == "") || h.doubts != nil {
			t.Errorf("%s: gap %q, doubts %q, whole %v", tt.release, h.gap, h.doubts, h.whole(&j))
		}
	}
	if h := j.hear("job 1", "Complete", lavaCases(rows...), nil); h.gap != "the device did not tell its kernel" || h.whole(&j) {
		t.Errorf("no kernel told: %q", h.gap)
	}
}

// TestMerged: each check counts once, and the last run that has it.
func TestMerged(t *testing.T) {
	hear := func(lines ...string) *heard { return lavaSample.hear("job", "", lavaCases(lines...), nil) }
	first := slices.Clone(wholeLava()[:3]) // killed in the middle
	first[1] = strings.Replace(first[1], "pass", "fail", 1)
	m := merged([]*heard{hear(first...), hear(wholeLava()...)})
	if !m.whole(&lavaSample) || m.checks["reply.values"].Verdict != suite.Pass {
		t.Errorf("cut, then whole: %+v", m)
	}
	m = merged([]*heard{hear(wholeLava()...), hear(first...)})
	if !m.whole(&lavaSample) || m.checks["reply.values"].Verdict != suite.Fail {
		t.Errorf("whole, then cut with a failure: %+v", m)
	}
	// The rows are the device's that has measured them.
	a, b := hear(wholeLava()...), hear(first...)
	a.isOf("a")
	b.isOf("b")
	m = merged([]*heard{a, b})
	if got := m.rows[lavaSample.Rows[0]][0].device; got != "a" {
		t.Errorf("rows of device a are of %q", got)
	}
	if n := len(m.rows[lavaSample.Rows[0]]); n != 2 {
		t.Errorf("%d runs of a row that was measured in one of two jobs, want its 2", n)
	}
}
