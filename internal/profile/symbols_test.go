package profile

import (
	"errors"
	"fmt"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// kallsymsOf is the text of a kernel with enough functions to be one.
func kallsymsOf(lines ...string) string {
	var b strings.Builder
	for i := range 100 {
		fmt.Fprintf(&b, "ffffffff8100%02x00 t filler_%d\n", i, i)
	}
	for _, l := range lines {
		b.WriteString(l + "\n")
	}
	return b.String()
}

func TestKallsyms(t *testing.T) {
	tests := []struct {
		name, text string
		want       string // part of the error; "" for none
	}{
		{"a kernel", kallsymsOf("ffffffff82000000 T x"), ""},
		{"data is left out", kallsymsOf("ffffffff82000000 D x", "0000000000000000 A y"), ""},
		{"a module", kallsymsOf("ffffffffc0000000 t x\t[virtio]"), ""},
		{"nothing", "", "0 functions with an address; the kernel needs CONFIG_KALLSYMS=y"},
		{"addresses are hidden", strings.ReplaceAll(kallsymsOf(), "ffffffff81", "0000000000"), "0 functions with an address"},
		{"no line", kallsymsOf("hello"), `a line of /proc/kallsyms is "hello"`},
		{"no number", kallsymsOf("xyz T x"), `a line of /proc/kallsyms is "xyz T x"`},
		{"an endless line", kallsymsOf("ffffffff82000000 T " + strings.Repeat("x", 1<<20)), "token too long"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			_, _, err := kallsyms(strings.NewReader(tt.text))
			switch {
			case tt.want == "" && err != nil:
				t.Error(err)
			case tt.want != "" && (!errors.Is(err, ErrNoSymbols) || !strings.Contains(err.Error(), tt.want)):
				t.Errorf("error %v, want %q", err, tt.want)
			}
		})
	}
	_, names, err := kallsyms(strings.NewReader(kallsymsOf("ffffffff82000000 T a\x1b;b")))
	if err != nil || names[len(names)-1] != "a??b" {
		t.Errorf("a name with control characters: %q, %v", names[len(names)-1], err)
	}
}

// testSymbols are a kernel's and a program's, by address.
func testSymbols(kernel uint64, functions map[string]uint64) *Symbols {
	var addrs []uint64
	var names []string
	for name, addr := range functions {
		addrs, names = append(addrs, addr), append(names, name)
	}
	return sortSymbols(kernel, addrs, names)
}

func TestFind(t *testing.T) {
	const k = 0xffffffff81000000
	s := testSymbols(k, map[string]uint64{
		"first": k, "memcpy": k + 0x100, "__pi_memcpy": k + 0x100, "$x": k + 0x100, "__lock_text_end": k + 0x200, "do_it_all": k + 0x200,
		"_etext": k + 0x1000, "main.main": 0x400000,
	})
	for addr, want := range map[uint64]string{
		k:           "first",
		k + 0xff:    "first",
		k + 0x100:   "memcpy",
		k + 0x200:   "do_it_all",
		k + 0xfff:   "do_it_all",
		k + 0x1000:  noSymbolKernel,
		k - 1:       noSymbolKernel,
		0x400000:    "main.main",
		0x400010:    "main.main",
		0x3fffff:    noSymbolUser,
		0x7fff0000:  noSymbolUser,
		0x8000_1234: noSymbolFirmware,
	} {
		i, start := s.find(addr)
		if got := s.name(i); got != want {
			t.Errorf("%#x is in %q, want %q", addr, got, want)
		}
		if wantStart := addr == k || addr == k+0x100 || addr == k+0x200 || addr == 0x400000; start != wantStart {
			t.Errorf("%#x begins a function: %v", addr, start)
		}
		if wantUser := want == "main.main" || want == noSymbolUser; s.isUser(i) != wantUser {
			t.Errorf("%q runs in user mode: %v", want, s.isUser(i))
		}
	}
	from, to, err := s.bounds("memcpy")
	if diff := cmp.Diff([]uint64{k + 0x100, k + 0x200}, []uint64{from, to}); diff != "" || err != nil {
		t.Errorf("bounds (-want +got): %v\n%s", err, diff)
	}
	for _, name := range []string{"none_such", "main.main"} {
		if _, _, err := s.bounds(name); !errors.Is(err, ErrNoSymbols) {
			t.Errorf("bounds of %s: %v", name, err)
		}
	}
}
