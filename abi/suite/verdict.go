package suite

import (
	"fmt"
	"time"
)

// Outcome is what a check saw.
type Outcome string

const (
	Held    Outcome = "held"    // what must hold does
	Broken  Outcome = "broken"  // it does not
	Absent  Outcome = "absent"  // the kernel has no such mechanism
	Without Outcome = "without" // it was built without what is no mechanism: 32-bit tasks, say
	Unclear Outcome = "unclear" // the check could not tell
)

// Result is the outcome of one check.
type Result struct {
	ID      string
	Outcome Outcome
	Text    string // what was seen; of Absent and Without, the name of what is missing

	// On this machine's clock: how long it had been up when the check began, and
	// how long the check took, from one result to the next.
	Began time.Duration `json:",omitzero"`
	Took  time.Duration `json:",omitzero"`
}

// Verdict is what an outcome means.
type Verdict string

const (
	Pass      Verdict = "pass"
	Fail      Verdict = "fail"
	Divergent Verdict = "divergent" // shown, not failed
	Skip      Verdict = "skip"
	Error     Verdict = "error" // never counts as passed
)

// Verdicts lists all, the worst first.
func Verdicts() []Verdict { return []Verdict{Error, Fail, Divergent, Skip, Pass} }

// Bad reports whether the suite as a whole has not passed.
func (v Verdict) Bad() bool { return v == Fail || v == Error }

// Expectation is what is known of a kernel before: "" of a foreign one.
type Expectation string

const (
	ExpectNothing Expectation = ""
	ExpectStock   Expectation = "stock"   // what is stock must be there
	ExpectPatched Expectation = "patched" // everything must
)

// Judge says what an outcome means on a kernel of which this is expected. The
// text is r's, or more.
func (c *Check) Judge(r Result, e Expectation) (Verdict, string) {
	switch r.Outcome {
	case Held:
		return Pass, r.Text
	case Broken:
		switch {
		case c.Level == Info:
			return Pass, r.Text
		case c.Level == Ours && e != ExpectPatched:
			return Divergent, r.Text
		}
		return Fail, r.Text
	case Absent:
		if e == ExpectPatched || e == ExpectStock && len(c.Needs) == 0 {
			return Fail, fmt.Sprintf("this kernel has no %s; it is expected of a %s kernel", r.Text, e)
		}
		return Skip, "this kernel has no " + r.Text
	case Without:
		return Skip, "this kernel has no " + r.Text
	case Unclear:
		return Error, r.Text
	}
	return Error, fmt.Sprintf("no outcome is called %.20q", r.Outcome)
}
