package main

import (
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"unotify-bench/abi/fuzz"
	"unotify-bench/abi/model"
	"unotify-bench/kernel"
)

// TestFuzzHostile: what a guest says that it has done is bounded, and is not less than it was told.
func TestFuzzHostile(t *testing.T) {
	count := func(c fuzz.Count) fuzz.Event { return fuzz.Event{Count: &c} }
	long := strings.Repeat("poll\n", corpusProgram)
	for name, events := range map[string][]fuzz.Event{
		"counts backwards":                          {count(fuzz.Count{Ops: 2}), count(fuzz.Count{Ops: 1})},
		"a negative number":                         {count(fuzz.Count{Places: -1})},
		"more than there can be":                    {count(fuzz.Count{Ops: countMax + 1})},
		"programs":                                  {count(fuzz.Count{Programs: countMax + 1})},
		"begins a long program":                     {{Begins: &fuzz.Begins{Program: long}}},
		"finds a long program":                      {{Finding: &fuzz.Finding{Program: long}}},
		"shortens to a long program":                {{Finding: &fuzz.Finding{}}, {Shorter: &fuzz.Finding{Program: long}}},
		"shortens nothing":                          {{Shorter: &fuzz.Finding{}}},
		"keeps a long program":                      {{Keep: long}},
		"keeps one that is longer as it is written": {{Keep: strings.Repeat("poll\n", corpusProgram/5)}},
		"keeps no program":                          {{Keep: "fly\n"}},
		"keeps nothing":                             {{Keep: "# filter\n"}},
		"keeps it for no filter":                    {{Keep: "# filter all\npoll\n"}},
	} {
		corpus := t.TempDir()
		r, l := &fuzzRunner{fuzzPlan: &fuzzPlan{fuzzFlags: fuzzFlags{corpus: corpus}}, bar: (&app{stderr: io.Discard, quiet: true}).newProgress()}, &fuzzLane{}
		var err error
		for _, e := range events {
			err = errors.Join(err, r.take(l, e))
		}
		if err == nil {
			t.Errorf("%s: is believed", name)
		}
		if kept, err := os.ReadDir(corpus); err != nil || len(kept) > 0 {
			t.Errorf("%s: is kept: %v", name, err)
		}
	}
	sequences := fuzz.Order{Length: 2, Part: 2, Parts: 3, Ops: 10}
	ends := fuzz.Order{Ends: true, Part: 1, Parts: 4}
	corpus := fuzz.Order{Ops: 10, Corpus: []string{"poll\n", "poll\n"}}
	least := int64(fuzz.Endings(0) / 4)
	for _, c := range []struct {
		order fuzz.Order
		count fuzz.Count
		ok    bool
	}{
		{sequences, fuzz.Count{}, false},
		{sequences, fuzz.Count{Ops: 100, Programs: 64}, false},
		{sequences, fuzz.Count{Ops: 74, Programs: 65}, false}, // those of sequences are not by chance
		{sequences, fuzz.Count{Ops: 75, Programs: 65}, true},
		{ends, fuzz.Count{}, false},
		{ends, fuzz.Count{Ops: least - 1, Programs: least}, false},
		{ends, fuzz.Count{Ops: least, Programs: least}, true},
		{corpus, fuzz.Count{Ops: 10, Programs: 1}, false},
		{corpus, fuzz.Count{Ops: 10, Programs: 2}, true},
		{fuzz.Order{Replay: "poll\n", Times: 3}, fuzz.Count{Ops: 2, Programs: 2}, false},
		{fuzz.Order{Replay: "poll\n", Times: 3}, fuzz.Count{Ops: 3, Programs: 3}, true},
	} {
		l := &fuzzLane{count: c.count}
		if err := l.doneAll(c.order, nil); (err == nil) != c.ok {
			t.Errorf("%+v of what was ordered, %+v: %v", c.count, c.order, err)
		}
	}
}

// TestReplayFilter: a program is done under the filter that its first line says, as in a
// corpus, or that was asked for.
func TestReplayFilter(t *testing.T) {
	for _, tt := range []struct {
		text, flag string
		want       fuzz.Filter
	}{
		{"poll\n", "", 0},
		{"# filter killable\npoll\n", "", model.Killable},
		{"# filter killable\npoll\n", "redirect", model.Redirect},
	} {
		p := &fuzzPlan{fuzzFlags: fuzzFlags{replay: filepath.Join(t.TempDir(), "x.fuzz"), filter: tt.flag}}
		if err := os.WriteFile(p.replay, []byte(tt.text), 0o644); err != nil {
			t.Fatal(err)
		}
		if err := p.addReplay(); err != nil || p.order.Filter != tt.want {
			t.Errorf("%q with --filter %q is under %q: %v", tt.text, tt.flag, fuzz.FilterNames(p.order.Filter), err)
		}
	}
}

// TestOfMachine: which ends of a machine are findings, of the program that was under way.
func TestOfMachine(t *testing.T) {
	now := &fuzz.Begins{Program: "poll\n"}
	for err, want := range map[error]fuzz.Class{
		kernel.ErrSplat: fuzz.Complaints, kernel.ErrPanic: fuzz.Complaints, kernel.ErrNoDone: fuzz.Complaints,
		kernel.ErrIdle: fuzz.Hangs, kernel.ErrQEMU: "", kernel.ErrFlood: "", errEnough: "",
	} {
		var got fuzz.Class
		if f := ofMachine(fmt.Errorf("boot: %w", err), now); f != nil {
			got = f.What
		}
		if got != want {
			t.Errorf("%v is a %q, want %q", err, got, want)
		}
		if ofMachine(err, nil) != nil {
			t.Errorf("%v is a finding before any program", err)
		}
	}
}
