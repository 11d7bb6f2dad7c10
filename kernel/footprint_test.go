package kernel

import (
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// messageOf is a patch's message with a trailer.
func messageOf(mechanism string) string {
	return "Subject: [PATCH] x\n\nReasons.\n\nUnotify-mechanism: " + mechanism + "\n---\n x | 1 +\n\n"
}

func TestFootprints(t *testing.T) {
	series := []patch{
		{name: "p/1", text: messageOf("inject") + diffOf("kernel/seccomp.c", "a\nb\n", "a\nc\nd\n") + diffOf("include/uapi/linux/seccomp.h", "", "x\n")},
		{name: "p/2", text: messageOf("shared") + diffOf("arch/x86/include/asm/syscall.h", "", "1\n2\n3\n")},
		{name: "p/3", text: messageOf("inject") + diffOf("kernel/seccomp.c", "d\n", "e\n") +
			diffOf("Documentation/userspace-api/seccomp_filter.rst", "", "1\n2\n") + diffOf("tools/testing/selftests/seccomp/seccomp_bpf.c", "1\n", "")},
	}
	want := []Footprint{
		{Mechanism: "shared", Patches: 1, Code: Lines{3, 0, []string{"arch/x86/include/asm/syscall.h"}}},
		{Mechanism: "inject", Patches: 2,
			Code:  Lines{5, 3, []string{"include/uapi/linux/seccomp.h", "kernel/seccomp.c"}},
			Docs:  Lines{2, 0, []string{"Documentation/userspace-api/seccomp_filter.rst"}},
			Tests: Lines{0, 1, []string{"tools/testing/selftests/seccomp/seccomp_bpf.c"}},
		},
	}
	got, err := footprints(series)
	if diff := cmp.Diff(want, got); err != nil || diff != "" {
		t.Errorf("%v (-want +got):\n%s", err, diff)
	}
	both := got[0].Code.Plus(got[1].Code)
	if both.Added != 8 || both.Removed != 3 || len(both.Files) != 3 {
		t.Errorf("together: %+v", both)
	}
	if diff := cmp.Diff([]string{"arch", "include", "kernel"}, both.Dirs()); diff != "" {
		t.Errorf("directories (-want +got):\n%s", diff)
	}
}

func TestFootprintOfNobody(t *testing.T) {
	for _, text := range []string{"", messageOf("injekt")} {
		_, err := footprints([]patch{{name: "patches/0001-x.patch", text: text + diffOf("kernel/a.c", "a\n", "b\n")}})
		if err == nil || !strings.Contains(err.Error(), "patches/0001-x.patch: Unotify-mechanism is ") {
			t.Errorf("%q: %v, want the patch and the trailer to be named", text, err)
		}
	}
}

// TestRealFootprint holds the series to its promise: nothing in fs/, net/ and
// lib/, and in mm/ only if there is no other way, which is to be argued here.
func TestRealFootprint(t *testing.T) {
	all, err := Footprints()
	if err != nil {
		t.Fatal(err)
	}
	for _, fp := range all {
		for _, dir := range fp.Code.Dirs() {
			if !slices.Contains([]string{"kernel", "include", "arch"}, dir) {
				t.Errorf("%s touches %s/: %q", fp.Mechanism, dir, fp.Code.Files)
			}
		}
	}
}
