package main

import (
	"errors"
	"fmt"
	"strconv"
	"strings"

	"unotify-bench/internal/lazy"
)

// verdict is what a kernel selftest says of one of its tests.
type verdict struct {
	Program string // "seccomp_bpf"
	Test    string // "global.user_notification_basic"
	Result  string // resultOK, resultFailed, or another after "#": XFAIL, XPASS
	Why     string // what was said about a result that is not ok
}

const (
	resultOK     = "ok"
	resultFailed = "not ok"
	resultSkip   = "SKIP"
)

// ktap reads the output of one program, in the format of Linux's
// Documentation/dev-tools/ktap.rst. It comes from a guest, and is not trusted.
type ktap struct {
	program  string
	plan     int // tests that were announced, or -1
	verdicts []verdict
	said     []string // by the test that runs
}

var (
	ktapPlan = lazy.Regexp(`^1\.\.(\d+)(?:\s*# ?(\w+)\s*(.*))?$`)
	ktapLine = lazy.Regexp(`^(ok|not ok) (\d+) ?([^#]*?)\s*(?:# ?(\w*)\s*(.*))?$`)
	// ktapSaid is how the kernel's harness complains: "# file.c:123:test:what".
	ktapSaid = lazy.Regexp(`^# (\S+\.c:\d+:.*|.*terminated by timeout)$`)
)

func newKTAP(program string) *ktap { return &ktap{program: program, plan: -1} }

func (k *ktap) line(text string) error {
	if m := ktapPlan().FindStringSubmatch(text); m != nil {
		if k.plan >= 0 {
			return fmt.Errorf("%s: a second plan: %.1000q", k.program, text)
		}
		var err error
		if k.plan, err = strconv.Atoi(m[1]); err != nil {
			return fmt.Errorf("%s: plan %.1000q: %w", k.program, text, errors.Unwrap(err))
		}
		if k.plan == 0 && strings.EqualFold(m[2], resultSkip) { // the program as a whole
			k.plan = 1
			k.verdicts = append(k.verdicts, verdict{k.program, k.program, resultSkip, clean(m[3])})
		}
		return nil
	}
	if m := ktapSaid().FindStringSubmatch(text); m != nil && len(k.said) < 10 {
		k.said = append(k.said, clean(fmt.Sprintf("%.200s", m[1])))
	}
	m := ktapLine().FindStringSubmatch(text)
	if m == nil {
		return nil
	}
	if m[2] != strconv.Itoa(len(k.verdicts)+1) {
		return fmt.Errorf("%s: %.1000q comes after %d tests", k.program, text, len(k.verdicts))
	}
	v := verdict{Program: k.program, Test: clean(m[3]), Result: m[1]}
	switch {
	case v.Result == resultFailed:
		v.Why = strings.Join(k.said, "\n")
	case m[4] != "":
		v.Result, v.Why = clean(strings.ToUpper(m[4])), clean(m[5])
	}
	if v.Test == "" { // "ok 1 # SKIP name"
		v.Test, v.Why = v.Why, ""
	}
	k.verdicts = append(k.verdicts, v)
	k.said = nil
	return nil
}

// end adds a failure if not every test has its verdict: a program that dies
// says less.
func (k *ktap) end() []verdict {
	var why string
	switch {
	case k.plan < 0:
		why = "no tests were announced"
	case k.plan != len(k.verdicts):
		why = fmt.Sprintf("%d tests were announced, and it ended after %d", k.plan, len(k.verdicts))
	default:
		return k.verdicts
	}
	return append(k.verdicts, verdict{k.program, k.program, resultFailed, strings.Join(append(k.said, why), "\n")})
}
