package profile

import (
	"bytes"
	"compress/gzip"
	"encoding/xml"
	"errors"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/pprof/profile"
)

func pprofOf(t testing.TB, p *Profile) []byte {
	t.Helper()
	var b bytes.Buffer
	if err := p.Pprof(&b); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

func TestPprof(t *testing.T) {
	want := sample(0)
	file := pprofOf(t, want)
	got, err := Read(bytes.NewReader(file))
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("what is read is not what was written (-want +got):\n%s", diff)
	}
	if !bytes.Equal(file, pprofOf(t, sample(0))) {
		t.Error("the same profile gives other bytes")
	}
}

// TestGoToolPprof has Go's own tool read a file, and difference two.
func TestGoToolPprof(t *testing.T) {
	dir := t.TempDir()
	write := func(name string, by uint64) string {
		path := filepath.Join(dir, name)
		if err := os.WriteFile(path, pprofOf(t, sample(by)), 0o644); err != nil {
			t.Fatal(err)
		}
		return path
	}
	o, n := write("old.pb.gz", 0), write("new.pb.gz", 10)
	for _, tt := range []struct {
		args []string
		want []string
	}{
		{[]string{"-top", o}, []string{"Type: call", "of 6261 total", "2404 38.40%", "schedule"}},
		{[]string{"-top", "-sample_index=calls", o}, []string{"Type: calls", "900"}},
		{[]string{"-top", "-diff_base", o, n}, []string{"10  0.16%", "seccomp_do_user_notification"}},
	} {
		cmd := exec.Command("go", append([]string{"tool", "pprof"}, tt.args...)...)
		cmd.Env = append(os.Environ(), "PPROF_TMPDIR="+dir)
		out, err := cmd.CombinedOutput()
		if err != nil {
			t.Fatalf("%v: %v\n%s", cmd, err, out)
		}
		for _, w := range tt.want {
			if !strings.Contains(string(out), w) {
				t.Errorf("%v: %q is not in:\n%s", tt.args, w, out)
			}
		}
	}
}

func TestReadBad(t *testing.T) {
	good := pprofOf(t, sample(0))
	edited := func(edit func(*profile.Profile)) []byte {
		p, err := profile.ParseData(good)
		if err != nil {
			t.Fatal(err)
		}
		edit(p)
		var b bytes.Buffer
		if err := p.Write(&b); err != nil {
			t.Fatal(err)
		}
		return b.Bytes()
	}
	zipped := func(r io.Reader) []byte {
		var b bytes.Buffer
		w := gzip.NewWriter(&b)
		if _, err := io.Copy(w, r); err != nil {
			t.Fatal(err)
		}
		w.Close()
		return b.Bytes()
	}
	for _, tt := range []struct {
		name string
		file []byte
		want string
	}{
		{"empty", nil, "EOF"},
		{"text", []byte("BenchmarkX 1 2 ns/op\n"), "invalid header"},
		{"cut", good[:len(good)/2], "EOF"},
		{"text, zipped", zipped(strings.NewReader("hello")), "profile"},
		{"a bomb", zipped(io.LimitReader(zeros{}, fileLimit+1)), "more than 67108864 bytes"},
		{"of Go's runtime", edited(func(p *profile.Profile) { p.SampleType[0].Type = "samples" }), "its samples are others"},
		{"of no row", edited(func(p *profile.Profile) { p.Comments = nil }), "does not say of which row"},
		{"of a negative number of calls", edited(func(p *profile.Profile) { p.Comments = []string{"calls: -3", "name: x", "goarch: y"} }), "does not say of which row"},
		{"of many calls", edited(func(p *profile.Profile) { p.Comments = append(p.Comments, "calls: many") }), `of "many" calls`},
		{"negative", edited(func(p *profile.Profile) { p.Sample[0].Value[0] = -1 }), "a sample of it is impossible"},
		{"more in one call than in all", edited(func(p *profile.Profile) { p.Sample[0].Value[1] = 1 }), "a sample of it is impossible"},
		{"no task", edited(func(p *profile.Profile) { p.Sample[0].Location = p.Sample[0].Location[:1] }), "a sample of it is impossible"},
		{"a foreign task", edited(func(p *profile.Profile) { p.Function[len(p.Function)-1].Name = "a\x1b" }), `a task of it is "a?"`},
	} {
		t.Run(tt.name, func(t *testing.T) {
			_, err := Read(bytes.NewReader(tt.file))
			if !errors.Is(err, ErrFile) || !strings.Contains(err.Error(), tt.want) {
				t.Errorf("error %v, want %q", err, tt.want)
			}
		})
	}
}

// zeros are without end.
type zeros struct{}

func (zeros) Read(p []byte) (int, error) { clear(p); return len(p), nil }

func TestCompareOthers(t *testing.T) {
	o, n := sample(0), sample(0)
	n.Name = "Notify/mech=reply/syscall=getppid/wake=sync/cpus=same"
	if _, err := Compare(o, n); !errors.Is(err, ErrCompare) {
		t.Errorf("two rows: %v", err)
	}
	n = sample(0)
	n.Arch = "arm64"
	if _, err := Compare(o, n); !errors.Is(err, ErrCompare) {
		t.Errorf("two architectures: %v", err)
	}
	n = sample(0)
	n.QEMU, n.Seed = "9.2.0", "2"
	d, err := Compare(o, n)
	if err != nil || len(d.Warnings) != 2 {
		t.Errorf("another QEMU and seed: %v, warnings %v", err, d.Warnings)
	}
}

// TestFlameXML: the picture is well-formed, whatever functions are called.
func TestFlameXML(t *testing.T) {
	p := sample(0)
	p.Stacks[0].Frames[0] = `<script>"&'`
	var b bytes.Buffer
	if err := p.Flame(&b); err != nil {
		t.Fatal(err)
	}
	if bytes.Contains(b.Bytes(), []byte("<script")) {
		t.Error("a function's name became an element")
	}
	d := xml.NewDecoder(&b)
	for {
		if _, err := d.Token(); errors.Is(err, io.EOF) {
			return
		} else if err != nil {
			t.Fatal(err)
		}
	}
}
