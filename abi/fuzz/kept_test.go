package fuzz

import (
	"strings"
	"testing"
	"unicode"

	"github.com/google/go-cmp/cmp"

	"unotify-bench/abi/model"
)

// TestKept: a program of a corpus is read with its filter, one of before that has none has
// every flag, and what is none is refused.
func TestKept(t *testing.T) {
	p := Program{{{Do: model.Poll}}}
	for text, want := range map[string]Filter{
		"# filter\npoll\n": 0, "# filter redirect,killable\npoll\n": model.Redirect | model.Killable, "# filter redirect\npoll\n": model.Redirect,
	} {
		k, err := ParseKept(text)
		if err != nil || k.String() != text {
			t.Errorf("%q is read as %q: %v", text, k, err)
		}
		if diff := cmp.Diff(Kept{p, want}, k); diff != "" {
			t.Errorf("%q (-want +got):\n%s", text, diff)
		}
	}
	if k, err := ParseKept("poll\n"); err != nil || k.Filter != model.Redirect|model.Killable {
		t.Errorf("one without a filter's line has filter %q: %v", FilterNames(k.Filter), err)
	}
	if k, err := ParseKept("# filters are nothing here\npoll\n"); err != nil || k.Filter != model.Redirect|model.Killable {
		t.Errorf("a comment is filter %q: %v", FilterNames(k.Filter), err)
	}
	for _, text := range []string{"", "# filter\n", "# filter all\npoll\n", "# filter\npol\n"} {
		if _, err := ParseKept(text); err == nil {
			t.Errorf("%q is believed to be one", text)
		}
	}
}

// FuzzKept: a program of a corpus, which a guest may have sent, is refused in words that can
// be shown, or is the same when it is read again, and can be written in C and Go.
func FuzzKept(f *testing.F) {
	for _, text := range []string{
		"", "poll\n", "# filter\npoll", "# filter redirect,killable\ntrap 0 openat | trap 1 bind\nrecv dirty\n", "# filter redirect,\x1b[2J\npoll\n",
		"trap 0 program\nrecv plain\nsend newest event\nrecv plain\npin newest plain\nclose | send newest-2 nothing\n",
		"filter 1 sync-tid\ntarget-call none write fstat\n# filter all\nkill\nsignal 1 restart\n", "map 0 over\nmap 2 over\n", "send newest-3 value | \n",
		"poll \x00\n", "poll" + strings.Repeat(" much", 1000),
	} {
		f.Add(text)
	}
	f.Fuzz(func(t *testing.T, text string) {
		k, err := ParseKept(text)
		if err != nil {
			if said := err.Error(); len(said) > 1000 || strings.ContainsFunc(said, func(r rune) bool { return !unicode.IsPrint(r) }) {
				t.Errorf("%q is refused with %q", text, said)
			}
			return
		}
		again, err := ParseKept(k.String())
		if diff := cmp.Diff(k, again); err != nil || diff != "" {
			t.Errorf("%q is read again (-before +after): %v\n%s", text, err, diff)
		}
		finding := Finding{What: Answers, Program: k.Program.String(), Filter: k.Filter}
		if _, err := finding.C(); err != nil {
			t.Errorf("%q in C: %v", text, err)
		}
		if _, err := finding.GoTest(); err != nil {
			t.Errorf("%q in Go: %v", text, err)
		}
	})
}
