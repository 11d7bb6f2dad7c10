package kernel

import (
	"bytes"
	"debug/elf"
	"encoding/binary"
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"testing"

	"unotify-bench/abi"
	"unotify-bench/abi/amd64"
	"unotify-bench/abi/arm64"
	"unotify-bench/abi/riscv64"
)

// linuxBanner is put together here, as an ELF file that holds it whole looks
// like a vmlinux: this test for one.
func linuxBanner(release string) string {
	return strings.Join([]string{"Linux", "version", release, "(unotify@bench) (gcc) #1 SMP"}, " ")
}

// flat makes a kernel of a 64 byte header, with the banner where findRelease
// reads it in two pieces.
func flat(magic string) []byte {
	b := make([]byte, 3<<20)
	copy(b[0x38:], magic)
	copy(b[1<<20-8:], linuxBanner("6.12.117+unotify"))
	return b
}

func bzImage(loadflags uint16) []byte {
	b := make([]byte, 8<<10)
	le := binary.LittleEndian
	le.PutUint16(b[0x1fe:], 0xaa55)
	copy(b[0x202:], "HdrS")
	le.PutUint16(b[0x206:], 0x20f)
	le.PutUint16(b[0x20e:], 0x1000)
	le.PutUint16(b[0x236:], loadflags)
	copy(b[0x1200:], "6.1.0-40-amd64 (debian-kernel@lists.debian.org) #1 SMP")
	return b
}

// elfKernel makes an executable with a note segment, followed by text.
func elfKernel(m elf.Machine, note []byte, text string) []byte {
	var b bytes.Buffer
	h := elf.Header64{
		Type: uint16(elf.ET_EXEC), Machine: uint16(m), Version: 1,
		Phoff: 64, Ehsize: 64, Phentsize: 56, Phnum: 1, Shentsize: 64,
	}
	copy(h.Ident[:], elf.ELFMAG)
	h.Ident[elf.EI_CLASS], h.Ident[elf.EI_DATA], h.Ident[elf.EI_VERSION] = byte(elf.ELFCLASS64), byte(elf.ELFDATA2LSB), 1
	p := elf.Prog64{Type: uint32(elf.PT_NOTE), Off: 64 + 56, Filesz: uint64(len(note)), Align: 4}
	for _, v := range []any{h, p, note, []byte(text), make([]byte, headSize)} {
		if err := binary.Write(&b, binary.LittleEndian, v); err != nil {
			panic(err)
		}
	}
	return b.Bytes()
}

func note(name string, typ uint32) []byte {
	var b []byte
	le := binary.LittleEndian
	b = le.AppendUint32(b, uint32(len(name)))
	b = le.AppendUint32(b, 8)
	b = le.AppendUint32(b, typ)
	b = append(b, name...)
	b = append(b, make([]byte, -len(name)&3)...)
	return append(b, make([]byte, 8)...)
}

func TestOpenImage(t *testing.T) {
	pvh := append(note("GNU\x00", 3), note("Xen\x00", 18)...)
	const unotify = "6.12.117+unotify"
	var text strings.Builder // that does not shrink much
	for i := range 2000 {
		text.WriteString(strconv.Itoa(i * i))
	}
	rows := []struct {
		name    string
		file    []byte
		ask     *abi.Arch
		arch    *abi.Arch // found
		release string
		is      error
		say     string
	}{
		{name: "arm64 Image", file: flat("ARM\x64"), arch: &arm64.Arch, release: unotify},
		{name: "arm64 Image asked for", file: flat("ARM\x64"), ask: &arm64.Arch, arch: &arm64.Arch, release: unotify},
		{name: "arm64 Image.gz", file: gzipped(t, flat("ARM\x64")), arch: &arm64.Arch, release: unotify},
		{name: "riscv Image", file: flat("RSC\x05"), arch: &riscv64.Arch, release: unotify},
		{name: "bzImage", file: bzImage(1), arch: &amd64.Arch, release: "6.1.0-40-amd64"},
		{name: "vmlinux", file: elfKernel(elf.EM_X86_64, pvh, linuxBanner(unotify)), arch: &amd64.Arch, release: unotify},
		{name: "Image without banner", file: append(make([]byte, 0x38), "ARM\x64"+strings.Repeat("\x00", 4096)...), arch: &arm64.Arch},

		{name: "wrong arch", file: flat("ARM\x64"), ask: &riscv64.Arch, is: ErrWrongArch, say: "it is for arm64, not riscv64"},
		{name: "bzImage for arm64", file: bzImage(1), ask: &arm64.Arch, is: ErrWrongArch, say: "it is for amd64, not arm64"},
		{name: "32-bit bzImage", file: bzImage(0), is: ErrWrongArch, say: "32-bit"},
		{name: "vmlinux of another machine", file: elfKernel(elf.EM_PPC64, nil, linuxBanner(unotify)), is: ErrWrongArch, say: "EM_PPC64"},

		{name: "vmlinux without PVH", file: elfKernel(elf.EM_X86_64, note("GNU\x00", 3), linuxBanner(unotify)), is: ErrNotKernel, say: "CONFIG_PVH"},
		{name: "note that lies about its size", file: elfKernel(elf.EM_X86_64, []byte("\xff\xff\x00\x00\xff\xff\xff\xff\x12\x00\x00\x00Xen\x00"), linuxBanner(unotify)), is: ErrNotKernel, say: "CONFIG_PVH"},
		{name: "arm64 vmlinux", file: elfKernel(elf.EM_AARCH64, nil, linuxBanner(unotify)), is: ErrNotKernel, say: "give arch/*/boot/Image"},
		{name: "other ELF", file: elfKernel(elf.EM_X86_64, pvh, "no kernel"), is: ErrNotKernel, say: "without a Linux version"},
		{name: "broken ELF", file: append([]byte(elf.ELFMAG), make([]byte, headSize)...), is: ErrNotKernel, say: "broken ELF"},
		{name: "riscv Image.gz", file: gzipped(t, flat("RSC\x05")), is: ErrNotKernel, say: "gunzip"},
		{name: "gzip of text", file: gzipped(t, []byte(text.String())), is: ErrNotKernel, say: "neither bzImage"},
		{name: "truncated gzip", file: gzipped(t, flat("ARM\x64"))[:600], is: ErrNotKernel, say: "gzip"},
		{name: "zboot", file: append([]byte("MZ\x00\x00zimg"), make([]byte, headSize)...), is: ErrNotKernel, say: "zboot"},
		{name: "text", file: bytes.Repeat([]byte("text "), 1000), is: ErrNotKernel, say: "neither bzImage"},
		{name: "short", file: []byte("short"), is: ErrNotKernel, say: "too few"},
		{name: "empty", is: ErrNotKernel, say: "too few"},
	}
	for _, row := range rows {
		t.Run(row.name, func(t *testing.T) {
			path := filepath.Join(t.TempDir(), "kernel")
			if err := os.WriteFile(path, row.file, 0o644); err != nil {
				t.Fatal(err)
			}
			img, err := OpenImage(path, row.ask)
			if row.is != nil {
				if !errors.Is(err, row.is) || !strings.Contains(err.Error(), row.say) || !strings.Contains(err.Error(), path) {
					t.Errorf("OpenImage: %v, want %v, the path, and %q", err, row.is, row.say)
				}
				return
			}
			if err != nil {
				t.Fatal(err)
			}
			if img.Arch != row.arch || img.Release != row.release || img.Path != path || img.Variant != "" || len(img.SHA256) != 64 {
				t.Errorf("OpenImage: %+v, want %s %q", img, row.arch.Name, row.release)
			}
		})
	}
}

func TestOpenImageOfNoFile(t *testing.T) {
	if _, err := OpenImage(filepath.Join(t.TempDir(), "none"), nil); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("no file: %v", err)
	}
	if _, err := OpenImage(t.TempDir(), nil); !errors.Is(err, ErrNotKernel) {
		t.Errorf("a directory: %v", err)
	}
	sh, err := exec.LookPath("sh")
	if err != nil {
		t.Fatal(err)
	}
	if _, err := OpenImage(sh, nil); !errors.Is(err, ErrNotKernel) {
		t.Errorf("%s: %v", sh, err)
	}
}
