package report

import (
	"io"
	"math"
	"strings"
	"testing"

	"golang.org/x/perf/benchfmt"
)

// No writer and no set takes what a file could not hold or no clock could
// have measured.
func TestRefused(t *testing.T) {
	for _, tt := range []struct {
		name string
		edit func(*benchfmt.Result)
		want string
	}{
		{"NaN", func(r *benchfmt.Result) { r.Values[0].Value = math.NaN() }, "ns/op is NaN"},
		{"infinite", func(r *benchfmt.Result) { r.Values[1].Value = math.Inf(1) }, "mean-ns/op is +Inf"},
		{"negative", func(r *benchfmt.Result) { r.Values[0].Value = -1 }, "ns/op is -1"},
		{"absurd", func(r *benchfmt.Result) { r.Values[0].Value = 1e16 }, "ns/op is 1e+16"},
		{"p10 above median", func(r *benchfmt.Result) { r.Values[2] = benchfmt.Value{Value: 2451, Unit: "p10-ns/op"} }, "ns/op 2450 is below p10-ns/op 2451"},
		{"p90 below median", func(r *benchfmt.Result) { r.Values[2].Value = 1 }, "p90-ns/op 1 is below ns/op 2450"},
		{"unit twice", func(r *benchfmt.Result) { r.Values[1].Unit = "ns/op" }, "ns/op is there twice"},
		{"no unit", func(r *benchfmt.Result) { r.Values[0].Unit = "" }, "empty unit"},
		{"no values", func(r *benchfmt.Result) { r.Values = nil }, "no measurements"},
		{"no iterations", func(r *benchfmt.Result) { r.Iters = 0 }, "0 iterations"},
		{"no name", func(r *benchfmt.Result) { r.Name = nil }, "empty name"},
		{"name with a line end", func(r *benchfmt.Result) { r.Name = benchfmt.Name("a\nb") }, `name "a\nb" has a character`},
		{"name with an escape", func(r *benchfmt.Result) { r.Name = benchfmt.Name("\x1b[2J") }, `name "\x1b[2J" has a character`},
		{"name not UTF-8", func(r *benchfmt.Result) { r.Name = benchfmt.Name("\xff") }, `name "\xff" has a character`},
		{"key with a capital", func(r *benchfmt.Result) { r.SetConfig("Kernel", "6") }, `"Kernel" is no file key`},
		{"key with a colon", func(r *benchfmt.Result) { r.SetConfig("a:b", "6") }, `"a:b" is no file key`},
		{"value with a line end", func(r *benchfmt.Result) { r.SetConfig("kernel", "6\nBenchmarkX 1 1 ns/op") }, "has a control character"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			results, _ := few(t)
			r := results[0]
			tt.edit(r)
			takers := map[string]func(*benchfmt.Result) error{"Set": new(Set).Add}
			for _, format := range Formats {
				w, _ := NewWriter(format, io.Discard)
				takers[format] = w.Write
			}
			for who, take := range takers {
				if err := take(r); err == nil || !strings.Contains(err.Error(), tt.want) {
					t.Errorf("%s: got %v, want %s", who, err, tt.want)
				}
			}
		})
	}
}

func TestSetRefused(t *testing.T) {
	results, _ := few(t)
	noHeadline := results[0].Clone()
	noHeadline.Values = noHeadline.Values[1:]
	zero := results[0].Clone()
	zero.Values[0].Value = 0
	for _, tt := range []struct {
		r    *benchfmt.Result
		want string
	}{
		{noHeadline, `no ns/op, the headline of clock "wall"`},
		{zero, "0 ns/op, which is no call"},
	} {
		if err := new(Set).Add(tt.r); err == nil || !strings.Contains(err.Error(), tt.want) {
			t.Errorf("got %v, want %s", err, tt.want)
		}
	}
}

func TestNARefused(t *testing.T) {
	for _, na := range []NA{
		{"host", "Notify/mech=addfd", ""},
		{"host", "Notify/mech=addfd", "two\nlines"},
		{"ho st", "Notify/mech=addfd", "why"},
		{"host", "Notify mech=addfd", "why"},
	} {
		if err := new(Set).AddNA(na); err == nil {
			t.Errorf("Set takes %q", na)
		}
		for _, format := range Formats {
			w, _ := NewWriter(format, io.Discard)
			if err := w.WriteNA(na); err == nil {
				t.Errorf("%s takes %q", format, na)
			}
		}
	}
}
