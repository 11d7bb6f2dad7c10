package main

import (
	"encoding/csv"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"
)

// TestREADMETargets checks that docs/reliability.md has what the committed table of Go's
// fuzz targets comes to, which tools/fuzz writes, and that those are the targets there are.
func TestREADMETargets(t *testing.T) {
	root := repoRoot(t)
	table := csv.NewReader(strings.NewReader(readText(t, filepath.Join(root, "results", "fuzz", "targets.tsv"))))
	table.Comma = '\t'
	rows, err := table.ReadAll()
	if err != nil || len(rows) < 2 {
		t.Fatalf("targets.tsv has %d rows (%v)", len(rows), err)
	}
	if head := []string{"package", "target", "time", "seed", "inputs", "new", "kept"}; !slices.Equal(rows[0], head) {
		t.Fatalf("targets.tsv begins with %q, not with %q", rows[0], head)
	}
	left := targetsOf(t, root)
	type sum struct{ targets, inputs, fresh int64 }
	packages, all := map[string]*sum{}, &sum{}
	var names []string
	for _, row := range rows[1:] {
		pkg, target := row[0], row[1]
		i := slices.Index(left, pkg+" "+target)
		if i < 0 {
			t.Fatalf("targets.tsv has %s of %s twice, or there is none", target, pkg)
		}
		left = slices.Delete(left, i, i+1)
		inputs, err1 := strconv.ParseInt(row[4], 10, 64)
		fresh, err2 := strconv.ParseInt(row[5], 10, 64)
		if row[2] != "10m" || err1 != nil || err2 != nil || inputs < 1 {
			t.Fatalf("targets.tsv has %q", row)
		}
		if packages[pkg] == nil {
			packages[pkg] = &sum{}
			names = append(names, pkg)
		}
		for _, s := range []*sum{packages[pkg], all} {
			s.targets++
			s.inputs += inputs
			s.fresh += fresh
		}
	}
	slices.Sort(names)
	var b strings.Builder
	b.WriteString("| package | targets | inputs | of which reached something new |\n|---|---|---|---|\n")
	for _, name := range names {
		s := packages[name]
		fmt.Fprintf(&b, "| `%s` | %d | %s | %s |\n", name, s.targets, commas(s.inputs), commas(s.fresh))
	}
	fmt.Fprintf(&b, "| together | %d | %s | %s |\n", all.targets, commas(all.inputs), commas(all.fresh))
	if len(left) > 0 {
		fmt.Fprintf(&b, "\nNot yet: %s.\n", strings.Join(left, ", "))
	}
	generatedIn(t, filepath.Join("docs", "reliability.md"), "-run TestREADMETargets -update -->\n", "<!-- end of targets -->", b.String())
}

var fuzzTarget = regexp.MustCompile(`(?m)^func (Fuzz\w+)\(\w+ \*testing\.F\)`)

// targetsOf lists the fuzz targets below a directory, each after its package's.
func targetsOf(t *testing.T, root string) (found []string) {
	t.Helper()
	err := filepath.WalkDir(root, func(path string, e fs.DirEntry, err error) error {
		switch {
		case err != nil:
			return err
		case e.IsDir() && path != root && (e.Name() == "testdata" || strings.HasPrefix(e.Name(), ".")):
			return filepath.SkipDir
		case e.IsDir() || !strings.HasSuffix(path, "_test.go"):
			return nil
		}
		text, err := os.ReadFile(path)
		if err != nil {
			return err
		}
		dir, err := filepath.Rel(root, filepath.Dir(path))
		for _, m := range fuzzTarget.FindAllSubmatch(text, -1) {
			found = append(found, filepath.ToSlash(dir)+" "+string(m[1]))
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	slices.Sort(found)
	return found
}
