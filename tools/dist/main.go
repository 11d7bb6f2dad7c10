// Dist makes a release in the directory dist, of programs that make has built:
// for each architecture the program alone, a tarball, a package for Debian and a
// list of what is in the program (an SBOM), and the hashes of all. See make dist.
//
// The same commit gives the same files, to the bit: nothing that depends on when,
// where or by whom it is run gets into them. What time there is in a file is the
// commit's, names are in order, owners are root.
//
// main.go has the order of things, tree.go what a release holds, manual.go the
// manual, licenses.go who else's code is in the program, archive.go the two
// formats, and sbom.go the list.
package main

import (
	"crypto/sha256"
	"debug/buildinfo"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"runtime/debug"
	"strconv"
	"strings"
	"time"
)

const (
	name = "unotify-bench"
	out  = "dist"
)

var arches = []string{"amd64", "arm64", "riscv64"}

// release is what all its files have in common.
type release struct {
	version string // as the program says it, without the v
	time    time.Time
	shared  []file // what is in each architecture's tree
}

func main() {
	if err := run(); err != nil {
		fmt.Fprintln(os.Stderr, "dist:", err)
		os.Exit(1)
	}
}

func run() error {
	// Files that are no part of this release would get into SHA256SUMS.
	if err := os.RemoveAll(out); err != nil {
		return err
	}
	if err := os.MkdirAll(out, 0o755); err != nil {
		return err
	}
	native := stamped(runtime.GOARCH)
	info, err := buildinfo.ReadFile(native)
	if err != nil {
		return fmt.Errorf("read what %s was built of: %w", native, err)
	}
	r, err := newRelease(info)
	if err != nil {
		return err
	}
	if r.shared, err = r.sharedFiles(native, info); err != nil {
		return err
	}
	var sums strings.Builder
	for _, arch := range arches {
		files, err := r.artifacts(arch)
		if err != nil {
			return fmt.Errorf("%s: %w", arch, err)
		}
		for _, f := range files {
			if err := os.WriteFile(filepath.Join(out, f.name), f.data, f.mode); err != nil {
				return err
			}
			fmt.Fprintf(&sums, "%x  %s\n", sha256.Sum256(f.data), f.name)
		}
	}
	return os.WriteFile(filepath.Join(out, "SHA256SUMS"), []byte(sums.String()), 0o644)
}

// stamped is where make puts the program that knows its version, and guest the one
// for virtual machines, which does not: see Makefile.
func stamped(arch string) string { return filepath.Join("bin", "stamped", guestName(arch)) }
func guest(arch string) string   { return filepath.Join("bin", guestName(arch)) }

func guestName(arch string) string { return name + "-linux-" + arch }

// newRelease takes version and time from what the toolchain has stamped into the
// program, so that files and program cannot say different things. SOURCE_DATE_EPOCH
// goes before the commit's time, as reproducible-builds.org has it.
func newRelease(info *debug.BuildInfo) (*release, error) {
	r := &release{version: strings.TrimPrefix(info.Main.Version, "v")}
	for _, s := range info.Settings {
		if s.Key == "vcs.time" {
			t, err := time.Parse(time.RFC3339, s.Value)
			if err != nil {
				return nil, fmt.Errorf("the commit's time: %w", err)
			}
			r.time = t
		}
	}
	if epoch := os.Getenv("SOURCE_DATE_EPOCH"); epoch != "" {
		seconds, err := strconv.ParseInt(epoch, 10, 64)
		if err != nil {
			return nil, fmt.Errorf("SOURCE_DATE_EPOCH: %w", err)
		}
		r.time = time.Unix(seconds, 0)
	}
	if r.version == "(devel)" || r.version == "" || r.time.IsZero() {
		return nil, errors.New("no commit is stamped into the program, and a release is one of a commit: " +
			"run make dist in a clone (in a worktree of git go build finds no commit), as the user who owns it")
	}
	r.time = r.time.UTC()
	return r, nil
}

// artifacts are the files of a release for one architecture.
func (r *release) artifacts(arch string) ([]file, error) {
	program, err := os.ReadFile(stamped(arch))
	if err != nil {
		return nil, err
	}
	t := append(tree{{"bin/" + name, 0o755, program}}, r.shared...)
	base := name + "-" + r.version + "-linux-" + arch
	tarball, err := t.tarball(base, r.time)
	if err != nil {
		return nil, err
	}
	deb, err := t.deb(arch, r.debianVersion(), r.time)
	if err != nil {
		return nil, err
	}
	list, err := r.sbom(arch, program)
	if err != nil {
		return nil, err
	}
	return []file{
		{base, 0o755, program},
		{base + ".cdx.json", 0o644, list},
		{base + ".tar.gz", 0o644, tarball},
		{name + "_" + r.debianVersion() + "_" + arch + ".deb", 0o644, deb},
	}, nil
}

// debianVersion sorts as the version does: what comes after a hyphen is before the
// release, which Debian spells with a tilde, and has no further hyphen, as the last
// one would begin the package's revision.
func (r *release) debianVersion() string {
	release, pre, ok := strings.Cut(r.version, "-")
	if !ok {
		return release
	}
	return release + "~" + strings.ReplaceAll(pre, "-", ".")
}
