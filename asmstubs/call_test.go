//go:build linux && (amd64 || arm64 || riscv64)

package asmstubs

import (
	"fmt"
	"os"
	"slices"
	"testing"
	"unsafe"

	"github.com/google/go-cmp/cmp"
	"golang.org/x/sys/unix"
)

func TestLayout(t *testing.T) {
	var f Frame
	for _, row := range []struct {
		name      string
		got, want uintptr
	}{
		{"In", unsafe.Offsetof(f.In), 0},
		{"Out", unsafe.Offsetof(f.Out), 8 * NumRegs},
		{"FlagsIn", unsafe.Offsetof(f.FlagsIn), 16 * NumRegs},
		{"FlagsOut", unsafe.Offsetof(f.FlagsOut), 16*NumRegs + 8},
	} {
		if row.got != row.want {
			t.Errorf("Frame.%s lies at %d, want %d", row.name, row.got, row.want)
		}
	}
}

// A pattern gives every register of a frame a value of its own.
var patterns = []struct {
	name  string
	value func(i int) uint64
}{
	{"named", func(i int) uint64 { return 0x5eed_0000_0000_0000 | uint64(i)*0x0101_0101_0101 }},
	{"inverted", func(i int) uint64 { return ^(0x5eed_0000_0000_0000 | uint64(i)*0x0101_0101_0101) }},
	{"small", func(i int) uint64 { return uint64(i) }},
	{"negative", func(i int) uint64 { return -uint64(i) - 1 }},
	{"one bit", func(i int) uint64 { return 1 << (63 - i) }},
	{"sign of 32 bits", func(i int) uint64 { return 0x8000_0000 + uint64(i) }},
}

// getppid fills a frame with a pattern, for a call that ignores arguments.
func getppid(value func(i int) uint64, flags uint64) *Frame {
	f := &Frame{FlagsIn: flags}
	for i := range f.In {
		f.In[i] = value(i)
		f.Out[i] = 0xdead // that nothing passes for not having been captured
	}
	f.In[NrReg] = unix.SYS_GETPPID
	f.FlagsOut = 0xdead
	return f
}

// flags are all ones and all zeros, and what lies between.
var flags = []uint64{0, ^uint64(0), 0x5555_5555_5555_5555, 0xaaaa_aaaa_aaaa_aaaa}

func TestCallKeepsRegisters(t *testing.T) {
	for _, p := range patterns {
		for _, fl := range flags {
			t.Run(fmt.Sprintf("%s/%x", p.name, fl), func(t *testing.T) {
				f := getppid(p.value, fl)
				Call(f)
				for i := range f.In {
					if want := p.value(i); Loadable(i) && i != NrReg && f.In[i] != want {
						t.Errorf("Call changed In of %s from %#x to %#x", RegNames[i], want, f.In[i])
					}
				}
				if diff := diffRegs(expect(f), f.Out); diff != "" {
					t.Errorf("registers after getppid (-want +got):\n%s", diff)
				}
				if want := fl & FlagMask; f.FlagsIn != want || f.FlagsOut != want {
					t.Errorf("flags %#x: in %#x, out %#x, want %#x in both", fl, f.FlagsIn, f.FlagsOut, want)
				}
			})
		}
	}
}

// The capture is only worth something if it sees each register change.
func TestCallSpoiledIsSeen(t *testing.T) {
	for spoil := range NumRegs {
		if !Loadable(spoil) {
			continue
		}
		for _, p := range patterns {
			t.Run(RegNames[spoil]+"/"+p.name, func(t *testing.T) {
				f := getppid(p.value, 0)
				CallSpoiled(f, spoil)
				// A clobbered register is inverted too: of what it holds
				// after a call that is not spoiled.
				want := expect(f)
				if slices.Contains(clobbered, spoil) {
					g := getppid(p.value, 0)
					Call(g)
					want[spoil] = g.Out[spoil]
				}
				want[spoil] = ^want[spoil]
				if diff := diffRegs(want, f.Out); diff != "" {
					t.Errorf("registers with %s spoiled (-want +got):\n%s", RegNames[spoil], diff)
				}
			})
		}
	}
}

func TestCallSpoiledRefuses(t *testing.T) {
	for i := -1; i <= NumRegs; i++ {
		if i >= 0 && i < NumRegs && Loadable(i) {
			continue
		}
		func() {
			defer func() {
				if recover() == nil {
					t.Errorf("CallSpoiled of register %d did not panic", i)
				}
			}()
			CallSpoiled(getppid(patterns[0].value, 0), i)
		}()
	}
}

// expect says what the registers hold after a getppid with f; of those that
// are clobbered it takes what came.
func expect(f *Frame) Regs {
	want := f.In
	want[ResultReg] = uint64(os.Getppid())
	for _, i := range clobbered {
		want[i] = f.Out[i]
	}
	return want
}

// diffRegs names the registers that differ.
func diffRegs(want, got Regs) string {
	if want == got {
		return ""
	}
	return cmp.Diff(named(want), named(got))
}

// address is for arguments; the caller's buffer must be on the heap or off
// it, but not on a stack that grows.
func address(b []byte) uint64 { return uint64(uintptr(unsafe.Pointer(&b[0]))) }

func named(r Regs) map[string]uint64 {
	m := make(map[string]uint64)
	for i, v := range r {
		m[RegNames[i]] = v
	}
	return m
}

// mmap needs all six of its arguments to put the second page of a file at
// the second page of a reserved range.
func TestSixArguments(t *testing.T) {
	page := os.Getpagesize()
	fd, err := unix.MemfdCreate("asmstubs", unix.MFD_CLOEXEC)
	if err != nil {
		t.Fatalf("memfd_create: %v", err)
	}
	defer unix.Close(fd)
	content := make([]byte, 2*page)
	content[0], content[page] = 1, 2
	if _, err := unix.Write(fd, content); err != nil {
		t.Fatalf("write to memfd: %v", err)
	}
	reserve, err := unix.Mmap(-1, 0, 3*page, unix.PROT_NONE, unix.MAP_PRIVATE|unix.MAP_ANONYMOUS)
	if err != nil {
		t.Fatalf("mmap: %v", err)
	}
	defer unix.Munmap(reserve)
	addr := address(reserve[page:])
	args := [6]uint64{
		addr, uint64(page), unix.PROT_READ, unix.MAP_SHARED | unix.MAP_FIXED, uint64(fd), uint64(page),
	}
	unmap := func() {
		if err := unix.Mprotect(reserve[page:2*page], unix.PROT_NONE); err != nil {
			t.Fatalf("mprotect: %v", err)
		}
	}

	for _, row := range []struct {
		name string
		call func() uint64
	}{
		{"Call", func() uint64 {
			f := getppid(patterns[0].value, 0)
			f.In[NrReg] = unix.SYS_MMAP
			for i, r := range ArgRegs {
				f.In[r] = args[i]
			}
			Call(f)
			return f.Out[ResultReg]
		}},
		{"Run", func() uint64 {
			step := Step{Nr: unix.SYS_MMAP, Args: args, Want: addr}
			l := Loop{Steps: &step, NSteps: 1, Iter: 1, Batch: 1, Counter: usable(t)[0]}
			Run(&l)
			if l.Done == 1 {
				return addr
			}
			return l.BadResult
		}},
		{"Run batch", func() uint64 {
			deltas := make([]uint64, 1)
			step := Step{Nr: unix.SYS_MMAP, Args: args, Want: addr, Flags: Timed}
			l := Loop{Steps: &step, NSteps: 1, Iter: 2, Batch: 2, Counter: usable(t)[0], Deltas: &deltas[0]}
			Run(&l)
			if l.Done == 2 {
				return addr
			}
			return l.BadResult
		}},
	} {
		t.Run(row.name, func(t *testing.T) {
			unmap()
			if got := row.call(); got != addr {
				t.Fatalf("mmap returned %#x, want %#x", got, addr)
			}
			if reserve[page] != 2 {
				t.Errorf("the page mapped starts with %d, want 2, as the file's second page does", reserve[page])
			}
		})
	}
}

func TestZeroAllocs(t *testing.T) {
	deltas := make([]uint64, 8)
	for _, row := range []struct {
		name string
		f    func()
	}{
		{"Call", func() {
			var f Frame
			f.In[NrReg] = unix.SYS_GETPPID
			Call(&f)
		}},
		{"Run", func() {
			step := Step{Nr: unix.SYS_GETPPID, Flags: Timed | AnyResult}
			l := Loop{Steps: &step, NSteps: 1, Iter: 8, Batch: 1, Deltas: &deltas[0], Counter: fallback()}
			Run(&l)
		}},
		{"Run batch", func() {
			step := Step{Nr: unix.SYS_GETPPID, Flags: Timed | AnyResult}
			l := Loop{Steps: &step, NSteps: 1, Iter: 8, Batch: 4, Deltas: &deltas[0], Counter: fallback()}
			Run(&l)
		}},
		{"ReadCounter", func() { ReadCounter(fallback()) }},
	} {
		if n := testing.AllocsPerRun(100, row.f); n != 0 {
			t.Errorf("%s allocates %v times a run, want 0", row.name, n)
		}
	}
}
