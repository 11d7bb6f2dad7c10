package suite

import (
	"os"

	"golang.org/x/sys/unix"

	"unotify-bench/abi"
	"unotify-bench/internal/notify"
)

// pinned is a target whose calls of nr can be redirected, in such a call, with
// a pin of one page installed.
type pinned struct {
	*caller
	n    abi.Notif
	pin  *notify.Pin
	at   uint64
	hole uint64 // where nothing is mapped, for pins that say where
}

// withPin traps an order, and installs a pin of size bytes.
func (t *T) withPin(o order, size int, files ...*os.File) *pinned {
	p := &pinned{caller: t.notified(o.Nr, redirectFlag, files...)}
	// The kernel looks for room from the top, so that the hole's low end stays.
	size64 := 64 * uint64(os.Getpagesize())
	p.hole = uint64(p.do(unix.SYS_MMAP, 0, size64, unix.PROT_NONE, unix.MAP_PRIVATE|unix.MAP_ANONYMOUS, ^uint64(0), 0))
	if got := p.do(unix.SYS_MUNMAP, p.hole, size64); got != 0 {
		t.Unclear("the target cannot make room: munmap of %#x is %d", p.hole, got)
	}
	p.n = p.trap(o)
	p.pin = t.newPin(size)
	p.at = p.install(p.pin)
	return p
}

func (t *T) newPin(size int) *notify.Pin {
	pin, err := notify.NewPin(size)
	t.ok(err, "make a pin")
	return pin
}

// install maps a pin where the kernel likes.
func (p *pinned) install(pin *notify.Pin) uint64 {
	i := p.request(pin)
	p.t.must(p.InstallPin(&i), "PIN_INSTALL")
	if i.TargetAddr == 0 {
		p.t.Fatalf("PIN_INSTALL does not say where the pin is")
	}
	return i.TargetAddr
}

func (p *pinned) request(pin *notify.Pin) abi.NotifPinInstall {
	return abi.NotifPinInstall{ID: p.n.ID, MemFD: uint32(pin.FD), Size: uint64(pin.Size())}
}

// toPin redirects argument arg of the trapped call to n bytes of the pin.
func (p *pinned) toPin(arg, n int) abi.NotifRespRedirect {
	r := abi.NotifRespRedirect{
		ID: p.n.ID, Flags: abi.SECCOMP_REDIRECT_FLAG_CONTINUE,
		ArgsMask: 1 << arg, PtrMask: 1 << arg, MemFD: uint32(p.pin.FD),
	}
	r.Args[arg], r.PtrLen[arg] = p.at, uint64(n)
	return r
}

// memfd makes a memfd of a page with these seals.
func (t *T) memfd(seals int) uint32 {
	fd, err := unix.MemfdCreate("bare", unix.MFD_CLOEXEC|unix.MFD_ALLOW_SEALING)
	t.ok(err, "make a memfd")
	t.ok(unix.Ftruncate(fd, int64(os.Getpagesize())), "size it")
	if seals != 0 {
		_, err = unix.FcntlInt(uintptr(fd), unix.F_ADD_SEALS, seals)
		t.ok(err, "seal it")
	}
	return uint32(fd)
}

func second[A any](_ A, err error) error { return err }

// forking is an order to fork, as clone does with a signal and nothing else.
func forking() order {
	return order{Op: opFork, Nr: unix.SYS_CLONE, Args: [6]uint64{uint64(unix.SIGCHLD)}}
}
