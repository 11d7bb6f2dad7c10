package kernel

import (
	"bytes"
	"encoding/binary"
	"errors"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// rawTraced is what plugin/trace.c writes.
type rawTraced struct {
	Addr    uint64
	Size, N uint32
}

func TestReadTrace(t *testing.T) {
	tests := []struct {
		name string
		in   []rawTraced
		cut  int // bytes that are missing at the end
		want []Traced
		err  error
	}{
		{"all kinds", []rawTraced{{0x1000, 12, 3<<4 | 4}, {0xffff888000001000, 0, 0}, {0, 1, 0}, {0, 2, 0}}, 0,
			[]Traced{{Addr: 0x1000, Size: 12, N: 3, Last: 4}, {Addr: 0xffff888000001000}, {Size: 1}}, nil},
		{"nothing", []rawTraced{{0, 2, 0}}, 0, nil, nil},
		{"no end, as when QEMU was killed or the disk is full", []rawTraced{{0x1000, 12, 3<<4 | 4}}, 0, []Traced{{0x1000, 12, 3, 4}}, ErrTrace},
		{"half a record", []rawTraced{{0x1000, 12, 3<<4 | 4}, {0, 2, 0}}, 5, []Traced{{0x1000, 12, 3, 4}}, ErrTrace},
		{"empty", nil, 0, nil, ErrTrace},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			var b bytes.Buffer
			if err := binary.Write(&b, binary.LittleEndian, tt.in); err != nil {
				t.Fatal(err)
			}
			var got []Traced
			err := ReadTrace(bytes.NewReader(b.Bytes()[:b.Len()-tt.cut]), func(r Traced) error { got = append(got, r); return nil })
			if !errors.Is(err, tt.err) {
				t.Errorf("error %v, want %v", err, tt.err)
			}
			if diff := cmp.Diff(tt.want, got); diff != "" {
				t.Errorf("records (-want +got):\n%s", diff)
			}
		})
	}
	if l, g := (Traced{Addr: 1}), (Traced{Size: tracedGap}); !l.Load() || l.Gap() || g.Load() || !g.Gap() {
		t.Error("loads and gaps are taken for each other")
	}
}

// TestTracePlugin compiles it without a warning, for QEMU's old interface and
// the new; without a compiler the message says what to install.
func TestTracePlugin(t *testing.T) {
	for _, version := range []string{"7.2.22", "9.2.0", "10.1.0"} {
		f, err := plugin(t.Context(), &emulator{version: version})
		if err != nil {
			t.Fatalf("QEMU %s: %v", version, err)
		}
		elf := make([]byte, 4)
		if _, err := f.ReadAt(elf, 0); err != nil || string(elf) != "\x7fELF" {
			t.Errorf("QEMU %s: the plugin begins %q, %v", version, elf, err)
		}
	}
	if plugins.made[1] == plugins.made[2] {
		t.Error("one plugin for two interfaces")
	}
	plugins.Lock()
	plugins.made[1].Close()
	delete(plugins.made, 1)
	plugins.Unlock()
	t.Setenv("PATH", t.TempDir())
	_, err := plugin(t.Context(), &emulator{version: "7.2.22"})
	var missing *ErrMissingTool
	if !errors.As(err, &missing) || !strings.Contains(err.Error(), "run --profile") {
		t.Errorf("without a compiler: %v", err)
	}
}

func TestTraceTakesInsns(t *testing.T) {
	m := Machine{Image: &Image{}, Clock: Wall, Trace: &Trace{}}
	if _, err := m.withDefaults(); err == nil || !strings.Contains(err.Error(), "insns clock") {
		t.Errorf("a trace on the wall clock: %v", err)
	}
}
