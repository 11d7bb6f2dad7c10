// Package main_test tests what concerns the module as a whole.
package main_test

import (
	"bytes"
	"encoding/json"
	"io"
	"os"
	"os/exec"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

const module = "unotify-bench"

// row is what a package, and beyond that its tests, may import beside the
// standard library and itself. A trailing / is everything below, and the
// package itself.
type row struct{ imports, tests []string }

// graph is ARCHITECTURE.md's picture: calls go down only. The linter reports
// the same (depguard in .golangci.yml) where somebody types; this test needs
// no linter. A package that is not here has not found its place yet.
var graph = map[string]row{
	"abi":         {nil, []string{"abi/", cmpPkg, "internal/leak", xsys}},
	"abi/amd64":   {[]string{"abi"}, []string{cmpPkg}},
	"abi/arm64":   {[]string{"abi"}, []string{cmpPkg}},
	"abi/riscv64": {[]string{"abi"}, []string{cmpPkg}},

	// Not facts but code: whoever may import the facts may not import it.
	suiteDir: {[]string{"abi/", "asmstubs", "internal/notify", "internal/tempdir", xsys}, []string{cmpPkg, "golang.org/x/arch/", "internal/leak"}},

	// The wire ABI as a program: a leaf.
	modelDir: {nil, []string{cmpPkg, xsys}},
	fuzzDir:  {[]string{"abi", modelDir, "asmstubs", "internal/complaint", "internal/notify", "internal/tempdir", xsys}, []string{cmpPkg, "internal/leak"}},

	// A leaf: a porter lifts it out as it is.
	"asmstubs": {nil, []string{"abi/", cmpPkg, xsys}},

	"internal/notify": {[]string{"abi/", "asmstubs", xsys, "golang.org/x/net/bpf"}, []string{cmpPkg, "internal/leak"}},
	"bench/workload":  {[]string{"abi", "asmstubs", "internal/lazy", "internal/notify", "internal/tempdir", xsys}, []string{cmpPkg, "internal/leak"}},
	"bench":           {[]string{"abi", "asmstubs", "internal/notify", "internal/tempdir", xsys}, []string{"abi/", cmpPkg, "internal/leak"}},

	// Knows nothing of what guests do, and is the only one to know QEMU.
	"kernel": {
		[]string{"abi/", "internal/complaint", "internal/lazy", "internal/tempdir", xsys, "github.com/hugelgupf/vmtest/", "github.com/u-root/u-root/pkg/cpio", "github.com/cavaliergopher/cpio"},
		[]string{"abi/", cmpPkg, cmpPkg + "/cmpopts", "github.com/google/rpmpack", "internal/leak"},
	},
	// Programs that kernel's tests run in guests.
	"kernel/testdata/again": {[]string{"kernel"}, nil},
	"kernel/testdata/guest": {[]string{"kernel", xsys}, nil},

	// Knows nothing of Linux.
	"internal/report": {[]string{"abi/", "internal/figure", "golang.org/x/perf/"}, []string{cmpPkg, "internal/golden", "internal/leak"}},
	// A leaf: knows nothing of what it draws.
	"internal/figure": {
		[]string{"internal/lazy", "github.com/ajstarks/svgo/float", "git.sr.ht/~sbinet/gg", "golang.org/x/image/font/"},
		[]string{cmpPkg, "internal/leak"},
	},

	// Knows nothing of QEMU, nor of Linux but what functions are called.
	"internal/profile":   {[]string{"github.com/ajstarks/svgo", "github.com/google/pprof/profile"}, []string{cmpPkg, "internal/golden", "internal/leak"}},
	"internal/lazy":      {nil, nil},
	"internal/complaint": {[]string{"internal/lazy"}, nil},
	// A leaf: who makes files for a while is everywhere.
	"internal/tempdir": {[]string{xsys}, []string{cmpPkg, "internal/leak"}},
	"internal/lava":    {[]string{"internal/lazy"}, []string{cmpPkg, "internal/figure", "internal/golden", "results/lengths", "internal/leak"}},
	// How long checks took: a committed result that is compiled in. A leaf.
	"results/lengths": {nil, nil},
	// Only tests import it.
	"internal/golden": {[]string{cmpPkg}, nil},
	"internal/leak":   {[]string{"go.uber.org/goleak", xsys}, nil},

	"cmd/unotify-bench": {
		[]string{
			"abi/", suiteDir, modelDir, fuzzDir, "bench", "bench/workload", "internal/figure", "internal/lava", "internal/lazy", "internal/notify", "internal/profile", "internal/report", "internal/tempdir", "kernel", "asmstubs", "results/lengths",
			"github.com/spf13/cobra", "github.com/spf13/pflag", "github.com/vbauerster/mpb/v8/",
			"golang.org/x/perf/", "golang.org/x/sync/", xsys, "golang.org/x/term",
			"gonum.org/v1/gonum/mathext",
		},
		[]string{cmpPkg, "internal/leak", "github.com/rogpeppe/go-internal/testscript"},
	},

	".": {nil, []string{cmpPkg, "internal/report"}},
}

const (
	cmpPkg = "github.com/google/go-cmp/cmp"
	xsys   = "golang.org/x/sys/unix"

	suiteDir = "abi/suite"
	modelDir = "abi/model"
	fuzzDir  = "abi/fuzz"
)

// vague are names that say nothing, and so end up holding anything.
var vague = []string{"util", "utils", "common", "helper", "helpers", "types", "misc"}

// pkg is a package as go list tells it.
type pkg struct {
	ImportPath, Name                   string
	Imports, TestImports, XTestImports []string
}

// list asks go for the module's packages as built for one architecture.
func list(t *testing.T, goarch string) []pkg {
	t.Helper()
	cmd := exec.Command("go", "list", "-json=ImportPath,Name,Imports,TestImports,XTestImports", "./...", "./kernel/testdata/again", "./kernel/testdata/guest")
	cmd.Env = append(os.Environ(), "GOOS=linux", "GOARCH="+goarch)
	var errs bytes.Buffer
	cmd.Stderr = &errs
	out, err := cmd.Output()
	if err != nil {
		t.Fatalf("%v: %v\n%s", cmd, err, &errs)
	}
	var pkgs []pkg
	for d := json.NewDecoder(bytes.NewReader(out)); ; {
		var p pkg
		err := d.Decode(&p)
		if err == io.EOF {
			return pkgs
		}
		if err != nil {
			t.Fatalf("%v: %v", cmd, err)
		}
		pkgs = append(pkgs, p)
	}
}

// offences lists what is wrong with p by graph.
func offences(p pkg) []string {
	if slices.Contains(vague, p.Name) {
		return []string{p.ImportPath + ": the name " + p.Name + " says nothing"}
	}
	name := strings.TrimPrefix(p.ImportPath, module+"/")
	if p.ImportPath == module {
		name = "."
	}
	r, ok := graph[name]
	if !ok {
		return []string{p.ImportPath + " has no row in graph, imports_test.go; one in .golangci.yml and ARCHITECTURE.md is due too"}
	}
	var bad []string
	check := func(from string, imports, allowed []string) {
		for _, i := range imports {
			own := strings.TrimPrefix(i, module+"/")
			first, _, _ := strings.Cut(i, "/")
			std := own == i && !strings.Contains(first, ".")
			if !std && i != p.ImportPath && !slices.ContainsFunc(allowed, func(a string) bool {
				return own == a || strings.HasSuffix(a, "/") && strings.HasPrefix(own+"/", a) && !slices.Contains([]string{suiteDir, modelDir, fuzzDir}, own)
			}) {
				bad = append(bad, from+" imports "+i)
			}
		}
	}
	check(p.ImportPath, p.Imports, r.imports)
	check(p.ImportPath+"'s test", slices.Concat(p.TestImports, p.XTestImports), slices.Concat(r.imports, r.tests))
	return bad
}

// TestImports looks at every import of the module, for every architecture
// that has files of its own.
func TestImports(t *testing.T) {
	seen := map[string]bool{}
	for _, goarch := range []string{"amd64", "arm64", "riscv64"} {
		for _, p := range list(t, goarch) {
			seen[p.ImportPath] = true
			for _, o := range offences(p) {
				t.Errorf("GOARCH=%s: %s", goarch, o)
			}
		}
	}
	for name := range graph {
		if p := strings.TrimSuffix(module+"/"+name, "/."); !seen[p] {
			t.Errorf("graph has a row for %s, which is no package", p)
		}
	}
}

// TestImportsBite shows offences that are caught, one row a prohibition.
func TestImportsBite(t *testing.T) {
	const vmtest = "github.com/hugelgupf/vmtest/qemu"
	for _, tt := range []struct {
		p    pkg
		want string // "" is allowed
	}{
		{pkg{ImportPath: "unotify-bench/abi", Imports: []string{"unsafe", "encoding/binary"}}, ""},
		{pkg{ImportPath: "unotify-bench/abi", Imports: []string{xsys}}, "unotify-bench/abi imports " + xsys},
		{pkg{ImportPath: "unotify-bench/abi", XTestImports: []string{xsys, "unotify-bench/abi", "unotify-bench/abi/arm64"}}, ""},
		{pkg{ImportPath: "unotify-bench/abi", Imports: []string{"unotify-bench/abi/arm64"}}, "unotify-bench/abi imports unotify-bench/abi/arm64"},
		{pkg{ImportPath: "unotify-bench/abi/arm64", Imports: []string{"unotify-bench/abi/amd64"}}, "unotify-bench/abi/arm64 imports unotify-bench/abi/amd64"},
		{pkg{ImportPath: "unotify-bench/kernel", Imports: []string{"unotify-bench/abi/suite"}}, "unotify-bench/kernel imports unotify-bench/abi/suite"},
		{pkg{ImportPath: "unotify-bench/abi/suite", Imports: []string{"unotify-bench/internal/notify", "unotify-bench/abi/arm64"}}, ""},
		{pkg{ImportPath: "unotify-bench/abi/suite", Imports: []string{"unotify-bench/bench"}}, "unotify-bench/abi/suite imports unotify-bench/bench"},
		{pkg{ImportPath: "unotify-bench/abi/model", Imports: []string{"unotify-bench/abi"}}, "unotify-bench/abi/model imports unotify-bench/abi"},
		{pkg{ImportPath: "unotify-bench/abi/suite", Imports: []string{"unotify-bench/abi/model"}}, "unotify-bench/abi/suite imports unotify-bench/abi/model"},
		{pkg{ImportPath: "unotify-bench/asmstubs", Imports: []string{"unotify-bench/abi"}}, "unotify-bench/asmstubs imports unotify-bench/abi"},
		{pkg{ImportPath: "unotify-bench/asmstubs", TestImports: []string{"unotify-bench/abi"}}, ""},
		{pkg{ImportPath: "unotify-bench/internal/notify", Imports: []string{"unotify-bench/bench"}}, "unotify-bench/internal/notify imports unotify-bench/bench"},
		{pkg{ImportPath: "unotify-bench/bench", Imports: []string{"unotify-bench/kernel"}}, "unotify-bench/bench imports unotify-bench/kernel"},
		{pkg{ImportPath: "unotify-bench/kernel", Imports: []string{"unotify-bench/internal/notify"}}, "unotify-bench/kernel imports unotify-bench/internal/notify"},
		{pkg{ImportPath: "unotify-bench/kernel", Imports: []string{vmtest}}, ""},
		{pkg{ImportPath: "unotify-bench/cmd/unotify-bench", Imports: []string{vmtest}}, "unotify-bench/cmd/unotify-bench imports " + vmtest},
		{pkg{ImportPath: "unotify-bench/cmd/unotify-bench", TestImports: []string{vmtest}}, "unotify-bench/cmd/unotify-bench's test imports " + vmtest},
		{pkg{ImportPath: "unotify-bench/internal/report", Imports: []string{xsys}}, "unotify-bench/internal/report imports " + xsys},
		{pkg{ImportPath: "unotify-bench/internal/report", Imports: []string{"golang.org/x/perf/benchfmt"}}, ""},
		{pkg{ImportPath: "unotify-bench/internal/figure", Imports: []string{"unotify-bench/internal/report"}}, "unotify-bench/internal/figure imports unotify-bench/internal/report"},
		{pkg{ImportPath: "unotify-bench/internal/util", Name: "util"}, "unotify-bench/internal/util: the name util says nothing"},
	} {
		var want []string
		if tt.want != "" {
			want = []string{tt.want}
		}
		if diff := cmp.Diff(want, offences(tt.p)); diff != "" {
			t.Errorf("%+v (-want +got):\n%s", tt.p, diff)
		}
	}
	if got := offences(pkg{ImportPath: "unotify-bench/internal/new"}); len(got) != 1 || !strings.Contains(got[0], "no row in graph") {
		t.Errorf("a package without a row: %q", got)
	}
}
