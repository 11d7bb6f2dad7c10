package kernel

import (
	"archive/tar"
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// deb makes a Debian package of one file, as deb(5) has it.
func deb(t *testing.T, name string, content []byte) []byte {
	t.Helper()
	return debOf("data.tar.xz", xzed(t, debData(t, name, content)))
}

func debData(t testing.TB, name string, content []byte) []byte {
	t.Helper()
	var data bytes.Buffer
	w := tar.NewWriter(&data)
	addFile(t, w, "./usr/share/doc/README", []byte("linux-source-6.12"))
	addFile(t, w, name, content)
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	return data.Bytes()
}

func debOf(member string, data []byte) []byte {
	b := []byte("!<arch>\n")
	for _, m := range []struct {
		name string
		text []byte
	}{{"debian-binary", []byte("2.0\n")}, {"control.tar", []byte("odd")}, {member, data}} {
		b = fmt.Appendf(b, "%-16s%-12d%-6d%-6d%-8s%-10d`\n", m.name, 0, 0, 0, "100644", len(m.text))
		b = append(b, m.text...)
		if len(m.text)%2 == 1 {
			b = append(b, '\n')
		}
	}
	return b
}

func TestSources(t *testing.T) {
	f := newFake(t)
	plain := tarOf(t, f.tree, "linux-source-6.12")
	rows := []struct {
		name string
		file []byte
	}{
		{"tar", plain},
		{"tar.gz", gzipped(t, plain)},
		{"tar.xz", xzed(t, plain)},
		{"deb", deb(t, "./usr/src/linux-source-6.12.tar.xz", xzed(t, plain))},
	}
	for _, row := range rows {
		t.Run(row.name, func(t *testing.T) {
			b := &Builder{CacheDir: t.TempDir(), Source: filepath.Join(t.TempDir(), "archive")}
			f.write(b.Source, row.file)
			src, err := b.source(t.Context())
			if err != nil {
				t.Fatal(err)
			}
			if src.version != "6.12.999" || src.mutable || !strings.HasPrefix(src.id, "6.12.999-") {
				t.Errorf("source %+v", src)
			}
			if dir, err := b.SourceTree(t.Context()); dir != src.dir || err != nil {
				t.Errorf("the tree is in %q, %v, want %q", dir, err, src.dir)
			}
			if _, err := os.Stat(filepath.Join(src.dir, "hook.sh")); err != nil {
				t.Error(err)
			}
			again, err := b.source(t.Context())
			if err != nil || *again != *src {
				t.Errorf("again: %+v, %v", again, err)
			}
			// What was unpacked once is what is used if nothing is said.
			b.Source = ""
			if unsaid, err := b.source(t.Context()); err != nil || *unsaid != *src {
				t.Errorf("without Source: %+v, %v", unsaid, err)
			}
		})
	}
}

func TestBadSources(t *testing.T) {
	f := newFake(t)
	plain := tarOf(t, f.tree, "linux")
	xz := xzed(t, bytes.Repeat(plain, 20))
	withFile := func(name string) []byte {
		var b bytes.Buffer
		w := tar.NewWriter(&b)
		addFile(t, w, name, []byte("text"))
		if err := w.Close(); err != nil {
			t.Fatal(err)
		}
		return b.Bytes()
	}
	outside := filepath.Join(t.TempDir(), "escaped")
	rows := []struct {
		name string
		file []byte
		say  string
	}{
		{"text", bytes.Repeat([]byte("text"), 1000), "not a source tarball"},
		{"empty", nil, "too short"},
		{"truncated xz", xz[:len(xz)/2], "xz"},
		{"truncated tar", plain[:bytes.Index(plain, []byte("olddefconfig"))], "unexpected EOF"},
		{"no Linux", withFile("other/README"), "is no Linux source"},
		{"Makefile of something else", withFile("other/Makefile"), "has no VERSION"},
		{"path that leaves the tree", withFile("linux/../../../../../.." + outside), "escapes"},
		{"deb without source", deb(t, "./usr/src/other", nil), "no linux-source-"},
		{"deb cut short", deb(t, "./usr/src/linux-source-6.12.tar", plain)[:150], "no data.tar"},
	}
	for _, row := range rows {
		t.Run(row.name, func(t *testing.T) {
			b := &Builder{CacheDir: t.TempDir(), Source: filepath.Join(t.TempDir(), "archive")}
			f.write(b.Source, row.file)
			_, err := b.source(t.Context())
			if err == nil || !strings.Contains(err.Error(), row.say) {
				t.Errorf("source: %v, want %q", err, row.say)
			}
			if left, _ := filepath.Glob(filepath.Join(b.CacheDir, "source", "*")); left != nil {
				t.Errorf("left behind: %q", left)
			}
		})
	}
	if _, err := os.Stat(outside); err == nil {
		t.Error("an archive wrote outside of its tree")
	}
}

func TestSourceDirIsNone(t *testing.T) {
	for _, dir := range []string{t.TempDir(), filepath.Join(t.TempDir(), "none")} {
		b := &Builder{CacheDir: t.TempDir(), Source: dir}
		if _, err := b.source(t.Context()); !errors.Is(err, ErrNoSource) || !strings.Contains(err.Error(), dir) {
			t.Errorf("source %s: %v, want ErrNoSource", dir, err)
		}
	}
}

func TestUnpackInterrupted(t *testing.T) {
	f := newFake(t)
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	f.pack()
	if _, err := f.source(ctx); !errors.Is(err, context.Canceled) {
		t.Fatalf("source: %v, want context.Canceled", err)
	}
	if _, err := f.source(t.Context()); err != nil {
		t.Errorf("source afterwards: %v", err)
	}
}

func TestMakefileVersion(t *testing.T) {
	rows := []struct{ makefile, want string }{
		{"VERSION = 6\nPATCHLEVEL = 12\nSUBLEVEL = 117\nEXTRAVERSION =\nNAME = x\n", "6.12.117"},
		{"VERSION = 7\nPATCHLEVEL = 0\nSUBLEVEL = 0\nEXTRAVERSION = -rc3\n", "7.0.0-rc3"},
	}
	for _, row := range rows {
		dir := t.TempDir()
		if err := os.WriteFile(filepath.Join(dir, "Makefile"), []byte(row.makefile), 0o644); err != nil {
			t.Fatal(err)
		}
		if got, err := makefileVersion(dir); got != row.want || err != nil {
			t.Errorf("makefileVersion: %q, %v, want %q", got, err, row.want)
		}
	}
}

// Without network or package, the error is a line to type.
func TestFetchFails(t *testing.T) {
	rows := []struct {
		name   string
		script string
		say    string
	}{
		{"no apt-get", "", "there is no apt-get"},
		{"unreachable", "echo 'E: Unable to locate package linux-source-6.12' >&2; exit 100", "Unable to locate"},
		{"nothing came", "exit 0", "apt-get update && apt-get download linux-source-6.12"},
	}
	for _, row := range rows {
		t.Run(row.name, func(t *testing.T) {
			bin := t.TempDir()
			if row.script != "" {
				if err := os.WriteFile(filepath.Join(bin, "apt-get"), []byte("#!/bin/sh\n"+row.script+"\n"), 0o755); err != nil {
					t.Fatal(err)
				}
			}
			t.Setenv("PATH", bin)
			b := &Builder{CacheDir: t.TempDir()}
			c, err := b.cache()
			if err != nil {
				t.Fatal(err)
			}
			_, err = b.fetch(t.Context(), c)
			if !errors.Is(err, ErrNoSource) || !strings.Contains(err.Error(), row.say) ||
				!strings.Contains(err.Error(), "--source") {
				t.Errorf("fetch: %v, want ErrNoSource, %q and --source", err, row.say)
			}
		})
	}
}
