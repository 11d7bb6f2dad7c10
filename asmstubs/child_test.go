//go:build linux && (amd64 || arm64 || riscv64)

package asmstubs

import (
	"errors"
	"fmt"
	"os"
	"os/exec"
	"testing"

	"golang.org/x/sys/unix"
)

// What a child of the test binary can do; it gets one argument.
var children = map[string]func(arg string) error{
	"counter": childCounter,
	"flip":    childFlip,
	"sigsys":  childSigsys,
}

const childKey = "ASMSTUBS_TEST_CHILD"

func TestMain(m *testing.M) {
	if name := os.Getenv(childKey); name != "" {
		if err := children[name](os.Args[1]); err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(1)
		}
		os.Exit(0)
	}
	os.Exit(m.Run())
}

// runChild runs this binary as the child called name. It needs neither /proc
// nor the source: a virtual machine may have nothing but the binary.
func runChild(name, arg string) ([]byte, error) {
	self, err := os.Executable()
	if err != nil {
		self = os.Args[0]
	}
	cmd := exec.Command(self, arg)
	cmd.Env = append(os.Environ(), childKey+"="+name)
	cmd.Stdin = os.Stdin
	out, err := cmd.CombinedOutput()
	if err != nil {
		return out, fmt.Errorf("child %s %s of %s: %w\n%s", name, arg, self, err, out)
	}
	return out, nil
}

// isNoExec reports that the kernel is of another architecture than this
// binary, which is so under qemu-user only.
func isNoExec(err error) bool { return errors.Is(err, unix.ENOEXEC) }
