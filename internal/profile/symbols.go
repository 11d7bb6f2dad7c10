package profile

import (
	"bufio"
	"cmp"
	"debug/elf"
	"errors"
	"fmt"
	"io"
	"slices"
	"strconv"
	"strings"
)

// ErrNoSymbols says that no profile is possible, as functions have no names.
var ErrNoSymbols = errors.New("no symbols")

// Code is what is known of what runs in a traced machine.
type Code struct {
	*Symbols
	Marks

	// From and To bound the kernel's function that switches tasks.
	From, To uint64
	machine
}

// NewCode takes the text of /proc/kallsyms, which a guest has sent, and the
// program that the guest runs.
func NewCode(kernel io.Reader, program *elf.File) (*Code, error) {
	look, ok := machines[program.Machine]
	if !ok {
		return nil, fmt.Errorf("profile: unknown machine %v", program.Machine)
	}
	c := &Code{machine: look}
	var err error
	if c.Marks, err = findMarks(program, look); err != nil {
		return nil, err
	}
	if c.Symbols, err = newSymbols(kernel, program); err != nil {
		return nil, err
	}
	c.From, c.To, err = c.bounds(look.switches)
	return c, err
}

// Cuts are addresses that no step of a trace may go across.
func (c *Code) Cuts() []uint64 { return slices.Concat(c.addrs, []uint64{c.Before, c.After, c.Kept}) }

// Symbols are the functions of a kernel and of the program that runs on it.
type Symbols struct {
	addrs  []uint64 // sorted
	names  []string
	kernel uint64 // from here on it is the kernel
	end    uint64 // the kernel's text ends here
}

// Names of code that no symbol covers.
const (
	noSymbolUser     = "[vDSO, or other user code]"
	noSymbolKernel   = "[compiled filter, or other code without a symbol]"
	noSymbolFirmware = "[firmware]"
)

// symbol is an index into names, whose last three are these.
type symbol int32

// kallsyms reads the lines of /proc/kallsyms that name code of the kernel
// itself.
func kallsyms(r io.Reader) (addrs []uint64, names []string, err error) {
	in := bufio.NewScanner(r)
	for in.Scan() {
		f := strings.Fields(in.Text())
		if len(f) < 3 || len(f[1]) != 1 {
			return nil, nil, fmt.Errorf("%w: a line of /proc/kallsyms is %.80q", ErrNoSymbols, in.Text())
		}
		addr, err := strconv.ParseUint(f[0], 16, 64)
		if err != nil {
			return nil, nil, fmt.Errorf("%w: a line of /proc/kallsyms is %.80q", ErrNoSymbols, in.Text())
		}
		if strings.Contains("tTwW", f[1]) && addr>>63 == 1 {
			addrs, names = append(addrs, addr), append(names, strings.Map(printable, f[2]))
		}
	}
	if err := in.Err(); err != nil {
		return nil, nil, fmt.Errorf("%w: read /proc/kallsyms: %w", ErrNoSymbols, err)
	}
	if len(addrs) < 100 {
		return nil, nil, fmt.Errorf("%w: /proc/kallsyms has %d functions with an address; the kernel needs CONFIG_KALLSYMS=y", ErrNoSymbols, len(addrs))
	}
	return addrs, names, nil
}

// printable keeps a name to what is harmless in a table, in folded stacks and
// in a picture.
func printable(r rune) rune {
	if r < ' ' || r > '~' || r == ';' {
		return '?'
	}
	return r
}

func newSymbols(kernel io.Reader, program *elf.File) (*Symbols, error) {
	addrs, names, err := kallsyms(kernel)
	if err != nil {
		return nil, err
	}
	first := slices.Min(addrs)
	syms, err := program.Symbols()
	if err != nil {
		return nil, fmt.Errorf("%w: the guest's program was built without: %w", ErrNoSymbols, err)
	}
	for _, s := range syms {
		if elf.ST_TYPE(s.Info) == elf.STT_FUNC && s.Section != elf.SHN_UNDEF {
			addrs = append(addrs, s.Value)
			names = append(names, strings.TrimSuffix(s.Name, ".abi0"))
		}
	}
	return sortSymbols(first, addrs, names), nil
}

// sortSymbols leaves one name to each address. The kernel begins at kernel.
func sortSymbols(kernel uint64, addrs []uint64, names []string) *Symbols {
	s := &Symbols{kernel: kernel}
	order := make([]int, len(addrs))
	for i := range order {
		order[i] = i
	}
	// Of several names of an address the shortest is the function's own, most
	// often: the others are aliases, such as __pi_memcpy, or where the linker
	// has a section begin or end.
	section := func(name string) int {
		for _, end := range []string{"_start", "_begin", "_end"} {
			if strings.HasPrefix(name, "__") && strings.HasSuffix(name, end) {
				return 1
			}
		}
		return 0
	}
	slices.SortFunc(order, func(a, b int) int {
		return cmp.Or(cmp.Compare(addrs[a], addrs[b]), cmp.Compare(section(names[a]), section(names[b])),
			cmp.Compare(len(names[a]), len(names[b])), cmp.Compare(names[a], names[b]))
	})
	for _, i := range order {
		if names[i] == "_etext" {
			s.end = addrs[i]
		}
		// arm64's kallsyms has mapping symbols, $x and $d.
		if n := len(s.addrs); n > 0 && s.addrs[n-1] == addrs[i] || strings.HasPrefix(names[i], "$") {
			continue
		}
		s.addrs, s.names = append(s.addrs, addrs[i]), append(s.names, names[i])
	}
	if s.end == 0 {
		s.end = addrs[order[len(order)-1]] + 1<<16
	}
	s.names = append(s.names, noSymbolUser, noSymbolKernel, noSymbolFirmware)
	return s
}

func (s *Symbols) user() symbol     { return symbol(len(s.names) - 3) }
func (s *Symbols) filter() symbol   { return symbol(len(s.names) - 2) }
func (s *Symbols) firmware() symbol { return symbol(len(s.names) - 1) }

func (s *Symbols) name(i symbol) string { return s.names[i] }

// find returns the function that addr is in, and whether it is its first
// instruction.
func (s *Symbols) find(addr uint64) (_ symbol, start bool) {
	i, exact := slices.BinarySearch(s.addrs, addr)
	if !exact {
		i--
	}
	switch {
	case addr>>63 == 0 && addr >= firmwareFrom && addr < firmwareTo:
		return s.firmware(), false
	case addr>>63 == 0 && (i < 0 || addr-s.addrs[i] > longest):
		return s.user(), false
	case addr>>63 == 1 && (i < 0 || addr >= s.end || s.addrs[i]>>63 == 0):
		return s.filter(), false
	}
	return symbol(i), exact
}

const (
	// longest is more than a function of a Go program is long: what lies
	// further beyond the last is not of the program.
	longest = 1 << 20
	// OpenSBI is where QEMU's riscv64 machine has its memory begin. Programs
	// of Go lie below, and their stacks far above.
	firmwareFrom = 0x8000_0000
	firmwareTo   = 0x8020_0000
)

// bounds is where a function of the kernel lies.
func (s *Symbols) bounds(name string) (from, to uint64, err error) {
	for i, n := range s.names[:len(s.addrs)] {
		if n == name && s.addrs[i] >= s.kernel && i+1 < len(s.addrs) {
			return s.addrs[i], s.addrs[i+1], nil
		}
	}
	return 0, 0, fmt.Errorf("%w: the kernel has no function %s", ErrNoSymbols, name)
}

// isUser reports whether a function runs in user mode.
func (s *Symbols) isUser(i symbol) bool {
	return i == s.user() || int(i) < len(s.addrs) && i >= 0 && s.addrs[i]>>63 == 0
}
