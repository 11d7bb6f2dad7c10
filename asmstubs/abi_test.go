//go:build linux && (amd64 || arm64 || riscv64)

package asmstubs

import (
	"runtime"
	"testing"

	"github.com/google/go-cmp/cmp"
	"unotify-bench/abi"
	"unotify-bench/abi/amd64"
	"unotify-bench/abi/arm64"
	"unotify-bench/abi/riscv64"
)

// arch is what package abi says of the machine this runs on.
var arch = map[string]*abi.Arch{
	"amd64": &amd64.Arch, "arm64": &arm64.Arch, "riscv64": &riscv64.Arch,
}[runtime.GOARCH]

// clobbered indexes the registers that a syscall may change although they
// carry no result: no test asserts anything of them.
var clobbered = func() (is []int) {
	for i, name := range RegNames {
		if r, _ := arch.Reg(name); r.Role == abi.Clobbered {
			is = append(is, i)
		}
	}
	return is
}()

// This package is a leaf and repeats a few facts of package abi.
func TestAgreesWithABI(t *testing.T) {
	general := make(map[string]bool)
	for _, r := range arch.Regs {
		if r.Role != abi.Special {
			general[r.Name] = true
		}
	}
	captured := make(map[string]bool)
	for _, name := range RegNames {
		captured[name] = true
	}
	var args [6]string
	for i, r := range ArgRegs {
		args[i] = RegNames[r]
	}
	for _, row := range []struct {
		name      string
		want, got any
	}{
		{"general registers", general, captured},
		{"arguments", arch.Args, args},
		{"number", arch.Nr, RegNames[NrReg]},
		{"result", arch.Result, RegNames[ResultReg]},
		{"syscall instruction", arch.SyscallInsn, trapInsn[:]},
		{"clone", arch.Syscalls["clone"], sysClone},
		{"execve", arch.Syscalls["execve"], sysExecve},
		{"mmap", arch.Syscalls["mmap"], sysMmap},
		{"exit_group", arch.Syscalls["exit_group"], sysExitGroup},
		{"nanosleep", arch.Syscalls["nanosleep"], sysNanosleep},
		{"prctl", arch.Syscalls["prctl"], sysPrctl},
		{"result in a signal frame", arch.SigResultOffset, ucontextResult},
	} {
		if diff := cmp.Diff(row.want, row.got); diff != "" {
			t.Errorf("%s (-abi +asmstubs):\n%s", row.name, diff)
		}
	}
}
