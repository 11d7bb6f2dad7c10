package lava

import (
	"fmt"
	"math"
	"net/http"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

const suites = `{"count": 2, "next": null, "results": [{"id": 1, "name": "lava", "job": 7}, {"id": 2, "name": "checks", "job": 7}]}`

// oneCase is result i, of the suite checks but for the first.
func oneCase(i int) string {
	return fmt.Sprintf(`{"id": %d, "suite": %d, "name": "c%d", "result": "pass", "measurement": null, "unit": "", "metadata": "a"}`, i+11, 1+min(i, 1), i)
}

// byPath answers what each path is asked for.
func byPath(tests, suites step) step {
	return func(w http.ResponseWriter, r *http.Request) {
		if strings.HasSuffix(r.URL.Path, "/tests/") {
			tests(w, r)
		} else {
			suites(w, r)
		}
	}
}

func first(offset int, list string) string {
	return fmt.Sprintf("GET /api/v0.2/jobs/7/%s/?limit=100&offset=%d&ordering=id", list, offset)
}

// TestCases fetches results of several pages, from servers with large pages and
// small, whose links lead elsewhere.
func TestCases(t *testing.T) {
	other, _ := serve(t, answers(200, `{"next": null, "results": []}`))
	for _, tt := range []struct {
		total, most int
		asked       []string
	}{
		{1, 100, []string{first(0, "tests"), first(0, "suites")}},
		{100, 100, []string{first(0, "tests"), first(0, "suites")}},
		{101, 100, []string{first(0, "tests"), first(100, "tests"), first(0, "suites")}},
		{130, 50, []string{first(0, "tests"), first(50, "tests"), first(100, "tests"), first(0, "suites")}},
	} {
		f, c := serve(t, byPath(rows(tt.total, tt.most, oneCase, other.URL+"/api/v0.2/jobs/7/tests/?offset=100"), answers(200, suites)))
		got, err := c.Cases(t.Context(), 7)
		if err != nil {
			t.Fatal(err)
		}
		want := []Case{{ID: 11, Suite: "lava", Name: "c0", Result: "pass"}}
		for i := 1; i < tt.total; i++ {
			want = append(want, Case{ID: i + 11, Suite: "checks", Name: fmt.Sprint("c", i), Result: "pass"})
		}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("%d cases (-want +got):\n%s", tt.total, diff)
		}
		if diff := cmp.Diff(tt.asked, f.asked()); diff != "" {
			t.Errorf("%d cases: asked (-want +got):\n%s", tt.total, diff)
		}
	}
	if other.asked() != nil {
		t.Errorf("the other server was asked %q", other.asked())
	}
}

// TestMeasurements reads numbers as strings, numbers, and none.
func TestMeasurements(t *testing.T) {
	const tests = `{"next": "", "results": [
		{"id": 3, "suite": 2, "name": "a", "result": "pass", "measurement": "6319.2500000000", "unit": "ns/op"},
		{"id": 4, "suite": 2, "name": "b", "result": "fail", "measurement": 1e-10, "unit": "s"},
		{"id": 9, "suite": 2, "name": "c", "result": "unknown", "measurement": null, "unit": null},
		{"id": 10, "suite": 1, "name": "d", "result": "skip"}]}`
	_, c := serve(t, byPath(answers(200, tests), answers(200, suites)))
	got, err := c.Cases(t.Context(), 7)
	want := []Case{
		{3, "checks", "a", "pass", "6319.2500000000", "ns/op"},
		{4, "checks", "b", "fail", "1e-10", "s"},
		{9, "checks", "c", "unknown", "", ""},
		{10, "lava", "d", "skip", "", ""},
	}
	if diff := cmp.Diff(want, got); err != nil || diff != "" {
		t.Errorf("%v (-want +got):\n%s", err, diff)
	}
}

// TestNoList meets lists that are none, or never end.
func TestNoList(t *testing.T) {
	fixed := func(i int) string { return oneCase(0) }
	twice := func(w http.ResponseWriter, _ *http.Request) {
		fmt.Fprint(w, `{"next": "more", "results": [`+oneCase(0)+`]}`)
	}
	full := rows(pageSize+1, pageSize+1, oneCase, "")
	for _, tt := range []struct {
		name          string
		tests, suites step
		asked         int
		is            error
		says          string
	}{
		{"no such job", answers(404, missing), answers(404, missing), 1, ErrNotFound, ""},
		{"a list", answers(200, `[]`), nil, 1, ErrReply, "array"},
		{"no results", answers(200, `{"next": null}`), nil, 1, ErrReply, "no page of a list"},
		{"a row that is none", answers(200, `{"next": null, "results": [3]}`), nil, 1, ErrReply, "number"},
		{"a measurement that is none", answers(200, `{"results": [{"id": 1, "measurement": {}}]}`), nil, 1, ErrReply, ""},
		{"a page too large", func(w http.ResponseWriter, r *http.Request) {
			r.URL.RawQuery = "limit=1000"
			full(w, r)
		}, nil, 1, ErrReply, "no page of a list"},
		{"a link that is none", answers(200, `{"next": 5, "results": []}`), nil, 1, ErrReply, "next"},
		{"the same again", twice, nil, 2, ErrReply, "11 follows 11"},
		{"the same in a page", rows(2, 2, fixed, ""), nil, 1, ErrReply, "11 follows 11"},
		{"empty pages", answers(200, `{"next": "more", "results": []}`), nil, 1, ErrReply, "after an empty page"},
		{"no end", rows(math.MaxInt, pageSize, oneCase, "more"), nil, maxRows/pageSize + 1, ErrReply, "more than 20000 rows"},
		{"a suite of nobody's", rows(2, 2, oneCase, ""), answers(200, `{"next": null, "results": []}`), 2, ErrReply, "suite 1"},
		{"a case without a name", answers(200, `{"next": null, "results": [{"id": 1, "suite": 1, "result": "pass"}]}`), answers(200, suites), 2, ErrReply, `name ""`},
	} {
		f, c := serve(t, byPath(tt.tests, tt.suites))
		got, err := c.Cases(t.Context(), 7)
		if err == nil || got != nil {
			t.Errorf("%s: %v, %v", tt.name, got, err)
			continue
		}
		t.Run(tt.name, func(t *testing.T) {
			if !strings.Contains(err.Error(), tt.says) {
				t.Errorf("%v; want %q in it", err, tt.says)
			}
			if len(f.asked()) != tt.asked {
				t.Errorf("asked %d times; want %d", len(f.asked()), tt.asked)
			}
		})
	}
}
