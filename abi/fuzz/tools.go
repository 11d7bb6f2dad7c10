package fuzz

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"time"
	"unsafe"

	"golang.org/x/sys/unix"

	"unotify-bench/abi"
	"unotify-bench/abi/model"
	"unotify-bench/asmstubs"
	"unotify-bench/internal/notify"
)

// tools are what a supervisor has at hand for every target.
type tools struct {
	kernel  model.Features
	patient time.Duration // how long something may take
	mem     []byte        // what requests point to; see the offsets
	base    uint64        // where that is
	given   int           // a descriptor for ADDFD
	own     string        // the path that the target opens itself
	program string        // and that of what it executes
	pin     *notify.Pin
	other   int      // a memfd that is not sealed
	zero    *os.File // /dev/zero
	main    *hand    // who does all that is done alone, and the first of two
	hand    *hand    // who does the second
	watch   watch
	seen    situations
	cover   *coverage
	cpus    []int // ours, the first that of main, the second the hand's; nil if there is one
	worlds  int   // started so far
}

// Where things lie in tools.mem.
const (
	atPath    = 0     // what the target should open
	atByte    = 4096  // what it should write
	atLarge   = 8192  // a path with a long tail
	atRead    = 17000 // where it reads to
	atStat    = 18000
	atAddress = 19000 // what it should bind to
	atNobody  = 20000 // and connect to
	atEndless = 32768 // no NUL for longer than a path may be
	readOnly  = 1 << 16
	nowhere   = 2 << 16 // not even readable
	memSize   = 3 << 16 // in the largest pages that there are
)

// largeSize is more than the kernel keeps beside a notification.
const largeSize = 8000

// newTools makes them, with files in a directory, and asks the kernel what it has.
func newTools(dir string, patient time.Duration) (t *tools, err error) {
	t = &tools{patient: patient, given: -1, other: -1, seen: situations{}}
	defer func() {
		if err != nil {
			t.close()
			t = nil
		}
	}()
	if t.mem, err = unix.Mmap(-1, 0, memSize, unix.PROT_READ|unix.PROT_WRITE, unix.MAP_PRIVATE|unix.MAP_ANONYMOUS); err != nil {
		return t, err
	}
	t.base = uint64(uintptr(unsafe.Pointer(unsafe.SliceData(t.mem))))
	if err = errors.Join(
		unix.Mprotect(t.mem[readOnly:nowhere], unix.PROT_READ),
		unix.Mprotect(t.mem[nowhere:], unix.PROT_NONE),
	); err != nil {
		return t, err
	}
	paths := map[byte]string{}
	for _, b := range []byte{model.Own, model.Substitute, model.Given} {
		paths[b] = filepath.Join(dir, string(b))
		if err = os.WriteFile(paths[b], []byte{b}, 0o644); err != nil {
			return t, fmt.Errorf("write a file for the target to open: %w", err)
		}
	}
	if len(paths[model.Own]) > 1024 {
		return t, fmt.Errorf("the directory %.40s... has too long a name", dir)
	}
	t.own = paths[model.Own] + "\x00"
	t.program = filepath.Join(dir, "program") + "\x00"
	if err = os.WriteFile(t.program[:len(t.program)-1], notify.Executable(asmstubs.ExitImage()), 0o755); err != nil {
		return t, fmt.Errorf("write a program for the target to execute: %w", err)
	}
	copy(t.mem[atPath:], paths[model.Substitute]+"\x00")
	t.mem[atByte] = model.Substitute
	copy(t.mem[atLarge:], paths[model.Substitute]+"\x00")
	for i := atEndless; i < readOnly; i++ {
		t.mem[i] = 'x'
	}
	copy(t.mem[atAddress:], address("/"))
	copy(t.mem[atNobody:], address(noDirectory))
	if t.zero, err = os.Open("/dev/zero"); err != nil {
		return t, err
	}
	if t.given, err = unix.Open(paths[model.Given], unix.O_RDONLY|unix.O_CLOEXEC, 0); err != nil {
		return t, err
	}
	if t.pin, err = notify.NewPin(os.Getpagesize()); err != nil {
		return t, err
	}
	t.pin.Write(t.mem[atPath : atPath+1024])
	t.pin.WriteAt([]byte{model.Substitute}, pinByte)
	t.pin.WriteAt(address("/"), pinAddress)
	if t.other, err = unix.MemfdCreate("unsealed", unix.MFD_CLOEXEC|unix.MFD_ALLOW_SEALING); err != nil {
		return t, err
	}
	if err = unix.Ftruncate(t.other, int64(os.Getpagesize())); err != nil {
		return t, err
	}
	if t.cover, err = newCoverage(); err != nil {
		return t, err
	}
	if t.cpus, err = cpus(); err != nil {
		return t, err
	}
	if err = errors.Join(t.cover.followMe(0), t.bind(0)); err != nil {
		return t, err
	}
	if t.hand, err = newHand(func() error { return errors.Join(t.cover.followMe(1), t.bind(1)) }); err != nil {
		return t, err
	}
	t.main = self()
	t.watch.begin(patient)
	t.kernel, err = t.features()
	return t, err
}

// features asks the kernel what it has.
func (t *tools) features() (model.Features, error) {
	w, err := t.start(0)
	if err != nil {
		return 0, err
	}
	defer w.end()
	var has model.Features
	// Flags are looked at before the program, of which there is none; since 5.19.
	const flags = abi.SECCOMP_FILTER_FLAG_NEW_LISTENER | abi.SECCOMP_FILTER_FLAG_WAIT_KILLABLE_RECV
	if _, _, e := unix.RawSyscall(unix.SYS_SECCOMP, abi.SECCOMP_SET_MODE_FILTER, flags, 0); e != unix.EINVAL {
		has |= model.Killable
	}
	for f, m := range map[notify.Feature]model.Features{
		notify.FeatureRedirectFlag: model.Redirect, notify.FeatureInject: model.Inject, notify.FeatureTargetCall: model.TargetCall,
		notify.FeaturePinInstall: model.Pins, notify.FeatureExecEvent: model.Event,
	} {
		ok, err := w.Has(f)
		if err != nil {
			return 0, err
		}
		if ok {
			has |= m
		}
	}
	return has, nil
}

// Where the pin has the byte to write, and the address to bind to; its start is the path.
const (
	pinByte    = 2048
	pinAddress = 3072
)

// addressSize is that of a struct sockaddr_un, in bytes.
const addressSize = 110

// noDirectory is where no socket can be: bind(2) and connect(2) give ENOENT. Of "/", which
// everybody has, bind gives EADDRINUSE.
const noDirectory = "/no such directory/socket"

// address is a struct sockaddr_un.
func address(path string) []byte {
	b := make([]byte, addressSize)
	b[0] = unix.AF_UNIX // all three architectures are little-endian
	copy(b[2:], path)
	return b
}

func (t *tools) close() {
	t.watch.end()
	if t.hand != nil {
		t.hand.end()
	}
	if t.cover != nil {
		t.cover.close()
	}
	for _, fd := range []int{t.given, t.other} {
		if fd >= 0 {
			unix.Close(fd)
		}
	}
	if t.zero != nil {
		t.zero.Close()
	}
	if t.pin != nil {
		t.pin.Close()
	}
	if t.mem != nil {
		_ = unix.Munmap(t.mem)
	}
}

// cpus are those that this process may run on, in an order that is another one in
// another process; nil for one alone.
func cpus() ([]int, error) {
	all, err := notify.AllowedCPUs()
	if err != nil || len(all) < 2 {
		return nil, err
	}
	first := os.Getpid() % len(all)
	return slices.Concat(all[first:], all[:first]), nil
}

// bind has the calling thread, and who it starts from here on, stay on one of cpus.
func (t *tools) bind(which int) error {
	if t.cpus == nil {
		return nil
	}
	return notify.BindCPU(t.cpus[which])
}

// apart is how many targets there are to each that may run beside its supervisor. The
// others run where that does: to wake up another CPU was a fifth of a guest's
// instructions, and what two hands do at once is on two CPUs all the same.
const apart = 4

// launch starts a target.
func (t *tools) launch(give ...*os.File) (*notify.Process, error) {
	if t.worlds++; t.cpus != nil && t.worlds%apart == 0 {
		if err := notify.BindCPUs(t.cpus); err != nil {
			return nil, err
		}
		defer func() { _ = t.bind(0) }()
	}
	return notify.Start(roleTarget, give...)
}

// at is the address of what lies at an offset of the memory.
func (t *tools) at(offset int) uint64 { return t.base + uint64(offset) }

func memfd(name string, size int) (*os.File, error) {
	fd, err := unix.MemfdCreate(name, unix.MFD_CLOEXEC)
	if err != nil {
		return nil, fmt.Errorf("create memory for %s: %w", name, err)
	}
	f := os.NewFile(uintptr(fd), name)
	if err := f.Truncate(int64(size)); err != nil {
		f.Close()
		return nil, fmt.Errorf("size memory for %s: %w", name, err)
	}
	return f, nil
}
