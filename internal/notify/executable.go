package notify

import (
	"bytes"
	"debug/elf"
	"encoding/binary"
)

// ExecutableAt is where the kernel maps an Executable: a multiple of any page size,
// below what a relay shares.
const ExecutableAt = 0x20000000

// Executable is code as an executable file: one segment, its headers included.
// The kernel enters it at its first byte.
func Executable(code []byte) []byte {
	const (
		at     = ExecutableAt
		ehdr   = 64 // sizeof(Elf64_Ehdr), sizeof(Elf64_Phdr): elf.h
		phdr   = 56
		before = ehdr + phdr
	)
	h := elf.Header64{
		Ident: [elf.EI_NIDENT]byte{0x7f, 'E', 'L', 'F', byte(elf.ELFCLASS64), byte(elf.ELFDATA2LSB), byte(elf.EV_CURRENT)},
		Type:  uint16(elf.ET_EXEC),
		// AUDIT_ARCH_* is the ELF machine, with flags in the upper half
		// (linux/audit.h).
		Machine: uint16(Native.AuditArch),
		Version: uint32(elf.EV_CURRENT),
		Entry:   at + before,
		Phoff:   ehdr,
		Ehsize:  ehdr, Phentsize: phdr, Phnum: 1,
	}
	size := uint64(before + len(code))
	p := elf.Prog64{
		Type: uint32(elf.PT_LOAD), Flags: uint32(elf.PF_R | elf.PF_X),
		Vaddr: at, Paddr: at, Filesz: size, Memsz: size, Align: 1 << 16,
	}
	var b bytes.Buffer
	for _, v := range []any{&h, &p, code} {
		_ = binary.Write(&b, binary.LittleEndian, v) // to memory, of fixed-size values
	}
	return b.Bytes()
}
