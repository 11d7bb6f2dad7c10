package kernel

import (
	"bytes"
	"encoding/binary"
	"errors"
	"os"
	"os/exec"
	"path"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/rpmpack"

	"unotify-bench/abi"
	"unotify-bench/abi/amd64"
	"unotify-bench/abi/arm64"
	"unotify-bench/abi/riscv64"
)

// module compiles what a module says that it depends on.
func module(t *testing.T, depends string) []byte {
	t.Helper()
	dir := t.TempDir()
	c, o := filepath.Join(dir, "m.c"), filepath.Join(dir, "m.ko")
	text := `static const char m[] __attribute__((section(".modinfo"), used)) = "license=GPL\0depends=` + depends + `\0name=m";` + "\n"
	if err := os.WriteFile(c, []byte(text), 0o644); err != nil {
		t.Fatal(err)
	}
	if out, err := exec.Command("gcc", "-c", "-o", o, c).CombinedOutput(); err != nil {
		t.Fatalf("gcc: %v\n%s", err, out)
	}
	b, err := os.ReadFile(o)
	if err != nil {
		t.Fatal(err)
	}
	return b
}

// distribution is what a package of Debian's or Fedora's has.
func distribution(t *testing.T) map[string][]byte {
	dir := "lib/modules/6.12.0/kernel/drivers/"
	return map[string][]byte{
		"boot/vmlinuz-6.12.0":                flat("RSC\x05"),
		"boot/config-6.12.0":                 []byte("CONFIG_VIRTIO=m\n"),
		dir + "virtio/virtio.ko":             module(t, "virtio-ring"),
		dir + "virtio/virtio-ring.ko.xz":     xzed(t, module(t, "")),
		dir + "virtio/virtio_mmio.ko.gz":     gzipped(t, module(t, "virtio,virtio_ring")),
		dir + "char/virtio_console.ko":       module(t, "virtio_ring,virtio,built_in"),
		dir + "virtio/virtio_balloon.ko":     module(t, "virtio"),
		dir + "net/virtio_net.ko.xz":         xzed(t, module(t, "virtio,net_failover")),
		"usr/share/doc/linux/virtio.ko.html": []byte("no module"),
	}
}

func writeDeb(t *testing.T, files map[string][]byte) string {
	t.Helper()
	dir := t.TempDir()
	root := filepath.Join(dir, "root")
	files["DEBIAN/control"] = []byte("Package: linux-image\nVersion: 6.12\nArchitecture: all\nMaintainer: nobody <n@localhost>\nDescription: none\n")
	for name, b := range files {
		at := filepath.Join(root, name)
		if err := os.MkdirAll(filepath.Dir(at), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(at, b, 0o644); err != nil {
			t.Fatal(err)
		}
	}
	deb := filepath.Join(dir, "linux.deb")
	if out, err := exec.Command("dpkg-deb", "-Zxz", "--root-owner-group", "--build", root, deb).CombinedOutput(); err != nil {
		t.Fatalf("dpkg-deb: %v\n%s", err, out)
	}
	return deb
}

func writeRPM(t testing.TB, files map[string][]byte, compressor string) string {
	t.Helper()
	r, err := rpmpack.NewRPM(rpmpack.RPMMetaData{Name: "kernel-core", Version: "6.12", Arch: "riscv64", Compressor: compressor})
	if err != nil {
		t.Fatal(err)
	}
	for name, b := range files {
		r.AddFile(rpmpack.RPMFile{Name: path.Join("/", name), Body: b, Mode: 0o100644})
	}
	var b bytes.Buffer
	if err := r.Write(&b); err != nil {
		t.Fatal(err)
	}
	file := filepath.Join(t.TempDir(), "kernel.rpm")
	if err := os.WriteFile(file, b.Bytes(), 0o644); err != nil {
		t.Fatal(err)
	}
	return file
}

// TestOpenPackage: what packages hold, and in what order its modules are loaded.
func TestOpenPackage(t *testing.T) {
	fedora := distribution(t)
	fedora["lib/modules/6.12.0/vmlinuz"] = fedora["boot/vmlinuz-6.12.0"]
	delete(fedora, "boot/vmlinuz-6.12.0")
	for kind, file := range map[string]string{
		"deb": writeDeb(t, distribution(t)), "rpm zstd": writeRPM(t, fedora, "zstd"),
		"rpm xz": writeRPM(t, fedora, "xz"), "rpm gzip": writeRPM(t, fedora, "gzip"),
	} {
		t.Run(kind, func(t *testing.T) {
			rec := new(recorder)
			b := &Builder{CacheDir: t.TempDir(), Progress: rec}
			if !IsPackage(file) {
				t.Error("it is taken for no package")
			}
			img, err := b.OpenPackage(t.Context(), file, fakeArch)
			if err != nil {
				t.Fatal(err)
			}
			if img.Release != "6.12.117+unotify" || img.Arch != fakeArch || img.Variant != "" {
				t.Errorf("the kernel is %+v", img)
			}
			names, err := filepath.Glob(filepath.Join(img.Modules, "*"))
			if err != nil {
				t.Fatal(err)
			}
			for i := range names {
				names[i] = filepath.Base(names[i])
			}
			want := []string{"00-virtio_ring.ko", "01-virtio.ko", "02-virtio_mmio.ko", "03-virtio_console.ko"}
			if d := cmp.Diff(want, names); d != "" {
				t.Errorf("modules (-want +got):\n%s", d)
			}
			again, err := b.OpenPackage(t.Context(), file, nil)
			if err != nil || *again != *img {
				t.Errorf("opened %+v, and then %+v (%v)", img, again, err)
			}
			if n := len(rec.steps); n != 1 {
				t.Errorf("it took the steps %q, want that it is unpacked once", rec.steps)
			}
			if _, err := b.OpenPackage(t.Context(), file, &amd64.Arch); !errors.Is(err, ErrWrongArch) {
				t.Errorf("for amd64: %v, want %v", err, ErrWrongArch)
			}
		})
	}
}

// TestBadPackage: nothing is left of what is no kernel's.
func TestBadPackage(t *testing.T) {
	cut := func(file string, part float64) string {
		t.Helper()
		st, err := os.Stat(file)
		if err == nil {
			err = os.Truncate(file, int64(part*float64(st.Size())))
		}
		if err != nil {
			t.Fatal(err)
		}
		return file
	}
	none := distribution(t)
	delete(none, "boot/vmlinuz-6.12.0")
	two := distribution(t)
	two["boot/vmlinuz-6.13.0"] = flat("RSC\x05")
	broken := distribution(t)
	broken["lib/modules/6.12.0/kernel/drivers/virtio/virtio.ko"] = []byte("no module at all")
	for name, file := range map[string]string{
		"no kernel": writeDeb(t, none), "two kernels": writeDeb(t, two), "no module": writeRPM(t, broken, "zstd"),
		"cut deb": cut(writeDeb(t, distribution(t)), 0.9), "cut rpm": cut(writeRPM(t, distribution(t), "xz"), 0.9),
		"head of a deb": cut(writeDeb(t, distribution(t)), 0.02), "head of an rpm": cut(writeRPM(t, distribution(t), "xz"), 0.02),
	} {
		b := &Builder{CacheDir: t.TempDir(), Progress: new(recorder)}
		if img, err := b.OpenPackage(t.Context(), file, fakeArch); !errors.Is(err, ErrNotKernel) {
			t.Errorf("%s: %v, %v; want %v", name, img, err, ErrNotKernel)
		}
		left, err := os.ReadDir(filepath.Join(b.CacheDir, string(Packages)))
		if err != nil && !errors.Is(err, os.ErrNotExist) || slices.ContainsFunc(left, os.DirEntry.IsDir) {
			t.Errorf("%s: it leaves %v (%v)", name, left, err)
		}
	}
}

// zboot is an image as EFI firmware has it, around what was compressed.
func zboot(kind string, payload []byte) []byte {
	const offset = 0x400
	b := make([]byte, offset, offset+len(payload)+4)
	copy(b, "MZ\x00\x00zimg")
	binary.LittleEndian.PutUint32(b[8:], offset)
	binary.LittleEndian.PutUint32(b[12:], uint32(len(payload)))
	copy(b[24:], kind)
	return append(append(b, payload...), "size"...)
}

// TestOpenPacked: what QEMU does not unpack is unpacked, and is a kernel alone.
func TestOpenPacked(t *testing.T) {
	zstd := exec.Command("zstd", "-c")
	zstd.Stdin = bytes.NewReader(flat("RSC\x05"))
	zstd22, err := zstd.Output()
	if err != nil {
		t.Fatal(err)
	}
	for _, row := range []struct {
		name string
		file []byte
		arch *abi.Arch
		say  string // of what is no kernel
	}{
		{"riscv Image.gz", gzipped(t, flat("RSC\x05")), &riscv64.Arch, ""},
		{"arm64 zboot gzip", zboot("gzip", gzipped(t, flat("ARM\x64"))), &arm64.Arch, ""},
		{"riscv zboot zstd", zboot("zstd22", zstd22), &riscv64.Arch, ""},
		{"zboot lz4", zboot("lz4", []byte("....")), nil, `compressed by "lz4"`},
		{"zboot that ends early", zboot("gzip", gzipped(t, flat("ARM\x64")))[:0x440], nil, "EOF"},
		{"zboot of another kernel", zboot("gzip", gzipped(t, []byte(strings.Repeat("text ", 1000)))), nil, "neither bzImage"},
	} {
		t.Run(row.name, func(t *testing.T) {
			file := filepath.Join(t.TempDir(), "kernel")
			if err := os.WriteFile(file, row.file, 0o644); err != nil {
				t.Fatal(err)
			}
			img, err := (&Builder{CacheDir: t.TempDir()}).OpenPackage(t.Context(), file, nil)
			if row.say != "" {
				if !errors.Is(err, ErrNotKernel) || !strings.Contains(err.Error(), row.say) {
					t.Errorf("%v, want %v that says %q", err, ErrNotKernel, row.say)
				}
				return
			}
			if err != nil {
				t.Fatal(err)
			}
			if img.Arch != row.arch || img.Release != "6.12.117+unotify" || img.Modules != "" || img.Path == file {
				t.Errorf("the kernel is %+v", img)
			}
		})
	}
}
