package kernel

import (
	"archive/tar"
	"bufio"
	"bytes"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// TestBombs: some kB that unpack to more than there is room for are refused, and
// nothing of them is left.
func TestBombs(t *testing.T) {
	limit(t, &maxImage, 1<<20)
	limit(t, &maxPackage, 1<<20)
	limit(t, &maxTree, 1<<20)
	big := make([]byte, 2<<20)
	copy(big[0x38:], "ARM\x64")

	if _, err := OpenImage(fileOf(t, gzipped(t, big)), nil); !errors.Is(err, ErrNotKernel) || !strings.Contains(err.Error(), "more than 1 MiB unpacked") {
		t.Errorf("an image: %v", err)
	}
	pkg := fileOf(t, debOf("data.tar.gz", gzipped(t, debData(t, "./boot/vmlinuz-6.12", big))))
	dir := filepath.Join(t.TempDir(), "unpacked")
	if err := unpackKernel(t.Context(), pkg, &packed{files: debFiles}, dir); !errors.Is(err, ErrNotKernel) || !strings.Contains(err.Error(), "more than 1 MiB") {
		t.Errorf("a package: %v", err)
	}
	if left, _ := filepath.Glob(dir + "*"); left != nil {
		t.Errorf("a package leaves %q", left)
	}
	for name, h := range map[string]tar.Header{
		"a file":      {Name: "linux/f", Size: 2 << 20},
		"directories": {Name: "linux/" + strings.Repeat("d/", 50), Typeflag: tar.TypeDir},
	} {
		var b bytes.Buffer
		w := tar.NewWriter(&b)
		for range 1 + 300*int(h.Typeflag)/int(tar.TypeDir) {
			if err := w.WriteHeader(&h); err != nil {
				t.Fatal(err)
			}
			if _, err := w.Write(big[:h.Size]); err != nil {
				t.Fatal(err)
			}
		}
		root, err := os.OpenRoot(t.TempDir())
		if err != nil {
			t.Fatal(err)
		}
		defer root.Close()
		if err := unpackTarball(t.Context(), bufio.NewReader(&b), root, needed); !errors.Is(err, ErrNoSource) || !strings.Contains(err.Error(), "unpacked, files or what they hold") {
			t.Errorf("a tree, %s: %v", name, err)
		}
	}
}

// TestImageNames: a release that is none comes to nobody's terminal.
func TestImageNames(t *testing.T) {
	evil := bzImage(1)
	copy(evil[0x1200:], "6.1\x1b[2J\x1b]0;owned\a #1 SMP")
	for name, b := range map[string][]byte{
		"escapes in a bzImage": evil,
		"escapes in an Image":  append(append(make([]byte, 0x38), "ARM\x64"+linuxBanner("6.1\x1b[2J")...), make([]byte, headSize)...),
		"a long one":           append(append(make([]byte, 0x38), "ARM\x64"+linuxBanner("6.1"+strings.Repeat("1", 100))...), make([]byte, headSize)...),
	} {
		if img, err := OpenImage(fileOf(t, b), nil); err != nil || img.Release != "" {
			t.Errorf("%s: %+v, %v", name, img, err)
		}
	}
}

// TestModuleNames: modules that need what is no module's name, or each other.
func TestModuleNames(t *testing.T) {
	for _, tt := range []struct{ mmio, console, want string }{
		{"virtio_console", "virtio_mmio", ""},
		{"virtio_mmio", "", ""},
		{"../../outside", "", `needs "../../outside", which is no module's name`},
		{"a\x1b[2J", "", "no module's name"},
		{strings.Repeat("x", 2<<20), "", "its .modinfo has"},
	} {
		dir := t.TempDir()
		for name, needs := range map[string]string{"mmio": tt.mmio, "console": tt.console} {
			if err := os.WriteFile(filepath.Join(dir, "virtio_"+name+".ko"), moduleFile("depends="+needs), 0o600); err != nil {
				t.Fatal(err)
			}
		}
		err := orderModules(dir)
		if tt.want == "" && err != nil || tt.want != "" && (err == nil || !strings.Contains(err.Error(), tt.want)) {
			t.Errorf("%.40q and %q: %v, want %q", tt.mmio, tt.console, err, tt.want)
		}
	}
}
