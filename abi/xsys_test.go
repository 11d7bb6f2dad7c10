package abi_test

import (
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"testing"
)

// xsysLine is a constant as mkall.go of golang.org/x/sys/unix writes it.
var xsysLine = regexp.MustCompile(`(?m)^\s*(\w+)\s*=\s*(0x[0-9a-f]+|[0-9]+|'.')$`)

// xsys reads the constants of golang.org/x/sys/unix for one GOARCH from its
// sources, so that all three can be read on any host.
func xsys(t *testing.T, goarch string) facts {
	t.Helper()
	cmd := exec.Command("go", "list", "-m", "-f", "{{.Dir}}", "golang.org/x/sys")
	cmd.Stderr = os.Stderr
	dir, err := cmd.Output()
	if err != nil {
		t.Fatalf("%v: %v", cmd, err)
	}
	f := facts{}
	for _, name := range []string{"zerrors_linux.go", "zerrors_linux_" + goarch + ".go", "zsysnum_linux_" + goarch + ".go", "ztypes_linux.go"} {
		src, err := os.ReadFile(filepath.Join(strings.TrimSpace(string(dir)), "unix", name))
		if err != nil {
			t.Fatal(err)
		}
		for _, m := range xsysLine.FindAllStringSubmatch(string(src), -1) {
			name, value := m[1], m[2]
			if nr, ok := strings.CutPrefix(name, "SYS_"); ok {
				name = "nr " + xsysSpelling(goarch, strings.ToLower(nr))
			}
			v, err := strconv.ParseUint(value, 0, 64)
			if value[0] == '\'' {
				v, err = uint64(value[1]), nil
			}
			if err != nil {
				t.Fatalf("%s: %v", m[0], err)
			}
			f[name] = v
		}
	}
	return f
}

// xsysSpelling is a name as <asm/unistd.h> has it, where x/sys differs: it
// takes fstatat from the __NR3264_ macro of the generic table.
func xsysSpelling(goarch, name string) string {
	if name == "fstatat" && goarch != "amd64" {
		return "newfstatat"
	}
	return name
}

// TestXSys compares with golang.org/x/sys/unix, and asks that it knows every
// number and stock constant that it could know.
func TestXSys(t *testing.T) {
	// What x/sys 0.49 does not have, besides all that is proposed and the
	// facts that are no constants.
	lacks := map[string]bool{
		"SECCOMP_IOCTL_NOTIF_ID_VALID_WRONG_DIR": true,
	}
	for _, a := range archs {
		t.Run(a.Name, func(t *testing.T) {
			theirs := xsys(t, a.Name)
			known := facts{}
			mine := ours(a)
			for name := range mine {
				if v, ok := theirs[name]; ok {
					known[name] = v
				} else if (strings.HasPrefix(name, "nr ") || constants[name] != 0 && !proposed[name]) && !lacks[name] {
					t.Errorf("%s: x/sys does not know it", name)
				}
			}
			for name := range mine {
				if _, ok := known[name]; !ok {
					delete(mine, name)
				}
			}
			wrong, _ := diff(known, mine)
			for _, w := range wrong {
				t.Error(w)
			}
			for name := range newer {
				if _, ok := known[name]; !ok {
					t.Errorf("%s: left out of TestHeaders, and x/sys does not know it", name)
				}
			}
		})
	}
}

// proposed are the constants that no released kernel has.
var proposed = map[string]bool{
	"SECCOMP_IOCTL_NOTIF_INJECT":         true,
	"SECCOMP_IOCTL_NOTIF_PIN_INSTALL":    true,
	"SECCOMP_IOCTL_NOTIF_SEND_REDIRECT":  true,
	"SECCOMP_IOCTL_NOTIF_TARGET_CALL":    true,
	"SECCOMP_FILTER_FLAG_REDIRECT":       true,
	"SECCOMP_USER_NOTIF_FLAG_INJECTED":   true,
	"SECCOMP_USER_NOTIF_FLAG_EXEC_EVENT": true,
	"SECCOMP_NOTIF_FLAG_EXECED":          true,
	"SECCOMP_TARGET_CALL_FLAG_SEND":      true,
	"SECCOMP_REDIRECT_FLAG_CONTINUE":     true,
	"SECCOMP_REDIRECT_FLAG_EXEC_EVENT":   true,
}
