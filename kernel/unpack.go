package kernel

import (
	"archive/tar"
	"bufio"
	"bytes"
	"compress/gzip"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"os/exec"
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

// decompress goes by the first bytes, not by the name. xz is a program, as
// it uses every CPU and Go's would take minutes.
func decompress(ctx context.Context, r *bufio.Reader) (io.ReadCloser, error) {
	magic, err := r.Peek(6)
	if err != nil {
		return nil, fmt.Errorf("%w: archive is too short", ErrNoSource)
	}
	switch {
	case bytes.HasPrefix(magic, []byte("\xfd7zXZ\x00")):
		return filter(ctx, r, ErrMissingTool{"xz", "xz-utils"}, "-dc", "-T0")
	case bytes.HasPrefix(magic, []byte("\x28\xb5\x2f\xfd")):
		return filter(ctx, r, ErrMissingTool{"zstd", "zstd"}, "-dc")
	case magic[0] == 0x1f && magic[1] == 0x8b:
		return gzip.NewReader(r)
	}
	return io.NopCloser(r), nil
}

// filter is what a program makes of r.
func filter(ctx context.Context, r io.Reader, tool ErrMissingTool, args ...string) (io.ReadCloser, error) {
	program, err := exec.LookPath(tool.Tool)
	if err != nil {
		return nil, &tool
	}
	ctx, cancel := context.WithCancel(ctx)
	cmd := exec.CommandContext(ctx, program, args...)
	cmd.Stdin = r
	var complaints strings.Builder
	cmd.Stderr = &complaints
	out, err := cmd.StdoutPipe()
	if err == nil {
		err = cmd.Start()
	}
	if err != nil {
		cancel()
		return nil, err
	}
	return &commandReader{out, cmd, cancel, &complaints}, nil
}

// commandReader ends in the command's error, if it failed, instead of in a
// premature EOF. Close ends a command that nobody reads any more.
type commandReader struct {
	io.Reader
	cmd        *exec.Cmd
	cancel     func()
	complaints *strings.Builder
}

func (c *commandReader) Read(b []byte) (int, error) {
	n, err := c.Reader.Read(b)
	if errors.Is(err, io.EOF) {
		if wait := c.wait(); wait != nil {
			err = fmt.Errorf("%s: %w: %s", c.cmd.Path, wait, strings.TrimSpace(c.complaints.String()))
		}
	}
	return n, err
}

func (c *commandReader) Close() error {
	c.cancel()
	_ = c.wait() // it was killed, or has said in Read what it has to say
	return nil
}

func (c *commandReader) wait() error {
	if c.cmd.ProcessState != nil {
		return nil
	}
	return c.cmd.Wait()
}

func unpackTarball(ctx context.Context, r *bufio.Reader, root *os.Root, keep func(string) bool) error {
	files, err := decompress(ctx, r)
	if err != nil {
		return err
	}
	defer func() { _ = files.Close() }() // read to its end, or an error came first
	tr := tar.NewReader(files)
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
		if err := unpackEntry(tr, h, name, root); err != nil {
			return err
		}
	}
}

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
