//go:build linux && (amd64 || arm64 || riscv64)

package asmstubs

import (
	"fmt"
	"runtime"
	"testing"
	"unsafe"

	"golang.org/x/sys/unix"
)

func TestSigsysHandler(t *testing.T) {
	_, err := runChild("sigsys", "")
	if isNoExec(err) {
		t.Skip("the kernel cannot execute this binary: under qemu-user there is no seccomp, run this in a VM")
	}
	if err != nil {
		t.Fatal(err)
	}
}

// childSigsys traps getpgid where Call issues it, and only there: so the
// filter also proves CallPC.
func childSigsys(string) error {
	runtime.LockOSThread()
	if err := handleSigsys(); err != nil {
		return err
	}
	if err := trapCall(unix.SYS_GETPGID, CallPC()); err != nil {
		return err
	}

	for _, p := range patterns {
		for _, result := range []uint64{0, 12345, 1 << 40, ^uint64(0)} {
			f := getppid(p.value, ^uint64(0))
			f.In[NrReg] = unix.SYS_GETPGID
			SigsysResult = result
			Call(f)
			want := expect(f)
			want[ResultReg] = result
			if diff := diffRegs(want, f.Out); diff != "" {
				return fmt.Errorf("%s: registers after a trapped call (-want +got):\n%s", p.name, diff)
			}
			if f.FlagsOut != FlagMask {
				return fmt.Errorf("%s: flags after a trapped call: %#x, want %#x", p.name, f.FlagsOut, uint64(FlagMask))
			}
		}
	}

	SigsysResult = 12345
	if pgid, err := unix.Getpgid(0); err != nil || pgid == 12345 {
		return fmt.Errorf("getpgid from elsewhere: %d, %s: the filter is for Call only", pgid, fmt.Sprint(err))
	}
	return nil
}

// handleSigsys installs the handler past Go's runtime.
func handleSigsys() error {
	const ( // asm/signal.h
		saSiginfo  = 0x00000004
		saRestorer = 0x04000000
		saOnstack  = 0x08000000
	)
	flags := uint64(saSiginfo | saOnstack)
	act := []uint64{uint64(SigsysHandler()), flags, 0, 0}
	switch runtime.GOARCH {
	case "amd64":
		act[1] |= saRestorer
		act[2] = uint64(SigRestorer())
	case "riscv64":
		act = []uint64{uint64(SigsysHandler()), flags, 0} // no sa_restorer
	}
	_, _, errno := unix.RawSyscall6(unix.SYS_RT_SIGACTION, uintptr(unix.SIGSYS),
		uintptr(unsafe.Pointer(&act[0])), 0, 8, 0, 0)
	if errno != 0 {
		return fmt.Errorf("rt_sigaction for SIGSYS: %w", errno)
	}
	return nil
}

// trapCall installs a filter on this thread that traps nr at pc.
func trapCall(nr int, pc uintptr) error {
	// Offsets into struct seccomp_data: nr 0, instruction_pointer 8.
	load := func(off uint32) unix.SockFilter {
		return unix.SockFilter{Code: unix.BPF_LD | unix.BPF_W | unix.BPF_ABS, K: off}
	}
	unless := func(k uint32, skip uint8) unix.SockFilter {
		return unix.SockFilter{Code: unix.BPF_JMP | unix.BPF_JEQ | unix.BPF_K, K: k, Jf: skip}
	}
	prog := []unix.SockFilter{
		load(0),
		unless(uint32(nr), 5),
		load(8),
		unless(uint32(pc), 3),
		load(12),
		unless(uint32(uint64(pc)>>32), 1),
		{Code: unix.BPF_RET, K: unix.SECCOMP_RET_TRAP},
		{Code: unix.BPF_RET, K: unix.SECCOMP_RET_ALLOW},
	}
	if err := unix.Prctl(unix.PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0); err != nil {
		return fmt.Errorf("prctl PR_SET_NO_NEW_PRIVS: %w", err)
	}
	fprog := unix.SockFprog{Len: uint16(len(prog)), Filter: &prog[0]}
	_, _, errno := unix.RawSyscall(unix.SYS_SECCOMP, unix.SECCOMP_SET_MODE_FILTER, 0,
		uintptr(unsafe.Pointer(&fprog)))
	if errno != 0 {
		return fmt.Errorf("seccomp: %w", errno)
	}
	return nil
}
