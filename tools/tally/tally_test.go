package main

import (
	"bytes"
	"strings"
	"testing"
	"time"
)

// TestRun counts what the real go test says about packages in testdata.
func TestRun(t *testing.T) {
	const pkg = "unotify-bench/tools/tally/testdata/"
	for _, tt := range []struct {
		args   string
		status int
		shown  string // before the summary
		end    string
	}{
		{"./testdata/good", 0, "ok",
			"skipped: " + pkg + "good TestSkip: x_test.go:12: no such machine\n3 passed, 0 failed\n"},
		{"./testdata/bad", 1, "said why",
			"failed: " + pkg + "bad TestSubtest/b\nfailed: " + pkg + "bad TestItself\n3 passed, 2 failed\n"},
		{"./testdata/good ./testdata/broken", 1, "undefined: undefined",
			"failed: " + pkg + "broken\n3 passed, 1 failed\n"},
		{"-timeout=1s ./testdata/hang", 1, "last words",
			"failed: " + pkg + "hang TestHang/a (did not end)\n1 passed, 1 failed\n"},
		{"./testdata/good ./testdata/mainfails", 1, "FAIL",
			"failed: " + pkg + "mainfails\n4 passed, 1 failed\n"},
		{"./testdata/quiet", 1, "", "no test passed\n0 passed, 0 failed\n"},
		{"-run=Nothing ./testdata/good", 1, "no tests to run", "no test passed\n0 passed, 0 failed\n"},
		{"-no-such-flag", 1, "provided but not defined", "no test passed\n0 passed, 1 failed\n"},
		{"./testdata/none ./testdata/good", 1, "testdata/none", "\n3 passed, 1 failed\n"},
	} {
		t.Run(tt.args, func(t *testing.T) {
			var out, errs bytes.Buffer
			status := run(strings.Fields(tt.args), &out, &errs)
			if status != tt.status || !strings.Contains(out.String(), tt.shown) || !strings.HasSuffix(out.String(), tt.end) {
				t.Errorf("status %d, want %d; want %q and, in the end,\n%s\ngot\n%s\nand on standard error\n%s",
					status, tt.status, tt.shown, tt.end, &out, &errs)
			}
		})
	}
}

// TestLost is go test ending in the middle of a package.
func TestLost(t *testing.T) {
	var out bytes.Buffer
	c := newTally(&out)
	err := c.read(strings.NewReader(`{"Action":"start","Package":"p"}
{"Action":"run","Package":"p","Test":"TestA"}
{"Action":"pass","Package":"p","Test":"TestA"}
{"Action":"start","Package":"q"}
{"Action":"run","Package":"q","Test":"TestB"}
{"Action":"output","Package":"q","Test":"TestB","Output":"half a wo`))
	if err != nil {
		t.Fatal(err)
	}
	if c.summary() {
		t.Error("the summary calls this a success")
	}
	for _, want := range []string{"failed: p (did not end)\n", "failed: q TestB (did not end)\n", "\n1 passed, 2 failed\n"} {
		if !strings.Contains(out.String(), want) {
			t.Errorf("no %q in\n%s", want, &out)
		}
	}
}

// TestSlowest names what takes long beside the rest, a test once.
func TestSlowest(t *testing.T) {
	var out bytes.Buffer
	c := newTally(&out)
	for _, e := range []event{
		{Action: "pass", Package: "p", Test: "TestA", Elapsed: 5},
		{Action: "pass", Package: "p", Test: "TestB/sub", Elapsed: 200},
		{Action: "fail", Package: "p", Test: "TestB", Elapsed: 300},
		{Action: "pass", Package: "q", Test: "TestC", Elapsed: 20},
		{Action: "pass", Package: "q", Elapsed: 1000},
	} {
		c.add(e)
	}
	c.summary()
	if want := "\nslow: p TestB: 300 s\nslow: q TestC: 20 s\nfailed: "; !strings.Contains(out.String(), want) {
		t.Errorf("no %q in\n%s", want, &out)
	}
}

// TestStill shows what takes long, and no more.
func TestStill(t *testing.T) {
	var out bytes.Buffer
	c := newTally(&out)
	for _, e := range []event{
		{Action: "start", Package: "p"},
		{Action: "run", Package: "p", Test: "TestA"},
		{Action: "run", Package: "p", Test: "TestA/sub"},
		{Action: "run", Package: "p", Test: "TestB"},
	} {
		c.add(e)
	}
	start := time.Now()
	c.running[test{"p", "TestA/sub"}] = start
	c.running[test{"p", "TestB"}] = start.Add(time.Minute)
	c.still(start.Add(90*time.Second), time.Minute)
	if got, want := out.String(), "... p TestA/sub (1m30s)\n"; got != want {
		t.Errorf("got %q, want %q", got, want)
	}
}
