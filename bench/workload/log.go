package workload

import (
	"fmt"
	"unsafe"

	"golang.org/x/sys/unix"
)

// logFD is the descriptor of the log. Writes to it are what a policy of
// contents traps; those of Go's runtime go elsewhere.
const logFD = 100

// logging writes lines, each with a write of its own, as a daemon does. The
// policy is one of contents: one line in 64 begins with what must not get out.
var logging = &Workload{
	Name: "log", Doc: "write 4096 lines to a log; 64 hold what must not be written", log: true,
	prepare: func(t *task) (func() error, error) {
		path := t.open("log")
		if err := plant(path, 0, 0o600); err != nil {
			return nil, err
		}
		fd, err := unix.Open(path, unix.O_WRONLY|unix.O_APPEND, 0)
		if err != nil {
			return nil, fmt.Errorf("open the log: %w", err)
		}
		if err := unix.Dup3(fd, logFD, unix.O_CLOEXEC); err != nil {
			return nil, fmt.Errorf("give the log its number: %w", err)
		}
		var lines [][]byte
		for i := range t.scaled(4096, 128) {
			begin := ""
			if i%64 == 33 {
				begin = secret
			}
			lines = append(lines, fmt.Appendf(nil, "%sline %04d: %0*d\n", begin, i, 20+i%100, i))
		}
		return func() error {
			for _, l := range lines {
				_, _, e := unix.RawSyscall(unix.SYS_WRITE, logFD, uintptr(unsafe.Pointer(&l[0])), uintptr(len(l)))
				if _, err := t.counted(e, "write a line"); err != nil {
					return err
				}
			}
			return nil
		}, nil
	},
}
