package bench

import (
	"bytes"
	"fmt"

	"golang.org/x/sys/unix"

	"unotify-bench/asmstubs"
)

func init() {
	register := func(sweepOnly bool, sizes ...int) {
		for _, n := range sizes {
			registerCase(&Case{
				Syscall:   "write",
				Bytes:     n,
				Doc:       fmt.Sprintf("write %d bytes to a file in memory", n),
				Pointer:   1,
				Size:      SizeArg2,
				SweepOnly: sweepOnly,
				prepare:   func(s *scene) (*script, error) { return prepareWrite(s, n) },
			})
		}
	}
	register(false, 1, 64, 4<<10, 64<<10, 1<<20)
	register(true, 1<<10, 16<<10, 256<<10)
}

// prepareWrite writes to a memfd, from its start each time. Before a stretch
// of calls the file is zeroed, after it the payload must be there.
func prepareWrite(s *scene, n int) (*script, error) {
	file, err := unix.MemfdCreate("unotify-bench", unix.MFD_CLOEXEC)
	if err != nil {
		return nil, fmt.Errorf("create a memfd to write to: %w", err)
	}
	payload := make([]byte, n)
	for i := range payload {
		payload[i] = byte(i*7 + 1)
	}
	addr, mem := s.put(payload)
	zero, got := make([]byte, n), make([]byte, n)
	return &script{
		call:   step("write", uint64(n), uint64(file), addr, uint64(n)),
		after:  []asmstubs.Step{step("lseek", 0, uint64(file), 0, unix.SEEK_SET)},
		memory: mem,
		reset: func() error {
			if _, err := unix.Pwrite(file, zero, 0); err != nil {
				return fmt.Errorf("clear the file to write to: %w", err)
			}
			return nil
		},
		verify: func() error {
			if _, err := unix.Pread(file, got, 0); err != nil {
				return fmt.Errorf("read back what was written: %w", err)
			}
			if !bytes.Equal(got, payload) {
				return fmt.Errorf("the file does not hold the %d bytes that were written", n)
			}
			return nil
		},
	}, nil
}
