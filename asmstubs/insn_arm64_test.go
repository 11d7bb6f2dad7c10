package asmstubs

import "encoding/binary"

const insnAlign = 4

// isRead: MRS of the counter into any register (Arm ARM, C6.2 MRS; the
// system register fills bits 5 to 19).
func isRead(c Counter, code []byte) bool {
	sysreg := map[Counter]uint32{PMCCNTR: 0xd53b9d00, CNTVCT: 0xd53be040}[c]
	return binary.LittleEndian.Uint32(code)&^0x1f == sysreg
}

func insnLen([]byte) int { return 4 }
