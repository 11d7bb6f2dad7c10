package kernel

import (
	"context"
	"fmt"
	"os/exec"
	"strconv"
	"strings"
	"sync"
	"time"

	"unotify-bench/abi"
	"unotify-bench/internal/lazy"
)

// emulator is an installed QEMU for one architecture.
type emulator struct {
	path    string
	version string // "7.2.22"
}

// board is how a machine of one architecture is put together.
type board struct {
	program string // of QEMU
	pkg     string // Debian package that brings it
	machine string // -machine
	kvm     string // -machine under KVM
	distro  string // -machine for a distribution's kernel, if it takes another: one with PCI
	cpu     string // -cpu under TCG
	params  string // kernel parameters
	insns   string // more of them for the insns clock
	wall    string // and for the other
	poll    string // and where the CPU must not halt
}

// All three have virtio-mmio and no PCI, which costs neither a probe at boot nor
// code in the kernel.
//
// amd64: a PVH kernel (vmlinux) on microvm starts without a decompressor and
// without firmware to speak of. Linux 6.12 to one event and out, QEMU 7.2 under
// icount, CPU seconds of QEMU, on the machine of the prototype that took 5 to 7:
//
//	15.2  as it comes: 301 M instructions
//	 1.5  nolapic_timer: the LAPIC timer's calibration spins for 100 ms with
//	      rdtsc and pause, and each of these leaves QEMU's inner loop
//	      (calibrate_APIC_clock, helper_pause). The PIT ticks instead.
//	 1.0  no_timer_check: timer_irq_works() spins likewise for 20 ms. On the wall
//	      clock it panics ("IO-APIC + timer doesn't work!") if a busy host does
//	      not run QEMU for that long.
//
// -erms,-fsrm saves another third (122 to 86 M instructions): the kernel then
// clears and copies 8 bytes an instruction, where rep movsb counts each byte.
// rtc=off looks cheap and is dear: without a clock to read the kernel waits
// 1 s for it (mc146818_get_time). acpi=off makes QEMU name the virtio-mmio
// devices on the kernel's command line. The CPU is no vendor's, as
// EPYC or Skylake bring mitigations of their own flaws: 280 and 272 instructions
// for a getppid instead of 259.
//
// A distribution's kernel does not look on its command line for virtio-mmio
// devices (CONFIG_VIRTIO_MMIO_CMDLINE_DEVICES). It would find them by microvm's
// ACPI, which however says that there is no PIT, and then nothing ticks but the
// LAPIC.
//
// arm64: CNTVCT_EL0 usually steps by 16 ns; at 1 GHz it steps by 1 ns, which is
// 1 instruction, so that nobody needs a PMU. cortex-a72 is a core of real
// boards and has no pointer authentication, whose emulation is slow.
//
// riscv64: RDINSTRET is exact in user mode as long as no PMU driver closes it.
// QEMU 7.2 describes the CPU by riscv,isa only, which 6.12 reads only if asked.
// no4lvl gives page tables of three levels (Sv39), as boards have them: QEMU 7.2
// offers five, drops all translations whenever the kernel lets itself at user
// memory (write_mstatus: SUM), and then walks the levels anew. A run of all
// rows took 33 s with it and 40 s without.
//
// idle=poll and nohlt keep the guest's CPU from ever halting under the insns
// clock. When it halts, QEMU's main thread moves virtual time on to the next
// timer (icount_start_warp_timer), and it may see the CPU halted before the
// CPU's thread has accounted the instructions that led there: time then goes too
// far by these (seen: 141), depending on the host. Of 24 runs with 500 naps each
// on a host with load 17, one differed; with polling none of 24, nor of 16 on each
// of the others. A boot costs the same. Sleeping costs instructions: for each
// ns some 60 ns of the host on amd64 and arm64, where pause and yield leave QEMU's
// inner loop, and 5 on riscv64.
var boards = map[string]board{
	"amd64": {
		program: "qemu-system-x86_64", pkg: "qemu-system-x86",
		machine: "microvm,acpi=off,rtc=on,pit=on,pic=on",
		kvm:     "microvm,acpi=off,rtc=on,pit=on,pic=on",
		distro:  "pc,usb=off,smbus=off,vmport=off",
		cpu:     "max,-erms,-fsrm,-la57",
		params:  "console=ttyS0 reboot=t tsc=reliable",
		insns:   "tsc_early_khz=1000000 nolapic_timer no_timer_check",
		wall:    "no_timer_check",
		poll:    "idle=poll",
	},
	"arm64": {
		program: "qemu-system-aarch64", pkg: "qemu-system-arm",
		machine: "virt,gic-version=3",
		kvm:     "virt,gic-version=max",
		cpu:     "cortex-a72,cntfrq=1000000000",
		params:  "console=ttyAMA0",
		poll:    "nohlt",
	},
	"riscv64": {
		program: "qemu-system-riscv64", pkg: "qemu-system-misc",
		machine: "virt",
		kvm:     "virt",
		cpu:     "rv64",
		params:  "console=ttyS0 riscv_isa_fallback no4lvl",
		poll:    "nohlt",
	},
}

var emulators sync.Map // path to *emulator

// findEmulator finds QEMU in PATH and asks for its version, once.
func findEmulator(ctx context.Context, arch *abi.Arch) (*emulator, error) {
	b, ok := boards[arch.Name]
	if !ok {
		return nil, fmt.Errorf("boot: %w %q", ErrUnknownArch, arch.Name)
	}
	path, err := exec.LookPath(b.program)
	if err != nil {
		return nil, &ErrMissingTool{Tool: b.program, Package: b.pkg}
	}
	if e, ok := emulators.Load(path); ok {
		return e.(*emulator), nil
	}
	ctx, cancel := context.WithTimeout(ctx, 10*time.Second)
	defer cancel()
	out, err := exec.CommandContext(ctx, path, "--version").Output()
	if err != nil {
		return nil, fmt.Errorf("ask %s for its version: %w", path, err)
	}
	e := &emulator{path: path}
	if e.version, err = parseVersion(string(out)); err != nil {
		return nil, fmt.Errorf("%s: %w", path, err)
	}
	emulators.Store(path, e)
	return e, nil
}

var versionLine = lazy.Regexp(`^QEMU emulator version ((\d+)\.(\d+)[.\d]*)`)

func parseVersion(out string) (string, error) {
	m := versionLine().FindStringSubmatch(out)
	if m == nil {
		return "", fmt.Errorf("no QEMU version in %q", quote([]byte(out)))
	}
	major, _ := strconv.Atoi(m[2])
	minor, _ := strconv.Atoi(m[3])
	if major < 7 || major == 7 && minor < 2 {
		return "", fmt.Errorf("QEMU %s is too old, 7.2 or newer is needed", m[1])
	}
	return m[1], nil
}

// guestFiles are the descriptors that QEMU inherits.
type guestFiles struct{ initrd, console, events int }

// dieWithUs comes in front of QEMU's command line, so that the kernel kills the
// machine when this process ends, however that ends (PR_SET_PDEATHSIG). If this
// process has ended before setpriv asks for that, nobody would: so the shell, which
// setpriv starts, looks whether its parent is still parent, and QEMU takes its place.
//
// vmtest keeps exec.Cmd and its SysProcAttr for itself. setpriv is of util-linux,
// which is everywhere but on the smallest systems.
func dieWithUs(parent int) []string {
	path := setpriv()
	if path == "" {
		return nil
	}
	const script = `[ "$PPID" = "$1" ] && shift && exec "$@"`
	return []string{path, "--pdeathsig", "KILL", "/bin/sh", "-c", script, "sh", strconv.Itoa(parent)}
}

var setpriv = sync.OnceValue(func() string {
	path, err := exec.LookPath("setpriv")
	if err != nil || exec.Command(path, "--pdeathsig", "KILL", "/bin/sh", "-c", "true").Run() != nil {
		return ""
	}
	return path
})

// args is the command line of QEMU, program first.
func (m *Machine) args(emu *emulator, f guestFiles) ([]string, error) {
	b := boards[m.Arch.Name]
	params, err := m.params(b)
	if err != nil {
		return nil, err
	}
	args := []string{emu.path,
		"-nodefaults", "-no-user-config", "-no-reboot", "-display", "none", "-monitor", "none", "-nic", "none",
		"-m", strconv.Itoa(m.MemMiB),
		"-smp", strconv.Itoa(m.CPUs),
		"-seed", strconv.FormatUint(m.Seed, 10),
		"-kernel", m.Image.Path,
		"-initrd", fmt.Sprintf("/proc/self/fd/%d", f.initrd),
		"-append", params,
		"-add-fd", fmt.Sprintf("fd=%d,set=1", f.console),
		"-chardev", "file,id=console,path=/dev/fdset/1",
		"-serial", "chardev:console",
		"-add-fd", fmt.Sprintf("fd=%d,set=2", f.events),
		"-chardev", "file,id=events,path=/dev/fdset/2",
		// ioeventfd hands the guest's kick to another host thread, and
		// when that runs is up to the host.
		"-global", "virtio-mmio.ioeventfd=off",
		"-device", m.serial(b),
		"-device", "virtserialport,chardev=events,name=" + portName,
	}
	machine := b.machine
	switch {
	case m.Clock == Insns:
		// The options that make a run repeat to the instruction.
		args = append(args, "-accel", "tcg", "-icount", "shift=0,sleep=off", "-rtc", "base=2020-01-01,clock=vm", "-cpu", b.cpu)
	case m.Accel == AccelKVM:
		machine = b.kvm
		args = append(args, "-accel", "kvm", "-cpu", "host")
	default:
		// One thread for all CPUs. With one each, QEMU 7.2 now and then
		// lets a CPU run what another has just rewritten: amd64 dies of
		// int3 in a static branch that is being patched (seen once in some
		// thirty boots), riscv64 stays silent after OpenSBI (twice in some
		// hundred).
		args = append(args, "-accel", "tcg,thread=single", "-cpu", b.cpu)
	}
	if m.Image.Modules != "" && b.distro != "" {
		machine = b.distro
	}
	return append(args, "-machine", machine), nil
}

// serial is the device that the channel is a port of.
func (m *Machine) serial(b board) string {
	if m.Image.Modules != "" && b.distro != "" {
		return "virtio-serial-pci,ioeventfd=off"
	}
	return "virtio-serial-device"
}

const (
	envRun   = "UNOTIFY_RUN"   // id of the run
	envProbe = "UNOTIFY_PROBE" // Guest says done and powers off
)

// params is the kernel's command line. Names without a dot and with a value
// that the kernel does not know reach init's environment.
func (m *Machine) params(b board) (string, error) {
	// loglevel=5 shows what WARN() prints and nothing below; panic=-1
	// reboots, and with -no-reboot QEMU exits.
	p := []string{b.params, "loglevel=5", "panic=-1"}
	if m.Clock == Insns && b.insns != "" {
		p = append(p, b.insns)
	}
	if m.Clock == Insns && !m.Halt {
		p = append(p, b.poll)
	}
	if m.Clock == Wall {
		// A CPU that a busy host does not run is no bug in the guest. 300 s
		// are the most (kernel/rcu/Kconfig.debug).
		p = append(p, "rcupdate.rcu_cpu_stall_timeout=300")
		if b.wall != "" {
			p = append(p, b.wall)
		}
	}
	for _, kv := range append([]string{envRun + "=" + m.Run}, m.Params...) {
		if name, _, ok := strings.Cut(kv, "="); !ok || name == "" || strings.ContainsAny(kv, " \t\n\"") {
			return "", fmt.Errorf("%w: %q is not k=v without spaces and quotes", ErrBadParam, kv)
		}
		p = append(p, kv)
	}
	line := strings.Join(p, " ")
	// COMMAND_LINE_SIZE is 2048 on x86 and arm64, 1024 on riscv.
	if limit := 1000; len(line) > limit {
		return "", fmt.Errorf("%w: they are %d bytes long, %d are possible", ErrBadParam, len(line), limit)
	}
	return line, nil
}

// QuietParams keep a kernel's own lines off the console, but those of a panic, after
// which it starts again or, in a virtual machine that does not, ends.
const QuietParams = "quiet loglevel=1 panic=-1"

// ConsoleParams are the kernel parameters with which an image boots on the wall clock
// in a virtual machine that somebody else starts: the console is on the first serial
// line, and has no more on it than what init prints.
func ConsoleParams(arch *abi.Arch) string {
	b := boards[arch.Name]
	return strings.Join(strings.Fields(b.params+" "+b.wall+" "+QuietParams), " ")
}
