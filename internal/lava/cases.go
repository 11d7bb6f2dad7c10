package lava

import (
	"fmt"
	"io"
	"regexp"
	"strconv"
	"strings"
	"sync"

	"unotify-bench/internal/lazy"
)

// What a device prints for a job's monitors to find: a line where a part begins, a
// line a case, a line where it ends. The words of a case's line are those of LAVA's own
// test shell (lava-test-case prints them), so that a log reads the same either way.
const (
	Checks  = "checks"  // the monitor of cases that pass or fail
	Figures = "figures" // the monitor of cases with a measurement
)

// Results that a case can have.
const (
	Pass    = "pass"
	Fail    = "fail"
	Skip    = "skip"
	Unknown = "unknown"
)

func beginLine(monitor string) string { return "unotify: begin " + monitor }
func endLine(monitor string) string   { return "unotify: end " + monitor }

// pattern is the regular expression by which a monitor finds its cases. A group that is
// there but did not match is stored as the text "null", which the server then refuses for
// a measurement, and it drops the case without a word: so that cases with and without one
// have a monitor each.
func pattern(monitor string) string {
	tail := ">"
	if monitor == Figures {
		tail = ` MEASUREMENT=(?P<measurement>\S+) UNITS=(?P<units>[^>\s]+)>`
	}
	return `<LAVA_SIGNAL_TESTCASE TEST_CASE_ID=(?P<test_case_id>\S+) RESULT=(?P<result>pass|fail|skip|unknown)` + tail
}

var noWord = lazy.Regexp(`\W+`)

// CaseID is an ID in the only form that LAVA keeps: it puts others into lower case and
// an underscore for what is neither letter nor digit (lava_dispatcher/actions/test/monitor.py).
// Two IDs can become one: see Clashes.
func CaseID(id string) string {
	return strings.Trim(noWord().ReplaceAllString(strings.ToLower(id), "_"), "_")
}

// Clashes returns an error that names two IDs which LAVA could not tell apart.
func Clashes(ids []string) error {
	seen := map[string]string{}
	for _, id := range ids {
		if other, ok := seen[CaseID(id)]; ok {
			return fmt.Errorf("%q and %q are both %s to LAVA", other, id, CaseID(id))
		}
		seen[CaseID(id)] = id
	}
	return nil
}

// A Printer prints lines for monitors. Each is one write, as a kernel may print between
// two. It is safe for concurrent use.
type Printer struct {
	mu sync.Mutex
	w  io.Writer
}

// NewPrinter prints to w, the device's console.
func NewPrinter(w io.Writer) *Printer { return &Printer{w: w} }

// Begin and End enclose the cases of a monitor.
func (p *Printer) Begin(monitor string) error { return p.line(beginLine(monitor)) }

// End see Begin.
func (p *Printer) End(monitor string) error { return p.line(endLine(monitor)) }

// Case prints a case of the monitor Checks. What a person may want to know about it
// comes before, a line each.
func (p *Printer) Case(id, result, text string) error {
	if err := p.About(id, text); err != nil {
		return err
	}
	return p.line(fmt.Sprintf("<LAVA_SIGNAL_TESTCASE TEST_CASE_ID=%s RESULT=%s>", CaseID(id), result))
}

// Figure prints a case of the monitor Figures.
func (p *Printer) Figure(id, result string, value float64, unit string) error {
	return p.line(fmt.Sprintf("<LAVA_SIGNAL_TESTCASE TEST_CASE_ID=%s RESULT=%s MEASUREMENT=%s UNITS=%s>",
		CaseID(id), result, strconv.FormatFloat(value, 'f', -1, 64), unit))
}

// notePrefix begins a line about a case, whose ID follows.
const notePrefix = "unotify: about "

// About prints what a person may want to know about a case, a line each.
func (p *Printer) About(id, text string) error {
	for line := range strings.Lines(text) {
		if err := p.line(notePrefix + CaseID(id) + ": " + strings.TrimRight(line, "\n")); err != nil {
			return err
		}
	}
	return nil
}

func (p *Printer) line(s string) error {
	p.mu.Lock()
	defer p.mu.Unlock()
	_, err := io.WriteString(p.w, s+"\n")
	return err
}

var noteLine = lazy.Regexp("^" + regexp.QuoteMeta(notePrefix) + `(\w+): (.*)$`)

// maxNote is what is kept of a text about a case, in bytes.
const maxNote = 16 << 10

// Notes are the texts about cases in a log, by the cases' IDs, and of one that is told
// of again and again the beginning.
func Notes(log []Line) map[string]string {
	notes := map[string]string{}
	for _, l := range log {
		if l.Level != "target" {
			continue
		}
		m := noteLine().FindStringSubmatch(strings.TrimRight(l.Text, "\r\n"))
		if m != nil && len(notes[m[1]]) < maxNote {
			// A backslash before a quote is LAVA's: see Line.
			notes[m[1]] += strings.ReplaceAll(m[2], `\"`, `"`) + "\n"
		}
	}
	return notes
}
