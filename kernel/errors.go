package kernel

import (
	"errors"
	"fmt"
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
	// ErrNoSpace says that a file system had too little room.
	ErrNoSpace = errors.New("no space left")
	// ErrConfig says that a requested configuration line did not take
	// effect.
	ErrConfig = errors.New("kernel configuration did not take effect")
	// ErrNoSource says that no kernel source could be had.
	ErrNoSource = errors.New("no kernel source")
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
