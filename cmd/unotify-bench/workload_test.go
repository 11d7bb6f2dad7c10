package main

import (
	"errors"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"unotify-bench/bench/workload"
)

func TestSplitWords(t *testing.T) {
	for _, tt := range []struct {
		line string
		want []string
		err  error
	}{
		{"", nil, nil},
		{"  ls   -R\t/usr ", []string{"ls", "-R", "/usr"}, nil},
		{`sh -c 'for i in 1; do "x"; done'`, []string{"sh", "-c", `for i in 1; do "x"; done`}, nil},
		{`a "b \" c"'d' ""`, []string{"a", `b " cd`, ""}, nil},
		{`a\ b '\'`, []string{"a b", `\`}, nil},
		{`a "b`, nil, errQuote},
		{`a \`, nil, errQuote},
	} {
		got, err := splitWords(tt.line)
		if !errors.Is(err, tt.err) {
			t.Errorf("%s: error %v, want %v", tt.line, err, tt.err)
		}
		if diff := cmp.Diff(tt.want, got); diff != "" {
			t.Errorf("%s (-want +got):\n%s", tt.line, diff)
		}
	}
}

// judged is a row of one mechanism.
func judged(mech, verdicts string, more func(*workload.Row)) workload.Row {
	r := workload.Row{Cell: workload.Cell{Workload: "w", Mech: mech}, Verdicts: verdicts, Notified: 9, Denied: 1, Refusals: []string{"openat denied " + verdicts[:1]}}
	if more != nil {
		more(&r)
	}
	return r
}

func TestVerdicts(t *testing.T) {
	status := func(n int) func(*workload.Row) { return func(r *workload.Row) { r.Status = n } }
	refused := func(what string) func(*workload.Row) {
		return func(r *workload.Row) { r.Refusals = []string{what} }
	}
	tries := func(won int) func(*workload.Row) {
		return func(r *workload.Row) { r.Verdicts, r.Tries, r.Breaches = "", 100, won }
	}
	for _, tt := range []struct {
		name    string
		program bool
		rows    []workload.Row
		failure string
		note    string
	}{
		{"agree", false, []workload.Row{judged("continue-read", "a", nil), judged("redirect", "a", nil)}, "", ""},
		{"differ", false, []workload.Row{judged("continue-read", "a", nil), judged("redirect", "b", nil)},
			"host w: through continue-read and redirect different calls were decided (1 of 9 denied, 1 of 9 denied): openat denied a against openat denied b", ""},
		{"a workload must repeat itself", false, []workload.Row{judged("redirect", "a", nil), judged("redirect", "b", nil)}, "through redirect and redirect", ""},
		{"differ, a program run once", true, []workload.Row{judged("continue-read", "a", nil), judged("redirect", "b", nil)}, "--count 2 tells", ""},
		{"a program that does not repeat itself", true,
			[]workload.Row{judged("continue-read", "a", refused("x")), judged("continue-read", "b", refused("x")), judged("redirect", "c", refused("x"))},
			"", "does not name the same files"},
		{"and is denied something else", true,
			[]workload.Row{judged("continue-read", "a", refused("x")), judged("continue-read", "b", refused("x")), judged("redirect", "c", refused("y"))},
			"different calls were denied", ""},
		{"nor is denied the same", true,
			[]workload.Row{judged("continue-read", "a", refused("x")), judged("continue-read", "b", refused("y")), judged("redirect", "c", refused("z"))},
			"", "verdicts are not compared"},
		{"ends in another way", true, []workload.Row{judged("continue-read", "a", status(2)), judged("redirect", "a", nil)}, "ended with status 2 through continue-read, with 0 through redirect", ""},
		{"ends badly", true, []workload.Row{judged("continue-read", "a", status(2)), judged("redirect", "a", status(2))}, "", "ended with status 2, as the policy denied it openat denied a"},
		{"the attack wins where it may", false, []workload.Row{judged("continue-read", "a", tries(3)), judged("redirect", "a", tries(0))}, "", ""},
		{"where it may not", false, []workload.Row{judged("continue-read", "a", tries(3)), judged("redirect", "a", tries(1))}, "redirect opened a forbidden file in 1 of 100 tries", ""},
		{"nowhere", false, []workload.Row{judged("continue-read", "a", tries(0)), judged("redirect", "a", tries(0))}, "too weak", ""},
	} {
		t.Run(tt.name, func(t *testing.T) {
			var j verdictJudge
			for _, r := range tt.rows {
				j.add(host, r)
			}
			failures, notes := j.conclude(tt.program)
			for _, x := range []struct {
				what, want string
				got        []string
			}{{"failure", tt.failure, failures}, {"note", tt.note, notes}} {
				got := strings.Join(x.got, "\n")
				if (x.want == "") != (got == "") && (x.what == "failure" || x.want != "") || !strings.Contains(got, x.want) {
					t.Errorf("%s %q, want %q", x.what, got, x.want)
				}
			}
		})
	}
}

// TestCheckWorkload plays a guest that is not to be believed.
func TestCheckWorkload(t *testing.T) {
	want := workload.Cell{Workload: "walk", Mech: "redirect"}
	good := workload.Row{Cell: want, Unit: "insns", Elapsed: 1e6, Calls: 10, Notified: 5, Denied: 1, Racy: 4, Verdicts: strings.Repeat("a", 64), SHA256: strings.Repeat("0", 64)}
	for _, tt := range []struct {
		name string
		do   func(*workload.Row)
		want string
	}{
		{"good", func(*workload.Row) {}, ""},
		{"absent", func(r *workload.Row) { *r = workload.Row{Cell: want, NA: "no INJECT"} }, ""},
		{"another", func(r *workload.Row) { r.Cell.Mech = "inject" }, "asked was"},
		{"another unit", func(r *workload.Row) { r.Unit = "ns" }, `in "ns"`},
		{"no time", func(r *workload.Row) { r.Elapsed = 0 }, "the number 0"},
		{"for ever", func(r *workload.Row) { r.Elapsed = 1e16 }, "the number"},
		{"more denied than asked", func(r *workload.Row) { r.Denied = 6 }, "impossible counts"},
		{"more allowed than asked", func(r *workload.Row) { r.Racy = 5 }, "impossible counts"},
		{"more won than tried", func(r *workload.Row) { r.Breaches = 1 }, "impossible counts"},
		{"negative", func(r *workload.Row) { r.Calls = -1 }, "impossible counts"},
		{"no hash", func(r *workload.Row) { r.SHA256 = "" }, "no hash"},
		{"no hash of verdicts", func(r *workload.Row) { r.Verdicts = "zz" }, "no hash"},
		{"talks a lot", func(r *workload.Row) { r.Refusals = []string{strings.Repeat("x", 1<<20)} }, "oversized"},
	} {
		r := good
		tt.do(&r)
		err := checkWorkload(r, want, "insns")
		if (err == nil) != (tt.want == "") || err != nil && !strings.Contains(err.Error(), tt.want) {
			t.Errorf("%s: %v, want %q", tt.name, err, tt.want)
		}
	}
}
