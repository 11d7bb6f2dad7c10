package fuzz

import (
	"errors"
	"flag"
	"fmt"
	"math/rand/v2"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"runtime"
	"strings"
	"testing"
	"time"
	"unicode"
	"unsafe"

	"github.com/google/go-cmp/cmp"
	"golang.org/x/sys/unix"

	"unotify-bench/abi/model"
	"unotify-bench/internal/leak"
)

func TestMain(m *testing.M) {
	Main()
	flag.Parse()
	os.Exit(leak.Tests{M: m}.Run())
}

// run does what is ordered, which must be free of findings.
func run(t *testing.T, o Order) (last Count) {
	t.Helper()
	o.Patient, o.Dir = time.Minute, t.TempDir()
	found := 0
	err := Run(t.Context(), o, func(e Event) error {
		if e.Finding != nil {
			if found++; found < 5 {
				t.Errorf("%v, with filter %q\n%s", e.Finding, FilterNames(e.Finding.Filter), e.Finding.Program)
			}
		}
		if e.Count != nil {
			last = *e.Count
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	t.Logf("%+v", last)
	return last
}

// kernelHas is what this kernel can do, and filters of it.
func kernelHas(t *testing.T) model.Features {
	t.Helper()
	tools, err := newTools(t.TempDir(), time.Minute)
	if err != nil {
		t.Fatal(err)
	}
	defer tools.close()
	return tools.kernel
}

// TestEvery: this kernel agrees with the model on every sequence of three.
func TestEvery(t *testing.T) {
	last := run(t, Order{Length: 3, Part: 1, Parts: 1})
	if want := Sequences(3, kernelHas(t)); last.Programs != want {
		t.Errorf("%d sequences were tried, want %d", last.Programs, want)
	}
}

// TestRandom: it does on programs by chance, with races.
func TestRandom(t *testing.T) {
	last := run(t, Order{Ops: 5000, Seed: 1})
	if last.Ops < 5000 || last.Situations < 1000 {
		t.Errorf("%d operations have shown %d situations: that is too little", last.Ops, last.Situations)
	}
}

// TestCorpus: what was kept is done first, as it was, and then gone on from.
func TestCorpus(t *testing.T) {
	kept := []string{"# filter\npoll\nrecv plain\n", "# filter killable\ntrap 0 openat\nrecv plain\nsend newest continue\n"}
	var begun []string
	err := Run(t.Context(), Order{Ops: 500, Seed: 1, Corpus: []string{kept[1], kept[0]}, Patient: time.Minute}, func(e Event) error {
		if e.Begins != nil {
			p, err := Parse(e.Begins.Program)
			if err != nil {
				t.Error(err)
			}
			begun = append(begun, Kept{p, e.Begins.Filter}.String())
		}
		if e.Finding != nil {
			t.Error(e.Finding)
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	if len(begun) < 3 {
		t.Fatalf("begun are %q", begun)
	}
	if diff := cmp.Diff(kept, begun[:2]); diff != "" {
		t.Errorf("what is done first (-kept +done):\n%s", diff)
	}
}

// TestParts: parts of all sequences are all of them.
func TestParts(t *testing.T) {
	total := int64(0)
	for part := range 3 {
		total += run(t, Order{Length: 2, Part: part + 1, Parts: 3}).Programs
	}
	if want := Sequences(2, kernelHas(t)); total != want {
		t.Errorf("three parts are %d sequences, want %d", total, want)
	}
}

// TestEnds: every situation, each end, and every operation then and at the time.
func TestEnds(t *testing.T) {
	last := run(t, Order{Ends: true})
	if want := int64(Endings(kernelHas(t))); last.Programs != want {
		t.Errorf("%d programs have an end, want %d", last.Programs, want)
	}
}

// TestText: a program is read as it is written.
func TestText(t *testing.T) {
	p := Program{{{Do: model.Trap, Call: model.Write}}, {{Do: model.Recv}, {Do: model.Send, Ref: model.NextID, How: model.SendUnknown}}}
	got, err := Parse("# a comment\n\n" + p.String())
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(p, got); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
	for _, bad := range []string{"trap 0", "recv plain | recv plain | recv plain", "recv plain |"} {
		if _, err := Parse(bad); err == nil {
			t.Errorf("%q is read", bad)
		}
	}
	for text, want := range map[string]Filter{"": 0, "redirect": model.Redirect, "redirect,killable": model.Redirect | model.Killable} {
		if f, err := ParseFilter(text); err != nil || f != want || FilterNames(f) != text {
			t.Errorf("filter %q is %v, %v, which is %q", text, f, err, FilterNames(f))
		}
	}
	if _, err := ParseFilter("bogus"); err == nil {
		t.Error("a filter can be bogus")
	}
}

// TestShrink takes away all but what a finding needs. What is found is a model
// that is wrong: it knows of a pin that is not there.
func TestShrink(t *testing.T) {
	runtime.LockOSThread() // which is interrupted, as a worker's is
	defer runtime.UnlockOSThread()
	if err := interruptible(); err != nil {
		t.Fatal(err)
	}
	defer signal.Reset(interrupts)
	tools, err := newTools(t.TempDir(), time.Minute)
	if err != nil {
		t.Fatal(err)
	}
	defer tools.close()
	// A kernel without INJECT, of which the model believes that it has it.
	if tools.kernel.Has(model.Inject) {
		t.Skip("this kernel has INJECT, which the wrong model is to believe in")
	}
	tools.kernel |= model.Inject
	r := &runner{tools: tools, health: &health{log: -1, kmemleak: -1}, emit: func(Event) error { return nil }}
	defer r.leave()
	p, err := Parse("poll\ntrap 0 getppid\ntrap 1 openat | set-flags none\nrecv plain\nrecv plain\nid-valid newest plain\ninject newest openat plain\nsend newest value")
	if err != nil {
		t.Fatal(err)
	}
	f, err := r.try(0, p)
	if err != nil || f == nil {
		t.Fatalf("nothing is found: %v", err)
	}
	if f, err = r.shrink(0, p, f); err != nil {
		t.Fatal(err)
	}
	if want := "inject newest openat plain\n"; f.Program != want {
		t.Errorf("the finding is as short as\n%swant\n%s", f.Program, want)
	}
}

// TestGenerator: an order is known again, whatever its seed or part is, and only what it
// is made of makes another one of it.
func TestGenerator(t *testing.T) {
	chance := Order{Ops: 5, Seed: 1}
	sequences := Order{Length: 3, Part: 1, Parts: 2}
	seen := map[string]bool{}
	for _, o := range []Order{chance, sequences, {Ends: true}, {Length: 3, Ops: 5}} {
		seen[o.Generator()] = true
	}
	if len(seen) != 4 {
		t.Errorf("four kinds of orders have %d generators", len(seen))
	}
	for _, o := range []Order{{Ops: 7, Seed: 2}, {Length: 4, Part: 2, Parts: 2}} {
		if !seen[o.Generator()] {
			t.Errorf("%+v has a generator of its own", o)
		}
	}
}

// TestC: what a finding prints in C does the same and is given the same.
func TestC(t *testing.T) {
	gcc, err := exec.LookPath("gcc")
	if err != nil {
		t.Fatal("no gcc: install it, as make setup does")
	}
	kernel := kernelHas(t)
	for seed := range uint64(4) {
		filter := []Filter{0, model.Killable}[seed%2]
		// Of a race there is no telling; of what one operation at a time gives there is.
		rng := rand.New(rand.NewPCG(seed, 1))
		var p Program
		var want []string
		s := model.State{Features: kernel&^(model.Redirect|model.Killable) | filter}
		for len(p) < 30 {
			step := Step{pick(rng, &s, true)}
			if len(p) == 20 && useful(&s, model.Kill) {
				step[0] = model.Op{Do: [...]model.Do{model.Kill, model.Close}[seed/2]}
			}
			numbers := step.numbers(&s)
			all := candidates(s, step, numbers)
			if len(all) != 1 || len(p) < 20 && all[0].state.Ended() || all[0].answers[0].Skipped {
				continue
			}
			p = append(p, step)
			if do := step[0].Do; do != model.Trap && do != model.Child {
				want = append(want, plainAnswer(showAnswers(step, all[0].answers)))
			}
			for i, r := range all[0].results {
				switch r.Kind {
				case model.None:
				case model.Value, model.Errno:
					want = append(want, fmt.Sprintf("task %d returns %s", i, showResult(r)))
				default:
					want = append(want, fmt.Sprintf("task %d returns", i))
				}
			}
			s = all[0].state
		}
		f := &Finding{What: Answers, At: len(p) - 1, Program: p.String(), Filter: filter, Want: "this", Got: "that"}
		text, err := f.C()
		if err != nil {
			t.Fatal(err)
		}
		source := filepath.Join(t.TempDir(), "finding.c")
		program := strings.TrimSuffix(source, ".c")
		if err := os.WriteFile(source, []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
		if out, err := exec.Command(gcc, "-O1", "-Wall", "-Wextra", "-Werror", "-pthread", "-o", program, source).CombinedOutput(); err != nil {
			t.Fatalf("gcc: %v\n%s\n%s", err, out, text)
		}
		out, err := exec.Command(program).CombinedOutput()
		if err != nil {
			t.Fatalf("%v\n%s\n%s", err, out, text[strings.Index(text, "int main"):])
		}
		_, said, _ := strings.Cut(string(out), "--\n")
		var got []string
		for line := range strings.Lines(said) {
			got = append(got, plainAnswer(strings.TrimSpace(line)))
		}
		// A result whose value only this process can explain is one all the same.
		for i, line := range want {
			if i < len(got) && strings.HasSuffix(line, " returns") && strings.HasPrefix(got[i], line) {
				got[i] = line
			}
		}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("seed %d, filter %q (-model +C):\n%s\n%s", seed, FilterNames(filter), diff, text[strings.Index(text, "int main"):])
		}
	}
}

// TestReproduceHostile: what a guest says of a finding stays in a comment of what is
// written to do it again, and what is no program is not written.
func TestReproduceHostile(t *testing.T) {
	texts := func(what Class, got string) (c, test string, err error) {
		f := &Finding{What: what, Program: "poll\n", Want: "this", Got: got}
		c, errC := f.C()
		test, errGo := f.GoTest()
		return c, test, errors.Join(errC, errGo)
	}
	plainC, plainGo, err := texts(Answers, "that")
	if err != nil {
		t.Fatal(err)
	}
	const evil = "*/ int evil; /*\nfunc init() { panic(`evil`) }\n//go:embed evil\r*\\\n/ int evil;"
	for _, texts := range []func() (string, string, error){
		func() (string, string, error) { return texts(Answers, evil) },
		func() (string, string, error) { return texts(evil, "that") },
	} {
		c, test, err := texts()
		if err != nil {
			t.Fatal(err)
		}
		// Lines are joined before comments are looked for.
		if got := strings.ReplaceAll(c, "\\\n", ""); strings.Count(got, "*/") != strings.Count(strings.ReplaceAll(plainC, "\\\n", ""), "*/") {
			t.Errorf("a comment ends early:\n%s", c[strings.Index(c, "evil")-80:])
		}
		if strings.Count(c, "\n") != strings.Count(plainC, "\n") || strings.Count(test, "\n") != strings.Count(plainGo, "\n") {
			t.Errorf("a comment has several lines:\n%s", test)
		}
	}
	f := &Finding{Program: "poll\n`+os.Exit(1)+`"}
	_, errC := f.C()
	if _, errGo := f.GoTest(); errC == nil || errGo == nil {
		t.Errorf("what is no program is written: %v, %v", errC, errGo)
	}
}

// plainAnswer is what both ways to do a program say of an operation.
func plainAnswer(text string) string {
	text, _, _ = strings.Cut(text, " (")
	return text
}

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

// TestFilled: memory of the supervisor that a call has not filled, or with something else, is
// not what it gives.
func TestFilled(t *testing.T) {
	tools, err := newTools(t.TempDir(), time.Minute)
	if err != nil {
		t.Fatal(err)
	}
	defer tools.close()
	w := &world{tools: tools}
	for _, tt := range []struct {
		how  uint8
		fill func(b []byte) error
		ret  int64
	}{
		{model.CallRead, func(b []byte) error { clear(b); return nil }, model.ReadSize},
		{model.CallFstat, func(b []byte) error {
			return unix.Fstat(int(tools.zero.Fd()), (*unix.Stat_t)(unsafe.Pointer(&b[0])))
		}, 0},
	} {
		o := model.Op{Do: model.DoTargetCall, How: tt.how}
		b := w.out(o)
		if got := w.filled(o, b, tt.ret); got != -1 {
			t.Errorf("%v has filled nothing, and gives %d", o, got)
		}
		if err := tt.fill(b); err != nil {
			t.Fatal(err)
		}
		if got := w.filled(o, b, tt.ret); got != int32(tt.ret) {
			t.Errorf("%v gives %d, want %d", o, got, tt.ret)
		}
		if got := w.filled(o, b, tt.ret+1<<32); got != -1 {
			t.Errorf("%v gives what is no int, and that is %d", o, got)
		}
		b[len(b)-1] ^= 1
		if got := w.filled(o, b, tt.ret); got != -1 {
			t.Errorf("%v has filled the last byte wrongly, and gives %d", o, got)
		}
	}
}

// TestApart: a program finds no filter of another one's that would matter.
func TestApart(t *testing.T) {
	tools, err := newTools(t.TempDir(), time.Minute)
	if err != nil {
		t.Fatal(err)
	}
	r := &runner{tools: tools, health: &health{kmemleak: -1}, emit: func(Event) error { return nil }}
	defer tools.close()
	defer r.leave()
	for _, text := range []string{"filter 0 plain\n", "filter 1 plain\nfilter 0 sync\n", "filter 0 plain\nfilter 1 log\n", "poll\n"} {
		p, err := Parse(text)
		if err != nil {
			t.Fatal(err)
		}
		if f, err := r.try(0, p); f != nil || err != nil {
			t.Fatalf("%s%v, %v", text, f, err)
		}
		if err := r.enter(0); err != nil {
			t.Fatal(err)
		}
		if r.world.state.Apart != [model.Tasks]bool{} {
			t.Errorf("after %q a task has filters that the other has not", text)
		}
	}
}

// TestStatements: every operation has its statement in C, in the words of that program: no
// value is one that only this process has.
func TestStatements(t *testing.T) {
	f := &Finding{What: Answers, Program: "poll\n", Filter: model.Redirect}
	text, err := f.C()
	if err != nil {
		t.Fatal(err)
	}
	w := symbolic(model.Redirect)
	var b strings.Builder
	b.WriteString(text + "void every_one(void);\nvoid every_one(void)\n{\n\tstruct notif mine = { 0 };\n")
	for _, o := range model.All() {
		s := w.statement(o, w.state.Number(o), "mine")
		for _, own := range []string{"0x1111", "0x2222", "0x3333", "0x4444"} { // see symbolicID
			if strings.Contains(s, own) {
				t.Errorf("%v is %s", o, s)
			}
		}
		b.WriteString("\t" + s + "\n")
	}
	b.WriteString("}\n")
	source := filepath.Join(t.TempDir(), "all.c")
	if err := os.WriteFile(source, []byte(b.String()), 0o644); err != nil {
		t.Fatal(err)
	}
	if out, err := exec.Command("gcc", "-fsyntax-only", "-Wall", "-Wextra", "-Werror", source).CombinedOutput(); err != nil {
		t.Errorf("gcc: %v\n%.2000s", err, out)
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
