package kernel

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"slices"
	"strings"
	"time"

	"github.com/hugelgupf/vmtest/qemu"

	"unotify-bench/abi"
)

// Clock says what the guest's time is made of.
type Clock uint8

const (
	// Insns makes one executed instruction one virtual nanosecond (QEMU's
	// icount): counters are exact and the same Seed replays the same run.
	// It is always emulated and has one CPU.
	Insns Clock = iota
	// Wall is the host's time.
	Wall
)

// Accel says what executes the guest's instructions.
type Accel string

const (
	AccelAuto Accel = ""    // KVM where it works, else TCG
	AccelKVM  Accel = "kvm" // the host's CPU
	AccelTCG  Accel = "tcg" // emulation
)

// Machine is a virtual machine to boot once. The zero value of every field
// but Image and Init will do.
type Machine struct {
	Image *Image
	Arch  *abi.Arch // nil means Image.Arch
	Init  string    // static binary for the guest's architecture, becomes /init

	Files  map[string][]byte // further files, by path below /, mode 0644
	Execs  map[string]string // executables, by path below /: path on the host
	Params []string          // k=v kernel parameters, which init finds in its environment

	Clock Clock
	// Halt lets the CPU halt under the Insns clock while the guest idles. To
	// sleep then takes no time, and the same Seed gives not quite the same run.
	Halt   bool
	Accel  Accel
	CPUs   int    // 0 means 1
	MemMiB int    // 0 means 256
	Seed   uint64 // of everything random in the machine

	Timeout time.Duration // of the whole life, 0 means an hour
	Idle    time.Duration // without event and console output, 0 means no bound

	ConsoleLog string // file that gets the console, head and tail if it is long
	Run        string // id of the run; events of any other are refused

	// Trace, if not nil, gets every instruction, on the Insns clock.
	Trace *Trace

	// Logf, if not nil, is told what a user may want to know, such as
	// that KVM did not work.
	Logf func(format string, args ...any)

	lim *limits // nil means defaultLimits; tests lower them
}

// limits are the bounds on what an untrusted guest may send.
type limits struct {
	line    int   // bytes of one event
	events  int   // number of events
	channel int64 // bytes of all events
	console int64 // bytes of console output
	log     int64 // bytes of ConsoleLog
}

var defaultLimits = limits{
	line:    maxEvent,
	events:  1 << 16,
	channel: 64 << 20,
	console: 8 << 20,
	log:     4 << 20,
}

const (
	defaultTimeout = time.Hour
	// pollEvery is how often the host looks at what the guest wrote. See
	// sink for why it looks instead of being woken.
	pollEvery = 10 * time.Millisecond
	// endGrace is what a guest that said done, or panicked, gets to end.
	// After a panic before the console works, QEMU 7.2's riscv64 machine
	// never ends by itself, whatever panic= says.
	endGrace = 5 * time.Second
	// splatGrace is how much longer a guest runs whose kernel complained:
	// its report gets complete, and what it is at may end. More is not
	// waited for, as the run has failed; many a complaint is of a deadlock.
	splatGrace = 30 * time.Second
	// signalGrace is how long ctx may take to end after a signal ended QEMU.
	signalGrace = time.Second
)

// Event is one message of the guest. What Data holds is between the guest's
// program and the caller of Boot; it is not trusted.
type Event struct {
	Run  string          `json:"run"`
	Seq  uint64          `json:"seq"` // from 1, without gaps
	Kind string          `json:"kind"`
	Data json.RawMessage `json:"data,omitempty"`
}

// Exit tells how a machine ended.
type Exit struct {
	Accel       Accel         // what was used, never AccelAuto
	QEMU        string        // version
	Elapsed     time.Duration // from QEMU's start to its end
	Done        bool          // the guest said that it has sent everything
	Code        int           // what it said with it
	ConsoleTail []string      // last lines
	Bad         []string      // lines that announce a kernel BUG, WARNING, KASAN report, …
}

// Boot runs the machine until it ends and calls onEvent, on the calling
// goroutine, with each event as it arrives. Whatever goes wrong later, what
// was delivered stays delivered. An error of onEvent ends the machine.
//
// Exit is nil only if QEMU was not started. Errors wrap the sentinels of
// this package or ctx's error, and end with the last lines of the console.
func (m *Machine) Boot(ctx context.Context, onEvent func(Event) error) (*Exit, error) {
	m, err := m.withDefaults()
	if err != nil {
		return nil, err
	}
	emu, err := findEmulator(ctx, m.Arch)
	if err != nil {
		return nil, err
	}
	if m.Accel, err = m.chooseAccel(ctx, emu); err != nil {
		return nil, err
	}
	return m.boot(ctx, emu, onEvent)
}

func (m *Machine) withDefaults() (*Machine, error) {
	c := *m
	if c.Image == nil {
		return nil, errors.New("boot: no kernel image given")
	}
	if c.Arch == nil {
		c.Arch = c.Image.Arch
	}
	if c.CPUs == 0 {
		c.CPUs = 1
	}
	if c.MemMiB == 0 {
		c.MemMiB = 256
	}
	if c.Timeout == 0 {
		c.Timeout = defaultTimeout
	}
	if c.Run == "" {
		c.Run = "unnamed"
	}
	if c.lim == nil {
		c.lim = &defaultLimits
	}
	if c.Clock == Insns && c.CPUs != 1 {
		return nil, fmt.Errorf("boot: the insns clock has one CPU, %d were asked for", c.CPUs)
	}
	if c.Clock == Insns && c.Accel == AccelKVM {
		return nil, errors.New("boot: the insns clock counts emulated instructions, KVM has none")
	}
	if c.Clock != Insns && c.Trace != nil {
		return nil, errors.New("boot: a trace is of emulated instructions, so it takes the insns clock")
	}
	return &c, nil
}

// boot expects every default filled in and Accel decided.
func (m *Machine) boot(ctx context.Context, emu *emulator, onEvent func(Event) error) (*Exit, error) {
	initrd, err := m.initramfs()
	if err != nil {
		return nil, fmt.Errorf("make initramfs of %s: %w", m.Init, err)
	}
	defer initrd.Close()
	con, err := newConsole(m.lim.console, m.lim.log, m.ConsoleLog)
	if err != nil {
		return nil, err
	}
	defer con.close()
	events, err := newSink("events", m.lim.channel)
	if err != nil {
		return nil, err
	}
	defer events.close()

	opts := new(qemu.Options)
	var complaints complaints
	opts.SerialOutput = append(opts.SerialOutput, &complaints)
	args, err := m.args(emu, guestFiles{
		initrd:  opts.AddFile(initrd),
		console: opts.AddFile(con.sink.w),
		events:  opts.AddFile(events.w),
	})
	if err != nil {
		return nil, err
	}
	// The program is put in front of QEMUArgs as vmtest splits QEMUCommand
	// on white space. OptionsFor is not used: it would take up whatever
	// VMTEST_* variables the user happens to have.
	opts.QEMUArgs = slices.Concat(dieWithUs(os.Getpid()), args)
	if m.Trace != nil {
		defer m.Trace.close()
		more, err := m.Trace.args(ctx, emu, opts.AddFile)
		if err != nil {
			return nil, err
		}
		opts.QEMUArgs = append(opts.QEMUArgs, more...)
	}

	// exec.CommandContext enforces this even while onEvent blocks.
	bound, cancel := withPatience(ctx, m.Timeout)
	defer cancel()
	start := time.Now()
	vm, err := opts.Start(bound)
	if err != nil {
		return nil, fmt.Errorf("start %s: %w", emu.path, err)
	}
	ended := make(chan error, 1)
	go func() { ended <- vm.Wait() }()

	w := watch{m: m, con: con, events: events, ch: channel{run: m.Run, lim: *m.lim}, onEvent: onEvent}
	err, waitErr := w.until(bound, cancel, ended)
	exit := &Exit{
		Accel:       m.Accel,
		QEMU:        emu.version,
		Elapsed:     time.Since(start),
		Done:        w.ch.done,
		Code:        w.ch.code,
		ConsoleTail: con.tail(),
		Bad:         con.bad,
	}
	logErr := con.finish()
	if strings.Contains(complaints.String(), "terminating on signal") {
		// Ctrl-C goes to QEMU as well, which can be ahead of ctx.
		select {
		case <-ctx.Done():
		case <-time.After(signalGrace):
		}
	}
	switch {
	case ctx.Err() != nil:
		err = fmt.Errorf("boot %s: %w", m.Arch.Name, ctx.Err())
	case errors.Is(context.Cause(bound), context.DeadlineExceeded):
		err = fmt.Errorf("%w: %s guest ran for %v", ErrTimeout, m.Arch.Name, m.Timeout)
	case err == nil && !exit.Done:
		err = w.whyNotDone(waitErr, complaints.String())
	}
	if err != nil {
		err = withConsole(err, exit.ConsoleTail)
	}
	if ctx.Err() == nil {
		err = withSplat(err, m.Arch.Name, con.splat)
	}
	if err != nil {
		return exit, err
	}
	return exit, logErr
}
