package kernel

import (
	"context"
	"errors"
	"flag"
	"io/fs"
	"math/rand/v2"
	"os"
	"path/filepath"
	"testing"
	"time"
)

var (
	damageN    = flag.Int("damage.n", 24, "TestDamage: how often something in the cache is damaged")
	damageSeed = flag.Uint64("damage.seed", 1, "TestDamage: seed of it")
)

// harms are what a disk, or somebody, can do to a file.
var harms = []struct {
	name string
	do   func(*rand.Rand, []byte) []byte // nil is no file
}{
	{"bit", func(r *rand.Rand, b []byte) []byte { b[r.IntN(len(b))] ^= 1 << r.IntN(8); return b }},
	{"byte", func(r *rand.Rand, b []byte) []byte { b[r.IntN(len(b))] = byte(r.Uint32()); return b }},
	{"digit", digit},
	{"zeros", func(r *rand.Rand, b []byte) []byte {
		at := r.IntN(len(b))
		clear(b[at:min(len(b), at+1+r.IntN(512))])
		return b
	}},
	{"cut", func(r *rand.Rand, b []byte) []byte { return b[:r.IntN(len(b))] }},
	{"longer", func(r *rand.Rand, b []byte) []byte { return append(b, byte(r.Uint32())) }},
	{"removed", func(*rand.Rand, []byte) []byte { return nil }},
}

// digit changes one, which leaves a text that can be read.
func digit(r *rand.Rand, b []byte) []byte {
	for range 1000 {
		if i := r.IntN(len(b)); b[i] >= '0' && b[i] <= '9' {
			b[i] = '0' + (b[i]-'0'+1+byte(r.IntN(9)))%10
			break
		}
	}
	return b
}

// filesOf lists the files below dir.
func filesOf(t *testing.T, dir string) (files []string) {
	t.Helper()
	err := filepath.WalkDir(dir, func(path string, d fs.DirEntry, err error) error {
		if err == nil && !d.IsDir() {
			files = append(files, path)
		}
		return err
	})
	if err != nil || len(files) == 0 {
		t.Fatalf("files of %s: %q, %v", dir, files, err)
	}
	return files
}

// TestDamage harms a random file of a kernel in the cache in a random way. What is
// then taken for that kernel is it to the last bit, and so is what results say of it.
func TestDamage(t *testing.T) {
	built := newFake(t)
	built.pack()
	image := built.build()
	file := writeDeb(t, distribution(t))
	unpacked := &Builder{CacheDir: t.TempDir()}
	foreign, err := unpacked.OpenPackage(t.Context(), file, fakeArch)
	if err != nil {
		t.Fatal(err)
	}
	for _, tt := range []struct {
		name string
		want *Image
		b    *Builder
		get  func(context.Context, *Builder) (*Image, error) // of what is there
		mend func(context.Context, *Builder) (*Image, error)
	}{
		{"built", image, built.Builder,
			func(_ context.Context, b *Builder) (*Image, error) { return b.Lookup(fakeArch, Stock) },
			func(ctx context.Context, b *Builder) (*Image, error) { return b.Build(ctx, fakeArch, Stock) }},
		{"unpacked", foreign, unpacked,
			func(ctx context.Context, b *Builder) (*Image, error) { return b.OpenPackage(ctx, file, fakeArch) },
			func(ctx context.Context, b *Builder) (*Image, error) { return b.OpenPackage(ctx, file, fakeArch) }},
	} {
		t.Run(tt.name, func(t *testing.T) {
			r := rand.New(rand.NewPCG(*damageSeed, 0)) //nolint:gosec // G404: not for secrets
			refused, fine := 0, 0
			dir := filepath.Dir(tt.want.Path)
			for range *damageN {
				files := filesOf(t, dir)
				path, harm := files[r.IntN(len(files))], harms[r.IntN(len(harms))]
				b, err := os.ReadFile(path)
				if err != nil {
					t.Fatal(err)
				}
				if b = harm.do(r, b); b == nil {
					err = os.Remove(path)
				} else {
					err = os.WriteFile(path, b, 0o644)
				}
				// Somebody's clock may have been anywhere.
				when := time.Unix(r.Int64N(1<<33), 0)
				if err = errors.Join(err, os.Chtimes(dir, when, when)); err != nil {
					t.Fatal(err)
				}
				img, err := tt.get(t.Context(), tt.b)
				switch {
				case err != nil && !errors.Is(err, ErrNotBuilt):
					t.Fatalf("%s of %s: %v, want ErrNotBuilt", harm.name, path, err)
				case err != nil:
					refused++
					if img, err = tt.mend(t.Context(), tt.b); err != nil {
						t.Fatalf("%s of %s: built again: %v", harm.name, path, err)
					}
				default:
					fine++
				}
				if *img != *tt.want {
					t.Fatalf("%s of %s: %+v, want %+v", harm.name, path, img, tt.want)
				}
				if sum, err := FileSHA256(img.Path); err != nil || sum != tt.want.SHA256 {
					t.Fatalf("%s of %s: the image's SHA-256 is %s, %v", harm.name, path, sum, err)
				}
				if err := checkUnpacked(dir); err != nil && tt.want == foreign { // modules, too
					t.Fatalf("%s of %s: %v", harm.name, path, err)
				}
			}
			t.Logf("%d times damaged: %d times refused and built again, %d times of no consequence or mended at once; never was another kernel taken", *damageN, refused, fine)
		})
	}
}
