package kernel

import (
	"errors"
	"os"
	"path/filepath"
	"testing"
	"time"
)

// TestClockWasSetBack: objects of the future are not taken for newer than a patch.
func TestClockWasSetBack(t *testing.T) {
	for _, ahead := range []time.Duration{2 * time.Second, time.Hour, 100 * 365 * 24 * time.Hour} {
		f := newFake(t)
		f.pack()
		withPatches(t, diffOf("kernel/three.c", threeOld, "1\n"), diffOf("include/linux/shared.h", sharedOld, "int unshared;\n"))
		f.buildVariant(Stock)
		f.wantCompiled(allObjects...)
		objects, err := filepath.Glob(filepath.Join(f.CacheDir, "object", "*", "o", "obj*.o"))
		if err != nil || len(objects) != len(allObjects) {
			t.Fatalf("%q, %v", objects, err)
		}
		then := time.Now().Add(ahead)
		for _, o := range objects {
			if err := os.Chtimes(o, then, then); err != nil {
				t.Fatal(err)
			}
		}
		f.buildVariant(Patched)
		f.wantCompiled(allObjects...)
		if !f.rec.logged("the clock was set back", "riscv64 patched") {
			t.Errorf("nothing was said: %q", f.rec.logs)
		}
	}
}

// TestClockIsSetBack sets it while objects are made, once and all the time.
func TestClockIsSetBack(t *testing.T) {
	for name, once := range map[string]bool{"once": true, "always": false} {
		t.Run(name, func(t *testing.T) {
			f := newFake(t)
			mark := filepath.Join(t.TempDir(), "mark")
			hook := "if [ $1 = obj6 ] && [ ! -e " + mark + " ]; then touch -d '1 hour' $(dirname $2)/obj5.o; "
			if once {
				hook += "touch " + mark + "; "
			}
			f.hook(hook + "fi")
			f.pack()
			_, err := f.Build(t.Context(), fakeArch, Stock)
			if once && err != nil || !once && !errors.Is(err, ErrClock) {
				t.Errorf("Build: %v", err)
			}
			f.wantCompiled(append(append([]string{}, allObjects...), allObjects...)...)
			if _, err := f.Lookup(fakeArch, Stock); (err == nil) != once {
				t.Errorf("Lookup: %v", err)
			}
		})
	}
}
