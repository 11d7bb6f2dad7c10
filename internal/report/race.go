package report

import (
	"fmt"
	"math"
	"slices"
	"strings"
)

// A Race is what one attack on one mechanism came to: an element of the JSON of
// `abi race`.
type Race struct {
	Where   string  `json:"where"`
	Kernel  string  `json:"kernel"` // its release
	Mech    string  `json:"mechanism"`
	Attack  string  `json:"attack"`
	Accel   string  `json:"accel"` // native, kvm or tcg
	CPUs    int     `json:"cpus"`
	Tries   int     `json:"tries"`  // that were made
	Won     int     `json:"won"`    // by the attack
	Denied  int     `json:"denied"` // beside the tries: what was read was not approved
	Rate    float64 `json:"rate"`   // of won, per try
	Upper   float64 `json:"upper95"`
	Seconds float64 `json:"seconds"` // on the host's clock
	Verdict string  `json:"verdict"`
	Text    string  `json:"text,omitempty"`
}

// Check says what makes r impossible.
func (r *Race) Check() error {
	for _, w := range []struct{ what, text string }{{"place", r.Where}, {"mechanism", r.Mech}, {"attack", r.Attack}} {
		if err := checkWord(w.what, w.text); err != nil {
			return err
		}
	}
	part := func(v float64) bool { return !math.IsNaN(v) && v >= 0 && v <= 1 }
	switch {
	case r.Tries < 0 || r.Tries > 1e12 || r.Won < 0 || r.Won > r.Tries:
		return fmt.Errorf("%s, %s: %d of %d tries lost", r.Mech, r.Attack, r.Won, r.Tries)
	case !part(r.Rate) || !part(r.Upper) || r.Upper < r.Rate || r.Tries > 0 && r.Upper == 0:
		return fmt.Errorf("%s, %s: rate %v, at most %v", r.Mech, r.Attack, r.Rate, r.Upper)
	case math.IsNaN(r.Seconds) || r.Seconds < 0 || r.Seconds > 1e9:
		return fmt.Errorf("%s, %s: %v seconds", r.Mech, r.Attack, r.Seconds)
	}
	return nil
}

// Speed is in tries a second, of the host's.
func (r *Race) Speed() float64 {
	if r.Seconds <= 0 {
		return 0
	}
	return float64(r.Tries) / r.Seconds
}

// mark is where a race is drawn: at its rate, or at the bound of one that was
// never lost.
func (r *Race) mark() float64 {
	if r.Won > 0 {
		return r.Rate
	}
	return r.Upper
}

// A Check is how one check of conformance ended: an element of the JSON of
// `abi`.
type Check struct {
	Where   string `json:"where"`
	Kernel  string `json:"kernel"`
	ID      string `json:"id"`
	Level   string `json:"level"`
	Doc     string `json:"doc"`
	Source  string `json:"source"`
	Verdict string `json:"verdict"`
	Text    string `json:"text,omitempty"`
}

// checkVerdicts are what a check can end with, the worst first.
var checkVerdicts = []string{"error", "fail", "divergent", "skip", "pass"}

// mech is the mechanism that the check is about, the first part of its ID.
func (c *Check) mech() string {
	mech, _, _ := strings.Cut(c.ID, ".")
	return mech
}

func (c *Check) check() error {
	if err := checkWord("place", c.Where); err != nil {
		return err
	}
	if err := checkWord("check", c.ID); err != nil {
		return err
	}
	if !slices.Contains(checkVerdicts, c.Verdict) {
		return fmt.Errorf("%s: the verdict %q is none of %s", c.ID, c.Verdict, strings.Join(checkVerdicts, ", "))
	}
	return nil
}

// A Footprint is what a mechanism's patches change, in lines of a diff.
type Footprint struct {
	Mech          string
	Patches       int
	Added         int
	Removed       int
	Files         []string // of code; those that several mechanisms touch are there for each
	Docs          int      // lines added
	Tests         int      // lines added
	Posted        bool     // by others, about, and as a whole
	PostedComment string
}
