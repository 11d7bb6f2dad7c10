package suite

import (
	"context"
	"time"

	"unotify-bench/internal/notify"
)

// Race is an attack on a mechanism.
type Race struct {
	Mech, Attack string
	Tries        int // calls that are approved while somebody changes their path
}

// RaceCount is how far a Race has come.
type RaceCount struct {
	Race
	Tried  int
	Won    int    // of these, how many acted on what nobody had approved
	Denied int    // beside these: what was read was not to be approved
	Over   bool   // and nothing more comes
	NA     string // the name of what the kernel has not
	Err    string // why it ended early, or never began
}

// RaceMechs lists the mechanisms, first the one that shows that an attack
// works: it must lose, and the others must not.
func RaceMechs() []string {
	var names []string
	for _, r := range racers {
		names = append(names, r.name)
	}
	return names
}

// RaceAttacks lists who changes the path: a thread of the same process; a
// process in the same memory; a process that shares the mapping.
func RaceAttacks() []string {
	var names []string
	for _, a := range attackers {
		names = append(names, a.name)
	}
	return names
}

// Races runs races on this kernel, one after the other. Emit gets the count of
// each when it begins, now and then, and when it is over. The silence between
// two is what deadline bounds, on the machine's clock. It returns early as Run
// does.
func Races(ctx context.Context, races []Race, deadline time.Duration, emit func(RaceCount) error) error {
	has, err := ask(ctx)
	if err != nil {
		return err
	}
	for _, r := range races {
		if err := raceOne(ctx, r, has, deadline, emit); err != nil {
			return err
		}
	}
	return nil
}

// raceOne runs a race in a child. Its error is ctx's or emit's.
func raceOne(ctx context.Context, r Race, has answers, deadline time.Duration, emit func(RaceCount) error) error {
	c := RaceCount{Race: r}
	if err := emit(c); err != nil {
		return err
	}
	m := findRacer(r.Mech)
	if m == nil {
		c.Err = "there is no such mechanism"
	} else {
		switch outcome, text := has.all(m.needs); outcome {
		case Held:
		case Absent:
			c.NA = text
		default:
			c.Err = text
		}
	}
	if c.NA != "" || c.Err != "" {
		c.Over = true
		return emit(c)
	}
	var broken error
	err := inChild(ctx, roleRace, deadline, func(conn *notify.Conn, dir string, late *time.Timer) error {
		if err := conn.Send(raceOrder{r, dir}, -1); err != nil {
			return err
		}
		for !c.Over {
			if _, err := conn.Recv(&c); err != nil {
				return err
			}
			late.Reset(deadline)
			if broken = emit(c); broken != nil {
				return broken
			}
		}
		return nil
	})
	switch {
	case ctx.Err() != nil:
		return ctx.Err()
	case broken != nil:
		return broken
	case err != nil:
		c.Err, c.Over = err.Error(), true
		return emit(c)
	}
	return nil
}

// raceOrder tells a child which race it is.
type raceOrder struct {
	Race
	Dir string
}

func raceMain() {
	conn := notify.NewConn(notify.RoleFD)
	var o raceOrder
	if _, err := conn.Recv(&o); err != nil {
		return
	}
	supervise()
	c := RaceCount{Race: o.Race}
	r := (&T{dir: o.Dir}).perform(&Check{run: func(t *T) {
		m := findRacer(o.Mech)
		a := t.attacked(o.Attack, m.flags)
		a.race(o.Tries, o.Tries+1, m.act(t, a), func(tried, won, denied int) {
			c.Tried, c.Won, c.Denied = tried, won, denied
			t.ok(conn.Send(c, -1), "tell the count")
		})
	}})
	if c.Over = true; r.Outcome != Held {
		c.Err = r.Text
	}
	_ = conn.Send(c, -1)
}
