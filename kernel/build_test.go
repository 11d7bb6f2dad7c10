package kernel

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"unotify-bench/abi"
)

var allObjects = []string{"obj0", "obj1", "obj2", "obj3", "obj4", "obj5", "obj6", "obj7", "obj8", "obj9"}

func (f *fake) build() *Image {
	f.t.Helper()
	img, err := f.Build(f.t.Context(), fakeArch, Stock)
	if err != nil {
		f.t.Fatal(err)
	}
	return img
}

func (f *fake) wantCompiled(want ...string) {
	f.t.Helper()
	if diff := cmp.Diff(want, f.compiled(), cmpopts.EquateEmpty()); diff != "" {
		f.t.Errorf("compiled (-want +got):\n%s", diff)
	}
}

func TestBuildAndLookup(t *testing.T) {
	f := newFake(t)
	f.pack()
	if _, err := f.Lookup(fakeArch, Stock); !errors.Is(err, ErrNotBuilt) {
		t.Fatalf("Lookup before Build: %v, want ErrNotBuilt", err)
	}
	img := f.build()
	f.wantCompiled(allObjects...)
	if img.Release != "6.12.999+unotify" || img.Arch != fakeArch || img.Variant != Stock {
		t.Errorf("built %+v", img)
	}
	if got := f.rec.done[len(f.rec.done)-1]; got[0] != got[1] {
		t.Errorf("progress ended with %d of %d", got[0], got[1])
	}
	looked, err := f.Lookup(fakeArch, Stock)
	if err != nil {
		t.Fatal(err)
	}
	for what, again := range map[string]*Image{"Build": f.build(), "Lookup": looked} {
		if *again != *img {
			t.Errorf("%s gave %+v, then %+v", what, img, again)
		}
	}
	f.wantCompiled()
	list, err := f.List()
	if err != nil || len(list) != 1 || list[0].SHA256 != img.SHA256 || list[0].Units != 11 {
		t.Errorf("List: %+v, %v", list, err)
	}
}

// The image of a fake kernel holds what a real one does of time, user, host
// and counter.
func TestSameInputsSameImage(t *testing.T) {
	a, b := newFake(t), newFake(t)
	a.pack()
	b.Source = a.Source
	if a, b := a.build(), b.build(); a.SHA256 != b.SHA256 || a.Key != b.Key {
		t.Errorf("two cache directories, two images:\n%+v\n%+v", a, b)
	}
}

func TestDirectoryIsAlwaysMade(t *testing.T) {
	f := newFake(t)
	first := f.build()
	f.compiled()
	tree, err := filepath.Glob(filepath.Join(f.CacheDir, "object", "*", "o", "obj4.o"))
	if err != nil || len(tree) != 1 {
		t.Fatal(tree, err)
	}
	if err := os.Remove(tree[0]); err != nil {
		t.Fatal(err)
	}
	if again := f.build(); again.SHA256 != first.SHA256 {
		t.Errorf("built %s, then %s", first.SHA256, again.SHA256)
	}
	f.wantCompiled("obj4")
}

func TestDamagedEntry(t *testing.T) {
	rows := []struct {
		name string
		file string
		harm func([]byte) []byte
	}{
		{"flipped bit", kernelFile, func(b []byte) []byte { b[100] ^= 1; return b }},
		{"truncated", kernelFile, func(b []byte) []byte { return b[:len(b)/2] }},
		{"empty", kernelFile, func(b []byte) []byte { return nil }},
		{"broken description", entryFile, func(b []byte) []byte { return b[:len(b)/2] }},
		{"empty description", entryFile, func(b []byte) []byte { return nil }},
	}
	for _, row := range rows {
		t.Run(row.name, func(t *testing.T) {
			f := newFake(t)
			f.pack()
			img := f.build()
			path := filepath.Join(filepath.Dir(img.Path), row.file)
			b, err := os.ReadFile(path)
			if err != nil {
				t.Fatal(err)
			}
			f.write(path, row.harm(b))
			if _, err := f.Lookup(fakeArch, Stock); !errors.Is(err, ErrNotBuilt) {
				t.Errorf("Lookup: %v, want ErrNotBuilt", err)
			}
			if again := f.build(); *again != *img {
				t.Errorf("built %+v, then %+v", img, again)
			}
			if !f.rec.logged("damaged", filepath.Dir(img.Path)) {
				t.Errorf("nothing was said: %q", f.rec.logs)
			}
			if _, err := f.Lookup(fakeArch, Stock); err != nil {
				t.Errorf("Lookup afterwards: %v", err)
			}
		})
	}
}

func TestInterruptedBuildGoesOn(t *testing.T) {
	f := newFake(t)
	pidFile := filepath.Join(t.TempDir(), "pid")
	// The third compilation hangs in a grandchild of make, as a compiler's
	// cc1 is one.
	f.hook("if [ $1 = obj2 ] && [ ! -e " + pidFile + " ]; then sleep 1000 & echo $! > " + pidFile + ".new; mv " + pidFile + ".new " + pidFile + "; wait; fi")
	ctx, cancel := context.WithCancel(t.Context())
	failed := make(chan error)
	go func() {
		_, err := f.Build(ctx, fakeArch, Stock)
		failed <- err
	}()
	pid := awaitPid(t, pidFile)
	cancel()
	if err := <-failed; !errors.Is(err, context.Canceled) {
		t.Fatalf("interrupted build: %v, want context.Canceled", err)
	}
	for alive(pid) {
		if t.Context().Err() != nil {
			t.Fatalf("process %d outlived its build", pid)
		}
		time.Sleep(time.Millisecond)
	}
	if _, err := f.Lookup(fakeArch, Stock); !errors.Is(err, ErrNotBuilt) {
		t.Errorf("Lookup after interruption: %v, want ErrNotBuilt", err)
	}
	f.wantCompiled(allObjects[:3]...)
	f.build()
	f.wantCompiled(allObjects[2:]...)
	if first := f.rec.done[0][0]; first != 3 {
		t.Errorf("progress went on at %d units, want 3", first)
	}
}

func awaitPid(t *testing.T, file string) int {
	t.Helper()
	for t.Context().Err() == nil {
		if text, err := os.ReadFile(file); err == nil {
			pid, err := strconv.Atoi(strings.TrimSpace(string(text)))
			if err != nil {
				t.Fatal(err)
			}
			return pid
		}
		time.Sleep(time.Millisecond)
	}
	t.Fatalf("%s did not appear", file)
	return 0
}

// alive tells whether a process runs. A zombie, which waits for init to
// collect it, does not.
func alive(pid int) bool {
	if syscall.Kill(pid, 0) != nil {
		return false
	}
	stat, err := os.ReadFile("/proc/" + strconv.Itoa(pid) + "/stat")
	return err == nil && !strings.Contains(string(stat), ") Z ")
}

func TestBuildFails(t *testing.T) {
	f := newFake(t)
	f.hook("if [ $1 = obj5 ]; then echo 'obj5.c:1: error: no such luck' >&2; exit 1; fi")
	_, err := f.Build(t.Context(), fakeArch, Stock)
	if err == nil || !strings.Contains(err.Error(), "no such luck") || !strings.Contains(err.Error(), "riscv64 stock") {
		t.Errorf("Build: %v, want the compiler's words and what was built", err)
	}
	if list, err := f.List(); len(list) != 0 || err != nil {
		t.Errorf("List: %v, %v", list, err)
	}
}

func TestConfigLineWithoutEffect(t *testing.T) {
	f := newFake(t)
	f.write(filepath.Join(f.tree, "dropped"), []byte("CONFIG_SECCOMP_FILTER\nCONFIG_YAMA\n"))
	for range 2 { // also when it is tried again
		_, err := f.Build(t.Context(), fakeArch, Stock)
		if !errors.Is(err, ErrConfig) || !strings.Contains(err.Error(), "CONFIG_SECCOMP_FILTER=y") ||
			strings.Contains(err.Error(), "CONFIG_SECCOMP=y") {
			t.Errorf("Build: %v, want ErrConfig that names CONFIG_SECCOMP_FILTER=y alone", err)
		}
	}
	f.wantCompiled()
}

func TestCacheDirectoryThatMakeRefuses(t *testing.T) {
	for _, name := range []string{"my files", "a:b"} {
		f := newFake(t)
		f.CacheDir = filepath.Join(f.CacheDir, name)
		if _, err := f.Build(t.Context(), fakeArch, Stock); err == nil || !strings.Contains(err.Error(), strconv.Quote(f.CacheDir)) {
			t.Errorf("Build: %v, want %q to be refused", err, f.CacheDir)
		}
		f.wantCompiled()
	}
}

func TestUserEnvironmentStaysOut(t *testing.T) {
	f := newFake(t)
	t.Setenv("MAKEFLAGS", "--no-such-flag")
	t.Setenv("KBUILD_BUILD_USER", "mallory")
	t.Setenv("KCFLAGS", "-O0")
	f.hook(`[ -z "$KCFLAGS" ] && [ $KBUILD_BUILD_USER = unotify ]`)
	f.build()
}

func TestMissingTool(t *testing.T) {
	for _, target := range targets {
		tools := target.buildTools()
		for _, missing := range tools {
			t.Run(target.arch+"/"+missing.Name, func(t *testing.T) {
				bin := t.TempDir()
				for _, tool := range tools {
					// Only gcc is run here, to look for headers: it
					// finds them all but one.
					script := "#!/bin/sh\nread line; [ \"$line\" != '#include " + missing.Name + "' ]\n"
					if tool != missing {
						if err := os.WriteFile(filepath.Join(bin, tool.Name), []byte(script), 0o755); err != nil && tool.Name[0] != '<' {
							t.Fatal(err)
						}
					}
				}
				t.Setenv("PATH", bin)
				b := &Builder{CacheDir: t.TempDir(), Source: t.TempDir()}
				_, err := b.Build(t.Context(), &abi.Arch{Name: target.arch}, Stock)
				// Without gcc no header is found either: the first counts.
				var got *ErrMissingTool
				if !errors.As(err, &got) || got.Tool != missing.Name || got.Package != missing.Package {
					t.Fatalf("Build: %v, want %+v missing", err, missing)
				}
				if !strings.Contains(err.Error(), "apt-get install "+missing.Package) {
					t.Errorf("error does not say what to install: %v", err)
				}
			})
		}
	}
}

func TestNoCompilerButCached(t *testing.T) {
	f := newFake(t)
	f.pack()
	img := f.build()
	t.Setenv("PATH", t.TempDir())
	if again := f.build(); *again != *img {
		t.Errorf("built %+v, then %+v", img, again)
	}
}

func TestUnknown(t *testing.T) {
	f := newFake(t)
	rows := []struct {
		name    string
		arch    *abi.Arch
		variant Variant
		is      error
		say     string
	}{
		{"variant", fakeArch, "stokc", ErrUnknownVariant, "there is stock"},
		{"empty variant", fakeArch, "", ErrUnknownVariant, "there is stock"},
		{"arch", &abi.Arch{Name: "mips"}, Stock, ErrUnknownArch, "there is amd64, arm64, riscv64"},
		{"nil arch", nil, Stock, ErrUnknownArch, "there is amd64"},
	}
	for _, row := range rows {
		t.Run(row.name, func(t *testing.T) {
			_, build := f.Build(t.Context(), row.arch, row.variant)
			_, lookup := f.Lookup(row.arch, row.variant)
			_, config := f.Config(row.arch, row.variant)
			for what, err := range map[string]error{"Build": build, "Lookup": lookup, "Config": config} {
				if !errors.Is(err, row.is) || !strings.Contains(err.Error(), row.say) {
					t.Errorf("%s: %v, want %v and %q", what, err, row.is, row.say)
				}
			}
		})
	}
}

func TestClean(t *testing.T) {
	f := newFake(t)
	f.pack()
	img := f.build()
	if err := f.Clean(t.Context(), Objects, Sources); err != nil {
		t.Fatal(err)
	}
	if again := f.build(); *again != *img {
		t.Errorf("images did not survive: %+v", again)
	}
	f.compiled()
	if err := f.Clean(t.Context()); err != nil {
		t.Fatal(err)
	}
	f.build()
	f.wantCompiled(allObjects...)
}

// Variants of one configuration share an object tree.
func TestSecondVariantCompilesNothingAgain(t *testing.T) {
	f := newFake(t)
	f.pack()
	first := f.build()
	f.compiled()
	old := variants
	t.Cleanup(func() { variants = old })
	variants = append(variants[:1:1], variantSpec{name: "second", doc: "a test's"})
	second, err := f.Build(t.Context(), fakeArch, "second")
	if err != nil {
		t.Fatal(err)
	}
	f.wantCompiled()
	if second.Variant != "second" || second.Key == first.Key || second.SHA256 != first.SHA256 || second.Release != first.Release {
		t.Errorf("built %+v, then %+v", first, second)
	}
	if got := f.rec.done[0]; got != [2]int64{0, 0} {
		t.Errorf("progress began with %v, want nothing known", got)
	}
}

// What a variant tells make is part of what its kernel is made of.
func TestVariantVars(t *testing.T) {
	f := newFake(t)
	f.hook(`[ "$TOLD" = yes ]`)
	f.pack()
	old := variants
	t.Cleanup(func() { variants = old })
	variants = append(variants[:1:1], variantSpec{name: "second", doc: "a test's", vars: []string{"TOLD=yes"}})
	if _, err := f.Build(t.Context(), fakeArch, "second"); err != nil {
		t.Fatal(err)
	}
	variants[1].vars = nil
	if img, err := f.Lookup(fakeArch, "second"); err == nil {
		t.Errorf("%s passes for a kernel without the variable", img.Path)
	}
}

func TestTools(t *testing.T) {
	for _, target := range targets {
		tools := Tools(&abi.Arch{Name: target.arch})
		if last := tools[len(tools)-1]; last != target.qemu {
			t.Errorf("%s: the last tool is %v, want QEMU", target.arch, last)
		}
		for _, tool := range tools {
			if tool.Name == "" || tool.Package == "" || tool.Need == "" {
				t.Errorf("%s: %+v is not complete", target.arch, tool)
			}
		}
	}
	if tools := Tools(&abi.Arch{Name: "mips"}); tools != nil {
		t.Errorf("mips: %v", tools)
	}
}
