//go:build cgo

package asmstubs

// tpLoadable is 1 where nothing of the process uses tp: see call_linux_riscv64.s.
const tpLoadable = 0
