package kernel

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// TestNoNetwork: a machine has no network device, nothing of it listens, and its
// process has no socket at all.
func TestNoNetwork(t *testing.T) {
	m := testMachine(t, "amd64", "hang") // one that ends could be gone before it is looked at
	m.Accel = AccelTCG
	looked, enough := 0, errors.New("it was looked at")
	_, err := m.Boot(t.Context(), func(Event) error {
		for _, pid := range children(t) {
			links, _ := filepath.Glob(fmt.Sprintf("/proc/%d/fd/*", pid))
			for _, l := range links {
				if to, _ := os.Readlink(l); strings.HasPrefix(to, "socket:") {
					t.Errorf("QEMU has a %s", to)
				}
			}
			line, _ := os.ReadFile(fmt.Sprintf("/proc/%d/cmdline", pid))
			args := strings.Split(string(line), "\x00")
			if !strings.Contains(args[0], "qemu-system-") {
				continue
			}
			looked++
			if i := slices.Index(args, "-nic"); i < 0 || args[i+1] != "none" {
				t.Errorf("QEMU gets a network by default: %q", args)
			}
			for _, a := range args {
				if slices.Contains([]string{"-net", "-netdev", "-gdb", "-s", "-qmp", "-vnc", "-spice", "-incoming"}, a) || strings.HasPrefix(a, "socket,") || strings.Contains(a, "tcp:") {
					t.Errorf("QEMU is reached by %s: %q", a, args)
				}
			}
		}
		return enough
	})
	if !errors.Is(err, enough) {
		t.Fatal(err)
	}
	if looked == 0 {
		t.Error("no QEMU was seen")
	}
}
