package kernel

import (
	"errors"
	"fmt"
	"strings"
)

var (
	// ErrNotBuilt says that the cache holds no image for an architecture
	// and variant.
	ErrNotBuilt = errors.New("kernel is not built")
	// ErrNotKernel says that a file given as a kernel is none that can be
	// booted here.
	ErrNotKernel = errors.New("not a kernel image")
	// ErrWrongArch says that a kernel is for another architecture than the
	// one asked for.
	ErrWrongArch = errors.New("kernel is for another architecture")
	// ErrUnknownArch says that no kernel can be built for an architecture.
	ErrUnknownArch = errors.New("unknown architecture")
	// ErrUnknownVariant says that there is no variant of that name.
	ErrUnknownVariant = errors.New("unknown kernel variant")
	// ErrUnknownFault says that the variant faulty has no such bug.
	ErrUnknownFault = errors.New("unknown fault")
	// ErrNoSpace says that a file system had too little room.
	ErrNoSpace = errors.New("no space left")
	// ErrConfig says that a requested configuration line did not take
	// effect.
	ErrConfig = errors.New("kernel configuration did not take effect")
	// ErrStyle says that Linux's checkpatch.pl complained of a patch.
	ErrStyle = errors.New("checkpatch.pl complains")
	// ErrWarning says that the compiler warned of what a patch touches.
	ErrWarning = errors.New("the compiler warns")
	// ErrNotReproducible says that the same input gave two images.
	ErrNotReproducible = errors.New("a second build gave another image")
	// ErrNoStep says that there is no series to build.
	ErrNoStep = errors.New("no series")
	// ErrNoSource says that no kernel source could be had.
	ErrNoSource = errors.New("no kernel source")
	// ErrClock says that the clock was set back while a kernel was built.
	ErrClock = errors.New("the clock was set back while the kernel was compiled")
	// errDamaged says that something in the cache is not what was put there.
	errDamaged = errors.New("is damaged")
)

// ErrMissingTool is returned as a pointer when a program, or a header the
// kernel's build needs, is not installed.
type ErrMissingTool struct {
	Tool    string // program looked for in PATH
	Package string // Debian package that brings it
}

func (e *ErrMissingTool) Error() string {
	return fmt.Sprintf("%s is not installed: apt-get install %s", e.Tool, e.Package)
}

// ErrPatch is returned as a pointer when a patch does not apply.
type ErrPatch struct {
	Patch   string // "kernel/patches/0001-seccomp-x.patch"
	File    string // of the source; "" if it is about the whole patch
	Line    int    // where its hunk begins in the file it was made for, or 0
	Hunk    int    // its number, from 1, or 0
	Version string // of the source
	Git     string // what git says
}

func (e *ErrPatch) Error() string {
	where := e.File
	if e.Line > 0 {
		where += fmt.Sprintf(", line %d", e.Line)
	}
	if e.Hunk > 0 {
		where += fmt.Sprintf(" (hunk %d)", e.Hunk)
	}
	if where != "" {
		where = " at " + where
	}
	return fmt.Sprintf("%s does not apply to Linux %s%s: %s; rebase it, or name a source that it is for with --source",
		e.Patch, e.Version, where, e.Git)
}

// ErrMake is returned as a pointer when the kernel's make fails, for no reason
// that is known better.
type ErrMake struct {
	Goal  string
	First []string // the first errors of the compiler or the linker, if any
	Last  []string // what make printed last
	Err   error
}

func (e *ErrMake) Error() string {
	return fmt.Sprintf("make %s: %v\n  %s", e.Goal, e.Err, strings.Join(e.Last, "\n  "))
}

func (e *ErrMake) Unwrap() error { return e.Err }
