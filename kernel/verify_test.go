package kernel

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"unotify-bench/abi"
)

// checkpatchFake complains of patches that hold BADSTYLE.
const checkpatchFake = `use strict;
my ($root) = grep { /^--root=/ } @ARGV;
die "no root\n" unless $root;
open(my $f, "<", $ARGV[-1]) or die;
my $bad = 0;
while (<$f>) {
	if (/BADSTYLE/) { print "$ARGV[-1]:$.: WARNING:BAD: bad style\n"; $bad = 1; }
	die "it broke\n" if /BREAKS/;
}
exit($bad);
`

// newVerify is a fake source with a checkpatch.pl and two patches.
func newVerify(t *testing.T, first, second string) *fake {
	t.Helper()
	f := newFake(t)
	writeTexts(t, f.tree, map[string]string{"scripts/checkpatch.pl": checkpatchFake})
	withPatches(t, first, second)
	return f
}

func (f *fake) verify(twice bool) (lines []string, err error) {
	f.t.Helper()
	err = f.Verify(f.t.Context(), []*abi.Arch{fakeArch}, Faulty, twice, func(v Verdict) {
		line := v.String()
		if v.Step == "image" && v.Err == nil {
			line, _, _ = strings.Cut(line, " sha256 ")
		}
		lines = append(lines, line)
	})
	return lines, err
}

func TestVerify(t *testing.T) {
	const (
		p, q   = "patches/0001-p.patch", "faults/0001-f.patch"
		shared = "include/linux/shared.h"
	)
	good := diffOf("kernel/three.c", threeOld, "1\n")
	rows := []struct {
		name          string
		first, second string
		want          []string
		is            error
	}{
		{"all well", good, diffOf(shared, sharedOld, "int x;\n"), []string{
			"ok    apply " + p, "ok    style " + p, "ok    apply " + q, "ok    style " + q,
			"ok    build riscv64 " + p, "ok    build riscv64 " + q, "ok    image riscv64: 6.12.999+unotify-faulty", "ok    twice riscv64",
		}, nil},
		{"bad style", good, diffOf(shared, sharedOld, "BADSTYLE\n"), []string{
			"ok    apply " + p, "ok    style " + p, "ok    apply " + q,
			"FAIL  style " + q + ": checkpatch.pl complains:\n  0001-f.patch:6: WARNING:BAD: bad style",
			"ok    build riscv64 " + p, "ok    build riscv64 " + q, "ok    image riscv64: 6.12.999+unotify-faulty", "ok    twice riscv64",
		}, ErrStyle},
		{"does not build", good, diffOf("Makefile", "", "$(error broken)\n"), nil, nil},
		// Documentation is not built, and has to fit all the same.
		{"documentation", diffOf("Documentation/x.rst", "not there\n", "x\n"), diffOf(shared, sharedOld, "int x;\n"), []string{
			"FAIL  apply " + p + ": kernel/" + p + " does not apply to Linux 6.12.999 at Documentation/x.rst: " +
				"Documentation/x.rst: No such file or directory; rebase it, or name a source that it is for with --source",
			"ok    style " + p, "ok    style " + q,
		}, nil},
	}
	for _, row := range rows {
		t.Run(row.name, func(t *testing.T) {
			f := newVerify(t, row.first, row.second)
			if row.want == nil {
				f.hook(`if [ $1 = obj4 ] && grep -q broken include/linux/shared.h; then echo "obj4: error"; exit 1; fi`)
				withPatches(t, row.first, diffOf(shared, sharedOld, "broken\n"))
				lines, err := f.verify(true)
				if err == nil || !strings.Contains(err.Error(), "obj4: error") || !strings.HasPrefix(lines[len(lines)-1], "FAIL  build riscv64 "+q) {
					t.Errorf("%v, lines %q", err, lines)
				}
				return
			}
			lines, err := f.verify(true)
			if diff := cmp.Diff(row.want, lines); diff != "" {
				t.Errorf("(-want +got):\n%s", diff)
			}
			failed := strings.Contains(strings.Join(lines, "\n"), "FAIL")
			if (err != nil) != failed || row.is != nil && !errors.Is(err, row.is) {
				t.Errorf("error %v, want %v", err, row.is)
			}
			if left, _ := filepath.Glob(filepath.Join(f.CacheDir, "object", "twice-*")); left != nil {
				t.Errorf("left over: %q", left)
			}
		})
	}
}

// A build that depends on its place is found by the second one.
func TestVerifyTwice(t *testing.T) {
	f := newVerify(t, diffOf("kernel/three.c", threeOld, "1\n"), diffOf("include/linux/shared.h", sharedOld, "int x;\n"))
	f.hook(`set -- "$(pwd)" "$2"`)
	lines, err := f.verify(true)
	if !errors.Is(err, ErrNotReproducible) || !strings.HasPrefix(lines[len(lines)-1], "FAIL  twice riscv64") {
		t.Errorf("%v, lines %q", err, lines)
	}
	if _, err := f.verify(false); err != nil {
		t.Errorf("built once: %v", err)
	}
}

// Of the compiler's warnings only those about patched files count.
func TestVerifyWarnings(t *testing.T) {
	f := newVerify(t, diffOf("kernel/three.c", threeOld, "1\n"), diffOf("include/linux/shared.h", sharedOld, "int x;\n"))
	f.hook(`echo "../kernel/beside.c:1:2: warning: old"
if [ $1 = obj5 ]; then echo "../include/linux/shared.h:1:2: warning: new"; fi`)
	f.buildVariant(Stock)
	lines, err := f.verify(false)
	want := "FAIL  build riscv64 faults/0001-f.patch: the compiler warns:\n  ../include/linux/shared.h:1:2: warning: new"
	if !errors.Is(err, ErrWarning) || len(lines) != 6 || lines[5] != want {
		t.Errorf("%v, lines %q", err, lines)
	}
}

func TestVerifySkips(t *testing.T) {
	f := newVerify(t, diffOf("kernel/three.c", threeOld, "1\n"), diffOf("include/linux/shared.h", sharedOld, "int x;\n"))
	f.write(filepath.Join(f.tree, "kernel/three.c"), []byte("has_it\n"))
	lines, err := f.verify(false)
	want := "ok    apply patches/0001-p.patch: skipped: kernel/three.c of Linux 6.12.999 has has_it already"
	if err != nil || lines[0] != want {
		t.Errorf("%v, lines %q, want %q", err, lines, want)
	}
}

func TestCheckStyleBroken(t *testing.T) {
	f := newVerify(t, "", "")
	src := &source{dir: f.tree}
	if err := checkStyle(t.Context(), src, patch{name: "p/x.patch", text: "BREAKS\n"}); err == nil || !strings.Contains(err.Error(), "it broke") {
		t.Errorf("a checkpatch.pl that fails: %v", err)
	}
	if err := os.Remove(filepath.Join(f.tree, "scripts/checkpatch.pl")); err != nil {
		t.Fatal(err)
	}
	if err := checkStyle(t.Context(), src, patch{name: "p/x.patch", text: "fine\n"}); err == nil || errors.Is(err, ErrStyle) {
		t.Errorf("no checkpatch.pl: %v", err)
	}
}

// TestComplete adds documentation to a tree that was unpacked without it.
func TestComplete(t *testing.T) {
	f := newFake(t)
	const doc, kept = "Documentation/userspace-api/other.rst", "Documentation/userspace-api/seccomp_filter.rst"
	writeTexts(t, f.tree, map[string]string{doc: "text\n", kept: "kept\n", "scripts/checkpatch.pl": checkpatchFake})
	f.pack()
	withPatches(t, diffOf(doc, "text\n", "better\n"), diffOf("include/linux/shared.h", sharedOld, "int x;\n"))
	stock := f.buildVariant(Stock)
	f.compiled()
	src, err := f.source(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	if fileExists(filepath.Join(src.dir, doc)) {
		t.Fatalf("%s was unpacked", doc)
	}
	if !fileExists(filepath.Join(src.dir, kept)) {
		t.Fatalf("%s was not unpacked", kept)
	}
	if lines, err := f.verify(false); err != nil {
		t.Fatalf("%v: %q", err, lines)
	}
	f.wantCompiled("obj4", "obj5")
	if text, err := os.ReadFile(filepath.Join(src.dir, doc)); err != nil || string(text) != "text\n" {
		t.Errorf("the source holds %q, %v", text, err)
	}
	if again := f.buildVariant(Stock); *again != *stock {
		t.Errorf("stock was %+v, is %+v", stock, again)
	}
}

func TestKeptDocs(t *testing.T) {
	for name, want := range map[string]bool{
		"Documentation/userspace-api/seccomp_filter.rst": true, "Documentation/Kconfig": true,
		"Documentation/userspace-api/landlock.rst": false, "kernel/seccomp.c": true, "sound/core/init.c": false, "sound/Kconfig": true,
	} {
		if got := needed(name); got != want {
			t.Errorf("%s: unpacked %v, want %v", name, got, want)
		}
	}
}
