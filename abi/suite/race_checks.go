package suite

const (
	srcRace = "seccomp_unotify(2), on CONTINUE; conformance.md, G"

	// The attack has to win this often against CONTINUE, in so many tries. A
	// mechanism then has to stand as many tries as that took: one that is no
	// better than CONTINUE would pass once in e^5 = 148 times.
	raceWins  = 5
	raceTries = 20000
)

// raceOnce lets a thread attack a mechanism, and returns how often it won of
// how many tries.
func (t *T) raceOnce(m *racer, tries, enough int) (won, n int) {
	a := t.attacked("thread", m.flags)
	a.race(tries, enough, m.act(t, a), func(tried, w, _ int) { won, n = w, tried })
	a.Kill() // its thread would go on
	return won, n
}

// raceContinue attacks CONTINUE, and returns how many tries it took.
func (t *T) raceContinue() int {
	won, tries := t.raceOnce(&racers[0], raceTries, raceWins)
	if won < raceWins {
		t.Unclear("the attack is too weak: CONTINUE lost %d of %d tries", won, tries)
	}
	t.Logf("CONTINUE opened another file than the approved one in %d of %d tries", won, tries)
	return tries
}

var _ = later(raceChecks)

func raceChecks() struct{} {
	add(Check{ID: "continue.race", Level: Info, Source: srcRace,
		Doc: "a thread that changes the path after the check gets another file opened: this is what the others must not let it",
		run: func(t *T) { t.raceContinue() }})
	for _, c := range []struct{ id, mech string }{
		{"inject.race", "inject"}, {"target-call.race", "target-call"},
		{"target-call.race-send", "target-call-send"}, {"redirect.race", "redirect"},
	} {
		m := findRacer(c.mech)
		add(Check{ID: c.id, Level: Must, Source: srcRace, Needs: m.needs,
			Doc: "a thread that changes the path all the time never gets another file opened than the approved one",
			run: func(t *T) {
				tries := t.raceContinue()
				won, n := t.raceOnce(m, tries, 1)
				if won > 0 {
					t.Errorf("at the latest in try %d a file was opened that nobody approved", n)
				}
				t.Logf("here it is none of %d, so below %.2g with 95 %%", n, 3/float64(n))
			}})
	}
	return struct{}{}
}
