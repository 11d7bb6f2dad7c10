package main

import (
	"bytes"
	"flag"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"unotify-bench/internal/report"
)

var update = flag.Bool("update", false, "rewrite what is generated from the committed results")

// TestREADME checks that the table in README is what the tool prints for the
// committed results.
func TestREADME(t *testing.T) {
	root := filepath.Join("..", "..")
	var set report.Set
	for _, name := range []string{"host", "amd64", "arm64", "riscv64"} {
		f, err := report.ReadFile(filepath.Join(root, "results", name+".txt"))
		if err != nil {
			t.Fatal(err)
		}
		if err := set.AddFile(f); err != nil {
			t.Fatal(err)
		}
	}
	var table bytes.Buffer
	if err := set.Table(&table, report.TableOptions{Width: 80}); err != nil {
		t.Fatal(err)
	}
	generated(t, "-run TestREADME -update -->\n```\n", "```\n<!-- end of table -->", table.String())
}

// TestREADMEWorkload checks the same of the table of workloads.
func TestREADMEWorkload(t *testing.T) {
	f, err := report.ReadFile(filepath.Join("..", "..", "results", "workload", "amd64.txt"))
	if err != nil {
		t.Fatal(err)
	}
	var set report.Set
	if err := set.AddFile(f); err != nil {
		t.Fatal(err)
	}
	var table bytes.Buffer
	if err := set.WorkloadTable(&table, report.TableOptions{Width: 80}); err != nil {
		t.Fatal(err)
	}
	generated(t, "-run TestREADMEWorkload -update -->\n```\n", "```\n<!-- end of workloads -->", table.String())
}

// TestREADMEStability checks the same of what the study of stability says.
func TestREADMEStability(t *testing.T) {
	in, err := report.ReadInput(filepath.Join("..", "..", "results", "stability.json"))
	if err != nil {
		t.Fatal(err)
	}
	var text strings.Builder
	for i := range in.Studies {
		text.WriteString(in.Studies[i].Sentences())
	}
	generated(t, "-run TestREADMEStability -update -->\n```\n", "```\n<!-- end of stability -->", text.String())
}

// TestREADMECompare checks that the comparison in README is what the command
// above it prints.
func TestREADMECompare(t *testing.T) {
	t.Chdir(filepath.Join("..", ".."))
	readme, err := os.ReadFile("README.md")
	if err != nil {
		t.Fatal(err)
	}
	_, line, ok := strings.Cut(string(readme), "\n    unotify-bench compare --format mail ")
	if !ok {
		t.Fatal("README compares nothing for a mail")
	}
	line, _, _ = strings.Cut(line, "\n")
	status, out, stderr := runHere(append([]string{"compare", "--format", "mail"}, strings.Fields(line)...)...)
	if status != exitOK {
		t.Fatalf("status %d\n%s", status, stderr)
	}
	t.Chdir(filepath.Join("cmd", "unotify-bench"))
	generated(t, "-run TestREADMECompare -update -->\n```\n", "```\n<!-- end of comparison -->", out)
}

// generated wants what README has between begin and end to be want, or writes
// it there.
func generated(t *testing.T, begin, end, want string) {
	t.Helper()
	generatedIn(t, "README.md", begin, end, want)
}

// generatedIn is generated for another page.
func generatedIn(t *testing.T, page, begin, end, want string) {
	t.Helper()
	path := filepath.Join("..", "..", page)
	text, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	head, rest, ok1 := strings.Cut(string(text), begin)
	got, tail, ok2 := strings.Cut(rest, end)
	if !ok1 || !ok2 {
		t.Fatalf("%s has no place for what is between %q and %q", page, begin, end)
	}
	if *update {
		if err := os.WriteFile(path, []byte(head+begin+want+end+tail), 0o644); err != nil {
			t.Fatal(err)
		}
		return
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("%s does not show what the tool prints for results/ (update with -update):\n%s", page, diff)
	}
}

// TestREADMECommands parses every command line that README and the pages beside
// it show.
func TestREADMECommands(t *testing.T) {
	root := commands()[0]
	n := 0
	for _, page := range []string{"README.md", "results/README.md", "docs/users.md", "docs/porting.md", "docs/lava.md", "docs/patch-authors.md", "docs/method.md", "docs/reliability.md", "docs/install.md", "CONTRIBUTING.md"} {
		text, err := os.ReadFile(filepath.Join("..", "..", page))
		if err != nil {
			t.Fatal(err)
		}
		for line := range strings.Lines(string(text)) {
			line = strings.TrimSpace(line)
			if _, after, ok := strings.Cut(line, "`unotify-bench "); ok {
				line, _, _ = strings.Cut("unotify-bench "+after, "`")
			}
			if !strings.HasPrefix(line, "unotify-bench ") {
				continue
			}
			line, _, _ = strings.Cut(line, " #")
			checkExample(t, root, line)
			n++
		}
	}
	if n < 8 {
		t.Errorf("%d commands found, README alone has more", n)
	}
}
