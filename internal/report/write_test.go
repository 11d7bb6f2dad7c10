package report

import (
	"bytes"
	"encoding/json"
	"errors"
	"math"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"golang.org/x/perf/benchfmt"
	"golang.org/x/perf/benchproc"

	"unotify-bench/internal/golden"
)

// few is a short run of both clocks, with an emulated and an n/a row.
func few(t *testing.T) ([]*benchfmt.Result, NA) {
	emulated := arm64.wall()
	return []*benchfmt.Result{
		host.result(t, "Notify/mech=continue/syscall=getppid/wake=sync/cpus=same-1", 89, 2450),
		host.result(t, "Notify/mech=native/syscall=getppid-1", 0, 89),
		amd64.result(t, "Notify/mech=continue/syscall=getppid/wake=sync/cpus=same-1", 412, 6319),
		emulated.result(t, "Notify/mech=continue/syscall=getppid/wake=sync/cpus=same-1", 6400, 98000),
	}, demoNAs[0]
}

func TestWriters(t *testing.T) {
	for _, format := range Formats {
		t.Run(format, func(t *testing.T) {
			var out strings.Builder
			w, err := NewWriter(format, &out)
			if err != nil {
				t.Fatal(err)
			}
			results, na := few(t)
			for _, r := range results {
				before := out.Len()
				if err := w.Write(r); err != nil {
					t.Fatal(err)
				}
				if out.Len() == before || !strings.HasSuffix(out.String(), "\n") {
					t.Errorf("%s is not complete when Write returns", r.Name)
				}
			}
			if err := w.WriteNA(na); err != nil {
				t.Fatal(err)
			}
			golden.Check(t, "few."+format, out.String())
		})
	}
}

func TestNewWriterUnknown(t *testing.T) {
	_, err := NewWriter("yaml", nil)
	want := `unknown format "yaml": known are benchfmt, json, perf`
	if err == nil || err.Error() != want {
		t.Errorf("got %v, want %s", err, want)
	}
}

// The JSON of a row reads back as that row.
func TestJSONRoundTrip(t *testing.T) {
	var out bytes.Buffer
	w, _ := NewWriter("json", &out)
	results, _ := few(t)
	for _, r := range results {
		if err := w.Write(r); err != nil {
			t.Fatal(err)
		}
	}
	dec := json.NewDecoder(&out)
	dec.DisallowUnknownFields()
	for _, r := range results {
		var got Row
		if err := dec.Decode(&got); err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(NewRow(r), got); diff != "" {
			t.Errorf("%s (-want +got):\n%s", r.Name, diff)
		}
	}
}

// What benchstat is made of groups our lines by their keys, whichever way it
// is asked to.
func TestBenchprocReadsOurs(t *testing.T) {
	var out bytes.Buffer
	w, _ := NewWriter("benchfmt", &out)
	for _, p := range []place{host, amd64} {
		for _, r := range p.results(t) {
			if err := w.Write(r); err != nil {
				t.Fatal(err)
			}
		}
	}
	if err := w.WriteNA(demoNAs[0]); err != nil {
		t.Fatal(err)
	}

	filter, err := benchproc.NewFilter("/mech:continue /syscall:getppid /wake:sync /cpus:same")
	if err != nil {
		t.Fatal(err)
	}
	var parser benchproc.ProjectionParser
	lanes, unit, err := parser.ParseWithUnit("goarch,kernel,accel,clock,/gomaxprocs", filter)
	if err != nil {
		t.Fatal(err)
	}
	got := make(map[string][]float64)
	br := benchfmt.NewReader(&out, "ours")
	for br.Scan() {
		switch rec := br.Result().(type) {
		case *benchfmt.SyntaxError:
			t.Error(rec)
		case *benchfmt.Result:
			if ok, err := filter.Apply(rec); err != nil {
				t.Fatal(err)
			} else if !ok {
				continue
			}
			for i, key := range lanes.ProjectValues(rec) {
				if u := key.Get(unit); u == "insns/op" || u == "sec/op" {
					got[key.StringValues()] = append(got[key.StringValues()], math.Round(rec.Values[i].Value*1e9)/1e9)
				}
			}
		}
	}
	want := map[string][]float64{
		"amd64 6.1.0-18-amd64 native wall 1 sec/op": {2.399e-6, 2.424e-6, 2.450e-6, 2.476e-6, 2.501e-6},
		"amd64 6.12.117 tcg insns 1 insns/op":       {6315, 6317, 6319, 6321, 6323},
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
	for unit, better := range map[string]int{"insns/op": -1, "ns/op": -1} {
		if got := br.Units().GetBetter(unit); got != better {
			t.Errorf("better of %s is %d, want %d", unit, got, better)
		}
	}
}

type fullDisk struct{}

var errFull = errors.New("no space left on device")

func (fullDisk) Write([]byte) (int, error) { return 0, errFull }

func TestWriteErrors(t *testing.T) {
	results, na := few(t)
	for _, format := range Formats {
		w, _ := NewWriter(format, fullDisk{})
		if err := w.Write(results[0]); !errors.Is(err, errFull) {
			t.Errorf("%s: Write: %v", format, err)
		}
		if err := w.WriteNA(na); !errors.Is(err, errFull) {
			t.Errorf("%s: WriteNA: %v", format, err)
		}
	}
	if err := demo(t, nil, host).Table(fullDisk{}, TableOptions{}); !errors.Is(err, errFull) {
		t.Errorf("Table: %v", err)
	}
}
