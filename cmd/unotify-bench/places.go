package main

import (
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"unotify-bench/abi"
	"unotify-bench/abi/amd64"
	"unotify-bench/abi/arm64"
	"unotify-bench/abi/riscv64"
	"unotify-bench/internal/notify"
	"unotify-bench/kernel"
)

// arches lists the architectures, in table order.
func arches() []*abi.Arch { return []*abi.Arch{&amd64.Arch, &arm64.Arch, &riscv64.Arch} }

// host is the place that is no virtual machine.
const host = "host"

// parsePlaces turns the values of --on into host (true if it is among them)
// and architectures, both in table order.
func parsePlaces(on []string) (onHost bool, as []*abi.Arch, err error) {
	known := []string{host}
	for _, a := range arches() {
		known = append(known, a.Name)
	}
	for _, o := range on {
		if o != "all" && !slices.Contains(known, o) {
			return false, nil, usageError("unknown place %q for --on; known: %s, all", o, strings.Join(known, ", "))
		}
	}
	all := slices.Contains(on, "all")
	for _, a := range arches() {
		if all || slices.Contains(on, a.Name) {
			as = append(as, a)
		}
	}
	if len(on) == 0 {
		return false, nil, usageError("--on names no place; known: %s, all", strings.Join(known, ", "))
	}
	return all || slices.Contains(on, host), as, nil
}

// kernelUsage says what --kernel of virtual machines can be.
func kernelUsage() string {
	return "what the virtual machines boot: " + variantNames() + "; " + kernel.Debian +
		", the one that Debian ships; or the path of an image, of a .deb or .rpm with one, or of a source tree, which is built"
}

// checkKernel refuses what --kernel cannot mean for architectures as, before
// anything is measured.
func checkKernel(name string, as []*abi.Arch) error {
	if name == kernel.Debian {
		return nil
	}
	if !isPath(name) {
		if !slices.Contains(kernel.Variants(), kernel.Variant(name)) {
			return usageError("unknown kernel %q; known: %s, %s, or the path of an image, a package or a source tree, with a slash in it", name, variantNames(), kernel.Debian)
		}
		return nil
	}
	if isTree(name) {
		if _, err := kernel.SourceVersion(name); err != nil {
			return usageError("--kernel: %w", err)
		}
		return nil
	}
	if kernel.IsPackage(name) {
		return nil // what is in it is known when it is unpacked
	}
	for _, a := range as {
		if _, err := kernel.OpenImage(name, a); err != nil {
			return usageError("--kernel for --on %s: %w", a.Name, err)
		}
	}
	return nil
}

// isPath tells the path of a kernel from the name of a variant.
func isPath(name string) bool { return strings.ContainsAny(name, "/.") }

// isTree tells the path of a source tree, of which a kernel is built, from that
// of a kernel.
func isTree(name string) bool {
	info, err := os.Stat(name)
	return isPath(name) && err == nil && info.IsDir()
}

// guestBinary finds the program to run in guests of architecture a: the file
// that make builds, so that a guest does not depend on how this program was
// built, else this program itself where it fits.
func guestBinary(a *abi.Arch) (string, error) {
	self, err := os.Executable()
	if err != nil {
		return "", fmt.Errorf("find this program's file: %w", err)
	}
	places := guestPlaces(self, a)
	for _, p := range places {
		if _, err = os.Stat(p); err == nil {
			return p, nil
		}
	}
	if a == notify.Native {
		return self, nil
	}
	return "", fmt.Errorf("no program for %s guests: run make, or GOARCH=%s CGO_ENABLED=0 go build -o %s ./cmd/unotify-bench, or install a whole release, with its lib directory: %w",
		a.Name, a.Name, places[0], err)
}

// guestPlaces is where the program for guests of a may be: beside self, where
// make builds it and who copies files puts it, or in the lib directory beside the
// bin directory of self, where an installation has it. Programs that nobody types,
// and that are of another machine, have no place in a directory of PATH
// (FHS 3.0, 4.7: /usr/lib has binaries that are not executed by users directly);
// that the place is relative to self lets the same tree be unpacked anywhere. Beside
// self is first: who builds anew into a bin directory wants to run what was built.
func guestPlaces(self string, a *abi.Arch) [2]string {
	dir, name := filepath.Dir(self), "unotify-bench-linux-"+a.Name
	return [2]string{filepath.Join(dir, name), filepath.Join(dir, "..", "lib", "unotify-bench", name)}
}

// stateDir is where results are kept: $XDG_STATE_HOME/unotify-bench, else
// ~/.local/state/unotify-bench.
func stateDir() (string, error) {
	dir := os.Getenv("XDG_STATE_HOME")
	if dir == "" {
		home, err := os.UserHomeDir()
		if err != nil {
			return "", fmt.Errorf("find the user's home directory: %w", err)
		}
		dir = filepath.Join(home, ".local", "state")
	}
	dir = filepath.Join(dir, "unotify-bench")
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return "", fmt.Errorf("make the directory for results: %w", err)
	}
	return dir, nil
}
