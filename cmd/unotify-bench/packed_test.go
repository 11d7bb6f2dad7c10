package main

import (
	"bytes"
	"compress/gzip"
	"encoding/binary"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"unotify-bench/kernel"
)

// TestPackedImages boots kernels as builds and distributions leave them: an Image.gz,
// and what EFI firmware would unpack.
func TestPackedImages(t *testing.T) {
	for _, arch := range arches()[1:] {
		img, err := testKernel(t.Context(), arch, kernel.Patched)
		if err != nil {
			t.Fatal(err)
		}
		image, err := os.ReadFile(img.Path)
		if err != nil {
			t.Fatal(err)
		}
		var packed bytes.Buffer
		z, _ := gzip.NewWriterLevel(&packed, gzip.BestSpeed)
		if _, err := z.Write(image); err != nil {
			t.Fatal(err)
		}
		if err := z.Close(); err != nil {
			t.Fatal(err)
		}
		zboot := make([]byte, 512)
		copy(zboot, "MZ\x00\x00zimg")
		binary.LittleEndian.PutUint32(zboot[8:], uint32(len(zboot)))
		binary.LittleEndian.PutUint32(zboot[12:], uint32(packed.Len()))
		copy(zboot[24:], "gzip")
		for name, b := range map[string][]byte{"Image.gz": packed.Bytes(), "vmlinuz.efi": slices.Concat(zboot, packed.Bytes())} {
			t.Run(arch.Name+"/"+name, func(t *testing.T) {
				needGuests(t, arch.Name)
				file := filepath.Join(t.TempDir(), name)
				if err := os.WriteFile(file, b, 0o644); err != nil {
					t.Fatal(err)
				}
				c := newCommand(t, "abi", "--on", arch.Name, "--kernel", file, "--run", "^wire", "--quiet")
				c.runs(t, exitOK)
				if want := arch.Name + " (Linux " + img.Release + "): 5 checks: 5 pass"; !strings.Contains(c.stdout.String(), want) {
					t.Errorf("%q is not in:\n%s", want, &c.stdout)
				}
			})
		}
	}
}
