package main

import (
	"fmt"
	"strings"

	"gonum.org/v1/gonum/mathext"

	"unotify-bench/abi/suite"
	"unotify-bench/internal/report"
)

// raceRow is what one attack on one mechanism came to: a row of the table, and
// of the JSON.
type raceRow report.Race

// Verdicts of a row.
const (
	raceLoses = "loses" // continue-read, as it must
	raceWeak  = "weak"  // continue-read does not lose often enough: the attack shows nothing
	raceHolds = "holds" // the mechanism has not lost
	raceLost  = "lost"  // it has
	raceShort = "short" // interrupted, before anything could be said
	raceNone  = "n/a"   // the kernel has no such mechanism
	raceError = "error" // it could not be carried out
)

// confidence of every bound, one-sided.
const confidence = 0.95

// The quantiles of the beta distribution, which both bounds are, are the inverse
// of the regularized incomplete beta function.

// upperBound is the exact upper bound of a rate that showed k times in n
// tries (Clopper and Pearson, Biometrika 26, 1934): had it been more, so few
// would have shown once in twenty times at the most.
func upperBound(k, n int) float64 {
	if k >= n {
		return 1
	}
	return mathext.InvRegIncBeta(float64(k+1), float64(n-k), confidence)
}

// lowerBound is the same from below.
func lowerBound(k, n int) float64 {
	if k <= 0 {
		return 0
	}
	return mathext.InvRegIncBeta(float64(k), float64(n-k+1), 1-confidence)
}

// judge fills in what follows from the counts: wanted is how many tries were
// asked for.
func (r *raceRow) judge(c suite.RaceCount) {
	r.Tries, r.Won, r.Denied = c.Tried, c.Won, c.Denied
	r.Rate, r.Upper = 0, 1
	if r.Tries > 0 {
		r.Rate, r.Upper = float64(r.Won)/float64(r.Tries), upperBound(r.Won, r.Tries)
	}
	control := r.Mech == suite.RaceMechs()[0]
	switch {
	case c.NA != "":
		r.Verdict, r.Text = raceNone, "this kernel has no "+clean(c.NA)
	case r.Won > 0 && !control: // whatever came then
		r.Verdict, r.Text = raceLost, sanitize(c.Err)
	case c.Err != "":
		r.Verdict, r.Text = raceError, sanitize(c.Err)
	case c.Tried < c.Tries:
		r.Verdict = raceShort
	case !control:
		r.Verdict = raceHolds
	// A mechanism that stands as many tries is then better than this one, and
	// not only luckier.
	case lowerBound(r.Won, r.Tries) <= upperBound(0, r.Tries):
		r.Verdict = raceWeak
	default:
		r.Verdict = raceLoses
	}
}

// failure is nil if no mechanism lost, and the attacks were strong.
func (r *raceReport) failure() error {
	counts := map[string]int{}
	for _, row := range r.rows {
		counts[row.Verdict]++
	}
	var bad []string
	for _, v := range []struct{ verdict, text string }{
		{raceLost, "the mechanism lost"},
		{raceWeak, "the attack was too weak to show anything, as continue-read hardly lost"},
		{raceError, "something went wrong"},
	} {
		if n := counts[v.verdict]; n > 0 {
			bad = append(bad, fmt.Sprintf("in %d of %d races %s", n, len(r.rows), v.text))
		}
	}
	if len(bad) == 0 {
		return nil
	}
	return failure("%s", strings.Join(bad, "; "))
}
