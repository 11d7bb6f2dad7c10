package kernel

import (
	"archive/tar"
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path"
	"slices"
	"strconv"
	"strings"
)

// unpack writes what keep wants of the one tree that a source archive holds to
// dir, without its topmost directory. The archive is a tarball, or a Debian package with a
// tarball in it; nothing but the tree itself touches the disk.
func unpack(ctx context.Context, archive, dir string, keep func(name string) bool, p Progress) error {
	f, err := os.Open(archive)
	if err != nil {
		return err
	}
	defer f.Close()
	st, err := f.Stat()
	if err != nil {
		return err
	}
	root, err := os.OpenRoot(dir)
	if err != nil {
		return err
	}
	defer root.Close()
	counted := &countingReader{r: f, total: st.Size(), p: p}
	r := bufio.NewReaderSize(counted, 1<<20)
	if magic, _ := r.Peek(8); string(magic) == arMagic {
		err = unpackDeb(ctx, r, root, keep)
	} else {
		err = unpackTarball(ctx, r, root, keep)
	}
	if ctx.Err() != nil {
		err = ctx.Err()
	}
	return err
}

// unpackDeb looks for linux-source-*.tar.* in a Debian package.
func unpackDeb(ctx context.Context, r *bufio.Reader, root *os.Root, keep func(string) bool) error {
	found := false
	err := debFiles(ctx, r, func(name string, content io.Reader) error {
		if found || !strings.HasPrefix(path.Base(name), "linux-source-") || !strings.Contains(name, ".tar") {
			return nil
		}
		found = true
		return unpackTarball(ctx, bufio.NewReaderSize(content, 1<<20), root, keep)
	})
	if err == nil && !found {
		err = fmt.Errorf("%w: no linux-source-*.tar in the package", ErrNoSource)
	}
	return err
}

// debFiles calls each with every regular file of a Debian package, until one
// fails: of data.tar.* in the ar archive that it is (deb(5)).
func debFiles(ctx context.Context, r *bufio.Reader, each func(name string, r io.Reader) error) error {
	data, err := arMember(r, "data.tar")
	if err != nil {
		return err
	}
	content, err := decompress(ctx, bufio.NewReader(data))
	if err != nil {
		return err
	}
	defer func() { _ = content.Close() }() // read to its end, or an error came first
	for tr := tar.NewReader(content); ; {
		h, err := tr.Next()
		switch {
		case errors.Is(err, io.EOF):
			return nil
		case err != nil:
			return fmt.Errorf("read package: %w", err)
		case h.Typeflag != tar.TypeReg:
			continue
		}
		if err := each(path.Clean(h.Name), tr); err != nil {
			return err
		}
	}
}

const arMagic = "!<arch>\n" // ar(5)

// arMember returns the content of the first member whose name starts with
// prefix.
func arMember(r io.Reader, prefix string) (io.Reader, error) {
	if _, err := io.CopyN(io.Discard, r, int64(len(arMagic))); err != nil {
		return nil, err
	}
	head := make([]byte, 60)
	for {
		if _, err := io.ReadFull(r, head); err != nil {
			return nil, fmt.Errorf("%w: no %s in the package: %w", ErrNoSource, prefix, err)
		}
		size, err := strconv.ParseInt(strings.TrimSpace(string(head[48:58])), 10, 64)
		if err != nil || size < 0 {
			return nil, fmt.Errorf("%w: broken package", ErrNoSource)
		}
		if strings.HasPrefix(string(head), prefix) {
			return io.LimitReader(r, size), nil
		}
		if _, err := io.CopyN(io.Discard, r, size+size%2); err != nil {
			return nil, err
		}
	}
}

func unpackTarball(ctx context.Context, r *bufio.Reader, root *os.Root, keep func(string) bool) error {
	files, err := decompress(ctx, r)
	if err != nil {
		return err
	}
	defer func() { _ = files.Close() }() // read to its end, or an error came first
	tr := tar.NewReader(files)
	left := maxTree
	for n := 0; ; n++ {
		h, err := tr.Next()
		if errors.Is(err, io.EOF) && n > 0 {
			return nil
		}
		if err != nil {
			return fmt.Errorf("%w: not a source tarball: %w", ErrNoSource, err)
		}
		if err := ctx.Err(); err != nil {
			return err
		}
		_, name, _ := strings.Cut(path.Clean(h.Name), "/")
		if name == "" || !keep(name) {
			continue
		}
		// A sparse file is as large as it says, in a few bytes.
		if left -= entryCost; h.Size > left {
			return fmt.Errorf("%w: more than %d GiB unpacked, files or what they hold", ErrNoSource, maxTree>>30)
		}
		left -= h.Size
		if err := unpackEntry(tr, h, name, root); err != nil {
			return err
		}
	}
}

// maxTree bounds a source tree. Linux has 2 GiB.
var maxTree int64 = 16 << 30 // a test has less

// entryCost is the least that a file takes of a disk.
const entryCost = 4096

func unpackEntry(tr *tar.Reader, h *tar.Header, name string, root *os.Root) error {
	switch h.Typeflag {
	case tar.TypeDir:
		return root.MkdirAll(name, 0o755)
	case tar.TypeSymlink:
		return root.Symlink(h.Linkname, name)
	case tar.TypeReg:
		mode := os.FileMode(0o644) | os.FileMode(h.Mode)&0o111
		const flags = os.O_WRONLY | os.O_CREATE | os.O_EXCL
		f, err := root.OpenFile(name, flags, mode)
		if errors.Is(err, fs.ErrNotExist) { // one of a directory of which little is kept
			if err := root.MkdirAll(path.Dir(name), 0o755); err != nil {
				return err
			}
			f, err = root.OpenFile(name, flags, mode)
		}
		if err != nil {
			return err
		}
		if _, err := io.Copy(f, tr); err != nil {
			f.Close()
			return err
		}
		return f.Close()
	}
	return nil // a pax header says nothing that is needed
}

// keptDocs is what is unpacked of Documentation/: what the build reads, and
// what patches touch.
var keptDocs = []string{"Kconfig", "Makefile", "userspace-api/seccomp_filter.rst"}

// needed leaves out what no kernel of this project compiles and no Kconfig
// reads: a third of the source.
func needed(name string) bool {
	if rest, ok := strings.CutPrefix(name, "Documentation/"); ok {
		return slices.Contains(keptDocs, rest)
	}
	switch path.Ext(name) {
	case ".c", ".h", ".dts", ".dtsi":
		for _, dir := range []string{"drivers/gpu/", "drivers/media/", "drivers/net/ethernet/", "drivers/net/wireless/", "sound/"} {
			if strings.HasPrefix(name, dir) {
				return false
			}
		}
		return !strings.Contains(name, "/boot/dts/")
	}
	return true
}

// countingReader reports how much of an archive was read.
type countingReader struct {
	r           io.Reader
	n, reported int64
	total       int64
	p           Progress
}

func (c *countingReader) Read(b []byte) (int, error) {
	n, err := c.r.Read(b)
	c.n += int64(n)
	if c.n-c.reported > c.total/200 || c.n == c.total {
		c.reported = c.n
		c.p.Done(c.n, c.total)
	}
	return n, err
}
