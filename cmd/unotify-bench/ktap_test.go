package main

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestKTAP(t *testing.T) {
	for _, tt := range []struct {
		name   string
		output string
		want   []verdict
		err    string // part of it
	}{
		{
			name: "kselftest_harness.h",
			output: `TAP version 13
1..5
# Starting 5 tests from 2 test cases.
#  RUN           global.a ...
#            OK  global.a
ok 1 global.a
#  RUN           global.b ...
#      SKIP      no kcmp() (missing CONFIG_KCMP?)
#            OK  global.b
ok 2 global.b # SKIP no kcmp() (missing CONFIG_KCMP?)
#  RUN           F.v.c ...
# x.c:12:c:Expected 1 (1) == 2 (2)
# c: Test failed
#          FAIL  F.v.c
not ok 3 F.v.c
ok 4 F.v.d # XFAIL unknown
# e: Test terminated by timeout
not ok 5 F.v.e
# FAILED: 3 / 5 tests passed.
# Totals: pass:1 fail:2 xfail:1 xpass:0 skip:1 error:0
`,
			want: []verdict{
				{"p", "global.a", "ok", ""},
				{"p", "global.b", "SKIP", "no kcmp() (missing CONFIG_KCMP?)"},
				{"p", "F.v.c", "not ok", "x.c:12:c:Expected 1 (1) == 2 (2)"},
				{"p", "F.v.d", "XFAIL", "unknown"},
				{"p", "F.v.e", "not ok", "e: Test terminated by timeout"},
			},
		},
		{
			name:   "kselftest.h",
			output: "TAP version 13\n1..3\nPinned to CPU 1 of 1\n# \tnative ≤ 1 bitmap (20 ≤ 30): ✔️\nok 1 native ≤ 1 bitmap\nok 2 # SKIP entry ≈ 1 bitmapped\nnot ok 3 a ≈ b\n",
			want: []verdict{
				{"p", "native ≤ 1 bitmap", "ok", ""},
				{"p", "entry ≈ 1 bitmapped", "SKIP", ""},
				{"p", "a ≈ b", "not ok", ""},
			},
		},
		{name: "skipped as a whole", output: "1..0 # SKIP not root\n", want: []verdict{{"p", "p", "SKIP", "not root"}}},
		{name: "nothing", want: []verdict{{"p", "p", "not ok", "no tests were announced"}}},
		{name: "none", output: "1..0\n", want: nil},
		{
			name: "dies", output: "1..2\nok 1 a\n# dir/x.c:1:b:Expected\n",
			want: []verdict{{"p", "a", "ok", ""}, {"p", "p", "not ok", "dir/x.c:1:b:Expected\n2 tests were announced, and it ended after 1"}},
		},
		{
			name: "says more than it announced", output: "1..1\nok 1 a\nok 2 b\n",
			want: []verdict{{"p", "a", "ok", ""}, {"p", "b", "ok", ""}, {"p", "p", "not ok", "1 tests were announced, and it ended after 2"}},
		},
		{name: "escapes", output: "1..1\nok 1 a\x1b[2J # SKIP \x1b[2J\n", want: []verdict{{"p", "a?[2J", "SKIP", "?[2J"}}},
		{name: "out of order", output: "1..2\nok 2 b\n", err: `"ok 2 b" comes after 0 tests`},
		{name: "twice", output: "1..2\nok 1 a\nok 1 a\n", err: `"ok 1 a" comes after 1 tests`},
		{name: "two plans", output: "1..2\n1..3\n", err: "a second plan"},
		{name: "a plan beyond all bounds", output: "1..99999999999999999999\n", err: "value out of range"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			k := newKTAP("p")
			var err error
			for line := range strings.Lines(tt.output) {
				if err = k.line(strings.TrimSuffix(line, "\n")); err != nil {
					break
				}
			}
			if tt.err != "" {
				if err == nil || !strings.Contains(err.Error(), tt.err) {
					t.Errorf("error %v, want one with %q", err, tt.err)
				}
				return
			}
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(tt.want, k.end()); diff != "" {
				t.Errorf("verdicts (-want +got):\n%s", diff)
			}
		})
	}
}
