package main

import (
	"errors"
	"os"
	"path/filepath"
	"testing"
	"time"
)

// TestClaim is two runs that open one file at once: what the first does comes
// between the second's opening it and its looking whose it is.
func TestClaim(t *testing.T) {
	for _, tt := range []struct {
		name  string
		first func(*ownFile) error
		taken bool  // the second is refused
		again bool  // it has to open the file again
		size  int64 // which it then has, or once it was opened again
	}{
		{"is writing", func(f *ownFile) error { return nil }, true, false, 0},
		{"has ended", func(f *ownFile) error { return f.Close() }, false, false, 0},
		{"is complete", func(f *ownFile) error {
			_, err := f.Write([]byte("row\n"))
			return errors.Join(err, f.Close())
		}, false, false, 4},
		{"gives up", func(f *ownFile) error { f.discard(); return nil }, false, true, 0},
	} {
		t.Run(tt.name, func(t *testing.T) {
			path := filepath.Join(t.TempDir(), "r.txt")
			first, err := claim(path)
			if err != nil {
				t.Fatal(err)
			}
			defer first.Close()
			second := &ownFile{}
			if second.File, err = os.OpenFile(path, os.O_WRONLY, 0); err != nil {
				t.Fatal(err)
			}
			defer second.Close()
			if err := tt.first(first); err != nil {
				t.Fatal(err)
			}
			again, err := second.lock()
			if again != tt.again || errors.Is(err, errTaken) != tt.taken || (err != nil) != tt.taken {
				t.Fatalf("again %v, %v", again, err)
			}
			if tt.again {
				if second, err = claim(path); err != nil {
					t.Fatal(err)
				}
				defer second.Close()
			}
			if second.size != tt.size {
				t.Errorf("%d bytes are there, want %d", second.size, tt.size)
			}
		})
	}
}

// TestByTime: the second run of a millisecond has the name of the next.
func TestByTime(t *testing.T) {
	var names []string
	err := byTime(func(name string) error {
		if names = append(names, name); len(names) < 3 {
			return os.ErrExist
		}
		return nil
	}, os.ErrExist)
	if err != nil || len(names) != 3 || names[0] >= names[1] || names[1] >= names[2] {
		t.Errorf("%q, %v", names, err)
	}
	if at, err := time.Parse("20060102T150405.000Z", names[0]); err != nil || time.Since(at) > time.Hour {
		t.Errorf("the first is that of %v, %v", at, err)
	}
	if err := byTime(func(string) error { return os.ErrPermission }, os.ErrExist); !errors.Is(err, os.ErrPermission) {
		t.Errorf("%v", err)
	}
}
