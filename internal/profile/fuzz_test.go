package profile

import (
	"bytes"
	"debug/elf"
	"encoding/binary"
	"errors"
	"math"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/pprof/profile"
)

// FuzzRead: a profile that is read is one that can be, and comes back when it is
// written. Its bytes are those below the compression, of which there is nothing of ours.
func FuzzRead(f *testing.F) {
	in, err := profile.ParseData(pprofOf(f, sample(0)))
	if err != nil {
		f.Fatal(err)
	}
	var raw bytes.Buffer
	if err := in.WriteUncompressed(&raw); err != nil {
		f.Fatal(err)
	}
	f.Add(raw.Bytes())
	f.Add(raw.Bytes()[:raw.Len()/2])
	f.Fuzz(func(t *testing.T, raw []byte) {
		in, err := profile.ParseUncompressed(raw)
		if err != nil || in.CheckValid() != nil {
			return
		}
		p, err := fromPprof(in)
		if err != nil {
			if !errors.Is(err, ErrFile) {
				t.Errorf("untyped error %v", err)
			}
			return
		}
		all := uint64(0)
		for _, s := range p.Stacks {
			all += s.All
			for _, name := range append(s.Frames, s.Task) {
				if strings.Map(printable, name) != name {
					t.Errorf("a function %q", name)
				}
			}
		}
		if all > math.MaxInt64 || p.Median > p.All || p.All != all {
			t.Errorf("%d of %d instructions, and the stacks have %d", p.Median, p.All, all)
		}
		again, err := Read(bytes.NewReader(pprofOf(t, p)))
		if d := cmp.Diff(p, again); err != nil || d != "" {
			t.Errorf("written and read: %v (-want +got):\n%s", err, d)
		}
		for _, write := range []func(*bytes.Buffer) error{
			func(b *bytes.Buffer) error { return p.Flame(b) },
			func(b *bytes.Buffer) error { return p.Folded(b) },
		} {
			var b bytes.Buffer
			if err := write(&b); err != nil {
				t.Error(err)
			}
			if bytes.ContainsRune(b.Bytes(), '\x1b') || bytes.Contains(b.Bytes(), []byte("<script>")) {
				t.Errorf("it is shown as %q", b.String())
			}
		}
	})
}

// FuzzKallsyms: a guest's symbols are functions of a kernel, with names that are text.
func FuzzKallsyms(f *testing.F) {
	f.Add(kallsymsOf("ffffffff82000000 T a\x1b;b", "ffffffff82000000 T __pi_a", "0 A y"))
	f.Add("hello\n")
	f.Fuzz(func(t *testing.T, text string) {
		addrs, names, err := kallsyms(strings.NewReader(text))
		if err != nil {
			if !errors.Is(err, ErrNoSymbols) || len(err.Error()) > 500 {
				t.Errorf("error %v", err)
			}
			return
		}
		if len(addrs) != len(names) || len(addrs) > strings.Count(text, "\n")+1 {
			t.Errorf("%d addresses, %d names of %d bytes", len(addrs), len(names), len(text))
		}
		s := sortSymbols(addrs[0], addrs, names)
		for i, addr := range s.addrs {
			if got, start := s.find(addr); addr < s.end && (!start || s.addrs[got] != addr) {
				t.Errorf("%s, which begins at %x, is not found there", s.names[i], addr)
			}
			if strings.Map(printable, s.names[i]) != s.names[i] {
				t.Errorf("a function %q", s.names[i])
			}
		}
	})
}

// FuzzMarks: whatever program it is, the loop is found in it, in order, or not.
func FuzzMarks(f *testing.F) {
	f.Add([]byte(elf.ELFMAG), uint64(0), uint64(16))
	f.Add([]byte{0x0f, 0x31, 0, 0, 0x0f, 0x31, 0x4c, 0x29, 0xf8}, uint64(0x1000), uint64(9))
	look := machines[elf.EM_X86_64]
	f.Fuzz(func(t *testing.T, code []byte, addr, size uint64) {
		program, err := elf.NewFile(bytes.NewReader(loopFile(look.loop, code, addr, size)))
		if err != nil {
			return
		}
		m, err := findMarks(program, look)
		if err == nil && (m.Before < addr || m.After <= m.Before || m.Kept < m.After || m.Kept-addr > uint64(len(code))) {
			t.Errorf("in %d bytes at %#x: %#x", len(code), addr, m)
		}
	})
}

// loopFile is a program with one symbol, whose code is that.
func loopFile(name string, code []byte, addr, size uint64) []byte {
	names := "\x00" + name + "\x00"
	var b bytes.Buffer
	at := func(n int) uint64 { return uint64(64 + n) }
	h := elf.Header64{
		Type: uint16(elf.ET_EXEC), Machine: uint16(elf.EM_X86_64), Version: 1,
		Shoff: at(len(code) + len(names) + 48), Ehsize: 64, Shentsize: 64, Shnum: 4, Shstrndx: 3,
	}
	copy(h.Ident[:], elf.ELFMAG)
	h.Ident[elf.EI_CLASS], h.Ident[elf.EI_DATA], h.Ident[elf.EI_VERSION] = byte(elf.ELFCLASS64), byte(elf.ELFDATA2LSB), 1
	for _, v := range []any{
		h, code, []byte(names), make([]byte, 24), elf.Sym64{Name: 1, Info: byte(elf.STT_FUNC), Shndx: 1, Value: addr, Size: size},
		elf.Section64{},
		elf.Section64{Type: uint32(elf.SHT_PROGBITS), Addr: addr, Off: at(0), Size: uint64(len(code))},
		elf.Section64{Type: uint32(elf.SHT_SYMTAB), Off: at(len(code) + len(names)), Size: 48, Link: 3, Entsize: 24},
		elf.Section64{Type: uint32(elf.SHT_STRTAB), Off: at(len(code)), Size: uint64(len(names))},
	} {
		_ = binary.Write(&b, binary.LittleEndian, v) // to memory, of fixed-size values
	}
	return b.Bytes()
}

// FuzzFlow: whatever a guest executes, what is remembered of it is bounded, and no call
// has more instructions than the trace.
func FuzzFlow(f *testing.F) {
	f.Add([]byte{1, 1, 9, 4, 11, 2, 12, 3})
	f.Add([]byte{1, 1, 4, 4, 5, 2, 7, 0, 200, 7, 14, 0, 11, 1})
	places := []uint64{fnLoop, fnLoop + 0x10, fnLoop + 0x18, fnLoop + 0x20, fnServe, fnEntry, fnCall, fnSwitch, fnWork, fnHelper, fnTrap, fnExit, fnEnd, 1 << 40, firmwareFrom}
	f.Fuzz(func(t *testing.T, script []byte) {
		flow := NewFlow(testCode())
		flow.lim = limits{frames: 8, nodes: 100, tasks: 5, calls: 10}
		sum := uint64(0)
		for i := 0; i+1 < len(script); i += 2 {
			where, n := script[i], script[i+1]
			s := run(places[int(where)%len(places)]+uint64(where)/64, uint32(n))
			switch {
			case n == 0 && where&1 == 0:
				s = load(uint64(where))
			case n == 0:
				s = Step{Gap: true}
			}
			sum += uint64(s.N)
			if err := flow.Add(s); err != nil {
				if !errors.Is(err, errFlood) {
					t.Errorf("error %v", err)
				}
				break
			}
		}
		if len(flow.nodes) > 100 || len(flow.tasks) > 5 || len(flow.calls) > 11 || len(flow.now.stack) > 8 {
			t.Errorf("%d stacks, %d tasks, %d calls, a stack of %d", len(flow.nodes), len(flow.tasks), len(flow.calls), len(flow.now.stack))
		}
		for _, c := range flow.calls {
			paid := uint64(0)
			for _, n := range c.nodes {
				paid += n
			}
			if paid != c.total || paid > sum {
				t.Errorf("a call of %d instructions, paid for are %d of %d", c.total, paid, sum)
			}
		}
	})
}
