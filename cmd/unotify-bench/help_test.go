package main

import (
	"bytes"
	"encoding/json"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"unotify-bench/bench"
	"unotify-bench/internal/report"
)

// commands lists the command and all below it, but not what cobra adds.
func commands() []*cobra.Command {
	var all []*cobra.Command
	var add func(*cobra.Command)
	add = func(c *cobra.Command) {
		all = append(all, c)
		for _, sub := range c.Commands() {
			add(sub)
		}
	}
	add((&app{}).rootCommand())
	return all
}

// TestHelp wants of every command a line on what it does and two examples, of
// which each parses.
func TestHelp(t *testing.T) {
	for _, c := range commands()[1:] {
		t.Run(c.CommandPath(), func(t *testing.T) {
			if c.Short == "" {
				t.Error("says nowhere what it does")
			}
			examples := strings.Split(c.Example, "\n")
			if len(examples) != 2 {
				t.Fatalf("%d examples, want 2: %q", len(examples), c.Example)
			}
			for _, e := range examples {
				checkExample(t, c, e)
			}
			status, out, _ := runHere(append(strings.Fields(c.CommandPath())[1:], "--help")...)
			if status != exitOK || !strings.Contains(out, "Examples:\n"+c.Example) {
				t.Errorf("--help: status %d, examples not in:\n%s", status, out)
			}
		})
	}
}

// checkExample parses the command line in an example, which may be part of a
// shell's: in $(…), or before a redirection or a pipe.
func checkExample(t *testing.T, c *cobra.Command, example string) {
	t.Helper()
	_, line, ok := strings.Cut(example, "unotify-bench ")
	if !ok {
		t.Errorf("example %q does not call unotify-bench", example)
		return
	}
	line, _, _ = strings.Cut(line, ")")
	line, _, _ = strings.Cut(line, " > ")
	line, _, _ = strings.Cut(line, " | ")
	// A tree of its own, as flags keep what they are set to.
	words, err := splitWords(line)
	if err != nil {
		t.Errorf("example %q: %v", example, err)
		return
	}
	found, args, err := (&app{}).rootCommand().Find(words)
	if err != nil {
		t.Errorf("example %q: %v", example, err)
		return
	}
	if !strings.HasPrefix(found.CommandPath(), c.CommandPath()) {
		t.Errorf("example %q is one of %s", example, found.CommandPath())
	}
	if err := found.ParseFlags(args); err != nil {
		t.Errorf("example %q: %v", example, err)
		return
	}
	if err := found.ValidateArgs(found.Flags().Args()); err != nil {
		t.Errorf("example %q: %v", example, err)
	}
}

// TestFlagsAreDescribed finds flags that --help leaves unexplained.
func TestFlagsAreDescribed(t *testing.T) {
	for _, c := range commands() {
		for line := range strings.Lines(c.NonInheritedFlags().FlagUsages()) {
			if f := strings.Fields(line); len(f) < 4 {
				t.Errorf("%s: %q says too little", c.CommandPath(), strings.TrimSpace(line))
			}
		}
	}
}

func TestHelpOfAll(t *testing.T) {
	status, out, _ := runHere([]string{}...)
	if status != exitOK {
		t.Errorf("status %d without a command, want %d", status, exitOK)
	}
	for _, c := range commands()[0].Commands() {
		if !strings.Contains(out, "\n  "+c.Name()+" ") {
			t.Errorf("%s is not in:\n%s", c.Name(), out)
		}
	}
	for _, word := range []string{"Exit status: 0", "1 a", "2 usage", "\n3 ", "130 ", "XDG_CACHE_HOME", "XDG_STATE_HOME", "NO_COLOR"} {
		if !strings.Contains(out, word) {
			t.Errorf("%q is not in:\n%s", word, out)
		}
	}
}

func TestCompletion(t *testing.T) {
	for _, shell := range []string{"bash", "zsh", "fish", "powershell"} {
		status, out, _ := runHere("completion", shell)
		if status != exitOK || !strings.Contains(out, "unotify-bench") {
			t.Errorf("completion %s: status %d, %d bytes", shell, status, len(out))
		}
	}
	status, out, _ := runHere(cobra.ShellCompRequestCmd, "kernel", "")
	if status != exitOK {
		t.Errorf("completion of kernel: status %d", status)
	}
	for _, c := range []string{"build", "path", "config", "list", "clean", "verify", "footprint", "selftest"} {
		if !strings.Contains(out, "\n"+c+"\t") && !strings.HasPrefix(out, c+"\t") {
			t.Errorf("kernel is not completed with %s: %q", c, out)
		}
	}
}

// TestCatalogue compares the two lists of mechanisms: the one that measures
// and the one that explains. Their orders differ on purpose: the table has
// what is racy before what is not.
func TestCatalogue(t *testing.T) {
	var measured, explained []string
	for _, m := range bench.Mechanisms() {
		measured = append(measured, m.Name)
	}
	for _, m := range report.Mechanisms() {
		explained = append(explained, m.Name)
	}
	slices.Sort(measured)
	slices.Sort(explained)
	if diff := cmp.Diff(explained, measured); diff != "" {
		t.Errorf("what is measured is not what is explained (-explained +measured):\n%s", diff)
	}
}

// TestProgressIsLines checks that what is no terminal gets lines only, and
// --quiet nothing.
func TestProgressIsLines(t *testing.T) {
	for _, quiet := range []bool{false, true} {
		var out bytes.Buffer
		p := (&app{stderr: &out, quiet: quiet, color: "always"}).newProgress()
		p.Step("one")
		p.Done(1, 2)
		p.Log("a line")
		p.Clear()
		p.Step("two")
		p.End()
		want := "one …\na line\ntwo …\n"
		if quiet {
			want = ""
		}
		if diff := cmp.Diff(want, out.String()); diff != "" {
			t.Errorf("quiet %v (-want +got):\n%s", quiet, diff)
		}
	}
}

// TestHelpJSON wants of help --json every command and every flag that --help has,
// in the words of --help.
func TestHelpJSON(t *testing.T) {
	status, out, stderr := runHere("help", "--json")
	if status != exitOK {
		t.Fatalf("status %d\n%s", status, stderr)
	}
	var root manual
	if err := json.Unmarshal([]byte(out), &root); err != nil {
		t.Fatal(err)
	}
	told := map[string]manual{}
	var walk func(path []string, m manual)
	walk = func(path []string, m manual) {
		name, _, _ := strings.Cut(m.Use, " ")
		path = append(slices.Clone(path), name)
		told[strings.Join(path, " ")] = m
		for _, sub := range m.Commands {
			walk(path, sub)
		}
	}
	walk(nil, root)
	for _, c := range commands() {
		m, ok := told[c.CommandPath()]
		if !ok {
			t.Errorf("%s is not in it", c.CommandPath())
			continue
		}
		if m.Short != c.Short || m.Long != c.Long || m.Example != c.Example {
			t.Errorf("%s is told as %+v", c.CommandPath(), m)
		}
		var got, want []string
		for _, f := range slices.Concat(m.Flags, m.Persistent) {
			if f.Name != "help" {
				got = append(got, f.Name+" "+f.Default)
			}
		}
		c.NonInheritedFlags().VisitAll(func(f *pflag.Flag) { want = append(want, f.Name+" "+f.DefValue) })
		slices.Sort(got)
		slices.Sort(want)
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("flags of %s (-want +got):\n%s", c.CommandPath(), diff)
		}
	}
	if _, ok := told["unotify-bench completion bash"]; !ok {
		t.Error("completion, which cobra adds, is not in it")
	}
}
