package kernel

import (
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"testing"
)

// TestKVMIsTriedOnce holds on hosts where KVM works and where it does not:
// what the trial says is what is used, and it is not tried again.
func TestKVMIsTriedOnce(t *testing.T) {
	t.Setenv("XDG_CACHE_HOME", t.TempDir())
	arch := runtime.GOARCH
	m := testMachine(t, arch, "hello")
	m.Clock = Wall
	var said []string
	m.Logf = func(f string, a ...any) { said = append(said, fmt.Sprintf(f, a...)) }
	_, exit, err := boot(t, m)
	if err != nil {
		t.Fatal(err)
	}
	emu, err := findEmulator(t.Context(), m.Image.Arch)
	if err != nil {
		t.Fatal(err)
	}
	file, err := kvmFile(emu)
	if err != nil {
		t.Fatal(err)
	}
	v, kept := readVerdict(file)
	t.Logf("used %s, verdict %+v, said %q", exit.Accel, v, said)
	if v.Works != (exit.Accel == AccelKVM) || v.Works != (len(said) == 0) {
		t.Errorf("used %s, verdict %+v, said %q", exit.Accel, v, said)
	}
	if _, err := os.Stat("/dev/kvm"); err == nil && os.Getuid() == 0 && !kept {
		t.Error("the verdict of the trial was not kept")
	}
}

// TestKVMVerdictIsUsed plants a verdict that no trial could have given.
func TestKVMVerdictIsUsed(t *testing.T) {
	if f, err := os.OpenFile("/dev/kvm", os.O_RDWR, 0); err != nil {
		t.Skipf("no verdict is looked for without /dev/kvm: %v", err)
	} else {
		f.Close()
	}
	t.Setenv("XDG_CACHE_HOME", t.TempDir())
	m := testMachine(t, runtime.GOARCH, "hello")
	m.Clock = Wall
	emu, err := findEmulator(t.Context(), m.Image.Arch)
	if err != nil {
		t.Fatal(err)
	}
	file, err := kvmFile(emu)
	if err != nil {
		t.Fatal(err)
	}
	if err := writeVerdict(file, kvmVerdict{Reason: "planted"}); err != nil {
		t.Fatal(err)
	}
	m.Accel = AccelKVM
	if _, _, err := boot(t, m); !errors.Is(err, ErrNoKVM) || !strings.Contains(err.Error(), "planted") {
		t.Errorf("KVM demanded: %v", err)
	}
	m.Accel = AccelAuto
	var said string
	m.Logf = func(f string, a ...any) { said = fmt.Sprintf(f, a...) }
	_, exit, err := boot(t, m)
	if err != nil || exit.Accel != AccelTCG || !strings.Contains(said, "planted") {
		t.Errorf("used %s, said %q, %v", exit.Accel, said, err)
	}
}

func TestKVMNeedsTheHostsArchitecture(t *testing.T) {
	for _, arch := range testArches {
		if arch == runtime.GOARCH {
			continue
		}
		m := testMachine(t, arch, "hello")
		m.Clock, m.Accel = Wall, AccelKVM
		if _, _, err := boot(t, m); !errors.Is(err, ErrNoKVM) {
			t.Errorf("%s: %v", arch, err)
		}
	}
}

func TestVerdictFile(t *testing.T) {
	file := filepath.Join(t.TempDir(), "new", "kvm.json")
	if _, ok := readVerdict(file); ok {
		t.Error("read what is not there")
	}
	want := kvmVerdict{Reason: "x"}
	if err := writeVerdict(file, want); err != nil {
		t.Fatal(err)
	}
	if got, ok := readVerdict(file); !ok || got != want {
		t.Errorf("read %+v, %v", got, ok)
	}
	b, _ := json.Marshal(want)
	if err := os.WriteFile(file, b[:4], 0o644); err != nil {
		t.Fatal(err)
	}
	if _, ok := readVerdict(file); ok {
		t.Error("a damaged verdict was believed")
	}
}

func TestParseVersion(t *testing.T) {
	tests := []struct{ out, want, says string }{
		{"QEMU emulator version 7.2.22 (Debian 1:7.2+dfsg-7+deb12u18+b2)\nCopyright", "7.2.22", ""},
		{"QEMU emulator version 10.0.0\n", "10.0.0", ""},
		{"QEMU emulator version 7.1.0\n", "", "too old"},
		{"QEMU emulator version 5.2.0\n", "", "too old"},
		{"kvm 3\n", "", "no QEMU version"},
		{"", "", "no QEMU version"},
	}
	for _, tt := range tests {
		got, err := parseVersion(tt.out)
		if got != tt.want || (err == nil) != (tt.says == "") || err != nil && !strings.Contains(err.Error(), tt.says) {
			t.Errorf("%q: %q, %v", tt.out, got, err)
		}
	}
}
