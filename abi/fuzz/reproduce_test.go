package fuzz

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"unotify-bench/abi/model"
)

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
