package abi_test

import (
	"go/ast"
	"go/parser"
	"go/token"
	"maps"
	"reflect"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"unotify-bench/abi"
)

// exported returns the constants of package abi whose names match, from its
// sources, with the literal that each is set to, if it is one.
func exported(t *testing.T, name *regexp.Regexp) map[string]string {
	t.Helper()
	found := map[string]string{}
	for _, file := range []string{"arch.go", "audit.go", "ioctl.go", "quirk.go", "seccomp.go", "wire.go"} {
		f, err := parser.ParseFile(token.NewFileSet(), file, nil, parser.SkipObjectResolution)
		if err != nil {
			t.Fatal(err)
		}
		for _, d := range f.Decls {
			g, ok := d.(*ast.GenDecl)
			if !ok || g.Tok != token.CONST {
				continue
			}
			for _, s := range g.Specs {
				v := s.(*ast.ValueSpec)
				for i, n := range v.Names {
					if !name.MatchString(n.Name) {
						continue
					}
					found[n.Name] = ""
					if lit, ok := v.Values[i].(*ast.BasicLit); ok {
						found[n.Name] = strings.Trim(lit.Value, `"`)
					}
				}
			}
		}
	}
	return found
}

func TestConstantsComplete(t *testing.T) {
	want := slices.Sorted(maps.Keys(exported(t, regexp.MustCompile(`^(SECCOMP|AUDIT)_`))))
	got := slices.Sorted(maps.Keys(constants))
	if d := cmp.Diff(want, got); d != "" {
		t.Errorf("constants_test.go (-sources +list):\n%s", d)
	}
}

// TestNoImplicitPadding adds up the fields of each wire struct: a hole that
// has no name would be missing from the sum.
func TestNoImplicitPadding(t *testing.T) {
	for _, s := range structs {
		if s.typ.NumField() != len(s.members) {
			t.Errorf("%v has %d fields, the test names %d", s.typ, s.typ.NumField(), len(s.members))
		}
		var end uintptr
		for f := range s.typ.Fields() {
			if f.Offset != end {
				t.Errorf("%v: a hole of %d bytes before %s", s.typ, f.Offset-end, f.Name)
			}
			if a := alignOf(f.Type); f.Offset%a != 0 {
				t.Errorf("%v: %s at %d is not aligned to %d", s.typ, f.Name, f.Offset, a)
			}
			end = f.Offset + f.Type.Size()
		}
		if end != s.typ.Size() {
			t.Errorf("%v: a hole of %d bytes at the end", s.typ, s.typ.Size()-end)
		}
	}
}

// alignOf is the natural alignment, which 386 does not give.
func alignOf(t reflect.Type) uintptr {
	switch t.Kind() {
	case reflect.Array:
		return alignOf(t.Elem())
	case reflect.Struct:
		var most uintptr = 1
		for f := range t.Fields() {
			most = max(most, alignOf(f.Type))
		}
		return most
	}
	return t.Size()
}

// TestTables asks that each table agrees with itself.
func TestTables(t *testing.T) {
	for _, a := range archs {
		t.Run(a.Name, func(t *testing.T) {
			offset := map[string]int{}
			roles := map[abi.Role][]string{}
			for i, r := range a.Regs {
				if r.Offset != 8*i {
					t.Errorf("%s is at %d, its place is %d", r.Name, r.Offset, 8*i)
				}
				if _, ok := offset[r.Name]; ok {
					t.Errorf("%s is there twice", r.Name)
				}
				if r.Source == "" {
					t.Errorf("%s has no source", r.Name)
				}
				offset[r.Name] = r.Offset
				roles[r.Role] = append(roles[r.Role], r.Name)
				if got, ok := a.Reg(r.Name); !ok || got != r {
					t.Errorf("Reg(%q) = %v, %v", r.Name, got, ok)
				}
			}
			if _, ok := a.Reg("none"); ok {
				t.Error(`Reg("none") is there`)
			}

			named := append(a.Args[:], a.Nr, a.Result, a.PC, a.SP)
			named = append(named, a.Clobbered...)
			if a.StopNr != "" {
				named = append(named, a.StopNr)
			}
			for _, n := range named {
				if _, ok := offset[n]; !ok {
					t.Errorf("%q is no register of the set", n)
				}
			}

			// The roles say the same once more.
			args := map[string]bool{}
			for _, n := range a.Args {
				args[n] = true
			}
			want := map[abi.Role][]string{
				abi.Result:    {a.Result},
				abi.Clobbered: a.Clobbered,
			}
			if a.Nr != a.Result {
				want[abi.Number] = []string{a.Nr}
			}
			delete(args, a.Result)
			want[abi.Argument] = slices.Collect(maps.Keys(args))
			for _, role := range []abi.Role{abi.Argument, abi.Number, abi.Result, abi.Clobbered} {
				slices.Sort(roles[role])
				slices.Sort(want[role])
				if d := cmp.Diff(want[role], roles[role]); d != "" {
					t.Errorf("role %d (-fields +rows):\n%s", role, d)
				}
			}
			if a.Has(abi.QuirkResultIsArg0) != (a.Result == a.Args[0]) {
				t.Errorf("quirk %s contradicts Result and Args", abi.QuirkResultIsArg0)
			}
			if a.Has(abi.QuirkResultIsNr) != (a.Result == a.Nr) {
				t.Errorf("quirk %s contradicts Result and Nr", abi.QuirkResultIsNr)
			}
			if a.Has(abi.QuirkNrNotInRegset) != (a.StopNr == "") {
				t.Errorf("quirk %s contradicts StopNr", abi.QuirkNrNotInRegset)
			}
			if a.Has(abi.QuirkInsnClobbers) != (len(a.Clobbered) > 0) {
				t.Errorf("quirk %s contradicts Clobbered", abi.QuirkInsnClobbers)
			}

			byNr := map[int]string{}
			for name, nr := range a.Syscalls {
				if other, ok := byNr[nr]; ok {
					t.Errorf("%s and %s both have number %d", name, other, nr)
				}
				byNr[nr] = name
			}
		})
	}
}

// TestQuirks asks that each quirk has a constant that some table uses, and a
// sentence and a source that a reader can go to.
func TestQuirks(t *testing.T) {
	source := regexp.MustCompile(`^[a-z0-9_/]+/[a-z0-9_-]+\.[chS]\b`)
	var got []string
	for _, a := range archs {
		seen := map[string]bool{}
		for _, q := range a.Quirks {
			if seen[q.Name] {
				t.Errorf("%s: %s is there twice", a.Name, q.Name)
			}
			seen[q.Name] = true
			got = append(got, q.Name)
			if !strings.HasSuffix(q.Text, ".") {
				t.Errorf("%s: %s: %q is no sentence", a.Name, q.Name, q.Text)
			}
			if !source.MatchString(q.Source) {
				t.Errorf("%s: %s: source %q names no file", a.Name, q.Name, q.Source)
			}
		}
	}
	slices.Sort(got)
	got = slices.Compact(got)

	want := slices.Sorted(maps.Values(exported(t, regexp.MustCompile(`^Quirk.`))))
	if d := cmp.Diff(want, got); d != "" {
		t.Errorf("quirks (-constants +tables):\n%s", d)
	}
}
