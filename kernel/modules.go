package kernel

import (
	"bytes"
	"debug/elf"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"unotify-bench/internal/lazy"
)

// channelModules are what the channel is made of where it is not built in. What
// these depend on they say themselves.
var channelModules = []string{"virtio_mmio", "virtio_pci", "virtio_console"}

// plainModule is what a module's name is. It becomes the name of a file, and part
// of messages.
var plainModule = lazy.Regexp(`^[a-zA-Z0-9_]{1,60}$`)

// moduleName is what a module is called by others: "virtio_ring" for
// virtio-ring.ko.xz.
func moduleName(base string) (string, bool) {
	name, kind, _ := strings.Cut(base, ".")
	name = strings.ReplaceAll(name, "-", "_")
	return name, plainModule().MatchString(name) && slices.Contains([]string{"ko", "ko.gz", "ko.xz", "ko.zst"}, kind)
}

// orderModules leaves in dir what the channel needs, with names that sort as it
// has to be loaded. What is not there is taken to be built in.
func orderModules(dir string) error {
	var order []string
	begun := map[string]bool{} // two that need each other would go round for ever
	var add func(name string) error
	add = func(name string) error {
		file := filepath.Join(dir, name+".ko")
		if begun[name] || !fileExists(file) {
			return nil
		}
		begun[name] = true
		needs, err := moduleDepends(file)
		for _, n := range needs {
			err = errors.Join(err, add(n))
		}
		order = append(order, file)
		return err
	}
	for _, name := range channelModules {
		if err := add(name); err != nil {
			return err
		}
	}
	all, err := filepath.Glob(filepath.Join(dir, "*"))
	for _, file := range all {
		if i := slices.Index(order, file); i < 0 {
			err = errors.Join(err, os.Remove(file))
		} else {
			err = errors.Join(err, os.Rename(file, filepath.Join(dir, fmt.Sprintf("%02d-%s", i, filepath.Base(file)))))
		}
	}
	return err
}

// maxModinfo bounds what a module says of itself. A section can be compressed, and
// then says itself how large it is.
const maxModinfo = 1 << 20

// moduleDepends reads the names that modpost wrote: scripts/mod/modpost.c.
func moduleDepends(file string) ([]string, error) {
	e, err := elf.Open(file)
	if err != nil {
		return nil, fmt.Errorf("%s is no module: %w", filepath.Base(file), err)
	}
	defer e.Close()
	s := e.Section(".modinfo")
	if s == nil {
		return nil, fmt.Errorf("%s is no module: it has no .modinfo", filepath.Base(file))
	}
	if s.Size > maxModinfo {
		return nil, fmt.Errorf("%s: its .modinfo has %d bytes", filepath.Base(file), s.Size)
	}
	info, err := s.Data()
	if err != nil {
		return nil, fmt.Errorf("%s: %w", filepath.Base(file), err)
	}
	for field := range bytes.SplitSeq(info, []byte{0}) {
		depends, ok := strings.CutPrefix(string(field), "depends=")
		if !ok || depends == "" {
			continue
		}
		names := strings.Split(strings.ReplaceAll(depends, "-", "_"), ",")
		for _, name := range names {
			if !plainModule().MatchString(name) {
				return nil, fmt.Errorf("%s needs %.80q, which is no module's name", filepath.Base(file), name)
			}
		}
		return names, nil
	}
	return nil, nil
}
