package main

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"unotify-bench/kernel"
)

// docCommands are the command lines of docs/patch-authors.md.
func docCommands(t *testing.T) [][]string {
	t.Helper()
	text, err := os.ReadFile(filepath.Join("..", "..", "docs", "patch-authors.md"))
	if err != nil {
		t.Fatal(err)
	}
	var out [][]string
	for line := range strings.Lines(string(text)) {
		if args, ok := strings.CutPrefix(line, "    unotify-bench "); ok {
			out = append(out, strings.Fields(args))
		}
	}
	return out
}

// docCommand is the one command line that has these words.
func docCommand(t *testing.T, words string) []string {
	t.Helper()
	var found [][]string
	for _, c := range docCommands(t) {
		if strings.Contains(strings.Join(c, " "), words) {
			found = append(found, c)
		}
	}
	if len(found) != 1 {
		t.Fatalf("docs/patch-authors.md has %d commands with %q, want 1", len(found), words)
	}
	return found[0]
}

// TestPatchAuthors walks the whole way that docs/patch-authors.md shows: two
// kernels, a command each, a table to paste, a gate. The kernels are ours, where
// the page has its reader's. TestSeriesMachines is its series, TestBisectMachines its
// bisection.
func TestPatchAuthors(t *testing.T) {
	needGuests(t, "amd64")
	dir := t.TempDir()
	for side, v := range map[string]kernel.Variant{"base": kernel.Stock, "head": kernel.Patched} {
		img, err := testKernel(t.Context(), arches()[0], v)
		if err != nil {
			t.Fatal(err)
		}
		boot := filepath.Join(dir, side, "arch", "x86", "boot")
		if err := os.MkdirAll(boot, 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.Symlink(img.Path, filepath.Join(boot, "bzImage")); err != nil {
			t.Fatal(err)
		}
	}
	tree := filepath.Join(dir, "linux") // where the reader is
	if err := os.Mkdir(tree, 0o755); err != nil {
		t.Fatal(err)
	}
	ran := map[string]*command{}
	for _, args := range docCommands(t) {
		line := strings.Join(args, " ")
		switch {
		case strings.Contains(line, "--series") || strings.Contains(line, "--kernel . ") || strings.Contains(line, "--on host"):
			continue // see above; and the host is README's
		case strings.Contains(line, "run --profile"): // of one run
			args = append(args, "--quiet")
		case args[0] == "run": // fewer runs than the page's, but enough for a gate
			args = append(args, "--count", "4", "--quiet")
		}
		c := newCommand(t, args...)
		c.Dir = tree
		c.start(t)
		want := exitOK
		if status := c.status(t); status != want && (!strings.Contains(line, "--gate") || status != exitFailed) {
			t.Fatalf("unotify-bench %s: exit status %d\n%s", line, status, &c.stderr)
		}
		ran[line] = c
	}
	if len(ran) < 6 {
		t.Fatalf("the page has %d commands for this way, want two runs, three comparisons and a gate", len(ran))
	}
	for line, c := range ran {
		out := c.stdout.String()
		switch {
		case strings.Contains(line, "--format mail"):
			if !strings.Contains(out, "continue openat") || longest(out) > 72 {
				t.Errorf("%s gives no table for a mail:\n%s", line, out)
			}
		case strings.Contains(line, "--gate"):
			if !strings.Contains(out, "\ngate of 1%, ") {
				t.Errorf("%s says nothing of its gate:\n%s", line, out)
			}
		case strings.HasPrefix(line, "compare --profile"):
			if !strings.Contains(out, "change  task        function") || !strings.Contains(out, " all\n") {
				t.Errorf("%s names no function:\n%s", line, out)
			}
		case strings.HasPrefix(line, "compare base.txt"):
			if !strings.Contains(out, "native getppid") || !strings.Contains(out, "unotify-patched") {
				t.Errorf("%s gives no table:\n%s", line, out)
			}
		}
	}
	if table := readText(t, filepath.Join(tree, "table.md")); !strings.Contains(table, "| insns/op | old | new | change |") {
		t.Errorf("the table to paste is:\n%s", table)
	}
}

func longest(text string) int {
	n := 0
	for line := range strings.Lines(text) {
		n = max(n, len([]rune(strings.TrimRight(line, "\n"))))
	}
	return n
}

// TestIssueTemplates: each asks for what doctor prints, and will not go without.
func TestIssueTemplates(t *testing.T) {
	forms, err := filepath.Glob(filepath.Join(repoRoot(t), ".github", "ISSUE_TEMPLATE", "*.yml"))
	if err != nil {
		t.Fatal(err)
	}
	asked := 0
	for _, form := range forms {
		if filepath.Base(form) == "config.yml" { // which is no form
			continue
		}
		asked++
		_, field, _ := strings.Cut(readText(t, form), "    id: doctor\n")
		field, _, _ = strings.Cut(field, "  - type: ")
		if !strings.Contains(field, "unotify-bench doctor\n") || !strings.Contains(field, "required: true") {
			t.Errorf("%s does not demand the output of unotify-bench doctor", form)
		}
	}
	if asked != 3 {
		t.Errorf("%d forms, want 3", asked)
	}
}
