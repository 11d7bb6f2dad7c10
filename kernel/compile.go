package kernel

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"syscall"
	"time"

	"golang.org/x/sys/unix"

	"unotify-bench/internal/lazy"
)

// objectTree is where the objects of one configuration lie. Its directory
// looks like a source tree, made of symbolic links, with the output in "o"
// below it. For an output directory there, kbuild calls the source ".." (see
// srctree in Linux's Makefile): no object, and but for the vDSO no command
// line that kbuild remembers, holds an absolute path. So images are the same
// wherever the cache is, and the cache may be moved.
type objectTree struct {
	dir     string
	target  target
	release string   // what the variant adds to the kernel's release
	vars    []string // for make: see variantSpec
	lock    *os.File // held, and inherited by make: see lock
}

func (o objectTree) out(elem ...string) string {
	return filepath.Join(o.dir, "o", filepath.Join(elem...))
}

// makeLog is kept until a build is complete: the next one counts its lines
// to know how far the interrupted one got.
func (o objectTree) makeLog() string { return filepath.Join(o.dir, "o.log") }

// temp is for the compiler's temporary files, so that a disk that is full is
// the one that the error names.
func (o objectTree) temp() string { return filepath.Join(o.dir, "o.tmp") }

// makeKilled is how long make and its children get to end when told to.
const makeKilled = 5 * time.Second

// make runs the kernel's make and gives each line that it prints to onLine.
func (o objectTree) make(ctx context.Context, onLine func(string), args ...string) error {
	args = append([]string{
		"-C", o.dir, "O=o",
		"ARCH=" + o.target.make,
		"CROSS_COMPILE=" + o.target.prefix(),
		// Comes after CONFIG_LOCALVERSION, which is a shared tree's. Without
		// it setlocalversion would look for a git repository.
		"LOCALVERSION=" + o.release,
	}, slices.Concat(o.vars, args)...)
	cmd := exec.CommandContext(ctx, "make", args...)
	// Nothing else of the user's environment may change the kernel; when
	// this runs below another make, its MAKEFLAGS least of all.
	cmd.Env = []string{
		"PATH=" + os.Getenv("PATH"),
		"HOME=" + os.Getenv("HOME"),
		"TMPDIR=" + o.temp(),
		"LC_ALL=C",
		"KBUILD_BUILD_TIMESTAMP=Wed Jan  1 00:00:00 UTC 2020",
		"KBUILD_BUILD_USER=unotify",
		"KBUILD_BUILD_HOST=bench",
		"KBUILD_BUILD_VERSION=1", // else counted up in each object tree
	}
	failed := &ErrMake{Goal: args[len(args)-1]}
	full := false
	lines := newLineWriter(func(line string) {
		full = full || strings.Contains(line, "No space left on device") || strings.Contains(line, "Disk quota exceeded")
		failed.take(line)
		onLine(line)
	})
	cmd.Stdout, cmd.Stderr = lines, lines
	if o.lock != nil {
		cmd.ExtraFiles = []*os.File{o.lock}
	}
	// Pdeathsig comes when the thread that forked ends.
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true, Pdeathsig: syscall.SIGTERM}
	cmd.Cancel = func() error { return syscall.Kill(-cmd.Process.Pid, syscall.SIGTERM) }
	cmd.WaitDelay = makeKilled
	err := cmd.Run()
	lines.flush()
	if ctx.Err() != nil {
		if cmd.Process != nil {
			_ = syscall.Kill(-cmd.Process.Pid, syscall.SIGKILL) // who did not listen
		}
		return ctx.Err()
	}
	if err == nil {
		return nil
	}
	if full {
		err = spaceError(fmt.Errorf("%w: %w", unix.ENOSPC, err), o.dir, objectSpace)
	}
	failed.Err = err
	return failed
}

// compilerError is how gcc, clang and the linker name a place and what is
// wrong there.
var compilerError = lazy.Regexp(`: (fatal )?error: |: undefined reference to `)

// take remembers what may be worth telling of a line that make printed.
func (e *ErrMake) take(line string) {
	if e.Last = append(e.Last, line); len(e.Last) > 20 {
		e.Last = e.Last[1:]
	}
	if len(e.First) < 3 && compilerError().MatchString(line) {
		// Paths are relative to the output, one below the source.
		e.First = append(e.First, strings.TrimPrefix(line, "../"))
	}
}

// configChecked says that o/.config is what was asked for.
const configChecked = ".config.checked"

// configure makes o/.config of tinyconfig and the fragments, and checks that
// every line took effect.
func (o objectTree) configure(ctx context.Context, asked string, src *source, onLine func(string)) error {
	// The configuration is part of the tree's name, so doing it once is
	// enough, unless the source has moved on or a patch to Kconfig has.
	done := o.out(configChecked)
	if _, err := os.Stat(done); err == nil && !src.mutable {
		return nil
	}
	if err := o.make(ctx, onLine, "tinyconfig"); err != nil {
		return err
	}
	f, err := os.OpenFile(o.out(".config"), os.O_APPEND|os.O_WRONLY, 0)
	if err != nil {
		return err
	}
	_, err = f.WriteString(asked)
	if err := errors.Join(err, f.Close()); err != nil {
		return err
	}
	if err := o.make(ctx, onLine, "olddefconfig"); err != nil {
		return err
	}
	got, err := os.ReadFile(o.out(".config"))
	if err != nil {
		return err
	}
	if err := checkConfig(asked, string(got)); err != nil {
		return err
	}
	return os.WriteFile(done, nil, 0o644)
}

// compile makes the image and returns how many units the tree took so far.
func (o objectTree) compile(ctx context.Context, jobs int, total int64, p Progress, onLine func(string)) (int64, error) {
	var units int64
	before, err := os.ReadFile(o.makeLog())
	if err == nil {
		for line := range bytes.Lines(before) {
			if isUnit(string(line)) {
				units++
			}
		}
	}
	log, err := os.OpenFile(o.makeLog(), os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o644)
	if err != nil {
		return 0, err
	}
	defer log.Close()
	show := func() {
		if total > 0 {
			p.Done(min(units, total), total) // total is an estimate
		} else {
			p.Done(units, 0)
		}
	}
	show()
	err = o.make(ctx, func(line string) {
		onLine(line)
		// Only an estimate hangs on the log: if it cannot be written, make
		// will soon say so for itself.
		_, _ = io.WriteString(log, line+"\n")
		if isUnit(line) {
			units++
			show()
		}
	}, fmt.Sprintf("-j%d", jobs), o.target.goal)
	if err != nil {
		return units, err
	}
	p.Done(units, units)
	return units, os.Remove(o.makeLog())
}

// isUnit tells kbuild's "  CC      kernel/seccomp.o" from other lines.
func isUnit(line string) bool {
	return len(line) > 3 && strings.HasPrefix(line, "  ") && line[2] >= 'A' && line[2] <= 'Z'
}
