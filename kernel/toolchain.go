package kernel

import (
	"bytes"
	"context"
	"fmt"
	"os/exec"
	"runtime"
	"strings"

	"unotify-bench/abi"
)

// target says how a kernel for one architecture is made.
type target struct {
	arch    string // abi.Arch.Name
	make    string // ARCH=
	cross   string // CROSS_COMPILE=, unless the host is that architecture
	gcc     string // Debian package of the cross compiler
	libc    string // Debian package of its C library, which it only recommends
	goal    string // what make is asked for
	image   string // what comes of it, in the object tree
	strip   bool   // image is an ELF whose symbols nobody will read
	objtool bool   // the build compiles objtool, which needs libelf
	qemu    Tool
	// units is how many lines a build from scratch prints, as seen with
	// 6.12.117 and the fragments in config/. It only serves the estimate
	// of a first build: later ones know better.
	units int64
}

var targets = []target{
	{
		arch:  "amd64",
		make:  "x86_64",
		cross: "x86_64-linux-gnu-",
		gcc:   "gcc-x86-64-linux-gnu",
		libc:  "libc6-dev-amd64-cross",
		// Not bzImage: QEMU enters an uncompressed ELF with a PVH note
		// directly, and nothing is unpacked by emulated instructions.
		goal:    "vmlinux",
		image:   "vmlinux",
		strip:   true,
		objtool: true,
		qemu:    Tool{Name: "qemu-system-x86_64", Package: "qemu-system-x86", Need: "boot amd64"},
		units:   1300,
	},
	{
		arch:  "arm64",
		make:  "arm64",
		cross: "aarch64-linux-gnu-",
		gcc:   "gcc-aarch64-linux-gnu",
		libc:  "libc6-dev-arm64-cross",
		goal:  "Image",
		image: "arch/arm64/boot/Image",
		qemu:  Tool{Name: "qemu-system-aarch64", Package: "qemu-system-arm", Need: "boot arm64"},
		units: 1223,
	},
	{
		arch:  "riscv64",
		make:  "riscv",
		cross: "riscv64-linux-gnu-",
		gcc:   "gcc-riscv64-linux-gnu",
		libc:  "libc6-dev-riscv64-cross",
		goal:  "Image",
		image: "arch/riscv/boot/Image",
		qemu:  Tool{Name: "qemu-system-riscv64", Package: "qemu-system-misc", Need: "boot riscv64"},
		units: 1234,
	},
}

func targetOf(arch *abi.Arch) (target, error) {
	var known []string
	for _, t := range targets {
		if arch != nil && t.arch == arch.Name {
			return t, nil
		}
		known = append(known, t.arch)
	}
	name := ""
	if arch != nil {
		name = arch.Name
	}
	return target{}, fmt.Errorf("%w %q: there is %s", ErrUnknownArch, name, strings.Join(known, ", "))
}

// prefix is what CROSS_COMPILE= gets.
func (t target) prefix() string {
	if runtime.GOARCH == t.arch {
		return ""
	}
	return t.cross
}

// Tool is a program that building or booting a kernel needs.
type Tool struct {
	Name    string // program, header in <>, or COMPILER:LIBRARY
	Package string // Debian package
	Need    string // what needs it
}

// Tools lists what building and booting a kernel for arch needs, and its
// selftests.
func Tools(arch *abi.Arch) []Tool {
	t, err := targetOf(arch)
	if err != nil {
		return nil
	}
	return append(t.buildTools(), t.libcTool(), t.qemu)
}

// libcTool is what programs are linked with that get into a guest.
func (t target) libcTool() Tool {
	pkg := t.libc
	if t.prefix() == "" {
		pkg = "libc6-dev"
	}
	return Tool{t.prefix() + "gcc:libc.a", pkg, "build the selftests for " + t.arch}
}

func (t target) buildTools() []Tool {
	need := "build " + t.arch
	tools := []Tool{
		{"xz", "xz-utils", "unpack the kernel's source"},
		{"make", "make", need},
		{"flex", "flex", need},
		{"bison", "bison", need},
		{"bc", "bc", need},
		{"git", "git", need + " (apply patches)"},
		{"gcc", "gcc", need}, // for the programs of the build itself
	}
	if p := t.prefix(); p != "" {
		tools = append(tools, Tool{p + "gcc", t.gcc, need})
	}
	if t.objtool {
		tools = append(tools, Tool{"<gelf.h>", "libelf-dev", need + " (objtool)"})
	}
	return tools
}

// Find looks for the tool on this machine. The error is an
// *ErrMissingTool.
func (t Tool) Find() error {
	missing := &ErrMissingTool{Tool: t.Name, Package: t.Package}
	if compiler, library, ok := strings.Cut(t.Name, ":"); ok {
		// A compiler that does not know it prints the name as it is.
		path, err := exec.Command(compiler, "-print-file-name="+library).Output()
		if err != nil || !strings.HasPrefix(string(path), "/") {
			return missing
		}
		return nil
	}
	if !strings.HasPrefix(t.Name, "<") {
		if _, err := exec.LookPath(t.Name); err != nil {
			return missing
		}
		return nil
	}
	cpp := exec.Command("gcc", "-E", "-o", "/dev/null", "-")
	cpp.Stdin = strings.NewReader("#include " + t.Name + "\n")
	if cpp.Run() != nil {
		return missing
	}
	return nil
}

// compiler tells what compiles and links for t, in a line that changes when
// its output may.
func (t target) compiler(ctx context.Context) (string, error) {
	var lines []string
	for _, tool := range []string{"gcc", "ld"} {
		out, err := exec.CommandContext(ctx, t.prefix()+tool, "--version").Output()
		if err != nil {
			return "", fmt.Errorf("ask %s for its version: %w", t.prefix()+tool, err)
		}
		line, _, _ := bytes.Cut(out, []byte("\n"))
		lines = append(lines, string(line))
	}
	return strings.Join(lines, "; "), nil
}
