package main_test

import (
	"archive/tar"
	"compress/gzip"
	"debug/buildinfo"
	"debug/elf"
	"encoding/json"
	"errors"
	"io"
	"os"
	"os/exec"
	"path"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

// checkProgram wants a small static program that knows its version.
func checkProgram(t *testing.T, file, arch string) {
	t.Helper()
	f, err := elf.Open(file)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	if machine := map[string]elf.Machine{"amd64": elf.EM_X86_64, "arm64": elf.EM_AARCH64, "riscv64": elf.EM_RISCV}[arch]; f.Machine != machine {
		t.Errorf("it is for %v, want %v", f.Machine, machine)
	}
	for _, p := range f.Progs {
		if p.Type == elf.PT_INTERP || p.Type == elf.PT_DYNAMIC {
			t.Errorf("it has a %v: it is not static", p.Type)
		}
	}
	// For run --profile.
	if symbols, err := f.Symbols(); err != nil || !slices.ContainsFunc(symbols, func(s elf.Symbol) bool {
		return strings.HasPrefix(s.Name, "unotify-bench/asmstubs.")
	}) {
		t.Errorf("it has no symbols: %v", err)
	}
	const most = 15_000_000
	if size := len(readAll(t, file)); size >= most {
		t.Errorf("it has %d bytes, want less than %d", size, most)
	}
	info, err := buildinfo.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	if info.Main.Version != "v"+distVersion {
		t.Errorf("it is version %s, want v%s", info.Main.Version, distVersion)
	}
}

// checkSBOM wants every module that the toolchain says is in the program.
func checkSBOM(t *testing.T, program string) {
	t.Helper()
	var bom struct {
		BOMFormat  string
		Metadata   struct{ Component struct{ Version string } }
		Components []struct{ Name, Version string }
	}
	if err := json.Unmarshal([]byte(readAll(t, program+".cdx.json")), &bom); err != nil {
		t.Fatal(err)
	}
	info, err := buildinfo.ReadFile(program)
	if err != nil {
		t.Fatal(err)
	}
	want := []string{"std " + strings.TrimPrefix(info.GoVersion, "go")}
	for _, m := range info.Deps {
		want = append(want, m.Path+" "+m.Version)
	}
	var got []string
	for _, c := range bom.Components {
		got = append(got, c.Name+" "+c.Version)
	}
	slices.Sort(want)
	slices.Sort(got)
	if diff := cmp.Diff(want, got); diff != "" || bom.BOMFormat != "CycloneDX" || bom.Metadata.Component.Version != "v"+distVersion {
		t.Errorf("list of %s, version %s (-want +got):\n%s", bom.BOMFormat, bom.Metadata.Component.Version, diff)
	}
}

// tarball reads one, whose names have to be in order and which knows nothing of who
// made it and when.
func tarball(t *testing.T, file string) map[string][]byte {
	t.Helper()
	f, err := os.Open(file)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	z, err := gzip.NewReader(f)
	if err != nil {
		t.Fatal(err)
	}
	files := map[string][]byte{}
	var names []string
	for r := tar.NewReader(z); ; {
		h, err := r.Next()
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			t.Fatal(err)
		}
		name := strings.TrimSuffix(h.Name, "/")
		names = append(names, name)
		mode := int64(0o644)
		if h.Typeflag == tar.TypeDir || strings.Contains(name, "/bin/") || strings.Contains(name, "/lib/") {
			mode = 0o755
		}
		if h.Uid != 0 || h.Gid != 0 || h.Uname != "" || h.Mode != mode || !h.ModTime.Equal(time.Unix(distTime, 0)) {
			t.Errorf("%s: owner %d:%d %q, mode %o, of %v", h.Name, h.Uid, h.Gid, h.Uname, h.Mode, h.ModTime)
		}
		data, err := io.ReadAll(r)
		if err != nil {
			t.Fatal(err)
		}
		below, ok := strings.CutPrefix(name, strings.TrimSuffix(filepath.Base(file), ".tar.gz"))
		if !ok {
			t.Errorf("%s is outside the tarball's directory", name)
		}
		if h.Typeflag == tar.TypeReg {
			files[strings.TrimPrefix(below, "/")] = data
		}
	}
	if !slices.IsSorted(names) {
		t.Error("names are not in order")
	}
	return files
}

// link is one of Markdown to another file.
var link = regexp.MustCompile(`\]\(([^):#]+)(#[^)]*)?\)`)

// checkLinks wants the files that pages refer to.
func checkLinks(t *testing.T, files map[string][]byte) {
	t.Helper()
	n := 0
	for name, data := range files {
		if !strings.HasSuffix(name, ".md") || strings.Contains(name, "/licenses/") {
			continue
		}
		for _, m := range link.FindAllStringSubmatch(string(data), -1) {
			n++
			if _, ok := files[path.Join(path.Dir(name), m[1])]; !ok {
				t.Errorf("%s refers to %s, which is not there", name, m[1])
			}
		}
	}
	if n < 10 {
		t.Errorf("%d links, README alone has more", n)
	}
}

func readAll(t *testing.T, file string) string {
	t.Helper()
	data, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	return string(data)
}

// checkDeb wants a package that holds what the tarball does, with the manual
// compressed.
func checkDeb(t *testing.T, file, arch string, files map[string][]byte) {
	t.Helper()
	for field, want := range map[string]string{"Package": "unotify-bench", "Version": debVersion, "Architecture": arch, "Depends": ""} {
		out, err := exec.Command("dpkg-deb", "--field", file, field).Output()
		if got := strings.TrimSpace(string(out)); err != nil || got != want {
			t.Errorf("%s is %q, want %q: %v", field, got, want, err)
		}
	}
	want := []string{}
	for name := range files {
		name = strings.Replace(name, "share/zsh/site-functions", "share/zsh/vendor-completions", 1)
		if strings.HasPrefix(name, "share/man/") {
			name += ".gz"
		}
		want = append(want, "usr/"+name)
	}
	list, err := exec.Command("dpkg-deb", "--fsys-tarfile", file).Output()
	if err != nil {
		t.Fatal(err)
	}
	var got []string
	for r := tar.NewReader(strings.NewReader(string(list))); ; {
		h, err := r.Next()
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			t.Fatal(err)
		}
		if h.Uid != 0 || h.Gid != 0 || h.Uname != "root" || !h.ModTime.Equal(time.Unix(distTime, 0)) {
			t.Errorf("%s: owner %d:%d %q, of %v", h.Name, h.Uid, h.Gid, h.Uname, h.ModTime)
		}
		if h.Typeflag == tar.TypeReg {
			got = append(got, strings.TrimPrefix(h.Name, "./"))
		}
	}
	slices.Sort(want)
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("files (-tarball +package):\n%s", diff)
	}
}
