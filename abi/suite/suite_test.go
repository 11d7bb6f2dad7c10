package suite

import (
	"context"
	"errors"
	"fmt"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"unotify-bench/abi"
	"unotify-bench/asmstubs"
	"unotify-bench/internal/notify"
)

// TestStock runs the catalogue on this kernel, which has all that is stock.
// What is proposed it may have, and then it must be right.
func TestStock(t *testing.T) {
	missing := map[string]int{}
	passed := 0
	err := Run(t.Context(), product(), Deadline, func(r Result) error {
		switch v, text := Find(r.ID).Judge(r, ExpectStock); v {
		case Pass:
			passed++
		case Skip:
			if r.Outcome != Without {
				missing[text]++
			}
		default:
			t.Errorf("%s: %s: %s", r.ID, v, text)
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	for what, n := range missing {
		t.Logf("%d checks did not run: %s", n, what)
		if !slices.ContainsFunc(notify.Features(), func(f notify.Feature) bool { return what == "this kernel has no "+f.String() }) {
			t.Errorf("%d checks did not run for want of what is no feature: %s", n, what)
		}
	}
	if passed < 50 {
		t.Errorf("%d checks passed, there are more of what is stock", passed)
	}
}

// idForm is what scripts and reports can take apart.
var idForm = regexp.MustCompile(`^[a-z]+(-[a-z]+)*\.[a-z0-9]+(-[a-z0-9]+)*$`)

// mistakes are what is wrong with a catalogue.
func mistakes(all []*Check) []string {
	var wrong []string
	seen := make(map[string]bool)
	for _, c := range all {
		switch {
		case !idForm.MatchString(c.ID):
			wrong = append(wrong, fmt.Sprintf("%q is no ID of a check", c.ID))
		case c.Doc == "", c.Source == "", c.run == nil, !slices.Contains([]Level{Must, Ours, Info}, c.Level):
			wrong = append(wrong, fmt.Sprintf("the check %s is not complete", c.ID))
		case seen[c.ID]:
			wrong = append(wrong, fmt.Sprintf("two checks are called %s", c.ID))
		}
		seen[c.ID] = true
	}
	return wrong
}

// product is the catalogue without this file's checks.
func product() []*Check {
	return slices.DeleteFunc(Catalogue(), func(c *Check) bool { return strings.HasPrefix(c.ID, "wire.test-") })
}

// Checks that go wrong in every way that one can.
var _ = add(
	Check{ID: "wire.test-held", Doc: "d", Source: "s", Level: Must, run: func(t *T) { t.Logf("seen") }},
	Check{ID: "wire.test-broken", Doc: "d", Source: "s", Level: Must, run: func(t *T) {
		t.Errorf("first")
		t.Errorf("second")
	}},
	Check{ID: "wire.test-fatal", Doc: "d", Source: "s", Level: Must, run: func(t *T) {
		t.must(unix.EIO, "first")
		t.Errorf("second")
	}},
	Check{ID: "wire.test-many", Doc: "d", Source: "s", Level: Must, run: func(t *T) {
		for i := range 1000 {
			t.Errorf("%d", i)
		}
	}},
	Check{ID: "wire.test-late", Doc: "d", Source: "s", Level: Must, run: func(t *T) {
		t.Errorf("first")
		t.Unclear("trouble")
	}},
	Check{ID: "wire.test-absent", Doc: "d", Source: "s", Level: Must, run: func(t *T) { t.Absent("CHEESE") }},
	Check{ID: "wire.test-unclear", Doc: "d", Source: "s", Level: Must, run: func(t *T) { t.ok(unix.EIO, "look") }},
	Check{ID: "wire.test-panics", Doc: "d", Source: "s", Level: Must, run: func(*T) {
		var none []int
		_ = none[len(none)]
	}},
	Check{ID: "wire.test-dies", Doc: "d", Source: "s", Level: Must, run: func(t *T) {
		t.ok(unix.Kill(unix.Getpid(), unix.SIGKILL), "die")
		time.Sleep(time.Minute)
	}},
	Check{ID: "wire.test-hangs", Doc: "d", Source: "s", Level: Must, run: func(t *T) {
		// A target that nobody answers.
		c := t.notified(unix.SYS_GETPPID, 0)
		c.tell(call(unix.SYS_GETPPID))
		c.report()
	}},
	Check{ID: "wire.test-target-dies", Doc: "d", Source: "s", Level: Must, run: func(t *T) {
		c := t.start()
		c.filter(filterSpec{Nr: unix.SYS_GETPPID, Action: abi.SECCOMP_RET_KILL_PROCESS})
		c.do(unix.SYS_GETPPID)
	}},
)

// TestOutcomes: whatever a check does, its outcome is its own, and the next
// check runs.
func TestOutcomes(t *testing.T) {
	many := make([]string, 20)
	for i := range many {
		many[i] = fmt.Sprint(i)
	}
	for _, tt := range []struct {
		id      string
		outcome Outcome
		text    string // a regular expression
	}{
		{"held", Held, "^seen$"},
		{"broken", Broken, "^first\nsecond$"},
		{"fatal", Broken, "^first: EIO, want success$"},
		{"many", Broken, "^" + strings.Join(many, "\n") + "\nand more$"},
		{"late", Broken, "^first$"},
		{"absent", Absent, "^CHEESE$"},
		{"unclear", Unclear, "^look: input/output error$"},
		{"panics", Unclear, "^panic: .*out of range"},
		{"dies", Unclear, "ended without a word: signal: killed"},
		{"hangs", Unclear, "did not end within 3s: killed"},
		{"target-dies", Broken, "^the target died: signal: bad system call"},
	} {
		c := Find("wire.test-" + tt.id)
		err := Run(t.Context(), []*Check{c}, 3*time.Second, func(r Result) error {
			if r.ID != c.ID || r.Outcome != tt.outcome || !regexp.MustCompile(tt.text).MatchString(r.Text) {
				t.Errorf("%s: %+v, want %s, %s", c.ID, r, tt.outcome, tt.text)
			}
			return nil
		})
		if err != nil {
			t.Error(err)
		}
	}
}

func TestRunEnds(t *testing.T) {
	c := []*Check{Find("wire.test-held"), Find("wire.test-held")}
	mine := errors.New("enough")
	n := 0
	if err := Run(t.Context(), c, Deadline, func(Result) error { n++; return mine }); !errors.Is(err, mine) || n != 1 {
		t.Errorf("after %d results Run gives %v, want emit's error after one", n, err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	if err := Run(ctx, c, Deadline, func(Result) error { cancel(); return nil }); !errors.Is(err, context.Canceled) {
		t.Errorf("cancelled, Run gives %v", err)
	}
}

func TestJudge(t *testing.T) {
	needy := []notify.Feature{notify.FeatureInject}
	for _, tt := range []struct {
		level   Level
		needs   []notify.Feature
		outcome Outcome
		expect  Expectation
		want    Verdict
	}{
		{Must, nil, Held, ExpectNothing, Pass},
		{Ours, needy, Held, ExpectPatched, Pass},
		{Must, nil, Broken, ExpectNothing, Fail},
		{Must, needy, Broken, ExpectNothing, Fail},
		{Ours, needy, Broken, ExpectNothing, Divergent},
		{Ours, needy, Broken, ExpectStock, Divergent},
		{Ours, needy, Broken, ExpectPatched, Fail},
		{Info, nil, Broken, ExpectPatched, Pass},
		{Must, needy, Absent, ExpectNothing, Skip},
		{Must, nil, Absent, ExpectNothing, Skip},
		{Must, needy, Absent, ExpectStock, Skip},
		{Must, nil, Absent, ExpectStock, Fail},
		{Must, nil, Absent, ExpectPatched, Fail},
		{Ours, needy, Absent, ExpectPatched, Fail},
		{Must, nil, Without, ExpectStock, Skip},
		{Ours, needy, Without, ExpectPatched, Skip},
		{Must, nil, Unclear, ExpectNothing, Error},
		{Info, nil, Unclear, ExpectPatched, Error},
		{Ours, nil, "excellent", ExpectNothing, Error},
		{Ours, nil, "", ExpectNothing, Error},
	} {
		c := &Check{Level: tt.level, Needs: tt.needs}
		v, text := c.Judge(Result{Outcome: tt.outcome, Text: "INJECT"}, tt.expect)
		if v != tt.want || text == "" {
			t.Errorf("%s, needs %v, %s, expected %q: %s (%q), want %s", tt.level, tt.needs, tt.outcome, tt.expect, v, text, tt.want)
		}
		if v.Bad() != (v == Fail || v == Error) {
			t.Errorf("%s: bad is %v", v, v.Bad())
		}
	}
}

// TestCatalogue: every mechanism has checks, every check one of them, and
// whoever must be answered by what is proposed says so.
func TestCatalogue(t *testing.T) {
	count := map[string]int{}
	for _, c := range product() {
		count[c.Mech()]++
		if !slices.Contains(Mechanisms(), c.Mech()) {
			t.Errorf("%s: no mechanism is called %s", c.ID, c.Mech())
		}
		proposed := slices.Contains([]string{"inject", "target-call", "pin", "redirect", "exec-event"}, c.Mech())
		if proposed != (len(c.Needs) > 0) {
			t.Errorf("%s needs %v", c.ID, c.Needs)
		}
		if c.Level == Ours && !proposed {
			t.Errorf("%s is of level ours, and of what is stock", c.ID)
		}
	}
	for _, m := range Mechanisms() {
		if count[m] == 0 {
			t.Errorf("%s has no check", m)
		}
	}
	for _, wrong := range mistakes(Catalogue()) {
		t.Error(wrong)
	}
	for _, bad := range []Check{
		{ID: "nothing", Doc: "d", Source: "s", Level: Must, run: func(*T) {}},
		{ID: "wire.sizes", Doc: "d", Source: "s", Level: Must, run: func(*T) {}},
		{ID: "wire.new", Source: "s", Level: Must, run: func(*T) {}},
		{ID: "wire.new", Doc: "d", Source: "s", Level: "nice", run: func(*T) {}},
	} {
		if n := len(mistakes(append(Catalogue(), &bad))); n != 1 {
			t.Errorf("%+v: %d mistakes were found", bad, n)
		}
	}
	if _, err := Select([]string{"cheese"}, regexp.MustCompile("")); err == nil || !strings.Contains(err.Error(), "known: wire, native") {
		t.Errorf("an unknown mechanism: %v", err)
	}
}

// TestChanges: each register that changes is named, with where its value is
// from.
func TestChanges(t *testing.T) {
	s := substitutes{mask: 1 << 2, args: six(otherArg)}
	frame := func() *asmstubs.Frame {
		f := &asmstubs.Frame{}
		load(f, &order{Nr: 39, Args: six(callerArg)})
		f.Out, f.FlagsOut = f.In, f.FlagsIn
		f.Out[asmstubs.ResultReg] = 42
		return f
	}
	if got := changes(frame(), s); got != "" {
		t.Errorf("of a call that changes nothing: %s", got)
	}
	for i, name := range asmstubs.RegNames {
		if i == asmstubs.ResultReg {
			continue
		}
		f := frame()
		f.Out[i] = otherArg(2)
		if got := changes(f, s); !strings.Contains(got, name+" was ") || !strings.Contains(got, "the substitute of argument 2, a leak") {
			t.Errorf("%s leaks: %q", name, got)
		}
		reg, _ := notify.Native.Reg(name)
		f.Out[i] = 1
		got := changes(f, s)
		switch {
		case reg.Role == abi.Clobbered: // one alone is a mix
			if !strings.Contains(got, "neither SYSCALL nor FRED") {
				t.Errorf("%s alone changes: %q", name, got)
			}
		case !strings.Contains(got, name+" was ") || !strings.Contains(got, "something else"):
			t.Errorf("%s changes: %q", name, got)
		}
	}
	if f := frame(); asmstubs.FlagMask != 0 {
		f.FlagsOut ^= asmstubs.FlagMask & -asmstubs.FlagMask
		if got := changes(f, s); !strings.Contains(got, "the flags were") {
			t.Errorf("a flag changes: %q", got)
		}
	}
}
