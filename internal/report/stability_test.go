package report

import (
	"bytes"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// aRun is a results file with lines of hashes, one a seed.
func aRun(t testing.TB, name, kernel, hashes string, rows ...string) *File {
	t.Helper()
	data := sheet(strings.ReplaceAll(insnsKeys, "aaaaaaaaaaaaaaaa", kernel), rows...)
	for i, h := range strings.Fields(hashes) {
		data = fmt.Appendf(data, "# samples goarch=arm64 seed=%d rows=1 program=cafe sha256=%s\n", i+1, h)
	}
	return read(t, name, data)
}

func study(t testing.TB, files ...*File) Stability {
	t.Helper()
	all, warnings, err := NewStabilities(files)
	if err != nil || len(warnings) > 0 || len(all) != 1 {
		t.Fatalf("%d studies, warnings %v, %v", len(all), warnings, err)
	}
	return all[0]
}

func TestStabilityHashes(t *testing.T) {
	row := getppid + "100 100"
	s := study(t,
		aRun(t, "a1", "k1", "h1 h2", row), aRun(t, "a2", "k1", "h1 h2", row), aRun(t, "a3", "k1", "h1 hX", row),
		aRun(t, "b1", "k2", "z1 z2", row), // another kernel, so nothing to compare with
	)
	n, differ := s.Hashes()
	if want := []string{"a3 seed 2"}; n != 4 || !cmp.Equal(want, differ) {
		t.Errorf("%d hashes, of which differ %q; want 4 and %q", n, differ, want)
	}
	if s.runs() != 4 || len(s.Builds) != 2 {
		t.Errorf("%d runs of %d builds, want 4 of 2", s.runs(), len(s.Builds))
	}
	if text := s.repeats(); !strings.Contains(text, "1 of 4 hashes are not those") {
		t.Errorf("lines:\n%s", text)
	}
}

// TestStabilityBuilds: with another kernel, QEMU, program, fault or set of rows
// other samples are no wonder, nor in files that do not name the program.
func TestStabilityBuilds(t *testing.T) {
	base := string(sheet(insnsKeys, getppid+"100")) + "# samples goarch=arm64 seed=1 rows=1 program=cafe sha256=h1\n"
	other := strings.Replace(base, "sha256=h1", "sha256=h2", 1)
	wall := string(sheet(strings.Replace(wallKeys, "amd64", "arm64", 1), "Notify/mech=native/syscall=getppid-1 ns/op 5"))
	for name, tt := range map[string]struct {
		file             string
		builds, compared int
	}{
		"nothing":      {other, 1, 1},
		"program":      {strings.Replace(other, "cafe", "beef", 1), 2, 0},
		"no program":   {strings.Replace(other, " program=cafe", "", 1), 2, 0},
		"QEMU":         {strings.Replace(other, "qemu: 7.2", "qemu: 8.0", 1), 2, 0},
		"fault":        {strings.Replace(other, "qemu: 7.2", "qemu: 7.2\nfault: slow", 1), 2, 0},
		"rows":         {strings.Replace(other, "rows=1", "rows=2", 1), 1, 0},
		"seed":         {strings.Replace(other, "seed=1", "seed=2", 1), 1, 0},
		"architecture": {strings.Replace(other, "# samples goarch=arm64", "# samples goarch=amd64", 1), 2, 0},
		"time first":   {wall + "\naccel: tcg\nclock: insns\nqemu: 7.2\nkernel-sha256: aaaaaaaaaaaaaaaa\n" + other, 1, 1},
		"twice":        {other + strings.Replace(other, "h2", "h3", 1), 1, 1},
		"two kernels":  {other + strings.Replace(other, "aaaaaaaa", "bbbbbbbb", 1), 3, 0},
	} {
		f, err := Read(strings.NewReader(tt.file), "b")
		if err != nil {
			t.Fatal(err)
		}
		all, warnings, err := NewStabilities([]*File{read(t, "a", []byte(base)), f})
		if err != nil || len(warnings) > 0 {
			t.Fatalf("another %s: %v, %v", name, warnings, err)
		}
		if n, differ := all[0].Hashes(); n != tt.compared || len(differ) != tt.compared || len(all[0].Builds) != tt.builds {
			t.Errorf("another %s: %d hashes compared, differing %q, %d builds; want %d, each of them, and %d", name, n, differ, len(all[0].Builds), tt.compared, tt.builds)
		}
	}
}

func TestStabilityRows(t *testing.T) {
	five := func(v string) string { return getppid + strings.Repeat(v+" ", 5) }
	of := func(v float64) *float64 { return &v }
	for _, tt := range []struct {
		name string
		rows []string // of builds
		want Steady
		says string // one of the sentences
	}{
		{"exact", []string{five("100"), five("100")}, Steady{Median: 100, Exact: true, Seeds: of(0), Over: of(0), Finds: 1}, "1 of 1 row have one median in each seed of each build (=)."},
		{"a build is dearer", []string{five("100"), five("110")}, Steady{Median: 100, Seeds: of(0), Over: of(10. / 105), Alarm: 0.1, Finds: 11}, "takes up to 10.00% for a difference"},
		{"seeds differ, builds do not", []string{getppid + "100 102 104 106 108", getppid + "100 102 104 106 108"}, Steady{Median: 104, Seeds: of(8. / 104), Over: of(0), Finds: 1}, "Between no two of them"},
		// A shift of every seed by one number is found as such; here there is
		// none, so the ranks must tell: all of one above all of the other but one.
		{"seeds overlap", []string{getppid + "100 101 102 103 104", getppid + "100 101 102 103 105"}, Steady{Median: 102, Seeds: of(5. / 102), Over: of(0), Finds: 4}, "+4 instructions"},
		{"too few seeds", []string{getppid + "100 101", getppid + "100 102"}, Steady{Median: 100.5, Seeds: of(2. / 101), Over: of(0.5 / 100.75)}, "Too few seeds for compare to find anything in 1 of 1 row"},
		{"one build", []string{five("7")}, Steady{Median: 7, Exact: true, Seeds: of(0)}, "There is one build"},
		{"with mean and 99th percentile", []string{getppid + "10;20,mean-insns/op;30,p99-insns/op 10;22,mean-insns/op;36,p99-insns/op"}, Steady{Median: 10, Exact: true, Seeds: of(0), Mean: of(2. / 21), P99: of(6. / 33)}, "one build"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			var files []*File
			for i, row := range tt.rows {
				files = append(files, aRun(t, fmt.Sprint("f", i), fmt.Sprint("k", i), "h", row))
			}
			s := study(t, files...)
			got := s.Rows[0]
			got.Name, got.Label = "", ""
			if diff := cmp.Diff(tt.want, got, approximately); diff != "" {
				t.Errorf("(-want +got):\n%s", diff)
			}
			if text := strings.Join(s.lines(), "\n"); !strings.Contains(text, tt.says) {
				t.Errorf("%q is not in:\n%s", tt.says, text)
			}
		})
	}
}

// approximately is for quotients.
var approximately = cmp.Comparer(func(a, b float64) bool { return a == b || a-b < 1e-9 && b-a < 1e-9 })

// TestStabilityMoreSeeds: figures are of the run that has most.
func TestStabilityMoreSeeds(t *testing.T) {
	s := study(t, aRun(t, "a", "k1", "h1", getppid+"100"), aRun(t, "b", "k1", "h1 h2", getppid+"100 102"))
	if n, _ := s.Hashes(); n != 1 || s.Rows[0].Median != 101 {
		t.Errorf("%d hashes compared, median %v; want 1 and 101", n, s.Rows[0].Median)
	}
}

// TestStabilityAgrees adds what a row is said to need to the results, and one
// less, and asks compare: of rows with one mode and with two.
func TestStabilityAgrees(t *testing.T) {
	for name, rows := range map[string][2]string{
		"one mode": {getppid + "1000 1040 1015 1003 1022", getppid + "1010 1004 1044 1019 1001"},
		"two modes": {
			getppid + "1000;1100,mean-insns/op;0.3,mode2-share 1040;1190,mean-insns/op;0.3,mode2-share 1015;1120,mean-insns/op;0.3,mode2-share 1003;1133,mean-insns/op;0.3,mode2-share",
			getppid + "1010;1160,mean-insns/op;0.3,mode2-share 1004;1107,mean-insns/op;0.3,mode2-share 1044;1151,mean-insns/op;0.3,mode2-share 1019;1149,mean-insns/op;0.3,mode2-share",
		},
	} {
		a, b := sheet(insnsKeys, rows[0]), sheet(newKernel, rows[1])
		needs := study(t, read(t, "a", a), read(t, "b", b)).Rows[0].Finds
		if needs < 2 {
			t.Fatalf("%s: %v instructions more are found: the test needs another example", name, needs)
		}
		slower := func(more float64) (n int) {
			for _, pair := range [][2][]byte{{a, b}, {b, a}} {
				after := read(t, "after", pair[1])
				for _, r := range after.Results {
					for i := range r.Values {
						if strings.HasSuffix(r.Values[i].Unit, "insns/op") {
							r.Values[i].Value += more
						}
					}
				}
				c, err := Compare(read(t, "before", pair[0]), after, CompareOptions{})
				if err != nil {
					t.Fatal(err)
				}
				n += c.Pairings[0].Counts()[Slower]
			}
			return n
		}
		if n := slower(needs); n != 2 {
			t.Errorf("%s: compare calls %d of 2 slower with the %v that are said to be found", name, n, needs)
		}
		if n := slower(needs - 1); n == 2 {
			t.Errorf("%s: compare calls both slower with %v, one less than is said to be needed", name, needs-1)
		}
	}
}

func TestStabilityLeftOut(t *testing.T) {
	row := getppid + "100"
	for _, tt := range []struct {
		name     string
		files    []*File
		err      string
		warnings string
	}{
		{"time", []*File{read(t, "w", sheet(wallKeys, "Notify/mech=native/syscall=getppid-1 ns/op 5"))}, "no file has rows that count instructions", "w: left out"},
		{"no common row", []*File{aRun(t, "a", "k1", "h", row), aRun(t, "b", "k2", "h", openat+"100")}, "no row is in each build", "is left out: not each build has it"},
		{"a row less", []*File{aRun(t, "a", "k1", "h", row, openat+"9"), aRun(t, "b", "k2", "h", row)}, "", "syscall=openat/wake=sync/cpus=same-1 is left out"},
		{"no call", []*File{aRun(t, "a", "k1", "h", row, openat+"0"), aRun(t, "b", "k2", "h", row)}, "", "0 insns/op is no call"},
		{"time beside instructions", []*File{aRun(t, "a", "k1", "h", row), read(t, "w", sheet(wallKeys, "Notify/mech=native/syscall=getppid-1 ns/op 5"))}, "", "w: left out"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			_, warnings, err := NewStabilities(tt.files)
			if (err == nil) != (tt.err == "") || err != nil && !strings.Contains(err.Error(), tt.err) {
				t.Errorf("error is %v, want %q", err, tt.err)
			}
			if text := fmt.Sprint(warnings); !strings.Contains(text, tt.warnings) {
				t.Errorf("warnings are %v, want %q", warnings, tt.warnings)
			}
		})
	}
}

// TestStabilityAgain writes a study and reads it.
func TestStabilityAgain(t *testing.T) {
	s := []Stability{study(t, aRun(t, "a", "k1", "h1 h2", getppid+"100 102"), aRun(t, "b", "k1", "h1 h2", getppid+"100 102"), aRun(t, "c", "k2", "h", getppid+"101 103"))}
	path := filepath.Join(t.TempDir(), "s.json")
	data, err := json.Marshal(s)
	if err == nil {
		err = os.WriteFile(path, data, 0o600)
	}
	if err != nil {
		t.Fatal(err)
	}
	in, err := ReadInput(path)
	if err != nil {
		t.Fatal(err)
	}
	var before, after bytes.Buffer
	if err := StabilitiesText(&before, s); err != nil {
		t.Fatal(err)
	}
	if err := StabilitiesText(&after, in.Studies); err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(before.String(), after.String()); diff != "" {
		t.Errorf("(-written +read):\n%s", diff)
	}
	for _, line := range strings.Split(strings.TrimSpace(before.String()), "\n") {
		if runes(line) > stabilityWidth {
			t.Errorf("%d wide: %s", runes(line), line)
		}
	}
}

// TestStabilityHostile: what another program wrote is bounded, and forges no line.
func TestStabilityHostile(t *testing.T) {
	good := study(t, aRun(t, "a", "k1", "h", getppid+"100 102"), aRun(t, "b", "k1", "h", getppid+"100 102"))
	for name, spoil := range map[string]func(*Stability){
		"no place":                 func(s *Stability) { s.Where = "" },
		"no builds":                func(s *Stability) { s.Builds = nil },
		"no rows":                  func(s *Stability) { s.Rows = nil },
		"more differ":              func(s *Stability) { s.Builds[0].Differ = []string{"x", "y"} },
		"no call":                  func(s *Stability) { s.Rows[0].Median = 0 },
		"a negative figure":        func(s *Stability) { *s.Rows[0].Seeds = -1 },
		"an absurd figure":         func(s *Stability) { s.Rows[0].Alarm = 1e300 },
		"a part of an instruction": func(s *Stability) { s.Rows[0].Finds = 3.25 },
	} {
		s := again(t, good)
		spoil(&s)
		if err := s.check(); err == nil {
			t.Errorf("%s: taken", name)
		}
	}
	s := again(t, good)
	s.Where, s.Rows[0].Label, s.Builds[0].Kernel = "amd64\n  all is well", "", "\x1b[2J"+strings.Repeat("x", 1000)
	if err := s.check(); err != nil {
		t.Fatal(err)
	}
	if text := s.Where + s.Rows[0].Label + s.Builds[0].Kernel; strings.ContainsAny(text, "\n\x1b") || len(text) > 1000 || s.Rows[0].Label != s.Rows[0].Name {
		t.Errorf("left as it was: %q", text)
	}
}

// again is a copy of a study that shares nothing with it.
func again(t *testing.T, s Stability) (copied Stability) {
	t.Helper()
	data, err := json.Marshal(s)
	if err == nil {
		err = json.Unmarshal(data, &copied)
	}
	if err != nil {
		t.Fatal(err)
	}
	return copied
}

// TestStabilityPage shows a study on the page.
func TestStabilityPage(t *testing.T) {
	s := study(t, aRun(t, "a", "k1", "h1", getppid+"100 102"), aRun(t, "b", "k1", "h1", getppid+"100 102"))
	page, err := NewPage([]*Input{{Name: "s.json", Studies: []Stability{s, s}}}, PageOptions{})
	if err != nil {
		t.Fatal(err)
	}
	var html bytes.Buffer
	if err := page.HTML(&html); err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{`id="stability"`, `id="stability-1-arm64"`, `id="stability-2-arm64"`, "1 of 1 hashes are those", "1.98%"} {
		if !strings.Contains(html.String(), want) {
			t.Errorf("the page lacks %s", want)
		}
	}
}

func TestSampleLines(t *testing.T) {
	const old = "# samples goarch=arm64 seed=3 rows=16 sha256=ab\n"
	s := Sample{Goarch: "arm64", Seed: "3", Rows: "16", Program: "cafe", SHA256: "ab"}
	for _, tt := range []struct {
		line string
		want []Sample
		warn string
	}{
		{"# " + s.Remark() + "\n", []Sample{s}, ""},
		{old, []Sample{{Goarch: "arm64", Seed: "3", Rows: "16", SHA256: "ab"}}, ""},
		{strings.Replace(old, "rows=16", "rows=16 host=x", 1), []Sample{{Goarch: "arm64", Seed: "3", Rows: "16", SHA256: "ab"}}, ""},
		{"# samples of what I ate\n", nil, `"of" in a line of hashes is no key=value`},
		{"# samples goarch=arm64 seed=3\n", nil, "without goarch, seed or sha256"},
	} {
		f, err := Read(strings.NewReader(string(sheet(insnsKeys, getppid+"1"))+tt.line), "f")
		if err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(tt.want, f.Samples); diff != "" {
			t.Errorf("%q (-want +got):\n%s", tt.line, diff)
		}
		if text := fmt.Sprint(f.Warnings); (tt.warn == "") != (len(f.Warnings) == 0) || !strings.Contains(text, tt.warn) {
			t.Errorf("%q: warnings are %v, want %q", tt.line, f.Warnings, tt.warn)
		}
	}
}
