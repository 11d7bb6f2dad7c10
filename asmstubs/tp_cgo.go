//go:build cgo && linux && (arm64 || riscv64)

package asmstubs

// tpLoadable is 1 where nothing of the process uses tp: see call_linux_riscv64.s and fp_linux_arm64.s.
const tpLoadable = 0
