//go:build linux && (amd64 || arm64 || riscv64)

package asmstubs

// clobbered registers hold anything after a syscall: SYSCALL itself puts the
// return address in rcx and the flags in r11 (Intel SDM 2, SYSCALL), and
// the other two architectures have none.
var clobbered = map[string]bool{}
