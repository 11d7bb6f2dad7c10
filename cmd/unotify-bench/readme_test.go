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
	readme := filepath.Join(root, "README.md")
	text, err := os.ReadFile(readme)
	if err != nil {
		t.Fatal(err)
	}
	const begin, end = "-run TestREADME -update -->\n```\n", "```\n<!-- end of table -->"
	head, rest, ok1 := strings.Cut(string(text), begin)
	got, tail, ok2 := strings.Cut(rest, end)
	if !ok1 || !ok2 {
		t.Fatal("README has no place for the table")
	}
	if *update {
		if err := os.WriteFile(readme, []byte(head+begin+table.String()+end+tail), 0o644); err != nil {
			t.Fatal(err)
		}
		return
	}
	if diff := cmp.Diff(table.String(), got); diff != "" {
		t.Errorf("README does not show what the tool prints for results/ (update with -update):\n%s", diff)
	}
}

// TestREADMECommands parses every command line that README and the pages beside
// it show.
func TestREADMECommands(t *testing.T) {
	root := commands()[0]
	n := 0
	for _, page := range []string{"README.md", "results/README.md", "docs/porting.md"} {
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
