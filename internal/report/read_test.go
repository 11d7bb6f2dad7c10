package report

import (
	"bytes"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"testing/iotest"

	"github.com/google/go-cmp/cmp"
	"golang.org/x/perf/benchfmt"
)

const (
	head = "goos: linux\ngoarch: arm64\nkernel: 6.12.117\naccel: tcg\nclock: insns\n\n"
	line = "BenchmarkNotify/mech=continue/syscall=getppid/wake=sync/cpus=same-1 2000 6848 insns/op\n"
)

func TestRead(t *testing.T) {
	for _, tt := range []struct {
		name, in string
		results  int
		nas      int
		err      error
		says     string
		warns    []string
	}{
		{name: "whole", in: head + line + line, results: 2},
		{name: "n/a beside it", in: head + line + "# n/a host Notify/mech=addfd only openat\n# n/a * * no QEMU\n", results: 1, nas: 2},
		{name: "CRLF", in: strings.ReplaceAll(head+line, "\n", "\r\n"), results: 1},
		{name: "go test around it", in: "=== RUN\n" + head + line + "PASS\nok  x 1.2s\n", results: 1},
		{name: "empty", in: "", err: ErrEmpty, says: "no results in it"},
		{name: "blank", in: " \n\n", err: ErrEmpty, says: "no results in it"},
		{name: "keys only", in: head, err: ErrEmpty, says: "only file keys"},
		{name: "json", in: `{"where":"host"}` + "\n", err: ErrFormat, says: `begins with "{\"where\":\"host\"}"`},
		{name: "prose", in: "Dear all,\n", err: ErrFormat, says: "unotify-bench run --format benchfmt"},
		{name: "binary", in: head + line + "\x00\n", err: ErrFormat, says: "binary data"},
		{name: "endless line", in: strings.Repeat("x", 1<<17) + "\n", err: ErrFormat, says: "token too long"},
		{name: "cut", in: head + line + line[:len(line)-5], results: 1, err: ErrCut, says: "1 results before it are complete"},
		{name: "cut in the first line", in: head[:3], results: 0, err: ErrCut, says: "0 results"},
		{name: "only broken lines", in: head + "BenchmarkX 1 z ns/op\n", err: ErrFormat, says: "f:7: parsing measurement"},
		{name: "broken line", in: head + "BenchmarkX 1 z ns/op\n" + line, results: 1, warns: []string{"f:7: parsing measurement: invalid syntax"}},
		{name: "not a number", in: head + "BenchmarkX 1 NaN ns/op\n" + line, results: 1, warns: []string{"f:7: left out: X: ns/op is NaN"}},
		{name: "negative", in: head + "BenchmarkX 1 -4 ns/op\n" + line, results: 1, warns: []string{"f:7: left out: X: ns/op is -4"}},
		{name: "broken n/a", in: head + line + "# n/a host\n", results: 1, warns: []string{`f:8: left out: "# n/a host": want # n/a WHERE NAME REASON`}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			f, err := Read(strings.NewReader(tt.in), "f")
			if !errors.Is(err, tt.err) {
				t.Fatalf("error %v, want %v", err, tt.err)
			}
			if err != nil && !strings.Contains(err.Error(), tt.says) {
				t.Errorf("error %q does not say %q", err, tt.says)
			}
			if f == nil {
				if tt.err == nil || errors.Is(tt.err, ErrCut) {
					t.Fatal("no file")
				}
				return
			}
			if len(f.Results) != tt.results || len(f.NAs) != tt.nas {
				t.Errorf("%d results and %d n/a, want %d and %d", len(f.Results), len(f.NAs), tt.results, tt.nas)
			}
			var warns []string
			for _, w := range f.Warnings {
				warns = append(warns, w.Error())
			}
			if diff := cmp.Diff(tt.warns, warns); diff != "" {
				t.Errorf("warnings (-want +got):\n%s", diff)
			}
		})
	}
}

func TestReadFails(t *testing.T) {
	boom := errors.New("input/output error")
	if _, err := Read(iotest.ErrReader(boom), "f"); !errors.Is(err, boom) {
		t.Errorf("got %v", err)
	}
	path := filepath.Join(t.TempDir(), "none")
	if _, err := ReadFile(path); !errors.Is(err, fs.ErrNotExist) || !strings.Contains(err.Error(), path) {
		t.Errorf("got %v", err)
	}
	if err := os.WriteFile(path, []byte(head+line), 0o600); err != nil {
		t.Fatal(err)
	}
	if f, err := ReadFile(path); err != nil || len(f.Results) != 1 {
		t.Errorf("got %v, %v", f, err)
	}
}

// What Read takes in goes out again and comes back the same, and a table of
// it keeps to its width and to printable text.
func FuzzRead(f *testing.F) {
	f.Add([]byte(head + line + line))
	f.Add([]byte(head + line[:30]))
	f.Add([]byte("Unit ns/op better=lower\nk: v\nBenchmarkNotify/mech=x/a/bytes=4096-8 1 0.5 ns/op 1 native-ns/op 0.1 mode2-share\nk:\nBenchmarkA 1 1e15 ns/op\n"))
	f.Add([]byte("accel: native\nclock: wall\ngoarch: \u202eabc\nBenchmarkNotify/syscall=\u00e9/mech=continue/peers=3 1 7 ns/op\n# n/a * Notify/mech=y/syscall=z why\n# n/a q * w\n"))
	f.Fuzz(func(t *testing.T, data []byte) {
		file, err := Read(bytes.NewReader(data), "fuzz")
		if file == nil {
			if err == nil {
				t.Fatal("neither file nor error")
			}
			return
		}
		var out bytes.Buffer
		w, _ := NewWriter("benchfmt", &out)
		var set Set
		for _, r := range file.Results {
			if err := w.Write(r); err != nil {
				t.Fatalf("read and not written: %v", err)
			}
			_ = set.Add(r) // other benchmarks have no headline
		}
		for _, na := range file.NAs {
			if err := w.WriteNA(na); err != nil {
				t.Fatalf("read and not written: %v", err)
			}
			if err := set.AddNA(na); err != nil {
				t.Fatal(err)
			}
		}
		if out.Len() > 0 {
			again, err := Read(&out, "again")
			if err != nil {
				t.Fatalf("written and not read: %v", err)
			}
			if diff := cmp.Diff(rows(file.Results), rows(again.Results)); diff != "" {
				t.Fatalf("results change on the way (-want +got):\n%s", diff)
			}
			if diff := cmp.Diff(file.NAs, again.NAs); diff != "" {
				t.Fatalf("n/a change on the way (-want +got):\n%s", diff)
			}
		}
		for _, o := range []TableOptions{{Width: 50}, {Width: 120, All: true}} {
			var table strings.Builder
			if err := set.Table(&table, o); err != nil {
				t.Fatal(err)
			}
			for line := range strings.Lines(table.String()) {
				line = strings.TrimSuffix(line, "\n")
				if runes(line) > o.Width {
					t.Errorf("%d columns, not %d: %q", runes(line), o.Width, line)
				}
				if clean(line) != line {
					t.Errorf("not printable: %q", line)
				}
			}
		}
	})
}

func rows(results []*benchfmt.Result) []Row {
	var rows []Row
	for _, r := range results {
		rows = append(rows, NewRow(r))
	}
	return rows
}
