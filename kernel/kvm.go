package kernel

import (
	"context"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"time"

	"golang.org/x/sys/unix"
)

// kvmBound is what a boot under KVM may take when it is tried. Where KVM
// works it takes well under a second; where it does not, it was seen to hang
// right after the firmware.
const kvmBound = 5 * time.Second

// kvmVerdict is what is remembered of a trial.
type kvmVerdict struct {
	Works  bool   `json:"works"`
	Reason string `json:"reason,omitempty"` // why not
}

// chooseAccel says what executes the guest. That /dev/kvm exists means
// nothing, so a boot is tried once and the verdict is kept until the host
// boots again, or has another kernel or QEMU.
func (m *Machine) chooseAccel(ctx context.Context, emu *emulator) (Accel, error) {
	switch {
	case m.Clock == Insns || m.Accel == AccelTCG:
		return AccelTCG, nil
	case m.Accel != AccelAuto && m.Accel != AccelKVM:
		return "", fmt.Errorf("boot: unknown accelerator %q", m.Accel)
	}
	v, err := m.tryKVM(ctx, emu)
	if err != nil {
		return "", err
	}
	if v.Works {
		return AccelKVM, nil
	}
	if m.Accel == AccelKVM {
		return "", fmt.Errorf("%w: %s", ErrNoKVM, v.Reason)
	}
	if m.Logf != nil {
		m.Logf("%s: KVM does not work here (%s), emulating with TCG", m.Arch.Name, v.Reason)
	}
	return AccelTCG, nil
}

func (m *Machine) tryKVM(ctx context.Context, emu *emulator) (kvmVerdict, error) {
	if m.Arch.Name != runtime.GOARCH {
		return kvmVerdict{Reason: "the host is " + runtime.GOARCH}, nil
	}
	// Permission can change at any time and costs nothing to look at.
	fd, err := unix.Open("/dev/kvm", unix.O_RDWR|unix.O_CLOEXEC, 0)
	if err != nil {
		return kvmVerdict{Reason: fmt.Sprintf("open /dev/kvm: %v", err)}, nil
	}
	unix.Close(fd)

	file, err := kvmFile(emu)
	if err != nil {
		return kvmVerdict{}, err
	}
	if v, ok := readVerdict(file); ok {
		return v, nil
	}
	v, err := m.probeKVM(ctx, emu)
	if err != nil {
		return kvmVerdict{}, err
	}
	// A verdict that cannot be kept costs the next run a trial, no more.
	_ = writeVerdict(file, v)
	return v, nil
}

func (m *Machine) probeKVM(ctx context.Context, emu *emulator) (kvmVerdict, error) {
	p := *m
	p.Accel, p.Clock, p.CPUs = AccelKVM, Wall, 1
	p.Timeout, p.Idle = kvmBound, 0
	p.Files, p.Execs, p.ConsoleLog = nil, nil, ""
	p.Params = []string{envProbe + "=1"}
	if p.Run == "" {
		p.Run = "probe"
	}
	_, err := p.boot(ctx, emu, nil)
	switch {
	case ctx.Err() != nil:
		return kvmVerdict{}, ctx.Err()
	case err == nil:
		return kvmVerdict{Works: true}, nil
	}
	first, _, _ := strings.Cut(err.Error(), "\n")
	return kvmVerdict{Reason: "tried it: " + first}, nil
}

// kvmFile names the file of the verdict: by host boot, host kernel, QEMU.
func kvmFile(emu *emulator) (string, error) {
	dir, err := os.UserCacheDir()
	if err != nil {
		return "", err
	}
	boot, err := os.ReadFile("/proc/sys/kernel/random/boot_id")
	if err != nil {
		return "", err
	}
	var u unix.Utsname
	if err := unix.Uname(&u); err != nil {
		return "", err
	}
	name := fmt.Sprintf("kvm-%s-%s-%s-%s.json", runtime.GOARCH, strings.TrimSpace(string(boot)), unix.ByteSliceToString(u.Release[:]), emu.version)
	return filepath.Join(dir, "unotify-bench", name), nil
}

// readVerdict takes a damaged file for none.
func readVerdict(file string) (v kvmVerdict, ok bool) {
	b, err := os.ReadFile(file)
	return v, err == nil && json.Unmarshal(b, &v) == nil
}

// writeVerdict may be read, or done by another run, in the middle: what comes of that
// is damaged, and the next run tries again.
func writeVerdict(file string, v kvmVerdict) error {
	b, err := json.Marshal(v)
	if err != nil {
		return err
	}
	if err := os.MkdirAll(filepath.Dir(file), 0o755); err != nil {
		return err
	}
	return os.WriteFile(file, append(b, '\n'), 0o644)
}
