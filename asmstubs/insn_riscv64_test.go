package asmstubs

import "encoding/binary"

const insnAlign = 2

// isRead: CSRRS rd, csr, x0 (unprivileged spec, Zicsr) of instret or time.
func isRead(c Counter, code []byte) bool {
	csr := map[Counter]uint32{InstRet: 0xc02, Time: 0xc01}[c]
	return binary.LittleEndian.Uint32(code)&^(0x1f<<7) == csr<<20|2<<12|0x73
}

// insnLen tells compressed instructions from others by their lowest bits
// (unprivileged spec, Expanded Instruction-Length Encoding).
func insnLen(code []byte) int {
	if code[0]&3 == 3 {
		return 4
	}
	return 2
}
