package workload

import (
	"errors"
	"fmt"
	"os"
	"syscall"

	"golang.org/x/sys/unix"

	"unotify-bench/asmstubs"
	"unotify-bench/internal/notify"
)

// spawn starts processes and waits for each, as a shell script does. The
// programs do nothing, so that what is measured is not theirs. One in eight may
// not be executed.
var spawn = &Workload{
	Name: "spawn", Doc: "start 256 processes; 32 programs are forbidden",
	prepare: func(t *task) (func() error, error) {
		tool, forbidden, err := t.programs()
		if err != nil {
			return nil, err
		}
		n := t.scaled(256, 16)
		return func() error {
			for i := range n {
				path := tool
				if i%8 == 5 {
					path = forbidden
				}
				if err := t.run(path); err != nil {
					return err
				}
			}
			return nil
		}, nil
	},
}

// programs makes a program that may be executed, and one that may not.
func (t *task) programs() (tool, forbidden string, err error) {
	tool, forbidden = t.open("bin", "tool"), t.shut("bin", "tool")
	image := notify.Executable(asmstubs.ExitImage())
	for _, p := range []string{tool, forbidden} {
		if err := plant(p, 0, 0o700); err != nil {
			return "", "", err
		}
		if err := os.WriteFile(p, image, 0o700); err != nil {
			return "", "", fmt.Errorf("make a program: %w", err)
		}
	}
	return tool, forbidden, nil
}

// run executes a program in a child, and waits for it.
func (t *task) run(path string) error {
	pid, err := syscall.ForkExec(path, []string{path}, &syscall.ProcAttr{Env: []string{}})
	var e syscall.Errno
	if err != nil && !errors.As(err, &e) {
		return fmt.Errorf("start a program: %w", err)
	}
	if ok, err := t.counted(e, "start a program"); !ok {
		return err
	}
	var status unix.WaitStatus
	for {
		_, err := unix.Wait4(pid, &status, 0, nil)
		if err == nil {
			break
		}
		if !errors.Is(err, unix.EINTR) {
			return fmt.Errorf("wait for a program: %w", err)
		}
	}
	t.calls++
	if status != 0 {
		return fmt.Errorf("a program that does nothing ended with %#x", uint32(status))
	}
	return nil
}
