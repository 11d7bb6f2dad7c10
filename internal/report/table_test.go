package report

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"golang.org/x/perf/benchfmt"

	"unotify-bench/internal/golden"
)

func TestTable(t *testing.T) {
	two := riscv64.wall()
	for _, tt := range []struct {
		golden string
		set    *Set
		opts   TableOptions
	}{
		{"table-80.txt", demo(t, demoNAs, host, amd64, arm64, riscv64), TableOptions{Width: 80, SeeAll: "unotify-bench run --all"}},
		{"table-120.txt", demo(t, demoNAs, host, amd64, arm64, riscv64), TableOptions{Width: 120, SeeAll: "unotify-bench run --all"}},
		{"table-all.txt", demo(t, demoNAs, host, amd64), TableOptions{Width: 80, All: true}},
		{"table-50.txt", demo(t, demoNAs, host, amd64, arm64), TableOptions{Width: 50}},
		{"table-emulated.txt", demo(t, demoNAs, riscv64, two), TableOptions{Width: 100}},
		{"table-nosync.txt", demo(t, append([]NA{{"host", "Notify/wake=sync", "FD_SYNC_WAKE_UP came with Linux 6.6"}}, demoNAs...), host.noSync(), arm64), TableOptions{}},
		{"table-color.txt", demo(t, demoNAs, amd64), TableOptions{Color: true}},
	} {
		t.Run(tt.golden, func(t *testing.T) {
			var out strings.Builder
			if err := tt.set.Table(&out, tt.opts); err != nil {
				t.Fatal(err)
			}
			golden.Check(t, tt.golden, out.String())
		})
	}
}

// At every width no line is wider, and more room never shows less.
func TestWidths(t *testing.T) {
	s := demo(t, demoNAs, host, amd64, arm64, riscv64)
	last := 0
	for width := 50; width <= 140; width++ {
		var out strings.Builder
		if err := s.Table(&out, TableOptions{Width: width}); err != nil {
			t.Fatal(err)
		}
		for line := range strings.Lines(out.String()) {
			if n := runes(strings.TrimSuffix(line, "\n")); n > width {
				t.Errorf("%d columns, not %d: %s", n, width, line)
			}
		}
		shown := strings.Count(findLine(t, out.String(), "getppid"), " ")
		if shown < last {
			t.Errorf("width %d shows less than width %d", width, width-1)
		}
		last = shown
	}
	if want := 4 * 4; last != want {
		t.Errorf("the widest table shows %d figures a row, want %d", last, want)
	}
}

// smallTable prints results without a file between.
func smallTable(t *testing.T, o TableOptions, nas []NA, results ...*benchfmt.Result) string {
	t.Helper()
	var s Set
	for _, r := range results {
		if err := s.Add(r); err != nil {
			t.Fatal(err)
		}
	}
	for _, na := range nas {
		if err := s.AddNA(na); err != nil {
			t.Fatal(err)
		}
	}
	var out strings.Builder
	if err := s.Table(&out, o); err != nil {
		t.Fatal(err)
	}
	return out.String()
}

func findLine(t *testing.T, out, start string) string {
	t.Helper()
	for line := range strings.Lines(out) {
		if strings.HasPrefix(line, start) {
			return strings.Join(strings.Fields(line), " ")
		}
	}
	t.Fatalf("no line begins with %q in:\n%s", start, out)
	return ""
}

func TestRows(t *testing.T) {
	cont := "Notify/mech=continue/syscall=getppid/wake=sync/cpus=same-1"
	reply := "Notify/mech=reply/syscall=getppid/wake=sync/cpus=same-1"
	res := func(name string, headline float64) *benchfmt.Result { return amd64.result(t, name, 400, headline) }
	twoModes := res(cont, 6000)
	twoModes.Values = append(twoModes.Values, benchfmt.Value{Value: .3, Unit: "mode2-share"})
	oneMode := res(cont, 6000)
	oneMode.Values = append(oneMode.Values, benchfmt.Value{Value: 0, Unit: "mode2-share"})
	bare := res(reply, 5000) // without native-insns/op
	bare.Values = slices.DeleteFunc(bare.Values, func(v benchfmt.Value) bool { return strings.HasPrefix(v.Unit, "native-") })
	native := res("Notify/mech=native/syscall=getppid-1", 300)
	seeds := func(values ...float64) []*benchfmt.Result {
		var all []*benchfmt.Result
		for _, v := range values {
			all = append(all, res(cont, v))
		}
		return all
	}
	none := func(name string) []NA { return []NA{{"amd64", name, "why"}} }
	for _, tt := range []struct {
		name    string
		results []*benchfmt.Result
		nas     []NA
		start   string
		want    string
	}{
		{"one run has no spread", seeds(6000), nil, "! continue", "! continue 6000 +5600 1.00×"},
		{"identical runs", seeds(6000, 6000), nil, "! continue", "! continue 6000 +5600 1.00× ±0%"},
		{"nearly so", seeds(6000, 6001, 6000), nil, "! continue", "! continue 6000 +5600 1.00× ±<1%"},
		{"below six, all of them count", seeds(6000, 6000, 6000, 6000, 12000), nil, "! continue", "! continue 6000 +5600 1.00× ±100%"},
		{"from six on, the interval of the median", seeds(6000, 6000, 6000, 6000, 6000, 6000, 6000, 6000, 6000, 12000), nil, "! continue", "! continue 6000 +5600 1.00× ±0%"},
		{"two modes", []*benchfmt.Result{twoModes}, nil, "! continue", "! continue 6000² +5600 1.00×"},
		{"one mode, said so", []*benchfmt.Result{oneMode}, nil, "! continue", "! continue 6000 +5600 1.00×"},
		{"no continue to compare with", []*benchfmt.Result{res(reply, 5000)}, nil, "✓ reply", "✓ reply 5000 +4600"},
		{"its own baseline wins", []*benchfmt.Result{res(reply, 5000), native}, nil, "✓ reply", "✓ reply 5000 +4600"},
		{"else the native row", []*benchfmt.Result{bare, native}, nil, "✓ reply", "✓ reply 5000 +4700"},
		{"else nothing", []*benchfmt.Result{bare}, nil, "✓ reply", "✓ reply 5000"},
		{"cheaper than native", []*benchfmt.Result{res(reply, 300)}, nil, "✓ reply", "✓ reply 300 -100"},
		{"unknown mechanism", []*benchfmt.Result{res("Notify/mech=magic/syscall=getppid-1", 5000)}, nil, "?", "? magic 5000 +4600"},
		{"n/a of the whole mechanism", seeds(6000), none("Notify/mech=addfd"), "  n/a", "n/a: addfd [1]"},
		{"n/a of a variant of what is shown", seeds(6000), none("Notify/mech=continue/syscall=getppid/wake=sync/cpus=cross"), "! continue", "! continue 6000 +5600 1.00×"},
		{"n/a of another place", seeds(6000), []NA{{"riscv64", "", "no QEMU"}}, "riscv64", "riscv64 n/a: no QEMU"},
		{"n/a of a call that nothing measured", seeds(6000), none("Notify/mech=reply/syscall=execve"), "execve", "execve insns added ×cont ±"},
		{"a million and more", seeds(1234567), nil, "! continue", "! continue 1.235M +1.23M 1.00×"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			got := findLine(t, smallTable(t, TableOptions{}, tt.nas, tt.results...), tt.start)
			if diff := cmp.Diff(tt.want, got); diff != "" {
				t.Errorf("(-want +got):\n%s", diff)
			}
		})
	}
}

// TestSweep: the steps of a sweep are rows in the order of their numbers, and
// say no more than what is varied.
func TestSweep(t *testing.T) {
	for _, tt := range []struct {
		key    string
		values []string
		want   []string
	}{
		{"peers", []string{"16", "0", "4"}, []string{"peers=0", "peers=4", "peers=16"}},
		{"filters", []string{"32", "8", "0"}, []string{"filters=0", "filters=8", "filters=32"}},
		{"targets", []string{"64/supervisors=1", "4/supervisors=2", "4/supervisors=1"},
			[]string{"targets=4 supervisors=1", "targets=4 supervisors=2", "targets=64 supervisors=1"}},
	} {
		var results []*benchfmt.Result
		for i, v := range tt.values {
			for _, wake := range []string{"sync", "async"} {
				name := fmt.Sprintf("Notify/mech=reply/syscall=getppid/%s=%s/wake=%s/cpus=same-1", tt.key, v, wake)
				results = append(results, amd64.result(t, name, 400, float64(5000+i)))
			}
		}
		var got []string
		table := smallTable(t, TableOptions{All: true}, nil, results...)
		for line := range strings.Lines(table) {
			if label, _, ok := strings.Cut(strings.TrimPrefix(line, "    "), "  "); ok && strings.HasPrefix(line, "    ") && strings.Contains(label, "=") {
				got = append(got, label)
			}
		}
		var want []string
		for _, w := range tt.want {
			want = append(want, w, "async "+w)
		}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("%s (-want +got):\n%s\n%s", tt.key, diff, table)
		}
		if said := strings.Contains(table, "\nWith targets: "); said != (tt.key == "targets") {
			t.Errorf("%s: it says %v what a call of many targets is:\n%s", tt.key, said, table)
		}
	}
}

func TestEmptySet(t *testing.T) {
	got := smallTable(t, TableOptions{}, []NA{{"arm64", "", "qemu-system-aarch64 is missing"}})
	want := "arm64  n/a: qemu-system-aarch64 is missing\nNo results.\n"
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}

// Whatever is measured by an emulator's clock says so in every rendering.
func TestEmulatedIsSaid(t *testing.T) {
	r := arm64.wall().result(t, "Notify/mech=reply/syscall=getppid-1", 400, 5000)
	outputs := map[string]string{"table": smallTable(t, TableOptions{}, nil, r)}
	for _, format := range []string{"json", "perf"} {
		var out strings.Builder
		w, _ := NewWriter(format, &out)
		if err := w.Write(r); err != nil {
			t.Fatal(err)
		}
		outputs[format] = out.String()
	}
	for name, out := range outputs {
		if !strings.Contains(out, "emulated") {
			t.Errorf("%s does not say emulated:\n%s", name, out)
		}
	}
}

func TestLanesDoNotMerge(t *testing.T) {
	base := amd64.result(t, "Notify/mech=reply/syscall=getppid-1", 400, 5000)
	base.Values = append(base.Values, benchfmt.Value{Value: 4000, Unit: "ns/op"})
	for _, key := range []string{"goarch", "accel", "kernel", "clock"} {
		other := base.Clone()
		other.SetConfig(key, "other")
		var s Set
		for _, r := range []*benchfmt.Result{base, other, base} {
			if err := s.Add(r); err != nil {
				t.Fatal(err)
			}
		}
		if n := len(s.Lanes()); n != 2 {
			t.Errorf("results that differ in %s make %d lanes, want 2", key, n)
		}
	}
}

func TestWarnings(t *testing.T) {
	var s Set
	for _, qemu := range []string{"7.2.22", "8.0.0", "7.2.22"} {
		r := amd64.result(t, "Notify/mech=reply/syscall=getppid-1", 400, 5000)
		r.SetConfig("qemu", qemu)
		r.SetConfig("seeds", qemu)
		if err := s.Add(r); err != nil {
			t.Fatal(err)
		}
	}
	want := "[amd64 (6.12.117): one column holds results that differ in qemu: 7.2.22, 8.0.0]"
	if diff := cmp.Diff(want, fmt.Sprint(s.Warnings())); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}
