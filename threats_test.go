package main_test

import (
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

var testName = regexp.MustCompile("`((?:Test|Fuzz)[A-Za-z0-9_]+)`")

// TestThreats: each line of docs/threats.md names tests, and they exist.
func TestThreats(t *testing.T) {
	page, err := os.ReadFile("docs/threats.md")
	if err != nil {
		t.Fatal(err)
	}
	known := testNames(t)
	if missing, lines := unnamed(string(page), known); len(missing) > 0 || lines < 20 {
		t.Errorf("%d lines; these name no test, or one that is not there:\n%s", lines, strings.Join(missing, "\n"))
	}
	// It can fail.
	if missing, _ := unnamed("| a | b | `TestNoSuchThing` |\n| a | b | c |\n| a | b | `TestThreats` |\n", known); len(missing) != 2 {
		t.Errorf("of two bad lines it finds %q", missing)
	}
}

// unnamed lists the lines of tables that name no test, or one that is not known.
func unnamed(page string, known map[string]bool) (missing []string, lines int) {
	for line := range strings.Lines(page) {
		line = strings.TrimSpace(line)
		if !strings.HasPrefix(line, "|") || strings.HasPrefix(line, "|---") || strings.HasSuffix(line, "| tests |") {
			continue
		}
		lines++
		names := testName.FindAllStringSubmatch(line, -1)
		good := len(names) > 0
		for _, n := range names {
			good = good && known[n[1]]
		}
		if !good {
			missing = append(missing, line)
		}
	}
	return missing, lines
}

// testNames are the tests of the module, whatever they are built for.
func testNames(t *testing.T) map[string]bool {
	t.Helper()
	names := map[string]bool{}
	err := filepath.WalkDir(".", func(path string, e fs.DirEntry, err error) error {
		switch {
		case err != nil:
			return err
		case e.IsDir() && (e.Name() == "testdata" || path != "." && strings.HasPrefix(e.Name(), ".")):
			return fs.SkipDir
		case !strings.HasSuffix(path, "_test.go"):
			return nil
		}
		f, err := parser.ParseFile(token.NewFileSet(), path, nil, parser.SkipObjectResolution)
		if err != nil {
			return err
		}
		for _, d := range f.Decls {
			if fn, ok := d.(*ast.FuncDecl); ok && fn.Recv == nil {
				names[fn.Name.Name] = true
			}
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return names
}
