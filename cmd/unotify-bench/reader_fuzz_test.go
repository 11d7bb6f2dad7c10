package main

import (
	"encoding/json"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"unicode"

	"github.com/google/go-cmp/cmp"

	"unotify-bench/abi/fuzz"
	"unotify-bench/abi/suite"
	"unotify-bench/bench"
	"unotify-bench/bench/workload"
	"unotify-bench/internal/lava"
	"unotify-bench/kernel"
)

// shown fails where a text of some lines could steer a terminal.
func shown(t *testing.T, what, text string) {
	t.Helper()
	if strings.ContainsFunc(text, func(r rune) bool { return r != '\n' && !unicode.IsPrint(r) }) {
		t.Errorf("%s: %q", what, text)
	}
}

// FuzzEvent: a guest's event is what was asked for, or an error, and no text of it
// steers a terminal.
func FuzzEvent(f *testing.F) {
	long := strings.Repeat("x", 6000)
	for i, data := range []string{
		`{"ID":"reply.values","Outcome":"held","Text":"\u001b[2J"}`, `{"fault":"none","result":{"ID":"reply.values"}}`,
		`{"mechanism":"continue-read","attack":"thread","tries":5,"Tried":5,"Won":1,"Over":true}`, `"seccomp_bpf"`, `"ok 1 a # SKIP \u001b[2J"`,
		`{"cell":{"mech":"reply","syscall":"getppid","cpus":"same"},"na":"\u001b"}`, `{"cell":{"workload":"walk","mech":"addfd"},"err":"no"}`,
		`{"feature":"x","state":"works","detail":"\u202e"}`, `"why \u001b"`,
		`{"Finding":{"What":"\u001b[2J","Program":"recv 0\u001b"}}`,
		`{"cell":{"mech":"` + long + `"}}`,
		`{"cell":{"mech":"reply","syscall":"getppid","cpus":"same"},"unit":"` + long + `"}`,
	} {
		f.Add(uint8(i), []byte(data))
	}
	f.Add(uint8(4), []byte(`"ok 12 `+long+`"`))
	f.Add(uint8(4), []byte(`"1..`+strings.Repeat("9", 6000)+`"`))
	race := suite.Race{Mech: "continue-read", Attack: "thread", Tries: 5}
	cell, load := bench.Cell{Mech: "reply", Syscall: "getppid", CPUs: "same"}, workload.Cell{Workload: "walk", Mech: "addfd"}
	kinds := []string{eventCheck, eventHunt, eventRace, eventSelftest, eventOut, eventRow, eventWorkload, eventProbe, eventErr, eventFuzz}
	f.Fuzz(func(t *testing.T, kind uint8, data []byte) {
		if !json.Valid(data) {
			return // of an event the channel has seen to that
		}
		e := kernel.Event{Kind: kinds[int(kind)%len(kinds)], Data: data}
		checks := []*suite.Check{suite.Find("reply.values")}
		res, err := said(&abiLane{todo: checks}, e)
		if res != nil {
			shown(t, "a check", res.Text)
			if res.ID != "reply.values" {
				t.Errorf("a result of %q", res.ID)
			}
		}
		errs := []error{err}
		h := &hunt{job: job{Checks: []string{"reply.values"}, Mutants: []mutant{{Fault: noFault, First: []string{"reply.values"}}}}}
		res, err = h.heard(e)
		if res != nil {
			shown(t, "a hunt", res.Text)
		}
		errs = append(errs, err)
		s := selftestOutput{asked: [][]string{{"seccomp_bpf"}}, now: newKTAP("before"), onLine: func(line string) { shown(t, "a line", line) }}
		errs = append(errs, s.event(e))
		var count suite.RaceCount
		if json.Unmarshal(data, &count) == nil {
			l := &raceLane{races: []suite.Race{race}}
			if err := l.check(count); err == nil {
				var row raceRow
				row.judge(count)
				shown(t, "a race", row.Text)
				if row.Won > row.Tries || row.Tries > race.Tries || row.Rate > row.Upper {
					t.Errorf("impossible: %+v", row)
				}
			} else {
				errs = append(errs, err)
			}
		}
		var row bench.Row
		if json.Unmarshal(data, &row) == nil {
			errs = append(errs, checkRow(row, cell, bench.UnitInstructions))
		}
		var work workload.Row
		if json.Unmarshal(data, &work) == nil {
			errs = append(errs, checkWorkload(work, load, bench.UnitInstructions))
		}
		var found bench.Finding
		if json.Unmarshal(data, &found) == nil {
			found = printable(found)
			shown(t, "a finding", found.Feature+found.Detail+string(found.State))
		}
		var driven fuzz.Event
		if json.Unmarshal(data, &driven) == nil {
			fr, l := fuzzRunner{app: &app{quiet: true}, fuzzPlan: &fuzzPlan{}}, &fuzzLane{fuzzOrder: fuzzOrder{Where: "amd64"}}
			fr.lanes, fr.bar = []*fuzzLane{l}, fr.newProgress()
			errs = append(errs, fr.take(l, driven))
			var out strings.Builder
			fr.report(&verdicts{checked: checked{Writer: &out}})
			shown(t, "findings", out.String())
		}
		for _, err := range errs {
			if err != nil {
				shown(t, "an error", plain(err.Error()))
				if len(err.Error()) > 5000 {
					t.Errorf("an error of %d bytes: %.300s", len(err.Error()), err)
				}
			}
		}
	})
}

// FuzzKTAP: there is a verdict for each test that was announced, or a failure.
func FuzzKTAP(f *testing.F) {
	f.Add("TAP version 13\n1..2\nok 1 a\nnot ok 2 b # why\n")
	f.Add("1..0 # SKIP nothing\n")
	f.Add("1..3\nok 1 a # SKIP \x1b[2J\n# x.c:1:b:\u202e\nnot ok 2 b\n")
	f.Fuzz(func(t *testing.T, text string) {
		k := newKTAP("p")
		lines := 0
		for line := range strings.Lines(text) {
			lines++
			if err := k.line(strings.TrimSuffix(line, "\n")); err != nil {
				return
			}
		}
		got := k.end()
		if len(got) > lines+1 {
			t.Errorf("%d verdicts of %d lines", len(got), lines)
		}
		for _, v := range got {
			shown(t, "a verdict", v.Test+v.Result+v.Why)
		}
		if n := len(got); k.plan != n && (n == 0 || got[n-1].Result != resultFailed) {
			t.Errorf("%d tests were announced, and there are the verdicts %v", k.plan, got)
		}
	})
}

// FuzzJournal: what is resumed is what complete units of this very plan hold, and is
// the same when it is interrupted once more.
func FuzzJournal(f *testing.F) {
	f.Add([]byte(`{"plan":"p"}` + "\n" + `{"unit":"u","row":{"ID":"reply.values"}}` + "\n" + `{"unit":"u","end":true}` + "\n" + `{"unit":"v","ro`))
	f.Add([]byte(`{"plan":"other"}` + "\n"))
	f.Fuzz(func(t *testing.T, b []byte) {
		path := filepath.Join(t.TempDir(), "j")
		if err := os.WriteFile(path, b, 0o600); err != nil {
			t.Fatal(err)
		}
		j, err := openJournal[suite.Result](path, "p", true)
		if err != nil {
			if after, err := os.ReadFile(path); err != nil || string(after) != string(b) {
				t.Errorf("a journal that is none of ours was changed (%v)", err)
			}
			return
		}
		_ = j.close(false)
		rows := 0
		for _, unit := range j.old {
			rows += len(unit)
		}
		if rows > strings.Count(string(b), "\n") {
			t.Errorf("%d rows of %d bytes", rows, len(b))
		}
		again, err := openJournal[suite.Result](path, "p", true)
		if err != nil {
			t.Fatalf("it is written and not read: %v", err)
		}
		_ = again.close(true)
		if d := cmp.Diff(j.old, again.old); d != "" {
			t.Errorf("interrupted twice (-once +twice):\n%s", d)
		}
	})
}

// FuzzRaces: what is read of somebody's counts can be, is shown as text, and is the
// same when it is written and read again.
func FuzzRaces(f *testing.F) {
	f.Add([]byte(`[{"where":"amd64","kernel":"6.12","mechanism":"continue-read","attack":"thread","accel":"tcg","cpus":1,"tries":1000,"won":250,"rate":0.25,"upper95":0.27,"seconds":0.5,"verdict":"loses","text":"\u001b[2J"}]`))
	f.Add([]byte(`[{"id":"reply.values","verdict":"pass"}]`))
	f.Fuzz(func(t *testing.T, b []byte) {
		dir := t.TempDir()
		read := func(name string, b []byte) ([]raceRow, error) {
			path := filepath.Join(dir, name)
			if err := os.WriteFile(path, b, 0o600); err != nil {
				t.Fatal(err)
			}
			return readRaces([]string{path})
		}
		rows, err := read("one", b)
		if err != nil {
			return
		}
		var table, text strings.Builder
		if err := (&raceReport{w: &table, rows: rows}).table(); err != nil {
			t.Fatal(err)
		}
		shown(t, "the table", table.String())
		if err := (&raceReport{w: &text, rows: rows}).json(); err != nil {
			t.Fatal(err)
		}
		again, err := read("two", []byte(text.String()))
		if d := cmp.Diff(rows, again); err != nil || d != "" {
			t.Errorf("written and read again: %v (-want +got):\n%s", err, d)
		}
	})
}

// FuzzLavaDir: a plan and its ledger, which somebody may have sent, name files beside
// them only.
func FuzzLavaDir(f *testing.F) {
	f.Add([]byte(`{"format":1,"jobs":[{"name":"amd64-1","checks":["reply.values"],"count":2}]}`), []byte(`{"job":"amd64-1","server":"http://x","try":1,"id":7}`+"\n"))
	f.Add([]byte(`{"format":1,"jobs":[{"name":"../../etc/passwd"}]}`), []byte("{}\n"))
	f.Add([]byte(`{"format":1,"jobs":[{"name":"a\u001b","count":-1}]}`), []byte(nil))
	f.Fuzz(func(t *testing.T, plan, ledger []byte) {
		dir := t.TempDir()
		for name, b := range map[string][]byte{lavaPlanFile: plan, lavaLedgerFile: ledger} {
			if err := os.WriteFile(filepath.Join(dir, name), b, 0o600); err != nil {
				t.Fatal(err)
			}
		}
		d, err := openLavaDir(dir)
		if err != nil {
			return
		}
		if n := strings.Count(string(ledger), "\n") + 1; len(d.submissions) > n {
			t.Errorf("%d submissions of %d lines", len(d.submissions), n)
		}
		for _, j := range d.Jobs {
			shown(t, "a name", j.Name)
			if filepath.Dir(filepath.Join(dir, j.Name+".yaml")) != dir || j.Count < 0 || j.Count > 1000 {
				t.Errorf("a job %+v", j)
			}
		}
	})
}

// FuzzHear: of what lava-run has printed only what a job was to do counts, once, and
// its texts are texts.
func FuzzHear(f *testing.F) {
	f.Add("- {lvl: results, msg: {definition: checks, case: reply.values, result: pass}}\n- {lvl: target, msg: 'unotify: about reply.values \x1b[2J'}\n")
	f.Add(`{"lvl":"results","msg":{"definition":"lava","case":"lava-test-monitor","result":"pass"}}`)
	for _, raw := range wholeLava() {
		w := append(strings.Fields(raw), "", "")
		f.Add(`{"lvl":"results","msg":{"definition":"` + w[0] + `","case":"` + w[1] + `","result":"` + w[2] + `","measurement":"` + w[3] + `","units":"` + w[4] + `"}}`)
	}
	job := lavaSample
	job.Release = "" // or nothing is heard without the case of the kernel
	f.Fuzz(func(t *testing.T, text string) {
		cases, lines, err := lava.ReadRunLog(strings.NewReader(text))
		if err != nil {
			return
		}
		if n := strings.Count(text, "\n") + 1; len(cases)+len(lines) > n {
			t.Errorf("%d cases and %d lines of %d", len(cases), len(lines), n)
		}
		h := job.hear("f", "", cases, lines)
		if len(h.checks) > len(job.Checks) || len(h.rows) > len(job.Rows) || len(h.doubts) > 21 {
			t.Errorf("%d checks, %d rows, %d doubts", len(h.checks), len(h.rows), len(h.doubts))
		}
		for id, v := range h.checks {
			if !slices.Contains(job.Checks, id) {
				t.Errorf("a verdict of %q", id)
			}
			shown(t, "a text", v.text)
		}
		for _, doubt := range h.doubts {
			shown(t, "a doubt", doubt)
		}
	})
}

// FuzzStepFile: the file of a step is complete if it begins and ends as one, and is of the
// step that was asked for; what is of another is not taken, and not lost.
func FuzzStepFile(f *testing.F) {
	const id = "0123456789abcdef"
	for _, text := range []string{"", "\n", "x", "# " + stepBegins + id, "# " + stepBegins + id + "\nrow\n# " + stepEnds + id + "\n", "# " + stepBegins + "other\n# " + stepEnds + id} {
		f.Add(text)
	}
	f.Fuzz(func(t *testing.T, text string) {
		path := filepath.Join(t.TempDir(), "step")
		if err := os.WriteFile(path, []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
		complete, err := stepFile(path, id)
		lines := strings.FieldsFunc(text, func(r rune) bool { return r == '\n' || r == '\r' })
		begins := len(lines) > 0 && lines[0] == "# "+stepBegins+id
		ends := len(lines) > 0 && lines[len(lines)-1] == "# "+stepEnds+id
		if complete && (!begins || !ends || err != nil) {
			t.Errorf("%q is complete (%v)", text, err)
		}
		if err != nil && begins {
			t.Errorf("%q is refused: %v", text, err)
		}
	})
}
