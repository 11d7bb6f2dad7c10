package kernel

import (
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"time"

	"golang.org/x/sys/unix"
)

// InGuest reports whether this process is the init of a machine that Boot
// started.
func InGuest() bool { return os.Getpid() == 1 && os.Getenv(envRun) != "" }

// GuestConn is the guest's end of the event channel.
type GuestConn struct {
	run string
	fd  int

	mu  sync.Mutex
	seq uint64
}

// Guest makes the machine usable for the program, as MakeUsable does, and opens
// the channel to the host. Nothing is reaped: os/exec does that for its own children.
//
// An init that returns without Poweroff makes the kernel panic, and Boot then
// fails with what was printed before.
func Guest() (*GuestConn, error) {
	modules, err := makeUsable()
	if err != nil {
		return nil, err
	}
	dev, err := portDevice()
	// The host tells a driver of ports once it asks: it has just begun to.
	for tries := 0; err != nil && modules > 0 && tries < 1000; tries++ {
		time.Sleep(10 * time.Millisecond)
		dev, err = portDevice()
	}
	if err != nil {
		return nil, err
	}
	// Not os.OpenFile: Go would make the port non-blocking and wait in
	// epoll, which is one thread more beside the measured ones.
	fd, err := unix.Open(dev, unix.O_WRONLY|unix.O_CLOEXEC, 0)
	if err != nil {
		return nil, fmt.Errorf("open channel to the host %s: %w", dev, err)
	}
	g := &GuestConn{run: os.Getenv(envRun), fd: fd}
	if os.Getenv(envProbe) != "" {
		if err := g.Done(0); err != nil {
			return nil, err
		}
		return nil, g.Poweroff()
	}
	return g, nil
}

// MakeUsable does what a program needs that is the only one of a machine, its init:
// /proc, /sys, /dev, /tmp and /run are mounted, the loopback interface is up, the
// host has a name, and what modules came along are loaded.
func MakeUsable() error {
	_, err := makeUsable()
	return err
}

func makeUsable() (modules int, err error) {
	for _, m := range []struct{ fstype, dir string }{
		{"proc", "/proc"}, {"sysfs", "/sys"}, {"devtmpfs", "/dev"}, {"tmpfs", "/tmp"}, {"tmpfs", "/run"},
	} {
		err := unix.Mount(m.fstype, m.dir, m.fstype, 0, "")
		if errors.Is(err, unix.ENOENT) { // an initramfs of one file
			err = errors.Join(os.Mkdir(m.dir, 0o755), unix.Mount(m.fstype, m.dir, m.fstype, 0, ""))
		}
		if err != nil {
			return 0, fmt.Errorf("mount %s on %s: %w", m.fstype, m.dir, err)
		}
	}
	if err := unix.Sethostname([]byte("unotify")); err != nil {
		return 0, fmt.Errorf("set hostname: %w", err)
	}
	if err := raiseLoopback(); err != nil {
		return 0, fmt.Errorf("raise lo: %w", err)
	}
	return loadModules()
}

// loadModules loads what a distribution's kernel has not built in, and returns
// how many there are.
func loadModules() (int, error) {
	files, err := filepath.Glob("/" + modulesDir + "/*") // sorted
	if err != nil {
		return 0, err
	}
	for _, name := range files {
		f, err := os.Open(name)
		if err != nil {
			return 0, err
		}
		err = unix.FinitModule(int(f.Fd()), "", 0)
		if f.Close(); err != nil {
			return 0, fmt.Errorf("load module %s: %w", name, err)
		}
	}
	return len(files), nil
}

// raiseLoopback is content with a kernel that has no IPv4.
func raiseLoopback() error {
	s, err := unix.Socket(unix.AF_INET, unix.SOCK_DGRAM|unix.SOCK_CLOEXEC, 0)
	if errors.Is(err, unix.EAFNOSUPPORT) {
		return nil
	}
	if err != nil {
		return err
	}
	defer unix.Close(s)
	ifr, err := unix.NewIfreq("lo")
	if err != nil {
		return err
	}
	ifr.SetUint16(unix.IFF_UP | unix.IFF_RUNNING)
	return unix.IoctlIfreq(s, unix.SIOCSIFFLAGS, ifr)
}

// portDevice finds the device of the virtio-serial port by its name.
func portDevice() (string, error) {
	names, err := filepath.Glob("/sys/class/virtio-ports/*/name")
	if err != nil {
		return "", err
	}
	for _, n := range names {
		b, err := os.ReadFile(n)
		if err == nil && strings.TrimSpace(string(b)) == portName {
			return filepath.Join("/dev", filepath.Base(filepath.Dir(n))), nil
		}
	}
	return "", fmt.Errorf("no virtio-serial port %q among %q: the kernel needs VIRTIO_MMIO and VIRTIO_CONSOLE", portName, names)
}

// Emit sends v as an event. When it returns, the host has it.
func (g *GuestConn) Emit(kind string, v any) error {
	return g.send(actionEvent, kind, v)
}

// Done tells the host that everything was sent. Nothing may be sent later.
func (g *GuestConn) Done(code int) error {
	return g.send(actionDone, actionDone, doneData{code})
}

func (g *GuestConn) send(action, kind string, v any) error {
	data, err := json.Marshal(v)
	if err != nil {
		return fmt.Errorf("emit %s: %w", kind, err)
	}
	g.mu.Lock()
	defer g.mu.Unlock()
	line, err := json.Marshal(message{action, Event{g.run, g.seq + 1, kind, data}})
	if err != nil {
		return fmt.Errorf("emit %s: %w", kind, err)
	}
	if len(line) > maxEvent {
		return fmt.Errorf("emit %s: it is %d bytes long, %d are possible", kind, len(line), maxEvent)
	}
	g.seq++
	return g.write(append(line, '\n'))
}

// write is raw: the channel's lines are all its own. The driver takes at most
// 32 KiB at once (port_fops_write).
func (g *GuestConn) write(p []byte) error {
	for len(p) > 0 {
		n, err := unix.Write(g.fd, p)
		if err != nil && !errors.Is(err, unix.EINTR) {
			return fmt.Errorf("write to the host: %w", err)
		}
		p = p[max(n, 0):]
	}
	return nil
}

// Poweroff ends the machine; it returns only if that failed. It reboots, for
// Boot runs QEMU with -no-reboot, and unlike switching the power off that
// needs no ACPI on amd64.
func (g *GuestConn) Poweroff() error {
	return fmt.Errorf("reboot: %w", unix.Reboot(unix.LINUX_REBOOT_CMD_RESTART))
}

// Poweroff switches a board off of which the program is the init; it returns only if
// that failed. A board that cannot be switched off halts. To restart it would do
// everything again.
func Poweroff() error {
	return fmt.Errorf("power off: %w", unix.Reboot(unix.LINUX_REBOOT_CMD_POWER_OFF))
}
