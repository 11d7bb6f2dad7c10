//go:build linux && (amd64 || arm64 || riscv64)

package asmstubs

import (
	"bytes"
	"encoding/hex"
	"testing"
	"unsafe"
)

// textMax bounds this package's assembly, which lies in one piece after call.
const textMax = 8 << 10

// The instructions between two reads of a counter are counted in the text
// itself. Each counter is read seven times: at start and end of the loop, at
// start and end of the batch loop, by ReadCounter, and by the program of a
// relay when it begins and before its execve.
func TestOverhead(t *testing.T) {
	text := unsafe.Slice((*byte)(callText()), textMax)
	for _, c := range Counters() {
		image := RelayImage(c)
		execve := bytes.Index(text, image) + bytes.LastIndex(image[:bytes.LastIndex(image, trapInsn[:])], trapInsn[:])
		var reads []int
		for i := 0; i+8 <= len(text) && len(reads) < 8; i += insnAlign {
			if isRead(c, text[i:]) {
				reads = append(reads, i)
			}
		}
		if len(reads) != 7 {
			t.Errorf("%v is read at %d places, want 7", c, len(reads))
			continue
		}
		if !isRead(c, image) {
			t.Errorf("the program of a relay begins with % x, not with a read of %v", image[:8], c)
		}
		for _, row := range []struct {
			name     string
			from, to int
			want     int // with the trap
		}{
			{"OverheadInsns", reads[0], reads[1], OverheadInsns + 1},
			{"BatchFixedInsns+BatchPassInsns", reads[2], reads[3], BatchFixedInsns + BatchPassInsns + 1},
			{"RelayOverheadInsns", reads[6], execve + len(trapInsn), RelayOverheadInsns + 1},
		} {
			n := 0
			i := row.from
			for i < row.to {
				size := insnLen(text[i:])
				if size == 0 {
					t.Fatalf("unknown instruction % x", text[i:i+8])
				}
				n++
				i += size
			}
			if i != row.to || n != row.want {
				t.Errorf("%v: %d instructions from read to read, want %s + the trap = %d:\n%s",
					c, n, row.name, row.want, hex.Dump(text[row.from:row.to]))
			}
		}
	}
}
