package main

import (
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"unotify-bench/abi/suite"
)

// TestRaceMachines: on each architecture the race is there, and nothing else
// loses it.
func TestRaceMachines(t *testing.T) {
	for _, arch := range arches() {
		t.Run(arch.Name, func(t *testing.T) {
			needGuests(t, arch.Name)
			c := newCommand(t, "abi", "race", "--on", arch.Name, "--tries", "6000", "--format", "json", "--quiet")
			c.runs(t, exitOK)
			var rows []raceRow
			if err := json.Unmarshal(c.stdout.Bytes(), &rows); err != nil {
				t.Fatal(err)
			}
			if got := len(suite.RaceMechs()) * len(suite.RaceAttacks()); len(rows) != got {
				t.Errorf("%d rows, want %d", len(rows), got)
			}
			for i, r := range rows {
				want := raceHolds
				if r.Mech == suite.RaceMechs()[0] {
					want = raceLoses
				}
				if r.Verdict != want || r.Tries != 2000 || i > 0 && r.Kernel != rows[0].Kernel {
					t.Errorf("%+v, want %s", r, want)
				}
			}
		})
	}
}

// TestRaceInterrupt: what was counted is written, and nobody goes on.
func TestRaceInterrupt(t *testing.T) {
	path := filepath.Join(t.TempDir(), "r.json")
	c := newCommand(t, "abi", "race", "--on", host, "--tries", "10000000", "-o", path)
	c.start(t)
	for !strings.Contains(strings.Join(processes(c.mark), "\n"), "unotify-bench:check-target") {
		if c.over(t) {
			t.Fatalf("it is over already\n%s", &c.stderr)
		}
		time.Sleep(time.Millisecond)
	}
	_ = syscall.Kill(-c.Process.Pid, syscall.SIGINT)
	if got := c.status(t); got != exitInterrupted {
		t.Fatalf("exit status %d, want %d\n%s", got, exitInterrupted, &c.stderr)
	}
	rows, err := readRaces([]string{path})
	if err != nil {
		t.Fatal(err)
	}
	if len(rows) != 1 || rows[0].Verdict != raceShort || rows[0].Tries >= 3_333_334 {
		t.Errorf("kept are %+v", rows)
	}
}

// TestRaceResults: the committed counts are complete, and the picture is of them.
func TestRaceResults(t *testing.T) {
	var paths []string
	want := map[string]int{"host loses": 3, "host n/a": 12}
	for _, where := range append([]string{host}, archNames(arches())...) {
		paths = append(paths, filepath.Join("..", "..", "results", "race", where+".json"))
		if where != host {
			want[where+" loses"], want[where+" holds"] = 3, 12
		}
	}
	rows, err := readRaces(paths)
	if err != nil {
		t.Fatal(err)
	}
	seen, tries := map[string]int{}, map[string]int{}
	for _, r := range rows {
		seen[r.Where+" "+r.Verdict]++
		if r.Verdict != raceNone {
			tries[r.Where+" "+r.Mech] += r.Tries
		}
	}
	for what, n := range tries {
		if n < 100_000 {
			t.Errorf("%s has %d tries", what, n)
		}
	}
	if diff := cmp.Diff(want, seen); diff != "" {
		t.Errorf("verdicts (-want +got):\n%s", diff)
	}
	picture := filepath.Join("..", "..", "results", "race.svg")
	if *update {
		if err := os.WriteFile(picture, []byte(writtenRaces(t, "svg", rows)), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	got, err := os.ReadFile(picture)
	if err != nil {
		t.Fatal(err)
	}
	if string(got) != writtenRaces(t, "svg", rows) {
		t.Errorf("%s is not what is drawn of results/race (update with -update)", picture)
	}
}
