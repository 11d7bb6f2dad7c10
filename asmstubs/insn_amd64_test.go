package asmstubs

import "bytes"

const insnAlign = 1

// isRead: RDTSC.
func isRead(_ Counter, code []byte) bool { return bytes.HasPrefix(code, []byte{0x0f, 0x31}) }

// insnLen knows the few encodings that stand in the loops (Intel SDM 2,
// chapter 2), and returns 0 for any other.
func insnLen(code []byte) int {
	n := 0
	if code[0]&0xf0 == 0x40 { // REX
		n++
	}
	switch op := code[n]; op {
	case 0x0f: // RDTSC, SYSCALL
		if code[n+1] == 0x31 || code[n+1] == 0x05 {
			return n + 2
		}
	case 0x75: // JNE rel8
		return n + 2
	case 0x09, 0x33, 0x85, 0x89, 0x8b, 0xff: // OR, XOR, TEST, MOV, DEC
		return n + 1 + modrmLen(code[n+1:])
	case 0xc7: // MOV imm32
		return n + 1 + modrmLen(code[n+1:]) + 4
	case 0xc1: // SHL imm8
		return n + 1 + modrmLen(code[n+1:]) + 1
	}
	return 0
}

// modrmLen is the length of ModR/M, SIB and displacement.
func modrmLen(code []byte) int {
	mod, rm := code[0]>>6, code[0]&7
	n := 1
	if mod != 3 && rm == 4 {
		n++
	}
	switch mod {
	case 1:
		n++
	case 2:
		n += 4
	}
	return n
}
