package main

import (
	"bytes"
	"encoding/xml"
	"errors"
	"io"
	"math"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"unotify-bench/abi/suite"
)

// TestRaceBounds compares with tables: both bounds at 95 % are the ends of the
// two-sided interval of 90 %.
func TestRaceBounds(t *testing.T) {
	near := func(what string, k, n int, got, want, within float64) {
		t.Helper()
		if !(math.Abs(got-want) <= within) {
			t.Errorf("%s bound of %d in %d is %v, want %v", what, k, n, got, want)
		}
	}
	// Clopper and Pearson, Biometrika 26, 1934, as every table since has them.
	for _, tt := range []struct {
		k, n         int
		lower, upper float64
	}{
		{0, 10, 0, 0.2589},
		{1, 10, 0.0051, 0.3942},
		{2, 10, 0.0368, 0.5069},
		{3, 10, 0.0873, 0.6066},
		{5, 10, 0.2224, 0.7776},
		{10, 10, 0.7411, 1},
	} {
		near("lower", tt.k, tt.n, lowerBound(tt.k, tt.n), tt.lower, 5e-5)
		near("upper", tt.k, tt.n, upperBound(tt.k, tt.n), tt.upper, 5e-5)
	}
	// Wilks, Ann. Math. Stat. 12, 1941: that many tries show, with 95 %, that
	// at most 5 % fail, where 0, 1, 2, ... did.
	for k, n := range []int{59, 93, 124, 153, 181, 208} {
		if upperBound(k, n) > 0.05 || upperBound(k, n-1) <= 0.05 {
			t.Errorf("%d in %d are at most %v, in %d %v; want the first at or below 0.05 only", k, n, upperBound(k, n), n-1, upperBound(k, n-1))
		}
	}
	// Of none there is a closed form, near 3/n (Hanley and Lippman-Hand, JAMA 249, 1983).
	for _, n := range []int{1, 100, 100_000, maxTries} {
		want := -math.Expm1(math.Log(0.05) / float64(n))
		near("upper", 0, n, upperBound(0, n), want, want*1e-6)
	}
}

func TestRaceJudge(t *testing.T) {
	const n = 100_000
	for _, tt := range []struct {
		mech            string
		tried, won      int
		na, err         string
		verdict, reason string
	}{
		{"continue-read", n, 50_000, "", "", raceLoses, ""},
		{"continue-read", n, 7, "", "", raceLoses, ""},
		{"continue-read", n, 6, "", "", raceWeak, ""},
		{"continue-read", n, 0, "", "", raceWeak, ""},
		{"continue-read", 10, 5, "", "", raceShort, ""},
		{"continue-read", 10, 5, "", "a\x1bb", raceError, "a?b"},
		{"inject", n, 0, "", "", raceHolds, ""},
		{"inject", n, 1, "", "", raceLost, ""},
		{"inject", 10, 1, "", "", raceLost, ""},
		{"inject", 10, 1, "", "dead", raceLost, "dead"},
		{"inject", 10, 0, "", "", raceShort, ""},
		{"inject", 10, 0, "", "dead", raceError, "dead"},
		{"inject", 0, 0, "INJECT\n", "", raceNone, "this kernel has no INJECT?"},
	} {
		r := raceRow{Mech: tt.mech}
		r.judge(suite.RaceCount{Race: suite.Race{Mech: tt.mech, Tries: n}, Tried: tt.tried, Won: tt.won, NA: tt.na, Err: tt.err})
		if r.Verdict != tt.verdict || r.Text != tt.reason {
			t.Errorf("%+v: %s %q", tt, r.Verdict, r.Text)
		}
		bad := (&raceReport{rows: []raceRow{r}}).failure() != nil
		if want := r.Verdict == raceLost || r.Verdict == raceWeak || r.Verdict == raceError; bad != want {
			t.Errorf("%s is a failure: %v", r.Verdict, bad)
		}
	}
}

// TestRaceCheck plays a guest that is not to be believed.
func TestRaceCheck(t *testing.T) {
	races := []suite.Race{{Mech: "continue-read", Attack: "thread", Tries: 1000}, {Mech: "continue-read", Attack: "shared", Tries: 1000}}
	count := func(race, tried, won, denied int, over bool) suite.RaceCount {
		return suite.RaceCount{Race: races[race], Tried: tried, Won: won, Denied: denied, Over: over}
	}
	begun := []suite.RaceCount{count(0, 0, 0, 0, false), count(0, 500, 20, 30, false)}
	all := append(begun[:2:2], count(0, 1000, 40, 60, true), count(1, 1000, 1000, 0, true))
	twice := count(0, 1000, 0, 0, true)
	other := count(0, 600, 20, 30, false)
	other.Tries = 600
	absent := count(0, 600, 20, 30, true)
	absent.NA = "CONTINUE"
	failed := count(0, 600, 20, 30, true)
	failed.Err = "died"
	for _, tt := range []struct {
		name   string
		before []suite.RaceCount
		c      suite.RaceCount
		err    string
	}{
		{"as asked", begun, count(0, 1000, 40, 60, true), ""},
		{"ended early", begun, failed, ""},
		{"the next", all[:3], count(1, 0, 0, 0, false), ""},
		{"the next at once", begun, count(1, 0, 0, 0, false), "asked was"},
		{"of another size", begun, other, "asked was"},
		{"once more", all[:3], twice, "asked was"},
		{"too many", all, twice, "more counts than were asked for"},
		{"backwards", begun, count(0, 400, 20, 30, false), "impossible"},
		{"fewer losses", begun, count(0, 600, 19, 30, false), "impossible"},
		{"fewer denied", begun, count(0, 600, 20, 29, false), "impossible"},
		{"more losses than tries", begun, count(0, 600, 601, 30, false), "impossible"},
		{"more tries than asked", begun, count(0, 1001, 20, 30, false), "impossible"},
		{"negative", nil, count(0, 0, 0, -1, false), "impossible"},
		{"over too soon", begun, count(0, 999, 20, 30, true), "impossible"},
		{"absent after all", begun, absent, "impossible"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			r := &raceRunner{app: &app{quiet: true}, racePlan: &racePlan{}, bar: (&app{quiet: true, stderr: io.Discard}).newProgress()}
			l := r.lane(races, raceRow{Where: "riscv64"})
			for _, c := range tt.before {
				if err := errors.Join(l.check(c), r.take(l, c)); err != nil {
					t.Fatal(err)
				}
			}
			err := l.check(tt.c)
			if got := err != nil; got != (tt.err != "") || got && !strings.Contains(err.Error(), tt.err) {
				t.Errorf("error %v, want one with %q", err, tt.err)
			}
			for i, row := range r.rows() {
				if row.Where != "riscv64" || row.Mech != races[i].Mech || row.Attack != races[i].Attack || row.Tries == 0 {
					t.Errorf("row %d is %+v", i, row)
				}
			}
		})
	}
}

// raceRows has a row of each verdict, on two kernels.
func raceRows() []raceRow {
	var rows []raceRow
	for _, where := range []string{host, "arm64"} {
		for _, m := range suite.RaceMechs() {
			for _, a := range suite.RaceAttacks() {
				c := suite.RaceCount{Race: suite.Race{Mech: m, Attack: a, Tries: 1000}, Tried: 1000, Denied: 7}
				switch {
				case m == "continue-read":
					c.Won = 250
				case m == "inject" && a == "thread":
					c.Won = 1
				case m == "target-call":
					c.Tried, c.NA = 0, "TARGET_CALL"
				case m == "redirect" && a == "shared":
					c.Tried, c.Err = 500, "died\nof it"
				}
				row := raceRow{Where: where, Kernel: "6.12", Accel: "tcg", Mech: m, Attack: a, CPUs: 2, Seconds: 0.5}
				row.judge(c)
				rows = append(rows, row)
			}
		}
	}
	return rows
}

func writtenRaces(t *testing.T, format string, rows []raceRow) string {
	t.Helper()
	var out bytes.Buffer
	if err := raceWriters[format](&raceReport{w: &out, rows: rows}); err != nil {
		t.Fatal(err)
	}
	return out.String()
}

func TestRaceTable(t *testing.T) {
	got := writtenRaces(t, "table", raceRows())
	for _, want := range []string{
		"arm64 (Linux 6.12, tcg, 2 CPUs)\n",
		"continue-read thread 1000 250 0.25 0.27 2000 loses\n",
		"inject thread 1000 1 0.001 0.0047 2000 lost\n",
		"target-call shared n/a: this kernel has no TARGET_CALL\n",
		"redirect thread 1000 0 0 0.003 2000 holds\n",
		"redirect shared 500 0 0 0.006 1000 error: died\n",
	} {
		var squeezed strings.Builder
		for line := range strings.Lines(got) {
			squeezed.WriteString(strings.Join(strings.Fields(line), " ") + "\n")
		}
		if !strings.Contains(squeezed.String(), want) {
			t.Errorf("%q is not in the table:\n%s", want, got)
		}
	}
}

func TestRaceJSON(t *testing.T) {
	path := filepath.Join(t.TempDir(), "r.json")
	if err := os.WriteFile(path, []byte(writtenRaces(t, "json", raceRows())), 0o600); err != nil {
		t.Fatal(err)
	}
	got, err := readRaces([]string{path, path})
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(append(raceRows(), raceRows()...), got); diff != "" {
		t.Errorf("what was read is not what was written, twice:\n%s", diff)
	}
	if text := writtenRaces(t, "json", nil); text != "[]\n" {
		t.Errorf("of nothing: %q", text)
	}
}

func TestRaceSVG(t *testing.T) {
	got := writtenRaces(t, "svg", raceRows())
	if err := xml.Unmarshal([]byte(got), new(struct{})); err != nil {
		t.Fatal(err)
	}
	words := []string{host, "arm64"}
	for _, m := range suite.RaceMechs() {
		for _, a := range suite.RaceAttacks() {
			if m != "target-call" { // which was not tried
				words = append(words, m+", "+a)
			}
		}
	}
	for _, word := range words {
		if !strings.Contains(got, ">"+word+"<") {
			t.Errorf("%q is not in the picture", word)
		}
	}
	if got != writtenRaces(t, "svg", raceRows()) {
		t.Error("the same rows give another picture")
	}
	for _, rows := range [][]raceRow{nil, {{Mech: "bogus", Attack: "thread", Tries: 1, Upper: 1}}} {
		if err := (&raceReport{w: io.Discard, rows: rows}).svg(); err == nil {
			t.Errorf("a picture of %v", rows)
		}
	}
}
