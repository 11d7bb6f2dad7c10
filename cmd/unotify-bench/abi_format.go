package main

import (
	"encoding/json"
	"encoding/xml"
	"fmt"
	"io"
	"slices"
	"strconv"
	"strings"
	"text/tabwriter"
	"time"

	"unotify-bench/abi/suite"
)

// abiReport is what a run of the suite comes to, and where it goes.
type abiReport struct {
	w       io.Writer
	lanes   []*abiLane
	live    *lavaVerdicts // has had every verdict, for the format lava
	verbose bool
}

var abiWriters = map[string]func(*abiReport) error{
	"table": (*abiReport).table,
	"ktap":  (*abiReport).ktap,
	"junit": (*abiReport).junit,
	"json":  (*abiReport).json,
	"lava":  func(r *abiReport) error { return r.live.end() },
}

// bad says which checks failed or could not tell, the first of them by name; "" if
// none has.
func (r *abiReport) bad() string {
	const named = 5
	var names []string
	for _, l := range r.lanes {
		for _, row := range l.Rows {
			if row.Verdict.Bad() {
				names = append(names, l.Where+" "+row.Check.ID)
			}
		}
	}
	n := len(names)
	switch {
	case n == 0:
		return ""
	case n > named:
		names = append(names[:named], fmt.Sprintf("and %d more", n-named))
	}
	what := "checks"
	if n == 1 {
		what = "check"
	}
	return fmt.Sprintf("%d %s failed or could not tell: %s", n, what, strings.Join(names, ", "))
}

// again is the one command that runs a check again.
func (l *abiLane) again(c *suite.Check) string {
	return strings.Replace(l.rerun, "%s", "^"+strings.ReplaceAll(c.ID, ".", `\.`)+"$", 1)
}

// counts is how often each verdict was given, by mechanism, "" for all.
func (l *abiLane) counts() map[string]map[suite.Verdict]int {
	counts := map[string]map[suite.Verdict]int{"": {}}
	for _, row := range l.Rows {
		mech := row.Check.Mech()
		if counts[mech] == nil {
			counts[mech] = map[suite.Verdict]int{}
		}
		counts[mech][row.Verdict]++
		counts[""][row.Verdict]++
	}
	return counts
}

// runs says how often each check was made, if that is not once. Fewer times are those
// of a run that was interrupted.
func (l *abiLane) runs() string {
	var all []int
	for _, row := range l.Rows {
		all = append(all, row.Runs)
	}
	switch {
	case len(all) == 0 || slices.Max(all) <= 1:
		return ""
	case slices.Min(all) == slices.Max(all):
		return fmt.Sprintf(", %d runs of each", all[0])
	}
	return fmt.Sprintf(", %d to %d runs of each", slices.Min(all), slices.Max(all))
}

// table is for a person: a line a mechanism, then what is not right, in full,
// and what was skipped, by its reason.
func (r *abiReport) table() error {
	for _, l := range r.lanes {
		counts := l.counts()
		var sum []string
		for _, v := range suite.Verdicts() {
			if n := counts[""][v]; n > 0 {
				sum = append(sum, fmt.Sprintf("%d %s", n, v))
			}
		}
		fmt.Fprintf(r.w, "%s (Linux %s): %d checks%s: %s\n", l.Where, l.Release, len(l.Rows), l.runs(), strings.Join(sum, ", "))
		w := tabwriter.NewWriter(r.w, 0, 0, 2, ' ', tabwriter.AlignRight)
		fmt.Fprint(w, "mechanism\t")
		for _, v := range suite.Verdicts() {
			fmt.Fprintf(w, "%s\t", v)
		}
		fmt.Fprintln(w)
		for _, mech := range suite.Mechanisms() {
			if counts[mech] == nil {
				continue
			}
			fmt.Fprintf(w, "%s\t", mech)
			for _, v := range suite.Verdicts() {
				fmt.Fprintf(w, "%d\t", counts[mech][v])
			}
			fmt.Fprintln(w)
		}
		if err := w.Flush(); err != nil {
			return err
		}
		r.details(l)
	}
	return nil
}

func (r *abiReport) details(l *abiLane) {
	var reasons []string
	skipped := map[string]int{}
	for _, row := range l.Rows {
		switch {
		case row.Verdict == suite.Skip && !r.verbose:
			if skipped[row.Text]++; skipped[row.Text] == 1 {
				reasons = append(reasons, row.Text)
			}
			continue
		case row.Verdict == suite.Pass && !r.verbose && row.Check.Level != suite.Info:
			continue
		}
		often := ""
		if row.Bad > 0 && row.Runs > 1 {
			often = fmt.Sprintf(", in %d of %d runs", row.Bad, row.Runs)
		}
		fmt.Fprintf(r.w, "  %s %s (%s%s): %s\n", row.Verdict, row.Check.ID, row.Check.Level, often, row.Check.Doc)
		if row.Text != "" {
			for line := range strings.Lines(row.Text) {
				fmt.Fprintf(r.w, "      %s\n", strings.TrimSuffix(line, "\n"))
			}
		}
		if row.Verdict != suite.Pass && row.Verdict != suite.Skip {
			fmt.Fprintf(r.w, "      source: %s\n      again: %s\n", row.Check.Source, l.again(row.Check))
		}
	}
	for _, why := range reasons {
		fmt.Fprintf(r.w, "  skip %d: %s\n", skipped[why], why)
	}
}

type (
	junitSuites struct {
		XMLName xml.Name     `xml:"testsuites"`
		Suites  []junitSuite `xml:"testsuite"`
	}
	junitSuite struct {
		Name     string      `xml:"name,attr"`
		Tests    int         `xml:"tests,attr"`
		Failures int         `xml:"failures,attr"`
		Errors   int         `xml:"errors,attr"`
		Skipped  int         `xml:"skipped,attr"`
		Time     string      `xml:"time,attr"`
		Cases    []junitCase `xml:"testcase"`
	}
	junitCase struct {
		Name      string     `xml:"name,attr"`
		ClassName string     `xml:"classname,attr"`
		Time      string     `xml:"time,attr"`
		Failure   *junitText `xml:"failure,omitempty"`
		Error     *junitText `xml:"error,omitempty"`
		Skipped   *junitText `xml:"skipped,omitempty"`
		Out       string     `xml:"system-out,omitempty"`
	}
	junitText struct {
		Message string `xml:"message,attr"`
		Text    string `xml:",chardata"`
	}
)

// junit is what CI servers draw. It has no word for divergent, which goes with
// the skipped, and says so.
func (r *abiReport) junit() error {
	var all junitSuites
	for _, l := range r.lanes {
		n := l.counts()[""]
		s := junitSuite{
			Name: l.Where, Tests: len(l.Rows), Failures: n[suite.Fail], Errors: n[suite.Error],
			Skipped: n[suite.Skip] + n[suite.Divergent],
		}
		var sum time.Duration
		for _, row := range l.Rows {
			sum += row.length()
			c := junitCase{Name: row.Check.ID, ClassName: l.Where + "." + row.Check.Mech(), Time: junitTime(row.length())}
			text := &junitText{Message: row.Check.Doc, Text: row.Text + "\n" + l.again(row.Check)}
			switch row.Verdict {
			case suite.Fail:
				c.Failure = text
			case suite.Error:
				c.Error = text
			case suite.Divergent:
				text.Message = "divergent: " + text.Message
				c.Skipped = text
			case suite.Skip:
				c.Skipped = &junitText{Message: row.Text}
			case suite.Pass:
				c.Out = row.Text
			}
			s.Cases = append(s.Cases, c)
		}
		s.Time = junitTime(sum)
		all.Suites = append(all.Suites, s)
	}
	text, err := xml.MarshalIndent(all, "", "  ")
	if err == nil {
		_, err = fmt.Fprintf(r.w, "%s%s\n", xml.Header, text)
	}
	return err
}

// junitTime is in seconds, never with an exponent, which not all who read it know.
func junitTime(d time.Duration) string { return strconv.FormatFloat(d.Seconds(), 'f', -1, 64) }

// json has one object a check, for whoever wants to count. Times are in seconds,
// on the clock of where the check ran; what a boot costs is where its first check
// began, and the host was not booted for this.
func (r *abiReport) json() error {
	type object struct {
		Where   string        `json:"where"`
		Kernel  string        `json:"kernel"`
		ID      string        `json:"id"`
		Level   suite.Level   `json:"level"`
		Doc     string        `json:"doc"`
		Source  string        `json:"source"`
		Verdict suite.Verdict `json:"verdict"`
		Text    string        `json:"text,omitempty"`
		Began   float64       `json:"began,omitempty"`
		Seconds float64       `json:"seconds,omitempty"`
	}
	out := []object{}
	for _, l := range r.lanes {
		for _, row := range l.Rows {
			c := row.Check
			o := object{l.Where, l.Release, c.ID, c.Level, c.Doc, c.Source, row.Verdict, row.Text, row.began.Seconds(), row.length().Seconds()}
			if l.Where == host {
				o.Began = 0
			}
			out = append(out, o)
		}
	}
	e := json.NewEncoder(r.w)
	e.SetIndent("", "  ")
	return e.Encode(out)
}
