package main_test

import (
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"path/filepath"
	"strings"
	"testing"
)

// TestStart: no package compiles an expression or a template when the program
// starts, which every row and every check has processes do. See internal/lazy.
func TestStart(t *testing.T) {
	seen := 0
	err := filepath.WalkDir(".", func(path string, e fs.DirEntry, err error) error {
		switch {
		case err != nil:
			return err
		case e.IsDir() && (e.Name() == "tools" || e.Name() == "testdata"):
			return fs.SkipDir
		case e.IsDir() || !strings.HasSuffix(path, ".go") || strings.HasSuffix(path, "_test.go"):
			return nil
		}
		seen++
		files := token.NewFileSet()
		f, err := parser.ParseFile(files, path, nil, 0)
		if err != nil {
			return err
		}
		for _, call := range atStart(f) {
			t.Errorf("%s: compiled at every start of the program: see internal/lazy", files.Position(call.Pos()))
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	if seen < 100 {
		t.Errorf("%d files were looked at, there are more", seen)
	}
}

// atStart are the calls of regexp.MustCompile and template.Must that a package
// makes when it is loaded.
func atStart(f *ast.File) []*ast.CallExpr {
	var calls []*ast.CallExpr
	look := func(n ast.Node) bool {
		if _, later := n.(*ast.FuncLit); later {
			return false
		}
		call, ok := n.(*ast.CallExpr)
		if !ok {
			return true
		}
		if fn, ok := call.Fun.(*ast.SelectorExpr); ok {
			if pkg, ok := fn.X.(*ast.Ident); ok && (pkg.Name+"."+fn.Sel.Name == "regexp.MustCompile" || pkg.Name+"."+fn.Sel.Name == "template.Must") {
				calls = append(calls, call)
			}
		}
		return true
	}
	for _, d := range f.Decls {
		switch d := d.(type) {
		case *ast.GenDecl:
			ast.Inspect(d, look)
		case *ast.FuncDecl:
			if d.Name.Name == "init" && d.Recv == nil {
				ast.Inspect(d.Body, look)
			}
		}
	}
	return calls
}

// TestStartBites shows what is caught.
func TestStartBites(t *testing.T) {
	for src, want := range map[string]int{
		`var x = regexp.MustCompile("a")`:                                             1,
		`var ( y = 1; x = strings.Fields(regexp.MustCompile("a").String()) )`:         1,
		`func init() { page = template.Must(template.New("").Parse("")) }`:            1,
		`var x = sync.OnceValue(func() *R { return regexp.MustCompile("a") })`:        0,
		`func later() { regexp.MustCompile("a").MatchString("") }`:                    0,
		`var x = lazy.Regexp("a")`:                                                    0,
		`var x = []*R{regexp.MustCompile("a"), regexp.MustCompile("b")}; const c = 1`: 2,
	} {
		f, err := parser.ParseFile(token.NewFileSet(), "", "package p\n"+src, 0)
		if err != nil {
			t.Fatal(err)
		}
		if got := len(atStart(f)); got != want {
			t.Errorf("%s: %d calls at the start, want %d", src, got, want)
		}
	}
}
