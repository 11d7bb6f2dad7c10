package notify

import (
	"bytes"
	"debug/elf"
	"encoding/binary"
	"fmt"
	"math/rand/v2"
	"os"
	"os/signal"
	"sync"
	"sync/atomic"
	"time"
	"unsafe"

	"golang.org/x/sys/unix"

	"unotify-bench/abi"
)

// lifeTargets is how many targets there are at a time.
const lifeTargets = 3

// ledger is memory of the test and of all its processes: one that is killed
// says nothing any more.
type ledger struct {
	Notified  atomic.Uint64
	Stop      atomic.Uint32
	Bad       atomic.Uint64 // results that no target may see
	BadResult atomic.Int64  // one of them
	Targets   [lifeTargets]struct {
		Calls atomic.Uint64
		Gone  atomic.Uint32 // its supervisor may be: ENOSYS
	}
}

func mapLedger(fd int) (*ledger, error) {
	mem, err := unix.Mmap(fd, 0, int(unsafe.Sizeof(ledger{})), unix.PROT_READ|unix.PROT_WRITE, unix.MAP_SHARED)
	if err != nil {
		return nil, fmt.Errorf("map the ledger: %w", err)
	}
	return (*ledger)(unsafe.Pointer(&mem[0])), nil
}

type lifeSpec struct {
	Mech  string
	Slot  int
	Flags uint   // of the filter
	Block bool   // SIGUSR1
	Path  string // of the program to execute
}

// roleLifeTarget makes calls that are trapped until it is stopped, or the
// listener is gone.
var roleLifeTarget = role("life-target", func(conn *Conn) error {
	var spec lifeSpec
	if _, err := conn.Recv(&spec); err != nil {
		return err
	}
	mech := findLifeMech(spec.Mech)
	led, err := mapLedger(RoleFD + 1)
	if err != nil {
		return err
	}
	if err := LockThread(); err != nil {
		return err
	}
	signal.Notify(make(chan os.Signal, 1), unix.SIGUSR1)
	if spec.Block {
		set := unix.Sigset_t{}
		set.Val[0] = 1 << (unix.SIGUSR1 - 1)
		if err := unix.PthreadSigmask(unix.SIG_BLOCK, &set, nil); err != nil {
			return err
		}
	}
	time.Sleep(time.Nanosecond) // the runtime opens what timers need
	mine := &led.Targets[spec.Slot]
	t := &lifeTarget{parent: int64(os.Getppid()), argv: []string{spec.Path}, gone: &mine.Gone}
	if err := unix.Pipe2(t.pipe[:], unix.O_CLOEXEC); err != nil {
		return err
	}
	missing := []byte("/not/there\x00")
	switch mech.nr {
	case unix.SYS_OPENAT:
		t.args = [6]uint64{atFDCWD, uint64(uintptr(unsafe.Pointer(&missing[0])))}
	case unix.SYS_GETPPID:
		t.args = [6]uint64{uint64(t.pipe[0])}
	}
	p, err := FilterFor(mech.nr, abi.SECCOMP_RET_USER_NOTIF)
	if err != nil {
		return err
	}
	fd, err := p.Install(spec.Flags | mech.flags | abi.SECCOMP_FILTER_FLAG_NEW_LISTENER)
	if err != nil {
		return err
	}
	if err := conn.Send(unix.Gettid(), fd); err != nil {
		return err
	}
	t.first = int64(fd)
	unix.Close(fd)
	if mech.fed {
		go t.feed()
	}
	for led.Stop.Load() == 0 {
		var r int64
		if mech.call != nil {
			r = mech.call(t)
		} else {
			r = rawCall(mech.nr, t.args)
		}
		mine.Calls.Add(1)
		switch {
		case r == errnoSysGone && mine.Gone.Load() != 0:
			return nil
		case !mech.ok(t, r):
			led.BadResult.Store(r)
			led.Bad.Add(1)
			return nil
		}
		// A signal can have lost the answer to a call that gave a descriptor.
		if mech.call == nil {
			unix.RawSyscall(unix.SYS_CLOSE_RANGE, uintptr(t.first), 1<<16, 0)
		}
	}
	return nil
})

// feed writes to the pipe what somebody waits for, a moment later. Looking is
// most of what a machine does then.
func (t *lifeTarget) feed() {
	for {
		if n, err := unix.IoctlGetInt(t.pipe[0], unix.TIOCINQ); err == nil && n == 0 {
			_, _ = unix.Write(t.pipe[1], []byte{1})
		}
		time.Sleep(time.Duration(rand.IntN(1000)) * time.Microsecond)
	}
}

// lifeOrder is what the test tells a supervisor: with a descriptor, to serve
// it; with Close, to lose it; else to end.
type lifeOrder struct {
	Slot  int
	Close bool
}

type lifeSupervisor struct {
	mech *lifeMech
	led  *ledger
	null int

	mu   sync.Mutex
	open [lifeTargets]int // listeners, or -1
}

var roleLifeSupervisor = role("life-supervisor", func(conn *Conn) error {
	var mech string
	if _, err := conn.Recv(&mech); err != nil {
		return err
	}
	led, err := mapLedger(RoleFD + 1)
	if err != nil {
		return err
	}
	s := &lifeSupervisor{mech: findLifeMech(mech), led: led, open: [lifeTargets]int{-1, -1, -1}}
	if s.null, err = unix.Open(nullPath, unix.O_RDWR|unix.O_CLOEXEC, 0); err != nil {
		return err
	}
	for {
		var o lifeOrder
		fd, err := conn.Recv(&o)
		switch {
		case err != nil:
			return err
		case fd >= 0:
			s.mu.Lock()
			s.open[o.Slot] = fd
			s.mu.Unlock()
			go s.run(o.Slot, fd)
		case o.Close:
			// Whoever uses the number meanwhile finds another file.
			s.mu.Lock()
			if fd := s.open[o.Slot]; fd >= 0 {
				err = unix.Dup3(s.null, fd, unix.O_CLOEXEC)
			}
			s.mu.Unlock()
			if err != nil {
				return err
			}
		default:
			return nil
		}
	}
})

// run serves a target until it is gone, or the listener.
func (s *lifeSupervisor) run(slot, fd int) {
	fail := func(what string, err error) {
		fmt.Fprintf(os.Stderr, "life-supervisor of %s: target %d: %s: %v\n", s.mech.name, slot, what, err)
		os.Exit(1)
	}
	if err := LockThread(); err != nil {
		fail("lock", err)
	}
	l, err := newLifeServer(fd)
	if err != nil {
		fail("prepare", err)
	}
	n := new(abi.Notif)
	for {
		e := l.Next(n, nil)
		if e == unix.ENOENT || e == unix.ENOTTY {
			break
		}
		if e != 0 {
			fail("receive", e)
		}
		s.led.Notified.Add(1)
		if e := s.mech.serve(l, n); e == unix.ENOTTY {
			break
		} else if e != 0 && e != unix.ENOENT {
			fail("serve", e)
		}
	}
	l.close()
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.open[slot] == fd {
		s.open[slot] = -1
	}
	unix.Close(fd)
}

// killAll leaves nothing behind.
func (l *life) killAll() {
	for _, p := range append(l.targets[:], l.supervisor) {
		if p != nil {
			p.Kill()
			_ = p.Wait()
		}
	}
	l.reap()
}

// reap waits for what killed targets have left.
func (l *life) reap() {
	for {
		if _, err := unix.Wait4(-1, nil, 0, nil); err == unix.ECHILD {
			return
		}
	}
}

// writeProgram makes an executable file of code.
func writeProgram(path, code string) error {
	const (
		at   = 0x20000000
		ehdr = 64 // sizeof(Elf64_Ehdr), sizeof(Elf64_Phdr): elf.h
		phdr = 56
	)
	size := uint64(ehdr + phdr + len(code))
	h := elf.Header64{
		Ident: [elf.EI_NIDENT]byte{0x7f, 'E', 'L', 'F', byte(elf.ELFCLASS64), byte(elf.ELFDATA2LSB), byte(elf.EV_CURRENT)},
		Type:  uint16(elf.ET_EXEC), Machine: uint16(Native.AuditArch), Version: uint32(elf.EV_CURRENT),
		Entry: at + ehdr + phdr, Phoff: ehdr, Ehsize: ehdr, Phentsize: phdr, Phnum: 1,
	}
	p := elf.Prog64{
		Type: uint32(elf.PT_LOAD), Flags: uint32(elf.PF_R | elf.PF_X),
		Vaddr: at, Paddr: at, Filesz: size, Memsz: size, Align: 1 << 16,
	}
	var b bytes.Buffer
	for _, v := range []any{&h, &p, []byte(code)} {
		_ = binary.Write(&b, binary.LittleEndian, v) // to memory, of fixed-size values
	}
	return os.WriteFile(path, b.Bytes(), 0o700)
}
