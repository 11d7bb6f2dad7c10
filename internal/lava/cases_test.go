package lava

import (
	"bytes"
	"regexp"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestCaseID(t *testing.T) {
	for _, tt := range []struct{ id, want string }{
		{"inject.errno-enosys", "inject_errno_enosys"},
		{"Notify/mech=continue/syscall=openat/wake=sync/cpus=same.p99.9-ns/op.run2", "notify_mech_continue_syscall_openat_wake_sync_cpus_same_p99_9_ns_op_run2"},
		{"kernel.release.6.12.117+unotify-patched", "kernel_release_6_12_117_unotify_patched"},
		{"-x-", "x"},
	} {
		got := CaseID(tt.id)
		if got != tt.want {
			t.Errorf("%q is %q, want %q", tt.id, got, tt.want)
		}
		if again := CaseID(got); again != got {
			t.Errorf("%q is %q the second time: LAVA would change it", got, again)
		}
	}
}

func TestClashes(t *testing.T) {
	if err := Clashes([]string{"a.b", "a.c", "b"}); err != nil {
		t.Error(err)
	}
	err := Clashes([]string{"a.b", "c", "a-B"})
	if err == nil || !strings.Contains(err.Error(), `"a.b" and "a-B"`) {
		t.Errorf("%v, want both named", err)
	}
}

// TestPrinted holds what is printed against the patterns of a job, in the way in which
// a monitor reads it: lines of a serial console, with the kernel's own between.
func TestPrinted(t *testing.T) {
	var out bytes.Buffer
	p := NewPrinter(&out)
	for _, err := range []error{
		p.Begin(Checks), p.Case("reply.values", Pass, ""), p.Case("pin.size", Fail, "4096\nwant 8192"), p.End(Checks),
		p.Begin(Figures), p.Figure("row.ns/op.run1", Pass, 1.1541522761e+07, "ns/op"), p.End(Figures),
	} {
		if err != nil {
			t.Fatal(err)
		}
	}
	console := strings.ReplaceAll(out.String(), "\n", "\r\r\n[    1.000000] a kernel's line\r\r\n")
	for _, tt := range []struct {
		monitor string
		want    [][]string
	}{
		{Checks, [][]string{{"reply_values", "pass"}, {"pin_size", "fail"}}},
		{Figures, [][]string{{"row_ns_op_run1", "pass", "11541522.761", "ns/op"}}},
	} {
		_, after, ok := strings.Cut(console, beginLine(tt.monitor))
		part, _, ended := strings.Cut(after, endLine(tt.monitor))
		if !ok || !ended {
			t.Fatalf("%s do not begin or end in %q", tt.monitor, console)
		}
		var got [][]string
		for _, m := range regexp.MustCompile(pattern(tt.monitor)).FindAllStringSubmatch(part, -1) {
			got = append(got, m[1:])
		}
		if diff := cmp.Diff(tt.want, got); diff != "" {
			t.Errorf("%s (-want +got):\n%s", tt.monitor, diff)
		}
	}
	var lines []Line
	for line := range strings.Lines(out.String()) {
		lines = append(lines, Line{Level: "target", Text: line}, Line{Level: "debug", Text: "unotify: about pin_size: no device's line"})
	}
	if diff := cmp.Diff(map[string]string{"pin_size": "4096\nwant 8192\n"}, Notes(lines)); diff != "" {
		t.Errorf("texts (-want +got):\n%s", diff)
	}
}

func TestReadRunLog(t *testing.T) {
	const log = `{"dt": "2026-11-26T08:13:23", "lvl": "info", "msg": "start: 0 validate"}
{"dt": "2026-11-26T08:13:24", "lvl": "target", "msg": "unotify: about a: b: ! \"c\""}
{"dt": "2026-11-26T08:13:25", "lvl": "debug", "msg": {"a": ["list"]}}
{"dt": "2026-11-26T08:13:26", "lvl": "results", "msg": {"case": "a", "definition": "checks", "level": "3.1", "result": "pass"}}
{"dt": "2026-11-26T08:13:27", "lvl": "results", "msg": {"case": "b", "definition": "figures", "measurement": ! "6319.25", "result": "pass", "units": "ns/op"}}
{"dt": "2026-11-26T08:13:28", "lvl": "results", "msg": {"case": "c", "definition": "figures", "measurement": 7, "result": "pass", "units": "calls"}}
`
	wantCases := []Case{
		{ID: 1, Suite: "checks", Name: "a", Result: "pass"},
		{ID: 2, Suite: "figures", Name: "b", Result: "pass", Measurement: "6319.25", Unit: "ns/op"},
		{ID: 3, Suite: "figures", Name: "c", Result: "pass", Measurement: "7", Unit: "calls"},
	}
	cases, lines, err := ReadRunLog(strings.NewReader(log))
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(wantCases, cases); diff != "" {
		t.Errorf("cases (-want +got):\n%s", diff)
	}
	if len(lines) != 3 || lines[1].Text != `unotify: about a: b: ! "c"` {
		t.Errorf("lines are %+v", lines)
	}
	// A worker that was killed in the middle of a line leaves the rest.
	cut, _, err := ReadRunLog(strings.NewReader(log[:len(log)-40]))
	if diff := cmp.Diff(wantCases[:2], cut); diff != "" || err != nil {
		t.Errorf("cut: %v (-want +got):\n%s", err, diff)
	}
	// So does Python, which warns of things.
	warned, lines, err := ReadRunLog(strings.NewReader(strings.Replace(log, "\n", "\n/usr/lib/x.py:1: DeprecationWarning: y\n", 1)))
	if diff := cmp.Diff(wantCases, warned); diff != "" || err != nil || len(lines) != 4 {
		t.Errorf("warned: %v, %d lines (-want +got):\n%s", err, len(lines), diff)
	}
	for _, bad := range []string{"", "hello\nworld\n", `{"lvl": "info", "msg": "no results"}` + "\n", strings.Repeat("x", maxLogLine+1)} {
		if cases, _, err := ReadRunLog(strings.NewReader(bad)); err == nil {
			t.Errorf("%.40q gives %v, and no error", bad, cases)
		}
	}
}
