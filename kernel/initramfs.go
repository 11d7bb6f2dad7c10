package kernel

import (
	"debug/elf"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"maps"
	"os"
	"path"
	"path/filepath"
	"slices"

	"github.com/u-root/u-root/pkg/cpio"
	"golang.org/x/sys/unix"

	"unotify-bench/abi"
)

// initramfs writes the guest's whole file system into memory: newc, not
// compressed as the guest would pay for that, and the same bytes for the same
// input. Nothing is cached: to write it takes a few milliseconds.
func (m *Machine) initramfs() (*os.File, error) {
	records := []cpio.Record{
		cpio.Directory("dev", 0o755),
		cpio.CharDev("dev/console", 0o600, 5, 1), // Documentation/admin-guide/devices.txt
		cpio.CharDev("dev/null", 0o666, 1, 3),
		cpio.Directory("proc", 0o755),
		cpio.Directory("run", 0o755),
		cpio.Directory("sys", 0o755),
		cpio.Directory("tmp", 0o1777),
	}
	if err := checkInit(m.Init, m.Arch); err != nil {
		return nil, err
	}
	execs := map[string]string{"init": m.Init}
	maps.Copy(execs, m.Execs)
	if err := checkNames(execs, m.Files); err != nil {
		return nil, err
	}
	if m.Image != nil && m.Image.Modules != "" {
		dir := m.Image.Modules
		modules, err := os.ReadDir(dir)
		if err != nil {
			return nil, err
		}
		for _, e := range modules {
			execs[path.Join(modulesDir, e.Name())] = filepath.Join(dir, e.Name())
		}
	}
	made := map[string]bool{".": true, "dev": true, "proc": true, "run": true, "sys": true, "tmp": true}
	for _, name := range slices.Sorted(maps.Keys(execs)) {
		// An io.ReaderAt that is an io.Closer is closed by the writer.
		f, size, err := openExec(execs[name])
		if err != nil {
			return nil, err
		}
		defer f.Close()
		records = append(parents(records, made, name), record(name, 0o755, size, f))
	}
	for _, name := range slices.Sorted(maps.Keys(m.Files)) {
		records = append(parents(records, made, name), cpio.StaticFile(name, string(m.Files[name]), 0o644))
	}
	return writeArchive(records)
}

// WriteInitramfs writes the file system that Boot would give the machine, for whoever
// boots it by other means.
func (m *Machine) WriteInitramfs(w io.Writer) error {
	c := *m
	if c.Arch == nil {
		c.Arch = c.Image.Arch
	}
	f, err := c.initramfs()
	if err != nil {
		return fmt.Errorf("make initramfs of %s: %w", c.Init, err)
	}
	defer f.Close()
	if _, err := f.Seek(0, io.SeekStart); err != nil {
		return err
	}
	_, err = io.Copy(w, f)
	return err
}

var elfMachines = map[string]elf.Machine{"amd64": elf.EM_X86_64, "arm64": elf.EM_AARCH64, "riscv64": elf.EM_RISCV}

// checkInit refuses what the guest could only panic at.
func checkInit(path string, arch *abi.Arch) error {
	f, _, err := openExec(path)
	if err != nil {
		return err
	}
	defer f.Close()
	e, err := elf.NewFile(f)
	if err != nil {
		return fmt.Errorf("%s is no program: %w", path, err)
	}
	if e.Machine != elfMachines[arch.Name] {
		return fmt.Errorf("%s is for %v, the guest is %s", path, e.Machine, arch.Name)
	}
	for _, p := range e.Progs {
		if p.Type == elf.PT_INTERP {
			return fmt.Errorf("%s is linked dynamically: build it with CGO_ENABLED=0", path)
		}
	}
	return nil
}

func writeArchive(records []cpio.Record) (*os.File, error) {
	out, err := memfd("unotify-initramfs", 0)
	if err != nil {
		return nil, err
	}
	w := cpio.Newc.Writer(out)
	for i, r := range records {
		r = cpio.MakeReproducible(r)
		r.Ino = uint64(i + 1) // files of one inode would be hard links
		if err := w.WriteRecord(r); err != nil {
			out.Close()
			return nil, err
		}
	}
	if err := cpio.WriteTrailer(w); err != nil {
		out.Close()
		return nil, err
	}
	return out, nil
}

func openExec(p string) (*os.File, int64, error) {
	if p == "" {
		return nil, 0, errors.New("no program given")
	}
	f, err := os.Open(p)
	if err != nil {
		return nil, 0, err
	}
	st, err := f.Stat()
	if err == nil && !st.Mode().IsRegular() {
		err = fmt.Errorf("%s is not a regular file", p)
	}
	if err != nil {
		f.Close()
		return nil, 0, err
	}
	return f, st.Size(), nil
}

func record(name string, perm uint64, size int64, f *os.File) cpio.Record {
	return cpio.Record{
		ReaderAt: f,
		Info:     cpio.Info{Name: name, Mode: unix.S_IFREG | perm, FileSize: uint64(size)},
	}
}

// checkNames refuses what is no path below / or is there already.
func checkNames(execs map[string]string, files map[string][]byte) error {
	for name := range files {
		if _, ok := execs[name]; ok {
			return fmt.Errorf("%s is given twice", name)
		}
	}
	for _, name := range slices.Concat(slices.Sorted(maps.Keys(execs)), slices.Sorted(maps.Keys(files))) {
		if !fs.ValidPath(name) || name == "." {
			return fmt.Errorf("%q is no path below /", name)
		}
	}
	return nil
}

// parents adds the directories above name that are not there yet.
func parents(records []cpio.Record, made map[string]bool, name string) []cpio.Record {
	dir := path.Dir(name)
	if made[dir] || dir == "/" {
		return records
	}
	records = parents(records, made, dir)
	made[dir] = true
	return append(records, cpio.Directory(dir, 0o755))
}
