package kernel

import (
	"archive/tar"
	"bufio"
	"bytes"
	"debug/elf"
	"encoding/binary"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"testing"
)

// fileOf is a file with b in it.
func fileOf(t testing.TB, b []byte) string {
	t.Helper()
	name := filepath.Join(t.TempDir(), "file")
	if err := os.WriteFile(name, b, 0o600); err != nil {
		t.Fatal(err)
	}
	return name
}

// FuzzImage: what an image says goes to terminals, results and command lines.
func FuzzImage(f *testing.F) {
	limit(f, &maxImage, 64<<10)
	pvh := note("Xen\x00", 18)
	for _, b := range [][]byte{
		bzImage(1), bzImage(0), elfKernel(elf.EM_X86_64, pvh, linuxBanner("6.12\x1b[2J")), elfKernel(elf.EM_RISCV, nil, linuxBanner("6.12")),
		append(make([]byte, 0x38), "ARM\x64"+linuxBanner("6.12.1+x")+string(make([]byte, headSize))...),
		gzipped(f, append(make([]byte, 0x38), "ARM\x64"+linuxBanner("6.12.1+x")+string(make([]byte, headSize))...)),
	} {
		f.Add(b)
	}
	plain := regexp.MustCompile(`^[!-~]{0,64}$`)
	f.Fuzz(func(t *testing.T, b []byte) {
		img, err := OpenImage(fileOf(t, b), nil)
		switch {
		case err == nil && (img.Arch == nil || !plain.MatchString(img.Release)):
			t.Errorf("it is of %v, release %q", img.Arch, img.Release)
		case err != nil && !errors.Is(err, ErrNotKernel) && !errors.Is(err, ErrWrongArch):
			t.Errorf("untyped error %v", err)
		case err == nil && len(b) > headSize:
			if img, err := OpenImage(fileOf(t, b[:headSize-1]), nil); err == nil {
				t.Errorf("its first bytes are a kernel, %+v", img)
			}
		}
	})
}

// moduleFile is a module that says of itself what info is.
func moduleFile(info string) []byte {
	const names = "\x00.modinfo\x00.shstrtab\x00"
	var b bytes.Buffer
	h := elf.Header64{
		Type: uint16(elf.ET_REL), Machine: uint16(elf.EM_X86_64), Version: 1,
		Shoff: uint64(64 + len(info) + len(names)), Ehsize: 64, Shentsize: 64, Shnum: 3, Shstrndx: 2,
	}
	copy(h.Ident[:], elf.ELFMAG)
	h.Ident[elf.EI_CLASS], h.Ident[elf.EI_DATA], h.Ident[elf.EI_VERSION] = byte(elf.ELFCLASS64), byte(elf.ELFDATA2LSB), 1
	for _, v := range []any{
		h, []byte(info), []byte(names), elf.Section64{},
		elf.Section64{Name: 1, Type: uint32(elf.SHT_PROGBITS), Off: 64, Size: uint64(len(info))},
		elf.Section64{Name: 10, Type: uint32(elf.SHT_STRTAB), Off: uint64(64 + len(info)), Size: uint64(len(names))},
	} {
		_ = binary.Write(&b, binary.LittleEndian, v) // to memory, of fixed-size values
	}
	return b.Bytes()
}

// FuzzModule: a module needs modules, and says so.
func FuzzModule(f *testing.F) {
	f.Add(moduleFile("license=GPL\x00depends=virtio,virtio-ring\x00"))
	f.Add(moduleFile("depends=../../x"))
	f.Fuzz(func(t *testing.T, b []byte) {
		names, err := moduleDepends(fileOf(t, b))
		if err != nil && names != nil || len(names) > len(b) {
			t.Errorf("%d bytes need %q, %v", len(b), names, err)
		}
		for _, name := range names {
			if filepath.Base(name) != name || len(name) > 60 {
				t.Errorf("it needs %q", name)
			}
		}
	})
}

// FuzzModules: whatever modules say that they need, they are put in an order, or
// refused, and nothing beside them is touched.
func FuzzModules(f *testing.F) {
	f.Add("virtio", "", "virtio_ring,virtio")
	f.Add("virtio_mmio", "virtio_console", "virtio_mmio") // in a circle
	f.Add("../outside", "virtio", "")
	ordered := regexp.MustCompile(`^0[0-2]-virtio_[a-z]+\.ko$`)
	f.Fuzz(func(t *testing.T, mmio, pci, console string) {
		above := t.TempDir()
		dir := filepath.Join(above, "modules")
		outside := filepath.Join(above, "outside.ko")
		must := func(err error) {
			t.Helper()
			if err != nil {
				t.Fatal(err)
			}
		}
		must(os.Mkdir(dir, 0o700))
		must(os.WriteFile(outside, moduleFile(""), 0o600))
		for name, needs := range map[string]string{"mmio": mmio, "pci": pci, "console": console} {
			must(os.WriteFile(filepath.Join(dir, "virtio_"+name+".ko"), moduleFile("depends="+needs), 0o600))
		}
		err := orderModules(dir)
		left, readErr := os.ReadDir(dir)
		must(readErr)
		for _, e := range left {
			if err == nil && !ordered.MatchString(e.Name()) {
				t.Errorf("%s was not put in order", e.Name())
			}
		}
		if _, err := os.Stat(outside); err != nil || len(left) != 3 {
			t.Errorf("of three modules there are %d, and what was beside them: %v", len(left), err)
		}
	})
}

// FuzzPackage unpacks a kernel of anything that begins like a .deb or an .rpm: what
// it takes of the disk is bounded, and lies where it should.
func FuzzPackage(f *testing.F) {
	f.Setenv("PATH", "") // no xz, whose input is its own affair
	limit(f, &maxPackage, 64<<10)
	kernel := []byte("MZ a kernel")
	virtio := moduleFile("depends=virtio")
	f.Add(debOf("data.tar", debData(f, "./boot/vmlinuz-6.12", kernel)))
	f.Add(debOf("data.tar", debData(f, "./lib/virtio.ko", virtio)))
	f.Add(debOf("data.tar.gz", gzipped(f, debData(f, "../../../../vmlinuz", make([]byte, 128<<10)))))
	b, err := os.ReadFile(writeRPM(f, map[string][]byte{"boot/vmlinuz": kernel, "lib/virtio.ko": virtio}, "gzip"))
	if err != nil {
		f.Fatal(err)
	}
	f.Add(b)
	f.Fuzz(func(t *testing.T, b []byte) {
		file := fileOf(t, b)
		open, err := packageReader(file)
		if open == nil || err != nil {
			return
		}
		above := t.TempDir()
		dir := filepath.Join(above, "unpacked")
		err = unpackKernel(t.Context(), file, open, dir)
		total := int64(0)
		walk(t, above, func(name string, info fs.FileInfo) {
			if name == "unpacked/"+sumsFile {
				return // ours
			}
			total += info.Size()
			if ok, _ := filepath.Match("unpacked/modules/*.ko", name); name != "unpacked/"+kernelFile && !ok {
				t.Errorf("%q was unpacked", name)
			}
		})
		if total > maxPackage || err != nil && total > 0 {
			t.Errorf("%d bytes make %d, %v", len(b), total, err)
		}
	})
}

// FuzzTarball unpacks a source tree of anything: below its directory, and no more
// than a tree can have.
func FuzzTarball(f *testing.F) {
	f.Setenv("PATH", "")
	limit(f, &maxTree, 64<<10)
	tarball := func(headers ...tar.Header) []byte {
		var b bytes.Buffer
		w := tar.NewWriter(&b)
		for _, h := range headers {
			if err := w.WriteHeader(&h); err != nil {
				f.Fatal(err)
			}
			_, _ = w.Write(make([]byte, h.Size))
		}
		_ = w.Close()
		return b.Bytes()
	}
	f.Add(tarball(tar.Header{Name: "linux/Makefile", Size: 9, Mode: 0o755}, tar.Header{Name: "linux/d", Typeflag: tar.TypeDir}))
	f.Add(tarball(tar.Header{Name: "linux/l", Typeflag: tar.TypeSymlink, Linkname: "../.."}, tar.Header{Name: "linux/l/f", Size: 1}))
	f.Add(gzipped(f, tarball(tar.Header{Name: "linux/../../f", Size: 1})))
	f.Add(gzipped(f, tarball(tar.Header{Name: "linux/f", Size: 128 << 10})))
	f.Fuzz(func(t *testing.T, b []byte) {
		above := t.TempDir()
		dir := filepath.Join(above, "tree")
		if err := os.Mkdir(dir, 0o700); err != nil {
			t.Fatal(err)
		}
		root, err := os.OpenRoot(dir)
		if err != nil {
			t.Fatal(err)
		}
		defer root.Close()
		_ = unpackTarball(t.Context(), bufio.NewReader(bytes.NewReader(b)), root, needed) // any error will do
		total := int64(0)
		walk(t, above, func(name string, info fs.FileInfo) {
			total += info.Size()
			if filepath.Dir(name) == "." {
				t.Errorf("%q is beside the tree", name)
			}
		})
		if total > maxTree {
			t.Errorf("%d bytes make %d", len(b), total)
		}
	})
}

// limit lowers a bound for a test.
func limit(t testing.TB, bound *int64, to int64) {
	was := *bound
	*bound = to
	t.Cleanup(func() { *bound = was })
}

// walk calls f with every file below dir that is no directory, and follows no link.
func walk(t *testing.T, dir string, f func(name string, info fs.FileInfo)) {
	t.Helper()
	err := filepath.WalkDir(dir, func(path string, e fs.DirEntry, err error) error {
		if err != nil || e.IsDir() {
			return err
		}
		info, err := e.Info()
		if err != nil {
			return err
		}
		name, err := filepath.Rel(dir, path)
		f(name, info)
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
}
