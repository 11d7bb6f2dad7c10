package main

import (
	"encoding/json"
	"fmt"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"

	"unotify-bench/abi/fuzz"
	"unotify-bench/abi/model"
)

// TestREADMELedger checks that docs/reliability.md has what the committed ledger comes to.
func TestREADMELedger(t *testing.T) {
	l, err := openFuzzLedger(filepath.Join("..", "..", "results", "fuzz", "ledger.jsonl"))
	if err != nil {
		t.Fatal(err)
	}
	if len(l.pieces) == 0 {
		t.Fatal("the ledger is empty")
	}
	generatedIn(t, filepath.Join("docs", "reliability.md"), "-run TestREADMELedger -update -->\n", "<!-- end of ledger -->", ledgerTable(l.pieces))
}

// FuzzLedger: a line of a ledger is one that can be written again, or an error, and what
// a ledger with it comes to steers no terminal.
func FuzzLedger(f *testing.F) {
	for _, line := range []string{
		`{"where":"host","kernel":"6.1","length":3,"part":"1/1","operations":5,"programs":2,"situations":1,"findings":0,"whole":true}`,
		`{"where":"\u001b[2J","kernel":"6.1"}`, `{"where":"host","kernel":"6.1","findings":-1}`, `{"where":"host","kernel":"6.1"}{}`, `{}`,
	} {
		f.Add([]byte(line))
	}
	f.Fuzz(func(t *testing.T, line []byte) {
		p, err := parseFuzzPiece(line)
		if err != nil {
			return
		}
		again, err := json.Marshal(p)
		if err != nil {
			t.Fatal(err)
		}
		q, err := parseFuzzPiece(again)
		if err != nil || *q != *p {
			t.Errorf("%+v is written as %s, and read as %+v (%v)", p, again, q, err)
		}
		l := &fuzzLedger{pieces: []fuzzPiece{*p}}
		shown(t, "a sum", clean(l.sum()))
		if (l.has(p.fuzzOrder) != nil) != (p.Whole && p.Findings == 0) {
			t.Errorf("the ledger does not have what is in it, or has what is not whole: %s", again)
		}
	})
}

// countedBefore is how many operations of all sequences of 5, on three architectures, counted
// by rules 0 and do not since: what had nothing to do, and what emptied the listener for the
// next program. Both follow from the model.
const countedBefore = 75_897 + 986_595

// ledgerTable is a row for each kernel and rules, and one for all of them.
func ledgerTable(pieces []fuzzPiece) string {
	type row struct {
		sequences, chance int64
		length            int // of the longest sequences that were tried
		tried, all        int64
		parts             map[string]bool // of these, however often
		places, findings  int
		unruly            int64 // by chance, and nobody knows how many as they are counted now
	}
	rows := map[string]*row{}
	var names []string
	all := &row{}
	for _, p := range pieces {
		name := fmt.Sprintf("`%s`, %s | %d", strings.TrimPrefix(p.Kernel, "6.12.117+unotify-"), p.Where, p.Rules)
		r := rows[name]
		if r == nil {
			r = &row{parts: map[string]bool{}}
			rows[name] = r
			names = append(names, name)
		}
		chance := p.Operations
		if p.Ops == 0 {
			chance = 0
		}
		for _, r := range []*row{r, all} {
			r.sequences += p.Operations - chance
			r.chance += chance
			if p.Rules == 0 {
				r.unruly += chance
			}
			r.places = max(r.places, p.Places)
			r.findings += p.Findings
		}
		// Of what has other programs, too, nobody can tell how many are sequences.
		if p.Length == 0 || !p.Whole || p.Ops > 0 || p.Ends {
			continue
		}
		if p.Length > r.length {
			r.length, r.tried, r.all = p.Length, 0, fuzz.Sequences(p.Length, model.Everything)
			if p.Rules == 0 { // none was done twice
				r.all = fuzz.Sequences(p.Length, 0)
			}
			clear(r.parts)
		}
		if p.Length == r.length && !r.parts[p.Part] {
			r.tried += p.Programs
			r.parts[p.Part] = true
		}
	}
	slices.Sort(names)
	var b strings.Builder
	b.WriteString("| kernel | rules | sequences of a length | operations in them | operations by chance | places | findings |\n|---|---|---|---|---|---|---|\n")
	for _, name := range names {
		r := rows[name]
		tried := "-"
		if r.length > 0 {
			tried = fmt.Sprintf("%d: %s of %s", r.length, commas(r.tried), commas(r.all))
		}
		fmt.Fprintf(&b, "| %s | %s | %s | %s | %d | %d |\n", name, tried, commas(r.sequences), commas(r.chance), r.places, r.findings)
	}
	fmt.Fprintf(&b, "| together | | | %s | %s | | %d |\n\nThat is %s operations. As they are counted by rules 3, without those by chance of before, they are %s.\n",
		commas(all.sequences), commas(all.chance), all.findings, commas(all.sequences+all.chance), commas(all.sequences+all.chance-all.unruly-countedBefore))
	return b.String()
}

// commas is a number as these pages have it: 1,234,567.
func commas(n int64) string {
	text := strconv.FormatInt(n, 10)
	for i := len(text) - 3; i > 0; i -= 3 {
		text = text[:i] + "," + text[i:]
	}
	return text
}
