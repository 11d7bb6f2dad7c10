//go:build linux && (amd64 || arm64 || riscv64)

package asmstubs

import (
	"math/bits"
	"os"
	"runtime"
	"testing"
	"unsafe"

	"golang.org/x/sys/unix"
)

// fpFrame is on the heap, where frames of this size are aligned.
func fpFrame() *FPFrame {
	f := &FPFrame{Nr: unix.SYS_GETPPID}
	FPValues(&f.In)
	for i := range f.Out {
		f.Out[i] = 0xdead // that nothing passes for not having been captured
	}
	return f
}

var fpSink *FPFrame // keeps frames off the stack

func TestFPRegsAreDistinct(t *testing.T) {
	words, values, names := FPState{}, map[uint64]string{}, map[string]bool{}
	for _, r := range FPRegs() {
		if words[r.Word]&r.Mask != 0 || r.Mask == 0 || r.Value&^r.Mask != 0 || names[r.Name] {
			t.Errorf("%+v: not a register of its own", r)
		}
		if other := values[r.Value]; other != "" {
			t.Errorf("%s and %s have the same value", r.Name, other)
		}
		words[r.Word] |= r.Mask
		values[r.Value], names[r.Name] = r.Name, true
	}
	var f FPFrame
	if unsafe.Sizeof(f.In)%fpAlign != 0 {
		t.Errorf("a state has %d bytes", unsafe.Sizeof(f.In))
	}
}

func TestCallFPKeeps(t *testing.T) {
	for range 1000 {
		f := fpFrame()
		fpSink = f
		CallFP(f)
		if int(f.Ret) != os.Getppid() {
			t.Fatalf("getppid returned %d", f.Ret)
		}
		for _, r := range FPRegs() {
			if in, out := r.In(&f.In), r.In(&f.Out); in != out {
				t.Errorf("%s was %#x, is %#x", r.Name, in, out)
			}
			// What is 0 here is not loaded.
			if in := r.In(&f.In); in != r.Value && r.Value != 0 && (!r.Thread || in == 0) {
				t.Errorf("%s was loaded with %#x, not %#x", r.Name, in, r.Value)
			}
		}
	}
}

// The capture is only worth something if it sees each register change.
func TestCallFPSpoiledIsSeen(t *testing.T) {
	for _, spoiled := range FPRegs() {
		if spoiled.Value == 0 {
			continue // is not loaded
		}
		f, other := fpFrame(), &fpFrame().In
		fpSink = f
		CallFP(f)
		*other = f.In
		// The highest bit can be taken off each of them.
		other[spoiled.Word] ^= 1 << (bits.Len64(spoiled.Value) - 1)
		runtime.KeepAlive(other)
		CallFPSpoiled(f, other)
		for _, r := range FPRegs() {
			if same := r.In(&f.In) == r.In(&f.Out); same == (r.Name == spoiled.Name) && !fpLoses(r.Name, spoiled.Name) {
				t.Errorf("%s is spoiled: %s was %#x, is %#x", spoiled.Name, r.Name, r.In(&f.In), r.In(&f.Out))
			}
		}
	}
}

// fpLoses: an empty register of x87 has no value.
func fpLoses(name, spoiled string) bool { return spoiled == "ftw" && name != "ftw" }

func TestCallFPAligned(t *testing.T) {
	defer func() {
		if recover() == nil {
			t.Error("a frame that is not aligned was taken")
		}
	}()
	b := make([]byte, unsafe.Sizeof(FPFrame{})+2*fpAlign)
	at := 0
	for uintptr(unsafe.Pointer(&b[at]))%fpAlign != 8 {
		at++
	}
	CallFP((*FPFrame)(unsafe.Pointer(&b[at])))
}
