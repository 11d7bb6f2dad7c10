package kernel

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// TestHidden has an object that reaches a patched header by way of a
// directory that is a link.
func TestHidden(t *testing.T) {
	v := newView(t)
	over := texts(map[string]string{"kernel/a.c": "A\n", "include/linux/h.h": "H\n"})
	v.show(over)
	writeTexts(t, v.tree.out(), map[string]string{
		// As fixdep writes it.
		"kernel/sched/.core.o.cmd": "savedcmd_kernel/sched/core.o := gcc ../kernel/sched/core.c\n\n" +
			"source_kernel/sched/core.o := ../kernel/sched/core.c\n\ndeps_kernel/sched/core.o := \\\n" +
			"  ../kernel/sched/../a.c \\\n  ../kernel/sched/../b.c \\\n  ../include/linux/h.h \\\n",
		"mm/.m.o.cmd":        "deps_mm/m.o := \\\n  ../mm/../include/linux/h.h \\\n    $(wildcard include/config/X) \\\n",
		"include/.h.o.cmd":   "deps_x := \\\n  ../include/linux/../linux/h.h \\\n", // both are real
		"kernel/.gone.o.cmd": "deps_x := \\\n  /usr/include/../include/linux/h.h \\\n",
	})
	files, open, err := v.tree.hidden(over)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff([]string{"include/linux/h.h", "kernel/a.c"}, files); diff != "" {
		t.Errorf("files (-want +got):\n%s", diff)
	}
	if diff := cmp.Diff([]string{"kernel/sched", "mm"}, open); diff != "" {
		t.Errorf("directories (-want +got):\n%s", diff)
	}
	if err := v.tree.show(v.src, over, open...); err != nil {
		t.Fatal(err)
	}
	v.want(map[string]string{"kernel/a.c": "A\n", "include/linux/h.h": "H\n"}, "include/linux/h.h", "kernel/a.c")
	for range 2 { // they stay open
		if files, open, err := v.tree.hidden(over); err != nil || files != nil || open != nil {
			t.Errorf("still hidden: %q, %q, %v", files, open, err)
		}
		v.show(over)
	}
	if to, err := os.Readlink(filepath.Join(v.tree.dir, "kernel/sched/core.c")); err != nil || to != filepath.Join(v.src.dir, "kernel/sched/core.c") {
		t.Errorf("kernel/sched/core.c is %q, %v", to, err)
	}
}
