package asmstubs

import "encoding/binary"

const insnAlign = 4

// isRead: MRS of CNTVCT_EL0 into any register (Arm ARM, C6.2 MRS; the
// system register fills bits 5 to 19).
func isRead(_ Counter, code []byte) bool {
	return binary.LittleEndian.Uint32(code)&^0x1f == 0xd53be040
}

func insnLen([]byte) int { return 4 }
