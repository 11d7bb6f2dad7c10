package report

import (
	"errors"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"unotify-bench/internal/golden"
)

// aSeries has a step of each kind, on two architectures.
func aSeries(t *testing.T) []Step {
	t.Helper()
	const reply = "Notify/mech=reply/syscall=getppid/wake=sync/cpus=same-1 insns/op "
	const inject = "Notify/mech=inject/syscall=openat/wake=sync/cpus=same-1 insns/op "
	file := func(name, sum string, rows ...string) *File {
		var all []byte
		for _, arch := range []string{"arm64", "riscv64"} {
			keys := strings.NewReplacer("arm64", arch, "aaaaaaaaaaaaaaaa", strings.Repeat(sum, 16)).Replace(insnsKeys)
			if arch == "riscv64" && name == "04" {
				continue // does not boot
			}
			all = append(all, sheet(keys, rows...)...)
		}
		return read(t, name+".txt", all)
	}
	even := inject + "14323 14323 14323 14323 14323"
	return []Step{
		{Name: "00 stock", File: file("00", "a", getppid+"6475 6255 6475 6475 6255", reply+"6143 6143 6143 6143 6143", even)},
		{Name: "01 seccomp: count calls, and say how many there were of each", File: file("01", "b", getppid+"6485 6265 6485 6485 6265", reply+"6143 6143 6143 6143 6143", even)},
		{Name: "02 lost|@x", Failed: []Lack{{Why: "does not apply", More: "kernel/x.c, line 1\nhunk\x1b[2J 1"}}},
		{Name: "03 docs", File: file("03", "b", getppid+"6485 6265 6485 6485 6265", reply+"6143 6143 6143 6143 6143", even)},
		{
			Name: "04 seccomp: less", File: file("04", "c", getppid+"6385 6365 6385 6265 6385", even),
			Failed: []Lack{{Where: "riscv64", Why: "does not boot", More: "Kernel panic"}},
		},
		{Name: "05 again", File: file("05", "d", getppid+"6475 6255 6475 6475 6255", reply+"6243 6243 6243 6243 6243", even)},
	}
}

func TestSeriesFormats(t *testing.T) {
	s, err := CompareSeries(aSeries(t), CompareOptions{})
	if err != nil {
		t.Fatal(err)
	}
	if len(s.Warnings) > 0 {
		t.Errorf("warnings: %v", s.Warnings)
	}
	var text, md strings.Builder
	if err := errors.Join(s.Text(&text, false), s.Markdown(&md)); err != nil {
		t.Fatal(err)
	}
	golden.Check(t, "series.txt", text.String())
	golden.Check(t, "series.md", md.String())
	if strings.ContainsAny(text.String()+md.String(), "\x1b\r") {
		t.Error("control characters came through")
	}
}

// TestSeriesAgrees: a column of the table is what compare says of two files.
func TestSeriesAgrees(t *testing.T) {
	steps := aSeries(t)
	s, err := CompareSeries([]Step{steps[0], steps[5]}, CompareOptions{})
	if err != nil {
		t.Fatal(err)
	}
	c, err := Compare(steps[0].File, steps[5].File, CompareOptions{})
	if err != nil {
		t.Fatal(err)
	}
	want, got := map[string]string{}, map[string]string{}
	for _, p := range c.Pairings {
		for _, f := range mustLines(p) {
			want[p.Goarch+" "+f.Label] = f.New + " " + f.Exact
		}
	}
	for _, l := range s.lanes {
		for _, row := range l.rows {
			got[l.Goarch+" "+row.label] = row.cells[1].value + " " + row.cells[1].step
			if row.cells[1].step != row.cells[1].all {
				t.Errorf("%s: %q over the step before, which is the first, and %q", row.name, row.cells[1].step, row.cells[1].all)
			}
		}
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("(-compare +series):\n%s", diff)
	}
}

func mustLines(p *Pairing) []figures {
	lines, _ := p.lines(true)
	return lines
}

func TestSeriesOfNothing(t *testing.T) {
	steps := aSeries(t)
	steps[0].File = nil
	for _, steps := range [][]Step{nil, steps} {
		if _, err := CompareSeries(steps, CompareOptions{}); !errors.Is(err, ErrEmpty) {
			t.Errorf("%v, want ErrEmpty", err)
		}
	}
}
