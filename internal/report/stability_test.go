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
	if s.Runs() != 4 || len(s.Builds) != 2 {
		t.Errorf("%d runs of %d builds, want 4 of 2", s.Runs(), len(s.Builds))
	}
	if text := strings.Join(s.Lines(), "\n"); !strings.Contains(text, "1 of 4 hashes of samples are not those") {
		t.Errorf("lines:\n%s", text)
	}
}

// TestStabilityProgram tells builds apart by the program, too, and by QEMU and
// rows: with another of them, other samples are no wonder.
func TestStabilityProgram(t *testing.T) {
	base := string(sheet(insnsKeys, getppid+"100")) + "# samples goarch=arm64 seed=1 rows=1 program=cafe sha256=h1\n"
	for name, other := range map[string]string{
		"program": strings.Replace(base, "cafe", "beef", 1),
		"QEMU":    strings.Replace(base, "qemu: 7.2", "qemu: 8.0", 1),
		"rows":    strings.Replace(base, "\n# samples", "\nBenchmarkNotify/mech=native/syscall=getppid-1 300 9 insns/op\n# samples", 1),
	} {
		other = strings.Replace(other, "sha256=h1", "sha256=h2", 1)
		all, _, err := NewStabilities([]*File{read(t, "a", []byte(base)), read(t, "b", []byte(other))})
		if err != nil {
			t.Fatal(err)
		}
		if n, _ := all[0].Hashes(); n != 0 || len(all[0].Builds) != 2 {
			t.Errorf("another %s: %d hashes compared, %d builds; want none and 2", name, n, len(all[0].Builds))
		}
	}
}

func TestStabilityRows(t *testing.T) {
	five := func(v string) string { return getppid + strings.Repeat(v+" ", 5) }
	for _, tt := range []struct {
		name string
		rows []string // of builds
		want Steady
	}{
		{"exact", []string{five("100"), five("100")}, Steady{Median: 100, Exact: true, Finds: 1}},
		{"a build is dearer", []string{five("100"), five("110")}, Steady{Median: 100, OverBuilds: 10. / 105, Alarm: 0.1, Finds: 11}},
		{"seeds differ, builds do not", []string{getppid + "100 102 104 106 108", getppid + "100 102 104 106 108"}, Steady{Median: 104, OverSeeds: 8. / 104, Finds: 1}},
		// A shift of every seed by one number is found as such; here there is
		// none, so the ranks must tell: all of one above all of the other but one.
		{"seeds overlap", []string{getppid + "100 101 102 103 104", getppid + "100 101 102 103 105"}, Steady{Median: 102, OverSeeds: 5. / 102, Finds: 4}},
		{"too few seeds", []string{getppid + "100 101", getppid + "100 102"}, Steady{Median: 100.5, OverSeeds: 2. / 101, OverBuilds: 0.5 / 100.75}},
		{"one build", []string{five("7")}, Steady{Median: 7, Exact: true}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			var files []*File
			for i, row := range tt.rows {
				files = append(files, aRun(t, fmt.Sprint("f", i), fmt.Sprint("k", i), "h", row))
			}
			got := study(t, files...).Rows[0]
			got.Name, got.Label = "", ""
			if diff := cmp.Diff(tt.want, got, approximately); diff != "" {
				t.Errorf("(-want +got):\n%s", diff)
			}
		})
	}
}

// approximately is for quotients.
var approximately = cmp.Comparer(func(a, b float64) bool { return a == b || a-b < 1e-9 && b-a < 1e-9 })

// TestStabilityAgrees adds what a row is said to need to the results, and one
// less, and asks compare.
func TestStabilityAgrees(t *testing.T) {
	a, b := getppid+"1000 1040 1015 1003 1022", getppid+"1010 1004 1044 1019 1001"
	needs := study(t, aRun(t, "a", "k1", "h", a), aRun(t, "b", "k2", "h", b)).Rows[0].Finds
	if needs < 2 {
		t.Fatalf("%v instructions more are found: the test needs another example", needs)
	}
	plus := func(row string, more float64) string {
		f := strings.Fields(row)
		for i, v := range f[2:] {
			var n float64
			if _, err := fmt.Sscan(v, &n); err != nil {
				t.Fatal(err)
			}
			f[i+2] = fmt.Sprint(n + more)
		}
		return strings.Join(f, " ")
	}
	both := func(more float64) (slower int) {
		for _, pair := range [][2]string{{a, b}, {b, a}} {
			c := compared(t, sheet(insnsKeys, pair[0]), sheet(newKernel, plus(pair[1], more)), CompareOptions{})
			slower += c.Pairings[0].Counts()[Slower]
		}
		return slower
	}
	if n := both(needs); n != 2 {
		t.Errorf("compare calls %d of 2 slower with the %v that are said to be found", n, needs)
	}
	if n := both(needs - 1); n == 2 {
		t.Errorf("compare calls both slower with %v, one less than is said to be needed", needs-1)
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
