package kernel

import (
	"errors"
	"path/filepath"
	"testing"
)

// TestOldEntry: a kernel whose description is of a version that wrote no hash of that
// is taken as it is, as long as its image agrees.
func TestOldEntry(t *testing.T) {
	for _, tt := range []struct {
		name    string
		release string // in the description; "" leaves it as it was
	}{
		{"as it was", ""},
		{"another release", "6.13.1+unotify"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			f := newFake(t)
			f.pack()
			img := f.build()
			f.wantCompiled(allObjects...)
			dir := filepath.Dir(img.Path)
			old := readEntry(dir)
			old.Sum = ""
			if tt.release != "" {
				old.Release = tt.release
			}
			if err := writeJSON(filepath.Join(dir, entryFile), old); err != nil {
				t.Fatal(err)
			}
			got, err := f.Lookup(fakeArch, Stock)
			if tt.release == "" && err != nil || tt.release != "" && !errors.Is(err, errDamaged) {
				t.Errorf("Lookup: %v", err)
			}
			if err == nil && *got != *img {
				t.Errorf("%+v, want %+v", got, img)
			}
			if got := f.build(); *got != *img {
				t.Errorf("built again: %+v, want %+v", got, img)
			}
			f.wantCompiled() // at most there is a new description
			if now := readEntry(dir); (now.Sum == "") != (tt.release == "") {
				t.Errorf("its hash is then %q", now.Sum)
			}
		})
	}
}
