package report

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"golang.org/x/perf/benchfmt"

	"unotify-bench/internal/figure"
	"unotify-bench/internal/golden"
)

// demoInput is an input of places.
func demoInput(t testing.TB, name string, places ...place) *Input {
	t.Helper()
	var text bytes.Buffer
	w, err := NewWriter("benchfmt", &text)
	if err != nil {
		t.Fatal(err)
	}
	for _, p := range places {
		for _, r := range p.results(t) {
			if err := w.Write(r); err != nil {
				t.Fatal(err)
			}
		}
	}
	in, err := input(text.Bytes(), name)
	if err != nil {
		t.Fatal(err)
	}
	return in
}

func demoPage(t testing.TB, o PageOptions, inputs ...*Input) *Page {
	t.Helper()
	p, err := NewPage(inputs, o)
	if err != nil {
		t.Fatal(err)
	}
	return p
}

// all are the page's sections, their parts included.
func (p *Page) all() []*Section {
	var all []*Section
	var add func([]*Section)
	add = func(sections []*Section) {
		for _, s := range sections {
			all = append(all, s)
			add(s.Parts)
		}
	}
	add(p.Sections)
	return all
}

func (p *Page) section(id string) *Section {
	for _, s := range p.all() {
		if s.ID == id {
			return s
		}
	}
	return nil
}

// text is a table as lines.
func (t *PageTable) text() string {
	var out strings.Builder
	fmt.Fprintln(&out, strings.Join(t.Head, " | "))
	for _, r := range t.Rows {
		var cells []string
		for _, c := range r.Cells {
			cells = append(cells, c.Text)
		}
		fmt.Fprintln(&out, strings.Join(cells, " | "))
	}
	return out.String()
}

// TestPage is the whole page of a demonstration, but for pictures and styles.
func TestPage(t *testing.T) {
	lost := strings.Replace(raceJSON, "continue-read", "redirect", 1)
	o := PageOptions{Footprints: []Footprint{
		{Mech: "shared", Patches: 1, Added: 100, Files: []string{"kernel/seccomp.c"}},
		{Mech: "redirect", Patches: 2, Added: 50, Removed: 3, Files: []string{"kernel/seccomp.c", "mm/mmap.c"}, Tests: 20},
		{Mech: "PIN_ARGS", Added: 1000, Files: []string{"fs/"}, Posted: true, PostedComment: "not built"},
	}, Spare: []string{"fs", "mm"}}
	faults, err := input([]byte(faultsText), "faults.txt")
	if err != nil {
		t.Fatal(err)
	}
	p := demoPage(t, o, demoInput(t, "host.txt", host), demoInput(t, "vm.txt", amd64, riscv64),
		races(t, raceJSON, lost, strings.NewReplacer("continue-read", "inject", `"won":250`, `"won":0`, "0.25", "0", "0.27", "0.003", "loses", "holds").Replace(raceJSON)),
		races(t, checkJSON, strings.NewReplacer("reply.value", "reply.late", `"pass"`, `"fail","text":"seen\nwas nothing"`).Replace(checkJSON)), faults)
	var out strings.Builder
	fmt.Fprintln(&out, strings.Join(p.Facts, "\n"))
	for _, s := range p.all() {
		fmt.Fprintf(&out, "\n== %s: %s\n", s.ID, s.Title)
		for _, c := range s.Commands {
			fmt.Fprintln(&out, "$", c)
		}
		for _, text := range s.Text {
			fmt.Fprintln(&out, text)
		}
		for _, pic := range s.Pictures {
			fmt.Fprintln(&out, "[picture]", figure.NameOf(pic)+":", figure.TitleOf(pic))
		}
		for _, table := range s.Tables {
			fmt.Fprintf(&out, "--- %s %v\n%s", table.Caption, table.Groups, table.text())
		}
		for _, n := range s.Notes {
			fmt.Fprintln(&out, "note:", n)
		}
	}
	golden.Check(t, "page.txt", out.String())
}

// TestPageClocks: instructions, time and emulated time share no table, no
// picture and no section.
func TestPageClocks(t *testing.T) {
	p := demoPage(t, PageOptions{}, demoInput(t, "all.txt", host, amd64, amd64.wall()))
	for _, s := range p.all() {
		var units []string
		for _, table := range s.Tables {
			for _, h := range table.Head {
				if (h == "insns" || h == "ns") && !slices.Contains(units, h) {
					units = append(units, h)
				}
			}
		}
		for _, pic := range s.Pictures {
			if rows, ok := pic.(*figure.Rows); ok && !slices.Contains(units, rows.Axis.Label) {
				units = append(units, rows.Axis.Label)
			}
		}
		if len(units) > 2 || len(s.Tables) == 1 && len(units) == 2 && (units[0] == "insns") != strings.Contains(units[1], "instructions") {
			t.Errorf("%s: units %q", s.ID, units)
		}
	}
	for _, id := range []string{"latency-insns", "latency-time", "latency-emulated"} {
		s := p.section(id)
		if s == nil {
			t.Fatalf("no section %s", id)
		}
		if groups := s.Parts[0].Tables[0].Groups; len(groups) != 2 {
			t.Errorf("%s: a table of %v", id, groups)
		}
	}
}

// TestPageOfTwoKernels shows the later one, and says how to compare.
func TestPageOfTwoKernels(t *testing.T) {
	kernel := func(name, image, program string) *Input {
		in := demoInput(t, name, amd64)
		for _, r := range in.File.Results {
			r.SetConfig("kernel-sha256", image)
			r.SetConfig("unotify-bench", program)
		}
		return in
	}
	older, newer := kernel("a.txt", "aa", "v0.0.0-2025"), kernel("b.txt", "bb", "v0.0.0-2026")
	for _, inputs := range [][]*Input{{older, newer}, {newer, older}} {
		p := demoPage(t, PageOptions{}, inputs...)
		if got := p.section("latency-insns").Parts[0].Tables[0].Groups; len(got) != 2 {
			t.Errorf("two kernels are columns, or one: %v", got)
		}
		want := []string{"a.txt holds another kernel of amd64, which was measured before and is not shown: unotify-bench compare a.txt b.txt"}
		if diff := cmp.Diff(want, p.Asides); diff != "" {
			t.Errorf("asides (-want +got):\n%s", diff)
		}
		if n := len(p.section("latency-insns").Parts); n == 0 || p.Facts[0] != "amd64: Linux 6.12.117, instructions of QEMU 7.2.22, 5 seeds, ±<1% at most" {
			t.Errorf("facts %q", p.Facts)
		}
	}
}

func TestSplitSweeps(t *testing.T) {
	var all []*benchfmt.Result
	for _, name := range []string{
		"mech=continue/syscall=openat/wake=sync/cpus=same-1",
		"mech=ptrace-freeze/syscall=openat/peers=4/cpus=same-1", // one number of peers is no sweep
		"mech=continue/syscall=write/bytes=64/wake=sync/cpus=same-1",
		"mech=redirect/syscall=write/bytes=1/wake=sync/cpus=same-1",
		"mech=redirect/syscall=write/bytes=64/wake=sync/cpus=same-1",
		"mech=redirect/syscall=write/bytes=4096/wake=sync/cpus=same-1",
		"mech=inject/syscall=openat/targets=1/supervisors=2/cpus=same-1",
		"mech=inject/syscall=openat/targets=4/supervisors=2/cpus=same-1",
		"mech=inject/syscall=openat/targets=8/supervisors=2/cpus=same-1",
		"mech=inject/syscall=openat/targets=many/supervisors=2/cpus=same-1",
	} {
		all = append(all, &benchfmt.Result{Name: benchfmt.Name("Notify/" + name), Iters: 1, Values: []benchfmt.Value{{Value: 5, Unit: "insns/op"}},
			Config: []benchfmt.Config{{Key: "clock", Value: []byte("insns"), File: true}, {Key: "goarch", Value: []byte("arm64"), File: true}}})
	}
	grid, steps := splitSweeps(all)
	got := map[string]int{"grid": len(grid)}
	for key, s := range steps {
		got[key] = len(s)
	}
	if diff := cmp.Diff(map[string]int{"grid": 4, "bytes": 3, "targets": 3}, got); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
	p := demoPage(t, PageOptions{}, &Input{Name: "f", File: &File{Name: "f", Results: all}})
	s := p.section("sweep-insns-targets")
	if s == nil || len(s.Pictures) != 1 || !strings.Contains(s.Tables[0].text(), "✓ inject supervisors=2 | 5.00 | 5.00 | 5.00\n") {
		t.Errorf("%+v", s)
	}
}

func TestPageHostile(t *testing.T) {
	const bad = `<script>alert(1)</script>`
	hostile := strings.ReplaceAll(head+line, "6.12.117", bad) + "# n/a arm64 Notify/mech=" + bad + "/syscall=getppid " + bad + "\n" +
		strings.ReplaceAll(strings.ReplaceAll(line, "continue", bad), "getppid", `"><svg/onload=x>`)
	in, err := input([]byte(hostile), bad)
	if err != nil {
		t.Fatal(err)
	}
	race, check := strings.ReplaceAll(raceJSON, "continue-read", bad), strings.ReplaceAll(checkJSON, "the value arrives", bad+`\u001b[31m`)
	p := demoPage(t, PageOptions{Footprints: []Footprint{{Mech: bad, Added: 3, Files: []string{bad}}}}, in, races(t, race, strings.ReplaceAll(race, "amd64", bad)),
		races(t, strings.ReplaceAll(check, "reply.value", bad), strings.ReplaceAll(check, `"pass"`, `"fail","text":"`+bad+`"`)))
	var out strings.Builder
	if err := p.HTML(&out); err != nil {
		t.Fatal(err)
	}
	page := out.String()
	if strings.Count(page, "<script") != 1 || strings.Contains(page, "<svg/") || strings.Contains(page, "\x1b") || !strings.Contains(page, "&lt;script&gt;alert(1)") {
		t.Error("a text became markup, or is gone")
	}
	for _, url := range []string{"http:", "https:", "src=", "@import", "url("} {
		if i := strings.Index(strings.ReplaceAll(page, "http://www.w3.org/2000/svg", ""), url); i >= 0 {
			t.Errorf("%s in the page", url)
		}
	}
	for _, pic := range p.Pictures() {
		if n := figure.NameOf(pic); strings.Trim(n, "abcdefghijklmnopqrstuvwxyz0123456789-") != "" {
			t.Errorf("a picture is called %q", n)
		}
	}
}

// TestPictureNames: no picture takes another's place in a directory.
func TestPictureNames(t *testing.T) {
	p := demoPage(t, PageOptions{}, demoInput(t, "all.txt", host, amd64, arm64, amd64.wall()), races(t, raceJSON))
	seen := map[string]bool{}
	for _, pic := range p.Pictures() {
		if n := figure.NameOf(pic); seen[n] {
			t.Errorf("two are called %s", n)
		} else {
			seen[n] = true
		}
	}
	if len(seen) < 4*3*2 {
		t.Errorf("%d pictures", len(seen))
	}
}

func TestNothing(t *testing.T) {
	in, err := input([]byte(head+"# n/a host * no QEMU\n"), "f")
	if err != nil {
		t.Fatal(err)
	}
	for _, inputs := range [][]*Input{nil, {in}} {
		if _, err := NewPage(inputs, PageOptions{}); !errors.Is(err, ErrNothing) {
			t.Errorf("%v, want %v", err, ErrNothing)
		}
	}
}

func TestManyPlaces(t *testing.T) {
	var inputs []*Input
	for i := range maxPlaces + 3 {
		inputs = append(inputs, races(t, strings.ReplaceAll(raceJSON, `"amd64"`, fmt.Sprintf(`"place%d"`, i))), races(t, strings.ReplaceAll(checkJSON, `"amd64"`, fmt.Sprintf(`"place%d"`, i))))
		in, err := input([]byte(strings.ReplaceAll(head+line, "arm64", fmt.Sprintf("place%d", i))), "f")
		if err != nil {
			t.Fatal(err)
		}
		inputs = append(inputs, in)
	}
	p := demoPage(t, PageOptions{}, inputs...)
	if n := len(p.section("latency-insns").Parts[0].Tables[0].Groups); n != maxPlaces+1 {
		t.Errorf("%d groups of columns", n)
	}
	if len(p.Warnings()) != 3 {
		t.Errorf("warnings %v", p.Warnings())
	}
	if err := p.HTML(io.Discard); err != nil {
		t.Error(err)
	}
}

func TestRate(t *testing.T) {
	for v, want := range map[float64]string{0: "0", 1: "1", 0.03614927: "0.0361", 0.001: "0.001", 9.0e-5: "0.000090", 9.98e-6: "0.0000100", 1e-30: "0.00000000000000000000"} {
		if got := rate(v); got != want {
			t.Errorf("rate(%v) = %s, want %s", v, got, want)
		}
	}
	// 3/n is the rule of thumb, and Clopper and Pearson's bound is near it.
	if got := bound(100_000) * 100_000; got < 2.99 || got > 3 {
		t.Errorf("bound of nothing in 100000 tries: %v in 100000", got)
	}
}

func BenchmarkPage(b *testing.B) {
	inputs := []*Input{demoInput(b, "all.txt", host, amd64, arm64, riscv64)}
	for b.Loop() {
		if err := demoPage(b, PageOptions{}, inputs...).HTML(io.Discard); err != nil {
			b.Fatal(err)
		}
	}
}
