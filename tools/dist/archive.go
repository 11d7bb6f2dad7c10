package main

import (
	"archive/tar"
	"bytes"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/goreleaser/nfpm/v2"
	"github.com/goreleaser/nfpm/v2/deb"
	"github.com/goreleaser/nfpm/v2/files"
	"github.com/klauspost/compress/gzip" // twice as fast as Go's, and nfpm brings it
)

// tarball has the tree below one directory.
func (t tree) tarball(dir string, mtime time.Time) ([]byte, error) {
	var b bytes.Buffer
	z := gzip.NewWriter(&b)
	w := tar.NewWriter(z)
	below := tree{}
	for _, f := range t {
		f.name = dir + "/" + f.name
		below = append(below, f)
	}
	for _, f := range below.sorted() {
		h := &tar.Header{Name: f.name, Mode: int64(f.mode.Perm()), Size: int64(len(f.data)), ModTime: mtime, Format: tar.FormatPAX}
		if f.mode.IsDir() {
			h.Typeflag, h.Name = tar.TypeDir, f.name+"/"
		}
		if err := w.WriteHeader(h); err != nil {
			return nil, err
		}
		if _, err := w.Write(f.data); err != nil {
			return nil, err
		}
	}
	if err := w.Close(); err != nil {
		return nil, err
	}
	if err := z.Close(); err != nil {
		return nil, err
	}
	return b.Bytes(), nil
}

// debian is where Debian wants a file of the tree, and how: the manual compressed
// (policy 12.1), and completions for zsh where those of packages are.
func (f file) debian() (file, error) {
	f.name = "usr/" + f.name
	if rest, ok := strings.CutPrefix(f.name, "usr/"+filepath.Dir(completions["zsh"])+"/"); ok {
		f.name = "usr/share/zsh/vendor-completions/" + rest
	}
	if !strings.HasPrefix(f.name, "usr/share/man/") {
		return f, nil
	}
	var b bytes.Buffer
	z, err := gzip.NewWriterLevel(&b, gzip.BestCompression)
	if err == nil {
		_, err = z.Write(f.data)
	}
	if err == nil {
		err = z.Close()
	}
	f.name, f.data = f.name+".gz", b.Bytes()
	return f, err
}

// deb has the tree below /usr. It depends on nothing, as the program is static; what
// machines need besides is suggested only: a board needs none of it, and doctor tells
// the others.
func (t tree) deb(arch, version string, mtime time.Time) ([]byte, error) {
	// The library reads files of a directory.
	dir, err := os.MkdirTemp("", "dist")
	if err != nil {
		return nil, err
	}
	defer os.RemoveAll(dir)
	info := &nfpm.Info{
		Name: name, Arch: arch, Platform: "linux", Version: version, MTime: mtime,
		Section: "utils", Priority: "optional",
		// No address: the project has none.
		Maintainer: "The unotify-bench Authors",
		Description: `measures and checks seccomp user notification
What a syscall costs under each seccomp user-notification mechanism, and whether
the kernel keeps its word, on this host and in emulated machines of amd64, arm64
and riscv64.`,
		DisableGlobbing: true,
	}
	info.Deb.Compression = "gzip:6" // 9 takes twice as long, for one per cent
	info.Suggests = []string{"qemu-system-x86", "qemu-system-arm", "qemu-system-misc", "gcc", "make"}
	for i, f := range t {
		if f, err = f.debian(); err != nil {
			return nil, err
		}
		source := filepath.Join(dir, fmt.Sprint(i))
		if err := os.WriteFile(source, f.data, 0o600); err != nil {
			return nil, err
		}
		info.Contents = append(info.Contents, &files.Content{
			Source: source, Destination: "/" + f.name,
			FileInfo: &files.ContentFileInfo{Owner: "root", Group: "root", Mode: f.mode & fs.ModePerm, MTime: mtime},
		})
	}
	var b bytes.Buffer
	if err := deb.Default.Package(info, &b); err != nil {
		return nil, fmt.Errorf("package for Debian: %w", err)
	}
	return b.Bytes(), nil
}
