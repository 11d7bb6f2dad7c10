package kernel

import (
	"errors"
	"maps"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// TestSelftestsReal builds the programs, or takes them out of the cache.
func TestSelftestsReal(t *testing.T) {
	eachArch(t, func(t *testing.T, arch string) {
		b := &Builder{Progress: logProgress{t}}
		programs, err := b.Selftests(t.Context(), archByName[arch])
		if err != nil {
			t.Fatal(err)
		}
		names := slices.Sorted(maps.Keys(programs))
		for _, want := range []string{"seccomp_benchmark", "seccomp_bpf"} {
			if !slices.Contains(names, want) {
				t.Errorf("%s is not among %q", want, names)
			}
		}
		for _, path := range programs {
			if err := checkInit(path, archByName[arch]); err != nil {
				t.Error(err)
			}
		}
		steps := new(recorder)
		b.Progress = steps
		again, err := b.Selftests(t.Context(), archByName[arch])
		if diff := cmp.Diff(programs, again); err != nil || diff != "" || steps.steps != nil {
			t.Errorf("again: %v, did %q (-first +second):\n%s", err, steps.steps, diff)
		}
	})
}

func TestUserHash(t *testing.T) {
	text := func(s string) *overlayFile { return &overlayFile{text: []byte(s)} }
	same := []overlay{nil, {}, {"kernel/seccomp.c": text("1")}, {"kernel/seccomp.c": nil, "include/linux/seccomp.h": text("1")}}
	for _, over := range same[1:] {
		if over.userHash() != same[0].userHash() {
			t.Errorf("%v changes programs", over)
		}
	}
	seen := map[string]overlay{same[0].userHash(): nil}
	for _, over := range []overlay{
		{"include/uapi/linux/seccomp.h": text("1")}, {"include/uapi/linux/seccomp.h": text("2")}, {"include/uapi/linux/seccomp.h": text("")},
		{"include/uapi/linux/seccomp.h": nil}, {"arch/arm64/include/uapi/asm/unistd.h": text("1")}, {"tools/testing/selftests/lib.mk": text("1")},
	} {
		if old, ok := seen[over.userHash()]; ok {
			t.Errorf("one hash for %v and %v", old, over)
		}
		seen[over.userHash()] = over
	}
}

func TestFindLibrary(t *testing.T) {
	if err := (Tool{"gcc:libc.a", "libc6-dev", ""}).Find(); err != nil {
		t.Error(err)
	}
	for _, name := range []string{"gcc:libnone.a", "none-gcc:libc.a"} {
		var missing *ErrMissingTool
		if err := (Tool{name, "some-package", ""}).Find(); !errors.As(err, &missing) || !strings.Contains(err.Error(), "apt-get install some-package") {
			t.Errorf("%s: %v, want an ErrMissingTool", name, err)
		}
	}
}
