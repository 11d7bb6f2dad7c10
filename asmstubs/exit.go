//go:build linux && (amd64 || arm64 || riscv64)

package asmstubs

import "unsafe"

// ExitImage returns the code of a program that ends with status 0, and does
// nothing else: what a process costs that is none of ours. It runs at any
// address, from its first byte.
func ExitImage() []byte { return between(exitText()) }

func exitText() (begin, end unsafe.Pointer)
