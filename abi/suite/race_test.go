package suite

import (
	"context"
	"errors"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

// TestRaces attacks every mechanism in every way. What is not stock may be
// missing.
func TestRaces(t *testing.T) {
	const tries = 1200
	var races []Race
	for _, m := range RaceMechs() {
		for _, a := range RaceAttacks() {
			races = append(races, Race{Mech: m, Attack: a, Tries: tries})
		}
	}
	var over []Race
	counts := map[Race]int{}
	err := Races(t.Context(), races, Deadline, func(c RaceCount) error {
		counts[c.Race]++
		control := c.Mech == RaceMechs()[0]
		switch {
		case c.Err != "" || control && c.NA != "":
			t.Errorf("%v: %q, has no %q", c.Race, c.Err, c.NA)
		case c.Won < 0 || c.Won > c.Tried || c.Tried > tries || c.Over && c.NA == "" && c.Tried != tries:
			t.Errorf("impossible counts %+v", c)
		case c.Won > 0 && !control:
			t.Errorf("%v lost %d of %d", c.Race, c.Won, c.Tried)
		}
		if c.Over {
			over = append(over, c.Race)
			t.Logf("%s by %s: %d of %d, %d denied", c.Mech, c.Attack, c.Won, c.Tried, c.Denied)
			if c.NA == "" && counts[c.Race] < 2+tries/500 {
				t.Errorf("%v said only %d times how far it was", c.Race, counts[c.Race])
			}
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(races, over); diff != "" {
		t.Errorf("races that are over (-want +got):\n%s", diff)
	}
}

func TestRacesEnd(t *testing.T) {
	long := Race{Mech: "continue-read", Attack: "thread", Tries: 500_000}
	mine := errors.New("enough")
	if err := Races(t.Context(), []Race{long}, Deadline, func(c RaceCount) error {
		if c.Tried > 0 {
			return mine
		}
		return nil
	}); !errors.Is(err, mine) {
		t.Errorf("Races gives %v, want emit's error", err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	if err := Races(ctx, []Race{long}, Deadline, func(RaceCount) error { cancel(); return nil }); !errors.Is(err, context.Canceled) {
		t.Errorf("cancelled, Races gives %v", err)
	}
	for _, tt := range []struct {
		race     Race
		deadline time.Duration
		err      string
	}{
		{long, time.Nanosecond, "the check did not end within 1ns: killed"},
		{Race{Mech: "cheese", Attack: "thread", Tries: 1}, Deadline, "there is no such mechanism"},
		{Race{Mech: "continue-read", Attack: "cheese", Tries: 1}, Deadline, "make an attacker: nobody is called cheese"},
	} {
		var last RaceCount
		if err := Races(t.Context(), []Race{tt.race}, tt.deadline, func(c RaceCount) error { last = c; return nil }); err != nil {
			t.Error(err)
		}
		if !last.Over || last.Err != tt.err {
			t.Errorf("%v ends with %+v, want %q", tt.race, last, tt.err)
		}
	}
}
