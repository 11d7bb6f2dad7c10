package kernel

import (
	"bufio"
	"bytes"
	"compress/gzip"
	"crypto/sha256"
	"debug/elf"
	"encoding/binary"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"os"

	"unotify-bench/abi"
	"unotify-bench/abi/amd64"
	"unotify-bench/abi/arm64"
	"unotify-bench/abi/riscv64"
	"unotify-bench/internal/lazy"
)

// Image is a kernel that can be booted.
type Image struct {
	Arch    *abi.Arch
	Variant Variant // "" for a foreign kernel
	Path    string
	Release string // "6.12.117+unotify", or as found in a foreign image; "" if none was
	SHA256  string
	Key     string // cache key; "" for a foreign kernel

	// Modules is a directory with what the guest loads before it opens the
	// channel, in the order of names; "" if there is nothing.
	Modules string
}

// OpenImage looks at a kernel that somebody else built: a bzImage, a vmlinux
// with a PVH entry, or an arm64 or riscv Image. With a nil arch it takes what
// it finds; otherwise a kernel for another architecture is ErrWrongArch.
// What cannot be booted in QEMU is ErrNotKernel, with what to give instead.
func OpenImage(path string, arch *abi.Arch) (*Image, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, fmt.Errorf("open kernel: %w", err)
	}
	defer f.Close()
	if st, err := f.Stat(); err != nil {
		return nil, err
	} else if !st.Mode().IsRegular() {
		return nil, fmt.Errorf("%w: %s is no regular file", ErrNotKernel, path)
	}
	found, err := identify(f)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", path, err)
	}
	if arch != nil && found.arch.Name != arch.Name {
		return nil, fmt.Errorf("%s: %w: it is for %s, not %s", path, ErrWrongArch, found.arch.Name, arch.Name)
	}
	if arch == nil {
		arch = found.arch
	}
	sum, err := FileSHA256(path)
	if err != nil {
		return nil, err
	}
	return &Image{Arch: arch, Path: path, Release: found.release, SHA256: sum}, nil
}

// identity is what an image's bytes tell.
type identity struct {
	arch    *abi.Arch
	release string
}

// headSize covers every magic number below: the last is the boot protocol's
// of x86, at 0x236.
const headSize = 0x240

func identify(f *os.File) (identity, error) {
	head := make([]byte, headSize)
	n, err := io.ReadFull(f, head)
	if err != nil && !errors.Is(err, io.ErrUnexpectedEOF) && !errors.Is(err, io.EOF) {
		return identity{}, err
	}
	switch head = head[:n]; {
	case n < headSize:
		return identity{}, fmt.Errorf("%w: %d bytes are too few", ErrNotKernel, n)
	case bytes.HasPrefix(head, []byte(elf.ELFMAG)):
		return identifyELF(f)
	case string(head[0x202:0x206]) == "HdrS":
		return identifyBzImage(f, head)
	case string(head[4:8]) == zbootMagic: // OpenPackage takes it
		return identity{}, fmt.Errorf("%w: an EFI zboot image has to be unpacked by firmware; give arch/*/boot/Image", ErrNotKernel)
	case head[0] == 0x1f && head[1] == 0x8b:
		return identifyGzip(f)
	}
	if _, err := f.Seek(0, io.SeekStart); err != nil {
		return identity{}, err
	}
	return identifyFlat(f, head)
}

// identifyFlat knows the 64 byte headers of Documentation/arch/arm64/booting.rst
// and Documentation/arch/riscv/boot-image-header.rst.
func identifyFlat(r io.Reader, head []byte) (identity, error) {
	var id identity
	switch string(head[0x38:0x3c]) {
	case "ARM\x64":
		id.arch = &arm64.Arch
	case "RSC\x05":
		id.arch = &riscv64.Arch
	default:
		return id, fmt.Errorf("%w: neither bzImage, nor vmlinux, nor an arm64 or riscv Image", ErrNotKernel)
	}
	var err error
	id.release, err = findRelease(r)
	return id, err
}

// identifyGzip takes Image.gz, which QEMU unpacks for arm64 only
// (load_aarch64_image in hw/arm/boot.c).
func identifyGzip(f *os.File) (identity, error) {
	id, err := identifyGzipped(f)
	switch {
	case err != nil && !errors.Is(err, ErrNotKernel):
		err = fmt.Errorf("%w: broken gzip: %w", ErrNotKernel, err)
	case err == nil && id.arch != &arm64.Arch: // OpenPackage takes it
		err = fmt.Errorf("%w: QEMU unpacks no Image.gz for %s; gunzip it first", ErrNotKernel, id.arch.Name)
	}
	return id, err
}

func identifyGzipped(f *os.File) (id identity, err error) {
	if _, err := f.Seek(0, io.SeekStart); err != nil {
		return id, err
	}
	z, err := gzip.NewReader(f)
	if err != nil {
		return id, err
	}
	all := &io.LimitedReader{R: z, N: maxImage + 1}
	r := bufio.NewReaderSize(all, headSize)
	head, err := r.Peek(headSize)
	if err != nil {
		return id, err
	}
	if id, err = identifyFlat(r, bytes.Clone(head)); err != nil {
		return id, err
	}
	// One that is cut short would be a guest that hangs, and one without end a
	// host that does.
	if _, err := io.Copy(io.Discard, r); err != nil {
		return id, err
	}
	if all.N == 0 {
		return id, fmt.Errorf("%w: more than %d MiB unpacked", ErrNotKernel, maxImage>>20)
	}
	return id, nil
}

// identifyBzImage reads the header of Documentation/arch/x86/boot.rst.
func identifyBzImage(f *os.File, head []byte) (identity, error) {
	const xlfKernel64 = 1
	le := binary.LittleEndian
	if version := le.Uint16(head[0x206:]); version < 0x20c || le.Uint16(head[0x236:])&xlfKernel64 == 0 {
		return identity{}, fmt.Errorf("%w: a bzImage for 32-bit x86", ErrWrongArch)
	}
	id := identity{arch: &amd64.Arch}
	// kernel_version points at "6.12.117 (user@host) #1 …", less 0x200.
	if off := int64(le.Uint16(head[0x20e:])); off != 0 {
		text := make([]byte, 256)
		if _, err := f.Seek(0x200+off, io.SeekStart); err != nil {
			return id, err
		}
		n, err := io.ReadFull(f, text)
		if err != nil && !errors.Is(err, io.ErrUnexpectedEOF) {
			return id, fmt.Errorf("%w: truncated bzImage: %w", ErrNotKernel, err)
		}
		text, _, _ = bytes.Cut(text[:n], []byte{0})
		text, _, _ = bytes.Cut(text, []byte(" "))
		if plainRelease().Match(text) {
			id.release = string(text)
		}
	}
	return id, nil
}

func identifyELF(f *os.File) (identity, error) {
	e, err := elf.NewFile(f)
	if err != nil {
		return identity{}, fmt.Errorf("%w: broken ELF: %w", ErrNotKernel, err)
	}
	if _, err := f.Seek(0, io.SeekStart); err != nil {
		return identity{}, err
	}
	var id identity
	if id.release, err = findRelease(f); err != nil {
		return identity{}, err
	}
	if id.release == "" {
		return identity{}, fmt.Errorf("%w: an ELF file for %v without a Linux version in it", ErrNotKernel, e.Machine)
	}
	switch {
	case e.Machine == elf.EM_X86_64 && hasPVH(e):
		id.arch = &amd64.Arch
		return id, nil
	case e.Machine == elf.EM_X86_64:
		return id, fmt.Errorf("%w: a vmlinux without PVH entry; give bzImage, or set CONFIG_PVH=y", ErrNotKernel)
	case e.Machine == elf.EM_AARCH64, e.Machine == elf.EM_RISCV:
		return id, fmt.Errorf("%w: a vmlinux for %v names virtual addresses; give arch/*/boot/Image", ErrNotKernel, e.Machine)
	}
	return id, fmt.Errorf("%w: a vmlinux for %v", ErrWrongArch, e.Machine)
}

// hasPVH looks for the note that holds the 32-bit entry point:
// XEN_ELFNOTE_PHYS32_ENTRY, include/xen/interface/elfnote.h.
func hasPVH(e *elf.File) bool {
	const phys32Entry = 18
	for _, p := range e.Progs {
		if p.Type != elf.PT_NOTE {
			continue
		}
		b, err := io.ReadAll(io.LimitReader(p.Open(), 1<<16))
		if err != nil {
			return false
		}
		for len(b) >= 12 {
			align := func(n uint32) int { return int(n+3) &^ 3 }
			name, desc, typ := e.ByteOrder.Uint32(b), e.ByteOrder.Uint32(b[4:]), e.ByteOrder.Uint32(b[8:])
			b = b[12:]
			if name > 1<<16 || desc > 1<<16 || align(name)+align(desc) > len(b) {
				break
			}
			if typ == phys32Entry && string(b[:name]) == "Xen\x00" {
				return true
			}
			b = b[align(name)+align(desc):]
		}
	}
	return false
}

// maxImage bounds a compressed image, unpacked. A vmlinux with all that debuggers
// read has half of it.
var maxImage int64 = 1 << 30 // a test has less

// What an image says of its release goes to terminals and into results: what uname
// could say (64 bytes, include/uapi/linux/utsname.h), and no control characters.
const release = `[0-9]{1,4}\.[0-9]{1,4}[!-~]{0,54}`

var plainRelease = lazy.Regexp(`^` + release + `$`)

// banner is linux_banner of init/version.c, up to the builder's name.
var banner = lazy.Regexp(`Linux version (` + release + `) \(`)

// findRelease looks for the banner without holding the image in memory.
func findRelease(r io.Reader) (string, error) {
	const overlap = 256
	buf := make([]byte, 1<<20)
	keep := 0
	for {
		n, err := io.ReadFull(r, buf[keep:])
		chunk := buf[:keep+n]
		if m := banner().FindSubmatch(chunk); m != nil {
			return string(m[1]), nil
		}
		if errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) {
			return "", nil
		}
		if err != nil {
			return "", err
		}
		keep = copy(buf, chunk[len(chunk)-overlap:])
	}
}

// FileSHA256 is the hash of the file at path, in hexadecimal digits.
func FileSHA256(path string) (string, error) {
	f, err := os.Open(path)
	if err != nil {
		return "", err
	}
	defer f.Close()
	h := sha256.New()
	if _, err := io.Copy(h, f); err != nil {
		return "", fmt.Errorf("read %s: %w", path, err)
	}
	return hex.EncodeToString(h.Sum(nil)), nil
}
