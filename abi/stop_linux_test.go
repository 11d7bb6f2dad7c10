package abi_test

import (
	"encoding/binary"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"runtime"
	"syscall"
	"testing"
	"unsafe"

	"github.com/google/go-cmp/cmp"
	"golang.org/x/sys/unix"

	"unotify-bench/abi"
	"unotify-bench/internal/leak"
)

// native is the table of the machine that the test runs on.
func native(t *testing.T) *abi.Arch {
	for _, a := range archs {
		if a.Name == runtime.GOARCH {
			return a
		}
	}
	t.Fatalf("there is no table for %s", runtime.GOARCH)
	return nil
}

func init() {
	if os.Getenv(traceeEnv) != "" {
		// Only the main thread is traced: stay on it.
		runtime.LockOSThread()
	}
}

func TestMain(m *testing.M) {
	if os.Getenv(traceeEnv) != "" {
		// Six different arguments, so that a mix-up shows. The call
		// fails: no such descriptor is open.
		unix.RawSyscall6(unix.SYS_PREADV2, arg(0), arg(1), arg(2), arg(3), arg(4), arg(5))
		os.Exit(0)
	}
	os.Exit(leak.Tests{M: m}.Run())
}

const traceeEnv = "UNOTIFY_BENCH_ABI_TRACEE"

func arg(i int) uintptr { return 0x1000 + uintptr(i) }

func TestNative(t *testing.T) {
	a := native(t)
	var u unix.Utsname
	if err := unix.Uname(&u); err != nil {
		t.Fatal(err)
	}
	if m := unix.ByteSliceToString(u.Machine[:]); m != a.Machine {
		t.Errorf("uname says machine %q, we say %q", m, a.Machine)
	}
	// Other page sizes than ours exist on arm64.
	if p := os.Getpagesize(); p != a.PageSize && a.Name != "arm64" {
		t.Errorf("pages have %d bytes, we say %d", p, a.PageSize)
	}
}

// seen is what a tracer reads at one stop.
type seen struct {
	Size             int // bytes of the register set
	Arch             uint32
	Nr               uint64
	StopNr           uint64 // in the register set, where it is there
	Args             [6]uint64
	PC, SP           uint64
	Insn             []byte
	ResultAtEntry    int64
	ResultAtExit     int64
	ResultInfoAtExit int64
}

// TestStops lets the kernel say what the table says: at a syscall stop
// PTRACE_GET_SYSCALL_INFO names arguments, number, arch, program counter and
// stack pointer whatever the architecture, and the register set must show
// the same under the table's names.
func TestStops(t *testing.T) {
	a := native(t)
	// ptrace wants one thread.
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()

	cmd := exec.Command("/proc/self/exe")
	cmd.Env = append(os.Environ(), traceeEnv+"=1")
	cmd.SysProcAttr = &syscall.SysProcAttr{Ptrace: true, Pdeathsig: syscall.SIGKILL}
	if err := cmd.Start(); err != nil {
		t.Fatalf("start a tracee (kernel.yama.ptrace_scope must be under 3): %v", err)
	}
	defer func() {
		cmd.Process.Kill()
		cmd.Wait()
	}()
	tr := tracee{arch: a, pid: cmd.Process.Pid}
	got, err := tr.find(func(args [6]uint64) bool {
		for i := range args[1:] {
			if args[i+1] != uint64(arg(i+1)) {
				return false
			}
		}
		return true
	})
	if err != nil {
		t.Fatal(err)
	}

	want := seen{
		Size:             8 * len(a.Regs),
		Arch:             a.AuditArch,
		Nr:               unix.SYS_PREADV2,
		StopNr:           unix.SYS_PREADV2,
		PC:               tr.entry.InstructionPointer,
		SP:               tr.entry.StackPointer,
		Insn:             a.SyscallInsn,
		ResultAtExit:     -int64(unix.EBADF),
		ResultInfoAtExit: -int64(unix.EBADF),
		ResultAtEntry:    got.ResultAtEntry,
	}
	for i := range want.Args {
		want.Args[i] = uint64(arg(i))
	}
	if tr.entry.Args != want.Args {
		t.Errorf("PTRACE_GET_SYSCALL_INFO gives %#x for arguments, the tracee passed %#x", tr.entry.Args, want.Args)
	}
	if a.StopNr == "" {
		want.StopNr = got.StopNr
	}
	if a.Has(abi.QuirkENOSYSAtEntry) {
		want.ResultAtEntry = -int64(unix.ENOSYS)
	}
	if a.Has(abi.QuirkArg0NotInRegset) {
		want.Args[0] = uint64(got.ResultAtEntry)
	}
	if d := cmp.Diff(want, *got); d != "" {
		t.Errorf("at the stops of one call (-kernel +table):\n%s", d)
	}
}

type tracee struct {
	arch  *abi.Arch
	pid   int
	entry abi.PtraceSyscallInfo
}

// find runs the tracee from syscall stop to syscall stop, on to the call
// whose arguments match, and reads its entry and its exit.
func (tr *tracee) find(match func([6]uint64) bool) (*seen, error) {
	if err := tr.wait(); err != nil { // the SIGTRAP of exec
		return nil, err
	}
	if err := unix.PtraceSetOptions(tr.pid, unix.PTRACE_O_TRACESYSGOOD|unix.PTRACE_O_EXITKILL); err != nil {
		return nil, fmt.Errorf("set ptrace options: %w", err)
	}
	for {
		if err := tr.next(&tr.entry); err != nil {
			return nil, err
		}
		if tr.entry.Op == unix.PTRACE_SYSCALL_INFO_ENTRY && match(tr.entry.Args) {
			break
		}
	}
	regs, err := tr.regs()
	if err != nil {
		return nil, err
	}
	s := &seen{
		Size:          len(regs),
		Arch:          tr.entry.Arch,
		Nr:            tr.entry.Nr,
		PC:            tr.reg(regs, tr.arch.PC),
		SP:            tr.reg(regs, tr.arch.SP),
		ResultAtEntry: int64(tr.reg(regs, tr.arch.Result)),
	}
	if tr.arch.StopNr != "" {
		s.StopNr = tr.reg(regs, tr.arch.StopNr)
	}
	for i, name := range tr.arch.Args {
		s.Args[i] = tr.reg(regs, name)
	}
	s.Insn = make([]byte, len(tr.arch.SyscallInsn))
	if _, err := unix.PtracePeekText(tr.pid, uintptr(s.PC)-uintptr(len(s.Insn)), s.Insn); err != nil {
		return nil, fmt.Errorf("read the instruction at the stop: %w", err)
	}

	var exit abi.PtraceSyscallInfo
	if err := tr.next(&exit); err != nil {
		return nil, err
	}
	if exit.Op != unix.PTRACE_SYSCALL_INFO_EXIT {
		return nil, fmt.Errorf("stop after the entry has op %d", exit.Op)
	}
	if regs, err = tr.regs(); err != nil {
		return nil, err
	}
	s.ResultInfoAtExit = int64(exit.Nr)
	s.ResultAtExit = int64(tr.reg(regs, tr.arch.Result))
	return s, nil
}

// next goes on to the next syscall stop; signals on the way are delivered.
func (tr *tracee) next(info *abi.PtraceSyscallInfo) error {
	sig := 0
	for {
		if err := unix.PtraceSyscall(tr.pid, sig); err != nil {
			return fmt.Errorf("go on to a syscall stop: %w", err)
		}
		err := tr.wait()
		var other stopSignal
		if errors.As(err, &other) {
			sig = int(other)
			continue
		}
		if err != nil {
			return err
		}
		*info = abi.PtraceSyscallInfo{}
		if _, _, e := unix.RawSyscall6(unix.SYS_PTRACE, unix.PTRACE_GET_SYSCALL_INFO, uintptr(tr.pid),
			unsafe.Sizeof(*info), uintptr(unsafe.Pointer(info)), 0, 0); e != 0 {
			return fmt.Errorf("PTRACE_GET_SYSCALL_INFO: %w", e)
		}
		return nil
	}
}

// stopSignal is a stop that is no syscall's.
type stopSignal unix.Signal

func (s stopSignal) Error() string { return fmt.Sprintf("stopped by %v", unix.Signal(s)) }

func (tr *tracee) wait() error {
	var ws unix.WaitStatus
	for {
		_, err := unix.Wait4(tr.pid, &ws, unix.WALL, nil)
		if err == unix.EINTR {
			continue
		}
		if err != nil {
			return fmt.Errorf("wait for the tracee: %w", err)
		}
		break
	}
	switch {
	case !ws.Stopped():
		return fmt.Errorf("the tracee ended (status %#x) before its call was seen", ws)
	case ws.StopSignal() == unix.SIGTRAP || ws.StopSignal() == unix.SIGTRAP|0x80:
		return nil
	}
	return stopSignal(ws.StopSignal())
}

func (tr *tracee) regs() ([]byte, error) {
	buf := make([]byte, 1024)
	iov := unix.Iovec{Base: &buf[0]}
	iov.SetLen(len(buf))
	if _, _, e := unix.RawSyscall6(unix.SYS_PTRACE, unix.PTRACE_GETREGSET, uintptr(tr.pid),
		unix.NT_PRSTATUS, uintptr(unsafe.Pointer(&iov)), 0, 0); e != 0 {
		return nil, fmt.Errorf("PTRACE_GETREGSET: %w", e)
	}
	return buf[:iov.Len], nil
}

func (tr *tracee) reg(regs []byte, name string) uint64 {
	r, _ := tr.arch.Reg(name)
	return binary.NativeEndian.Uint64(regs[r.Offset:])
}
