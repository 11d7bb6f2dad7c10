package main

import (
	"encoding/json"
	"fmt"
	"io"
	"math"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

// fakeLab answers as a LAVA server does, by what each of its jobs came to.
type fakeLab struct {
	mu     sync.Mutex
	jobs   []fakeJob // what is submitted becomes the next of these, from job 1
	posted int
	asked  []string
	refuse bool
}

type fakeJob struct {
	state, health string
	started       time.Time
	cases         []string // as lavaCases has them
	log           string
}

func (l *fakeLab) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	l.mu.Lock()
	defer l.mu.Unlock()
	path := strings.TrimPrefix(r.URL.Path, "/api/v0.2/jobs/")
	l.asked = append(l.asked, r.Method+" "+path)
	reply := func(status int, v any) {
		w.Header().Set("Content-Type", "application/json")
		w.WriteHeader(status)
		_ = json.NewEncoder(w).Encode(v)
	}
	if r.Header.Get("Authorization") != "Token s3cret" {
		reply(http.StatusForbidden, map[string]string{"detail": "Invalid token."})
		return
	}
	if r.Method == http.MethodPost {
		if l.posted++; l.refuse {
			l.posted--
			reply(http.StatusBadRequest, map[string]string{"message": "no such device type"})
			return
		}
		reply(http.StatusCreated, map[string][]int{"job_ids": {l.posted}})
		return
	}
	var id int
	var what string
	if _, err := fmt.Sscanf(strings.ReplaceAll(path, "/", " "), "%d %s", &id, &what); id < 1 || id > len(l.jobs) {
		reply(http.StatusNotFound, map[string]string{"detail": fmt.Sprint("Not found.", err)})
		return
	}
	job := l.jobs[id-1]
	list := func(rows []map[string]any) { reply(http.StatusOK, map[string]any{"next": nil, "results": rows}) }
	switch what {
	case "":
		reply(http.StatusOK, map[string]any{"id": id, "state": job.state, "health": job.health, "actual_device": "qemu-w1", "start_time": job.started})
	case "cancel":
		l.jobs[id-1].state = "Canceling"
		reply(http.StatusOK, map[string]string{"message": "Job cancel signal sent."})
	case "suites":
		list([]map[string]any{{"id": 1, "name": "lava"}, {"id": 2, "name": "checks"}, {"id": 3, "name": "figures"}})
	case "tests":
		rows := []map[string]any{}
		for _, c := range lavaCases(job.cases...) {
			row := map[string]any{"id": c.ID, "suite": map[string]int{"lava": 1, "checks": 2, "figures": 3}[c.Suite], "name": c.Name, "result": c.Result, "unit": c.Unit, "measurement": nil}
			if c.Measurement != "" {
				row["measurement"] = c.Measurement + ".0000000000"
			}
			rows = append(rows, row)
		}
		list(rows)
	case "logs":
		for _, line := range strings.Split(job.log, "\n") {
			text, _ := json.Marshal(line)
			fmt.Fprintf(w, "- {\"dt\": \"2026-11-26T08:00:00.5\", \"lvl\": \"target\", \"msg\": %s}\n", text)
		}
	}
}

// lavaSampleDir is a directory as `lava job` writes it, with the sample as its one job.
func lavaSampleDir(t *testing.T) string {
	t.Helper()
	dir := t.TempDir()
	text, err := json.Marshal(lavaPlan{Format: lavaPlanFormat, Version: "v1", DeviceType: "qemu", Minutes: 60, Jobs: []lavaJob{lavaSample}})
	if err != nil {
		t.Fatal(err)
	}
	writeFile(t, filepath.Join(dir, lavaPlanFile), string(text))
	writeFile(t, filepath.Join(dir, lavaSample.Name+".yaml"), "device_type: qemu\n")
	writeFile(t, filepath.Join(dir, "token"), "s3cret\n")
	return dir
}

// TestLavaFetch has labs that do what they should, less, and twice.
func TestLavaFetch(t *testing.T) {
	whole := fakeJob{state: "Finished", health: "Complete", cases: wholeLava()}
	killed := fakeJob{state: "Finished", health: "Incomplete", cases: wholeLava()[:3]}
	running := fakeJob{state: "Running", health: "Unknown", started: time.Now()}
	failing := whole
	failing.cases = slices.Clone(whole.cases)
	failing.cases[1] = strings.Replace(failing.cases[1], "pass", "fail", 1)
	failing.log = "unotify: about reply_values: fail rdx is 7, want 5\nunotify: about reply_values: a leak"
	cut := whole
	cut.cases = whole.cases[:3]
	cut.cases = append(slices.Clone(cut.cases), lavaMonitored)
	for _, tt := range []struct {
		name   string
		jobs   []fakeJob
		args   []string
		status int
		posted int
		stderr []string
		stdout string
		rows   int
	}{
		{"all", []fakeJob{whole}, nil, exitOK, 1, nil, "3 pass", 2},
		{"a failure", []fakeJob{failing}, nil, exitFailed, 1, []string{"1 check failed or could not tell: "}, "      a leak\n", 2},
		{"complete, says the lab", []fakeJob{cut}, nil, exitFailed, 1,
			[]string{"job 1 (Complete): 1 of 3 checks have no verdict, reply.rivals the first", "2 of 2 rows have no figures", "not every job did"}, "no device has told", 0},
		{"killed", []fakeJob{killed}, nil, exitFailed, 1, []string{"the lab did not see the device finish", "1 of 3 checks"}, "1 error, 2 pass", 0},
		{"killed, and again", []fakeJob{killed, whole}, []string{"--wait", "--retry", "1"}, exitOK, 2,
			[]string{"job 1 (Incomplete) lacks 1 checks and 2 rows: submitted again as job 2"}, "3 pass", 2},
		{"killed twice", []fakeJob{killed, killed}, []string{"--wait", "--retry", "1"}, exitFailed, 2, []string{"job 2 (Incomplete): 1 of 3 checks"}, "1 error, 2 pass", 0},
		{"not at its end", []fakeJob{running}, nil, exitFailed, 1, []string{"amd64-1: job 1 (Running)"}, "", 0},
		{"never at its end", []fakeJob{running}, []string{"--wait", "--limit", "1ms"}, exitFailed, 1, []string{"--limit is over"}, "", 0},
		{"a worker that is gone", []fakeJob{{"Running", "Unknown", time.Now().Add(-80 * time.Minute), wholeLava()[:3], ""}}, nil, exitFailed, 1,
			[]string{"job 1 (Running): it should have ended after 60 minutes: its worker is gone", "1 of 3 checks"}, "1 error, 2 pass", 0},
		{"canceled, and its worker is gone", []fakeJob{{"Canceling", "Unknown", time.Now().Add(-80 * time.Minute), wholeLava()[:3], ""}, whole}, []string{"--wait", "--retry", "1"}, exitOK, 2,
			[]string{"job 1 (Canceling) lacks 1 checks and 2 rows: submitted again as job 2"}, "3 pass", 2},
		{"KTAP", []fakeJob{whole}, []string{"--format", "ktap"}, exitOK, 1, nil, "KTAP version 1\n1..3\nok 1 amd64-qemu.reply.values", 2},
	} {
		t.Run(tt.name, func(t *testing.T) {
			lab := &fakeLab{jobs: tt.jobs}
			s := httptest.NewServer(lab)
			defer s.Close()
			dir := lavaSampleDir(t)
			at := []string{dir, "--server", s.URL, "--token-file", filepath.Join(dir, "token")}
			if status, out, stderr := runHere(slices.Concat([]string{"lava", "submit"}, at)...); status != exitOK || !strings.Contains(out, "amd64-1  job 1") {
				t.Fatalf("submit: status %d\n%s%s", status, out, stderr)
			}
			// A second time is none.
			if status, out, stderr := runHere(slices.Concat([]string{"lava", "submit"}, at)...); status != exitOK || !strings.Contains(out, "job 1, submitted before") {
				t.Fatalf("submit again: status %d\n%s%s", status, out, stderr)
			}
			status, out, stderr := runHere(slices.Concat([]string{"lava", "fetch", "--poll", "1ms"}, at, tt.args)...)
			if status != tt.status || lab.posted != tt.posted || !strings.Contains(out, tt.stdout) {
				t.Errorf("status %d, %d submissions; want %d, %d, and %q in\n%s%s", status, lab.posted, tt.status, tt.posted, tt.stdout, out, stderr)
			}
			for _, want := range tt.stderr {
				if !strings.Contains(stderr, want) {
					t.Errorf("no %q in\n%s", want, stderr)
				}
			}
			if _, again, ok := strings.Cut(out, "again: "); ok {
				again, _, _ = strings.Cut(again, "\n")
				checkExample(t, commands()[0], again)
			}
			path := filepath.Join(dir, "results.txt")
			if _, err := os.Stat(path); tt.rows == 0 {
				if err == nil {
					t.Error("there is a results.txt, of nothing")
				}
				return
			}
			got := results(t, path)
			if len(got.Results) != tt.rows {
				t.Errorf("%d rows, want %d", len(got.Results), tt.rows)
			}
			if v, ok := got.Results[0].Value("p99.9-sec/op"); !ok || math.Round(v*1e9) != 200 || got.Results[0].Iters != 1000 || string(got.Results[0].Name) != "Notify/mech=a/syscall=b/cpus=same-2" {
				t.Errorf("the first row is %+v", got.Results[0])
			}
		})
	}
}

// TestLavaFetchAgain: what was heard stays when a job is submitted once more, and when the
// lab does not have it any more.
func TestLavaFetchAgain(t *testing.T) {
	cut := fakeJob{state: "Finished", health: "Complete", cases: slices.Delete(wholeLava(), 2, 3)} // a check is missing
	lab := &fakeLab{jobs: []fakeJob{cut, {state: "Running", health: "Unknown", started: time.Now()}}}
	s := httptest.NewServer(lab)
	defer s.Close()
	dir := lavaSampleDir(t)
	at := []string{dir, "--server", s.URL, "--token-file", filepath.Join(dir, "token")}
	do := func(want int, args ...string) string {
		t.Helper()
		status, out, stderr := runHere(slices.Concat([]string{"lava"}, args[:1], at, args[1:])...)
		if status != want {
			t.Errorf("%q: status %d, want %d\n%s%s", args, status, want, out, stderr)
		}
		return stderr
	}
	rows := func(want int) {
		t.Helper()
		if n := len(results(t, filepath.Join(dir, "results.txt")).Results); n != want {
			t.Errorf("%d rows, want %d", n, want)
		}
	}
	do(exitOK, "submit")
	do(exitFailed, "fetch")
	rows(2)
	do(exitOK, "submit", "--again", lavaSample.Name)
	if said := do(exitFailed, "fetch"); !strings.Contains(said, "amd64-1: job 2 (Running)") {
		t.Errorf("nothing of the job that runs:\n%s", said)
	}
	rows(2)
	lab.jobs = lab.jobs[:1] // job 2 is gone
	if said := do(exitFailed, "fetch", "--wait", "--poll", "1ms"); !strings.Contains(said, "no such job") {
		t.Errorf("nothing of the job that is gone:\n%s", said)
	}
	rows(2)
}

// TestLavaRefused: what the lab refused is no submission, and can be mended.
func TestLavaRefused(t *testing.T) {
	lab := &fakeLab{refuse: true, jobs: []fakeJob{{state: "Finished", health: "Complete", cases: wholeLava()}}}
	s := httptest.NewServer(lab)
	defer s.Close()
	dir := lavaSampleDir(t)
	at := []string{dir, "--server", s.URL, "--token-file", filepath.Join(dir, "token")}
	if status, _, stderr := runHere(slices.Concat([]string{"lava", "submit"}, at)...); status != exitEnvironment || !strings.Contains(stderr, "no such device type") {
		t.Errorf("status %d, %q", status, stderr)
	}
	lab.refuse = false
	for _, args := range [][]string{{"submit"}, {"fetch"}} {
		if status, _, stderr := runHere(slices.Concat([]string{"lava"}, args, at)...); status != exitOK {
			t.Errorf("%q: status %d, %q", args, status, stderr)
		}
	}
}

// TestLavaLedger: what may have been submitted is not submitted again behind anybody's
// back.
func TestLavaLedger(t *testing.T) {
	dir := lavaSampleDir(t)
	s := httptest.NewServer(&fakeLab{})
	defer s.Close()
	at := []string{dir, "--server", s.URL, "--token-file", filepath.Join(dir, "token")}
	writeFile(t, filepath.Join(dir, lavaLedgerFile), `{"job":"amd64-1","server":"`+s.URL+`","try":1}`+"\n"+`{"job":"amd`)
	status, _, stderr := runHere(slices.Concat([]string{"lava", "submit"}, at)...)
	if status != exitFailed || !strings.Contains(stderr, "may have been submitted") || !strings.Contains(stderr, "--again amd64-1") {
		t.Errorf("status %d, %q", status, stderr)
	}
	if status, out, stderr := runHere(slices.Concat([]string{"lava", "submit", "--again", "amd64-1"}, at)...); status != exitOK {
		t.Errorf("--again: status %d\n%s%s", status, out, stderr)
	}
	d, err := openLavaDir(dir)
	if err != nil {
		t.Fatal(err)
	}
	want := []submission{{Job: "amd64-1", Server: s.URL, Try: 1}, {Job: "amd64-1", Server: s.URL, Try: 2, ID: 1}}
	if diff := cmp.Diff(want, d.submissions); diff != "" {
		t.Errorf("submissions (-want +got):\n%s", diff)
	}
}

// TestLavaFetchVersion: jobs of another version are said to be, once.
func TestLavaFetchVersion(t *testing.T) {
	for version, notes := range map[string]int{"v1": 1, version(): 0} {
		s := httptest.NewServer(&fakeLab{jobs: []fakeJob{{state: "Finished", health: "Complete", cases: wholeLava()}}})
		defer s.Close()
		dir := lavaSampleDir(t)
		plan := filepath.Join(dir, lavaPlanFile)
		writeFile(t, plan, strings.Replace(readText(t, plan), `"v1"`, `"`+version+`"`, 1))
		at := []string{dir, "--server", s.URL, "--token-file", filepath.Join(dir, "token")}
		if status, _, stderr := runHere(slices.Concat([]string{"lava", "submit"}, at)...); status != exitOK {
			t.Fatalf("submit: status %d\n%s", status, stderr)
		}
		status, _, stderr := runHere(slices.Concat([]string{"lava", "fetch"}, at)...)
		if n := strings.Count(stderr, "written by unotify-bench"); status != exitOK || n != notes {
			t.Errorf("jobs of %s: status %d, %d notes; want %d\n%s", version, status, n, notes, stderr)
		}
	}
}

// TestLavaSubmitBad: what a lab refused is void in the ledger, and what it may have taken
// is not submitted again.
func TestLavaSubmitBad(t *testing.T) {
	answer := func(status int, body string) http.HandlerFunc {
		return func(w http.ResponseWriter, r *http.Request) {
			if r.Method == http.MethodGet { // a look for the job
				_, _ = io.WriteString(w, `{"results": []}`)
				return
			}
			w.WriteHeader(status)
			_, _ = io.WriteString(w, body)
		}
	}
	for _, tt := range []struct {
		name    string
		lab     http.HandlerFunc
		args    []string
		says    string
		refused bool
	}{
		{"401", answer(http.StatusUnauthorized, `{"detail": "Invalid token."}`), nil, "the token is unknown", true},
		{"404", answer(http.StatusNotFound, `{"detail": "Not found."}`), nil, "is the URL right?", true},
		{"500", func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusInternalServerError) }, []string{"--limit", "2s"}, "--limit is over: ", false},
		{"half a reply", answer(http.StatusCreated, `{"job_`), []string{"--limit", "2s"}, "--limit is over: ", false},
		{"never", func(_ http.ResponseWriter, r *http.Request) {
			_, _ = io.Copy(io.Discard, r.Body)
			<-r.Context().Done()
		}, []string{"--limit", "2s"}, "--limit is over: ", false},
	} {
		t.Run(tt.name, func(t *testing.T) {
			s := httptest.NewServer(tt.lab)
			defer s.Close()
			dir := lavaSampleDir(t)
			at := []string{"lava", "submit", dir, "--server", s.URL, "--token-file", filepath.Join(dir, "token")}
			if status, _, stderr := runHere(slices.Concat(at, tt.args)...); status != exitEnvironment || !strings.Contains(stderr, tt.says) {
				t.Errorf("status %d, want %d and %q\n%s", status, exitEnvironment, tt.says, stderr)
			}
			d, err := openLavaDir(dir)
			if err != nil {
				t.Fatal(err)
			}
			if len(d.submissions) != 1 || d.submissions[0].ID != 0 || (d.submissions[0].Refused != "") != tt.refused {
				t.Fatalf("the ledger has %+v", d.submissions)
			}
			if tt.refused {
				return
			}
			if status, _, stderr := runHere(at...); status != exitFailed || !strings.Contains(stderr, "may have been submitted") {
				t.Errorf("again: status %d\n%s", status, stderr)
			}
		})
	}
}
