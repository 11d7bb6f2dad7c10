package kernel

import (
	"bufio"
	"context"
	_ "embed"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync"

	"unotify-bench/internal/tempdir"
)

// Trace has a machine on the Insns clock write down every instruction that it
// executes, by a plugin of QEMU's emulator (plugin/trace.c). The guest does not
// notice: it counts the same instructions as without.
//
// Of the other ways, -d exec,nochain writes a line of text a block, does not
// say how far a block came, and switches the chaining of blocks off; a debugger
// at the gdbstub stops the machine at each step, a thousand times slower; and
// ftrace or perf in the guest are instructions of the guest themselves.
type Trace struct {
	// Mark is the address of the instruction that recording begins at. It
	// pauses once the machine has not come there for some millions.
	Mark uint64
	// Cuts are addresses that only a record's first instruction has: the
	// starts of functions, so that no record is of two.
	Cuts []uint64
	// From and To bound the function that switches tasks. What it loads is
	// recorded as well, as that tells tasks apart.
	From, To uint64

	cuts *os.File // as QEMU reads them

	// Boot sets what was recorded. It has no name any more, and is the caller's
	// to close.
	File *os.File
}

// Traced is a record of a trace: so many instructions in a row were executed,
// or a word was loaded by the function that switches tasks, or recording
// paused.
type Traced struct {
	Addr uint64
	Size uint32 // bytes
	N    uint32 // instructions
	Last uint32 // bytes of the last of them, which may have faulted
}

// Load reports whether the function that switches tasks loaded from r.Addr.
func (r Traced) Load() bool { return r.N == 0 && r.Size == tracedLoad }

// Gap reports whether something that was executed here is not recorded.
func (r Traced) Gap() bool { return r.N == 0 && r.Size == tracedGap }

// Sizes of records without instructions, as in plugin/trace.c.
const (
	tracedLoad = 0
	tracedGap  = 1
	tracedEnd  = 2
)

// ErrTrace says that a trace is not complete.
var ErrTrace = errors.New("the trace of the machine is not complete")

// ReadTrace hands over what a machine's plugin has recorded. An error of f ends
// it.
func ReadTrace(r io.Reader, f func(Traced) error) error {
	in := bufio.NewReaderSize(r, 1<<20)
	var b [16]byte
	for {
		if _, err := io.ReadFull(in, b[:]); err != nil {
			return fmt.Errorf("%w: %w; is there room for it in %s?", ErrTrace, err, os.TempDir())
		}
		t := Traced{
			Addr: binary.LittleEndian.Uint64(b[:]),
			Size: binary.LittleEndian.Uint32(b[8:]),
		}
		n := binary.LittleEndian.Uint32(b[12:])
		t.N, t.Last = n>>4, n&15
		switch {
		case n == 0 && t.Size == tracedEnd:
			return nil
		case t.N == 0 && (t.Last != 0 || t.Size >= tracedEnd):
			return fmt.Errorf("%w: it has a record of nothing", ErrTrace)
		}
		if err := f(t); err != nil {
			return err
		}
	}
}

//go:embed plugin/trace.c
var pluginSource string

// plugins are compiled once a process and version of QEMU's interface, which
// takes a tenth of a second.
var plugins = struct {
	sync.Mutex
	made map[int]*os.File
}{made: map[int]*os.File{}}

// TraceTools lists what a Trace needs.
func TraceTools() []Tool {
	const need = "compile the plugin that run --profile traces with"
	return []Tool{{"gcc", "gcc", need}, {"<stdio.h>", "libc6-dev", need}}
}

// plugin returns the plugin for a QEMU, as an object in memory.
func plugin(ctx context.Context, emu *emulator) (*os.File, error) {
	// include/qemu/qemu-plugin.h: QEMU_PLUGIN_VERSION is 1 before 9.0, from
	// where on QEMU_PLUGIN_MIN_VERSION is 2.
	version := 1
	if major, _, _ := strings.Cut(emu.version, "."); len(major) > 1 || major >= "9" {
		version = 2
	}
	plugins.Lock()
	defer plugins.Unlock()
	if f := plugins.made[version]; f != nil {
		return f, nil
	}
	for _, t := range TraceTools() {
		if err := t.Find(); err != nil {
			return nil, fmt.Errorf("%s: %w", t.Need, err)
		}
	}
	dir, err := tempdir.New("")
	if err != nil {
		return nil, fmt.Errorf("make a directory for the plugin: %w", err)
	}
	defer func() { _ = dir.Remove() }()
	out := filepath.Join(dir.Path, "trace.so")
	cmd := exec.CommandContext(ctx, "gcc", "-shared", "-fPIC", "-O2", "-fvisibility=hidden",
		"-DPLUGIN_VERSION="+strconv.Itoa(version), "-x", "c", "-o", out, "-")
	cmd.Stdin = strings.NewReader(pluginSource)
	if text, err := cmd.CombinedOutput(); err != nil {
		return nil, fmt.Errorf("compile the trace plugin: %w\n%s", err, text)
	}
	code, err := os.ReadFile(out)
	if err != nil {
		return nil, fmt.Errorf("read the trace plugin: %w", err)
	}
	// QEMU's options end at a comma, which the name of a directory may have.
	f, err := memfd("unotify-plugin", 0)
	if err != nil {
		return nil, err
	}
	if _, err := f.Write(code); err != nil {
		f.Close()
		return nil, fmt.Errorf("keep the trace plugin: %w", err)
	}
	plugins.made[version] = f
	return f, nil
}

// args adds the plugin to QEMU's options. addFile has QEMU inherit a file.
func (t *Trace) args(ctx context.Context, emu *emulator, addFile func(*os.File) int) ([]string, error) {
	code, err := plugin(ctx, emu)
	if err != nil {
		return nil, err
	}
	if t.cuts, err = memfd("unotify-cuts", 0); err != nil {
		return nil, err
	}
	addrs := slices.Compact(slices.Sorted(slices.Values(append(slices.Clone(t.Cuts), t.Mark))))
	if err := binary.Write(t.cuts, binary.NativeEndian, addrs); err != nil {
		return nil, fmt.Errorf("write the cuts of a trace: %w", err)
	}
	// On the disk: one call of some is a million instructions.
	if t.File, err = os.CreateTemp("", "unotify-trace-"); err != nil {
		return nil, fmt.Errorf("make a file for the trace: %w", err)
	}
	if err := os.Remove(t.File.Name()); err != nil {
		return nil, fmt.Errorf("take the name off the trace's file: %w", err)
	}
	fd := func(f *os.File) string { return fmt.Sprintf("/proc/self/fd/%d", addFile(f)) }
	return []string{"-plugin", fmt.Sprintf("file=%s,out=%s,cuts=%s,mark=%#x,from=%#x,to=%#x",
		fd(code), fd(t.File), fd(t.cuts), t.Mark, t.From, t.To)}, nil
}

// close closes what only QEMU read.
func (t *Trace) close() {
	if t.cuts != nil {
		t.cuts.Close()
	}
}
