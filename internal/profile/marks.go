package profile

import (
	"bytes"
	"debug/elf"
	"fmt"
)

// Marks are the addresses of three instructions of the loop that measures
// (asmstubs): the counter is read before the call, and after it; then the
// difference is taken, which is done for the one call of a script only that is
// measured.
type Marks struct{ Before, After, Kept uint64 }

// machine says how the loop's instructions look on one architecture, and what
// its kernel's functions are called.
type machine struct {
	loop     string                          // of the guest's program
	entry    string                          // of a syscall, on some of all that enters the kernel
	call     string                          // of a syscall, and of that only
	traps    string                          // other entries begin so
	exit     string                          // of what was entered from the kernel
	switches string                          // what switches tasks
	read     func(code []byte, from int) int // where the next is that reads the counter
	kept     []byte
}

// Encodings: Intel SDM RDTSC, Arm ARM MRS, RISC-V CSRRS. The differences are
// the SUB of loop_linux_NAME.s.
var machines = map[elf.Machine]machine{
	elf.EM_X86_64: {
		"unotify-bench/asmstubs.run.abi0", "entry_SYSCALL_64", "entry_SYSCALL_64_after_hwframe", "asm_", "native_irq_return_iret", "__switch_to_asm",
		find(1, []byte{0x0f, 0x31}, []byte{0xff, 0xff}), []byte{0x4c, 0x29, 0xf8},
	},
	elf.EM_AARCH64: {
		"unotify-bench/asmstubs.run.abi0", "vectors", "el0_svc", "vectors", "ret_to_kernel", "cpu_switch_to",
		find(4, []byte{0x40, 0xe0, 0x3b, 0xd5}, []byte{0xe0, 0xff, 0xff, 0xff}), []byte{0x18, 0x03, 0x17, 0xcb},
	},
	elf.EM_RISCV: {
		"unotify-bench/asmstubs.runInstRet.abi0", "handle_exception", "do_trap_ecall_u", "handle_exception", "ret_from_exception", "__switch_to",
		find(2, []byte{0x73, 0x20, 0x20, 0xc0}, []byte{0x7f, 0xf0, 0xff, 0xff}), []byte{0xb3, 0x8b, 0x6b, 0x41},
	},
}

// find looks for an instruction whose bytes are want where mask is set, at
// multiples of step.
func find(step int, want, mask []byte) func([]byte, int) int {
	return func(code []byte, from int) int {
		for i := from; i+len(want) <= len(code); i += step {
			same := true
			for k := range want {
				same = same && (code[i+k]^want[k])&mask[k] == 0
			}
			if same {
				return i
			}
		}
		return -1
	}
}

// FindMarks looks for the loop in the guest's program.
func FindMarks(path string) (Marks, error) {
	program, err := elf.Open(path)
	if err != nil {
		return Marks{}, fmt.Errorf("read the guest's program: %w", err)
	}
	defer program.Close()
	return findMarks(program, machines[program.Machine])
}

// findMarks looks for the loop in the guest's program.
func findMarks(program *elf.File, m machine) (Marks, error) {
	syms, err := program.Symbols()
	if err != nil {
		return Marks{}, fmt.Errorf("%w: the guest's program was built without: %w", ErrNoSymbols, err)
	}
	for _, s := range syms {
		if s.Name != m.loop || int(s.Section) >= len(program.Sections) || s.Size > longest {
			continue
		}
		text := program.Sections[s.Section]
		code := make([]byte, s.Size)
		if _, err := text.ReadAt(code, int64(s.Value-text.Addr)); err != nil {
			return Marks{}, fmt.Errorf("read %s of the guest's program: %w", m.loop, err)
		}
		before := m.read(code, 0)
		if before < 0 {
			break
		}
		after := m.read(code, before+4)
		if after < 0 {
			break
		}
		kept := bytes.Index(code[after:], m.kept)
		if kept < 0 {
			break
		}
		return Marks{s.Value + uint64(before), s.Value + uint64(after), s.Value + uint64(after+kept)}, nil
	}
	return Marks{}, fmt.Errorf("%w: the guest's program has no loop %s as this program knows it; run make", ErrNoSymbols, m.loop)
}
