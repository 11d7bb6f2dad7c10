package suite

import (
	"bytes"
	"debug/elf"
	"testing"

	"github.com/google/go-cmp/cmp"
	"golang.org/x/arch/arm/armasm"
	"golang.org/x/arch/x86/x86asm"

	"unotify-bench/abi"
	"unotify-bench/abi/amd64"
	"unotify-bench/abi/arm64"
)

// TestCompatCode disassembles the programs of 32-bit targets: their bytes are
// what is written beside them.
func TestCompatCode(t *testing.T) {
	decode := map[string]func([]byte) (string, int, error){
		"i386": func(b []byte) (string, int, error) {
			i, err := x86asm.Decode(b, 32)
			return x86asm.IntelSyntax(i, 0, nil), i.Len, err
		},
		"arm": func(b []byte) (string, int, error) {
			i, err := armasm.Decode(b, armasm.ModeARM)
			return i.String(), i.Len, err
		},
	}
	for name, program := range compatPrograms {
		t.Run(name, func(t *testing.T) {
			calls := 0
			for _, i := range program {
				if i.text == "" {
					continue // data
				}
				text, n, err := decode[name](i.code)
				if err != nil || n != len(i.code) || text != i.text {
					t.Errorf("%x is %q (%d bytes, %v), not %q", i.code, text, n, err, i.text)
				}
				if i.text == "int 0x80" || i.text == "SVC #0x0" {
					calls++
				}
			}
			if calls != 4 {
				t.Errorf("it makes %d calls, want read, write, exit and the one it is told", calls)
			}
		})
	}
}

// TestCompatProgram asks the ELF reader of the standard library.
func TestCompatProgram(t *testing.T) {
	for _, a := range []*abi.Arch{&amd64.Arch, &arm64.Arch} {
		t.Run(a.Compat.Name, func(t *testing.T) {
			f, err := elf.NewFile(bytes.NewReader(compatProgram(a.Compat)))
			if err != nil {
				t.Fatal(err)
			}
			want := map[string]elf.Machine{"i386": elf.EM_386, "arm": elf.EM_ARM}[a.Compat.Name]
			if f.Class != elf.ELFCLASS32 || f.Machine != want || f.Type != elf.ET_EXEC {
				t.Errorf("it is %v, %v, %v; want 32 bits, %v, executable", f.Class, f.Machine, f.Type, want)
			}
			if len(f.Progs) != 1 {
				t.Fatalf("it has %d segments, want 1", len(f.Progs))
			}
			p := f.Progs[0]
			code := make([]byte, len(compatPrograms[a.Compat.Name][0].code))
			if _, err := p.ReadAt(code, int64(f.Entry-p.Vaddr)); err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(compatPrograms[a.Compat.Name][0].code, code); diff != "" {
				t.Errorf("at its entry (-first instruction +is):\n%s", diff)
			}
			if end := uint64(taskAt + taskSize + foundSize); p.Vaddr+p.Filesz > taskAt || p.Vaddr+p.Memsz < end {
				t.Errorf("its code ends at %#x and its memory at %#x; the frames are %#x to %#x", p.Vaddr+p.Filesz, p.Vaddr+p.Memsz, taskAt, end)
			}
		})
	}
}

// TestCompatFrame: a program keeps what its architecture has, and nothing else.
func TestCompatFrame(t *testing.T) {
	for _, a := range []*abi.Arch{&amd64.Arch, &arm64.Arch} {
		c := a.Compat
		kept := map[string]bool{}
		for _, r := range compatFrame[c.Name] {
			kept[r] = true
		}
		for _, r := range c.Regs {
			if !kept[r] && r != c.SP {
				t.Errorf("%s: nothing is known of %s after a call", c.Name, r)
			}
			delete(kept, r)
		}
		for r := range kept {
			t.Errorf("%s: there is no register %s", c.Name, r)
		}
	}
}
