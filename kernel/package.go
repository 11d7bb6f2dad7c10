package kernel

import (
	"bufio"
	"bytes"
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strings"

	"github.com/cavaliergopher/cpio"

	"unotify-bench/abi"
	"unotify-bench/abi/arm64"
)

// A distribution's kernel comes in a package, and what a machine here needs of it
// is in modules: virtio, and the console device on it that carries the events.

const modulesDir = "modules" // beside the unpacked kernel, and in the guest

// OpenPackage is OpenImage for a distribution's package too, a .deb or an .rpm, and for
// an image that QEMU does not unpack itself, riscv's Image.gz and what EFI firmware boots:
// it is unpacked into the cache, once. The image is ErrNotKernel if the package
// has no kernel.
func (b *Builder) OpenPackage(ctx context.Context, file string, arch *abi.Arch) (*Image, error) {
	open, err := packageReader(file)
	if err != nil {
		return nil, err
	}
	if open == nil {
		return OpenImage(file, arch)
	}
	sum, err := FileSHA256(file)
	if err != nil {
		return nil, err
	}
	c, err := b.cache()
	if err != nil {
		return nil, err
	}
	l, err := lock(ctx, c.lockFile(string(Packages)), "the unpacked packages", b.progress())
	if err != nil {
		return nil, err
	}
	defer l.Close()
	dir := c.path(string(Packages), sum[:keyLen])
	if err := checkUnpacked(dir); err != nil && fileExists(dir) {
		if !errors.Is(err, fs.ErrNotExist) {
			b.progress().Log(fmt.Sprintf("%v: it is unpacked again", err))
		}
		if err := os.RemoveAll(dir); err != nil {
			return nil, err
		}
	}
	if !fileExists(dir) {
		b.progress().Step("unpack " + filepath.Base(file))
		if err := unpackKernel(ctx, file, open, dir); err != nil {
			return nil, spaceError(fmt.Errorf("unpack %s: %w", file, err), c.root, objectSpace)
		}
	}
	img, err := openUnpacked(dir, arch, open.bare)
	if err != nil {
		return nil, fmt.Errorf("the kernel in %s: %w", file, err)
	}
	return img, nil
}

func openUnpacked(dir string, arch *abi.Arch, bare bool) (*Image, error) {
	img, err := OpenImage(filepath.Join(dir, kernelFile), arch)
	if err == nil && !bare {
		img.Modules = filepath.Join(dir, modulesDir)
	}
	return img, err
}

// IsPackage tells a package from a kernel, by its first bytes.
func IsPackage(file string) bool {
	open, err := packageReader(file)
	return err == nil && open != nil
}

// files calls each with every regular file of a package, until one fails.
type files func(ctx context.Context, r *bufio.Reader, each func(name string, r io.Reader) error) error

// packed is how the kind of package is read that a file is.
type packed struct {
	files
	bare bool // a kernel alone, which may have to have no modules
}

// packageReader returns how a package is read, or nil if a file is none. An image that
// QEMU does not unpack is one, too.
func packageReader(file string) (*packed, error) {
	f, err := os.Open(file)
	if err != nil {
		return nil, fmt.Errorf("open kernel: %w", err)
	}
	defer f.Close()
	magic := make([]byte, len(arMagic))
	if _, err := io.ReadFull(f, magic); err != nil {
		return nil, nil // too short, which OpenImage says
	}
	switch {
	case string(magic) == arMagic:
		return &packed{files: debFiles}, nil
	case bytes.HasPrefix(magic, []byte{0xed, 0xab, 0xee, 0xdb}): // lib/rpmlead.c of rpm
		return &packed{files: rpmFiles}, nil
	case string(magic[4:]) == zbootMagic:
		return &packed{zbootFiles, true}, nil
	case magic[0] == 0x1f && magic[1] == 0x8b:
		if id, err := identifyGzipped(f); err == nil && id.arch != &arm64.Arch {
			return &packed{gzipFiles, true}, nil
		}
	}
	return nil, nil
}

// gzipFiles reads an Image.gz.
func gzipFiles(ctx context.Context, r *bufio.Reader, each func(string, io.Reader) error) error {
	image, err := decompress(ctx, r)
	if err != nil {
		return err
	}
	return errors.Join(each("vmlinuz", image), image.Close())
}

const zbootMagic = "zimg"

// zbootFiles reads an image that is a program for EFI firmware, which unpacks it:
// drivers/firmware/efi/libstub/zboot-header.S. Of its ways to compress we have three.
func zbootFiles(ctx context.Context, r *bufio.Reader, each func(string, io.Reader) error) error {
	head, err := r.Peek(56)
	if err != nil {
		return err
	}
	offset, size := binary.LittleEndian.Uint32(head[8:]), binary.LittleEndian.Uint32(head[12:])
	kind, _, _ := bytes.Cut(head[24:56], []byte{0})
	if !slices.Contains([]string{"gzip", "zstd", "zstd22", "xzkern"}, string(kind)) {
		return fmt.Errorf("an EFI zboot image that is compressed by %.32q; give arch/*/boot/Image", kind)
	}
	if _, err := io.CopyN(io.Discard, r, int64(offset)); err != nil {
		return err
	}
	return gzipFiles(ctx, bufio.NewReader(io.LimitReader(r, int64(size))), each)
}

func rpmFiles(ctx context.Context, r *bufio.Reader, each func(string, io.Reader) error) error {
	if err := skipRPMHead(r); err != nil {
		return err
	}
	content, err := decompress(ctx, r)
	if err != nil {
		return err
	}
	defer func() { _ = content.Close() }() // read to its end, or an error came first
	for cr := cpio.NewReader(content); ; {
		h, err := cr.Next()
		if errors.Is(err, io.EOF) {
			return nil
		}
		if err == nil && h.Mode.IsRegular() {
			err = each(path.Clean(h.Name), cr)
		}
		if err != nil {
			return err
		}
	}
}

// skipRPMHead reads up to the archive in an rpm: docs/manual/format_v4.md of rpm.
// A library for it would bring OpenPGP into each process that measures.
func skipRPMHead(r *bufio.Reader) error {
	const lead, align = 96, 8
	if _, err := r.Discard(lead); err != nil {
		return err
	}
	intro := make([]byte, 16)
	for _, what := range []string{"signature", "header"} {
		if _, err := io.ReadFull(r, intro); err != nil {
			return err
		}
		if !bytes.HasPrefix(intro, []byte{0x8e, 0xad, 0xe8}) {
			return fmt.Errorf("%w: the rpm's %s is broken", ErrNotKernel, what)
		}
		entries, data := int64(binary.BigEndian.Uint32(intro[8:])), int64(binary.BigEndian.Uint32(intro[12:]))
		size := 16*entries + data
		if what == "signature" {
			size += -size & (align - 1)
		}
		if _, err := io.CopyN(io.Discard, r, size); err != nil {
			return err
		}
	}
	return nil
}

// unpackKernel writes the kernel of a package, and the modules that the channel
// may need, to dir, which is there when all of it is.
func unpackKernel(ctx context.Context, file string, read *packed, dir string) error {
	f, err := os.Open(file)
	if err != nil {
		return err
	}
	defer f.Close()
	work := dir + ".work"
	if err := os.RemoveAll(work); err != nil { // left by an interrupted attempt
		return err
	}
	defer os.RemoveAll(work)
	if err := os.MkdirAll(filepath.Join(work, modulesDir), 0o755); err != nil {
		return err
	}
	kernels := 0
	left := &allowance{maxPackage}
	err = read.files(ctx, bufio.NewReaderSize(f, 1<<20), func(name string, r io.Reader) error {
		to := ""
		if base := path.Base(name); strings.HasPrefix(base, "vmlinuz") {
			kernels++
			to = kernelFile
		} else if module, isModule := moduleName(base); isModule && strings.Contains(module, "virtio") {
			to = filepath.Join(modulesDir, module+".ko")
		}
		if to == "" {
			return ctx.Err()
		}
		content, err := decompressed(ctx, r, to)
		if err != nil {
			return err
		}
		return errors.Join(left.write(filepath.Join(work, to), content), content.Close())
	})
	switch {
	case ctx.Err() != nil:
		return ctx.Err()
	case err != nil:
		return fmt.Errorf("%w: %w", ErrNotKernel, err)
	case kernels != 1:
		return fmt.Errorf("%w: the package has %d vmlinuz, want one", ErrNotKernel, kernels)
	}
	if err := orderModules(filepath.Join(work, modulesDir)); err != nil {
		return fmt.Errorf("%w: %w", ErrNotKernel, err)
	}
	if err := writeSums(work); err != nil {
		return err
	}
	return os.Rename(work, dir)
}

// decompressed is the content of a file; a kernel's own compression is its own.
func decompressed(ctx context.Context, r io.Reader, to string) (io.ReadCloser, error) {
	if to == kernelFile {
		return io.NopCloser(r), nil
	}
	return decompress(ctx, bufio.NewReader(r))
}

// maxPackage bounds what is taken of a package, unpacked: some kB of it can be as
// much as a disk holds. A kernel and its modules are a tenth.
var maxPackage int64 = 1 << 30 // a test has less

// allowance is how many bytes may still be unpacked.
type allowance struct{ left int64 }

func (l *allowance) write(file string, r io.Reader) error {
	f, err := os.Create(file)
	if err != nil {
		return err
	}
	n, err := io.Copy(f, io.LimitReader(r, l.left+1))
	if l.left -= n; err == nil && l.left < 0 {
		err = fmt.Errorf("it is too large, unpacked: more than %d MiB", maxPackage>>20)
	}
	return errors.Join(err, f.Close())
}
