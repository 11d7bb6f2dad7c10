package main

import (
	"errors"
	"fmt"
	"os"
	"slices"
	"strings"
	"syscall"

	"golang.org/x/sys/unix"

	"unotify-bench/kernel"
)

// A board is a machine that nobody here has started: a kernel and this one file,
// as the init of its initramfs. What is to be done is commandsFile beside it, or
// stands on the kernel's command line, of which the kernel hands on to init what
// follows a "--" (Documentation/admin-guide/kernel-parameters.rst):
//
//	console=ttyS0 -- abi --on host
const commandsFile = "unotify-bench.commands"

// isBoard reports whether this process is the init of a board. In a container
// a program can be the first process, too, but not by this name.
func isBoard() bool { return os.Getpid() == 1 && os.Args[0] == "/init" }

// boardMain executes commands, each in a process of its own, so that a crash of one
// leaves the others, and switches the board off.
func boardMain() {
	say := func(format string, args ...any) { fmt.Fprintf(os.Stderr, "unotify-bench board: "+format+"\n", args...) }
	if err := kernel.MakeUsable(); err != nil {
		say("%v", err)
	}
	commands, err := boardCommands(os.Args[1:])
	if err != nil {
		say("%v", err)
	}
	for _, args := range commands {
		status, err := boardRun(args)
		if err != nil {
			say("%s: %v", strings.Join(args, " "), err)
			continue
		}
		say("%s: exit status %d", strings.Join(args, " "), status)
	}
	_ = unix.IoctlSetInt(int(os.Stdout.Fd()), unix.TCSBRK, 1) // wait until the line has sent all: tcdrain(3)
	say("%v", kernel.Poweroff())
	for { // an init that ends makes the kernel panic, and start again
		_ = unix.Pause()
	}
}

// boardCommands are those of the kernel's command line, else those of the file, a
// line each, with spaces between arguments.
func boardCommands(args []string) ([][]string, error) {
	// Words that the kernel does not know are handed on, too.
	known := []string{"run", "abi", "probe", "doctor", "version"}
	for i, arg := range args {
		if slices.Contains(known, arg) {
			return [][]string{args[i:]}, nil
		}
	}
	text, err := os.ReadFile("/" + commandsFile)
	if err != nil {
		return nil, fmt.Errorf("nothing to do: the kernel's command line ends with no command (as: -- abi --on host), and there is no /%s", commandsFile)
	}
	var commands [][]string
	for line := range strings.Lines(string(text)) {
		if words := strings.Fields(line); len(words) > 0 {
			commands = append(commands, words)
		}
	}
	return commands, nil
}

// boardRun runs one command and waits for it, and meanwhile for what others have
// left: init is the parent of all that have none.
func boardRun(args []string) (status int, err error) {
	pid, err := syscall.ForkExec("/proc/self/exe", append([]string{"unotify-bench"}, args...), &syscall.ProcAttr{
		Dir: "/tmp", Env: []string{"HOME=/tmp", "PATH=/bin"}, Files: []uintptr{0, 1, 2},
	})
	if err != nil {
		return 0, err
	}
	for {
		var ws unix.WaitStatus
		switch got, err := unix.Wait4(-1, &ws, 0, nil); {
		case errors.Is(err, unix.EINTR) || err == nil && got != pid:
			continue
		case err != nil:
			return 0, fmt.Errorf("wait: %w", err)
		case ws.Signaled():
			return 0, fmt.Errorf("killed by %v", ws.Signal())
		}
		return ws.ExitStatus(), nil
	}
}
