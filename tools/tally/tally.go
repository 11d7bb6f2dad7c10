package main

import (
	"bufio"
	"cmp"
	"encoding/json"
	"fmt"
	"io"
	"maps"
	"slices"
	"strings"
	"sync"
	"time"
)

// event is a line of go test -json: see "go doc test2json", and
// "go help buildjson" for ImportPath.
type event struct {
	Action     string
	Package    string
	ImportPath string
	Test       string
	Output     string
	Elapsed    float64 // seconds, of what has ended
}

// test is a test by name, or a package where name is empty.
type test struct{ pkg, name string }

func (t test) String() string { return strings.TrimSpace(t.pkg + " " + t.name) }

// parent is the test that t is a subtest of, then its package.
func (t test) parent() (test, bool) {
	if t.name == "" {
		return test{}, false
	}
	i := max(strings.LastIndexByte(t.name, '/'), 0)
	return test{t.pkg, t.name[:i]}, true
}

type tally struct {
	w io.Writer

	mu       sync.Mutex
	running  map[test]time.Time
	output   map[test]string // shown if the test fails or skips
	children map[test]bool   // has subtests, or, as a package, tests
	blamed   map[test]bool   // something below it failed, and was counted
	passed   int
	failed   []string
	skipped  []string
	took     []timing // tests, not subtests
}

// timing is how long a test took, in seconds.
type timing struct {
	test
	seconds float64
}

func newTally(w io.Writer) *tally {
	return &tally{
		w:        w,
		running:  map[test]time.Time{},
		output:   map[test]string{},
		children: map[test]bool{},
		blamed:   map[test]bool{},
	}
}

func (t *tally) read(r io.Reader) error {
	lines := bufio.NewReader(r)
	for {
		line, err := lines.ReadBytes('\n')
		if len(line) > 0 {
			var e event
			if json.Unmarshal(line, &e) != nil {
				e = event{Action: "build-output", Output: string(line)}
			}
			t.add(e)
		}
		if err == io.EOF {
			return nil
		}
		if err != nil {
			return err
		}
	}
}

func (t *tally) add(e event) {
	t.mu.Lock()
	defer t.mu.Unlock()
	id := test{e.Package, e.Test}
	switch e.Action {
	case "build-output":
		fmt.Fprint(t.w, e.Output)
	case "start", "run":
		t.running[id] = time.Now()
		if p, ok := id.parent(); ok {
			t.children[p] = true
		}
	case "output":
		if e.Test == "" {
			t.packageOutput(e.Output)
			return
		}
		t.output[id] += e.Output
	case "pass":
		if id.name != "" && !t.children[id] {
			t.passed++
		}
		t.end(id)
	case "fail":
		if id.name == "" {
			t.abandon(id.pkg)
		}
		fmt.Fprint(t.w, t.output[id])
		if !t.blamed[id] {
			t.failed = append(t.failed, id.String())
		}
		if p, ok := id.parent(); ok {
			t.blamed[p] = true
		}
		t.end(id)
	case "skip":
		// A package without tests is "skipped" as well, and no skip.
		if id.name != "" {
			t.skipped = append(t.skipped, id.String()+": "+reason(t.output[id]))
		}
		t.end(id)
	}
	if e.Elapsed > 0 && id.name != "" && !strings.Contains(id.name, "/") {
		t.took = append(t.took, timing{id, e.Elapsed})
	}
}

// slowest tells which tests are worth making faster: those that took more than a
// fiftieth of what all did.
func (t *tally) slowest() {
	sum := 0.0
	for _, x := range t.took {
		sum += x.seconds
	}
	slices.SortStableFunc(t.took, func(a, b timing) int { return cmp.Compare(b.seconds, a.seconds) })
	for _, x := range t.took {
		if x.seconds > 1 && x.seconds > sum/50 {
			fmt.Fprintf(t.w, "slow: %s: %.0f s\n", x.test, x.seconds)
		}
	}
}

// abandon counts the tests of a package that did not end before it did: one
// of them has hung, or taken the process with it.
func (t *tally) abandon(pkg string) {
	var lost []test
	for id := range t.running {
		if id.pkg == pkg && id.name != "" && !t.children[id] {
			lost = append(lost, id)
		}
	}
	slices.SortFunc(lost, func(a, b test) int { return strings.Compare(a.name, b.name) })
	for _, id := range lost {
		fmt.Fprint(t.w, t.output[id])
		t.failed = append(t.failed, id.String()+" (did not end)")
		t.end(id)
	}
	if len(lost) > 0 {
		t.blamed[test{pkg, ""}] = true
	}
}

// packageOutput shows what a package says, but for the line that the summary
// makes superfluous.
func (t *tally) packageOutput(s string) {
	if s != "PASS\n" {
		fmt.Fprint(t.w, s)
	}
}

func (t *tally) end(id test) {
	delete(t.running, id)
	delete(t.output, id)
}

// reason is what a skipped test printed, without go test's frame around it.
func reason(output string) string {
	var said []string
	for line := range strings.Lines(output) {
		line = strings.TrimSpace(line)
		if line != "" && !strings.HasPrefix(line, "=== ") && !strings.HasPrefix(line, "--- ") {
			said = append(said, line)
		}
	}
	return strings.Join(said, " ")
}

// every tells at intervals what has been running for longer than one: a
// kernel takes minutes, and silence looks like a hang.
func (t *tally) every(d time.Duration) (stop func()) {
	tick, done := time.NewTicker(d), make(chan struct{})
	go func() {
		for {
			select {
			case now := <-tick.C:
				t.still(now, d)
			case <-done:
				return
			}
		}
	}()
	return func() { tick.Stop(); close(done) }
}

func (t *tally) still(now time.Time, least time.Duration) {
	t.mu.Lock()
	defer t.mu.Unlock()
	var lines []string
	for id, since := range t.running {
		if d := now.Sub(since); d >= least && id.name != "" && !t.children[id] {
			lines = append(lines, fmt.Sprintf("... %s (%s)\n", id, d.Truncate(time.Second)))
		}
	}
	slices.Sort(lines)
	fmt.Fprint(t.w, strings.Join(lines, ""))
}

// summary prints the end of the story. It is true if that is a good one.
func (t *tally) summary() bool {
	t.mu.Lock()
	defer t.mu.Unlock()
	// Packages whose end go test did not live to report.
	for id := range maps.Clone(t.running) {
		if id.name == "" {
			t.abandon(id.pkg)
			if !t.blamed[id] {
				t.failed = append(t.failed, id.String()+" (did not end)")
			}
		}
	}

	fmt.Fprintln(t.w)
	t.slowest()
	for _, s := range t.skipped {
		fmt.Fprintln(t.w, "skipped:", s)
	}
	for _, s := range t.failed {
		fmt.Fprintln(t.w, "failed:", s)
	}
	if t.passed == 0 {
		fmt.Fprintln(t.w, "no test passed")
	}
	fmt.Fprintf(t.w, "%d passed, %d failed\n", t.passed, len(t.failed))
	return t.passed > 0 && len(t.failed) == 0
}
