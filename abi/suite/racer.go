package suite

import (
	"bytes"
	"os"
	"slices"

	"golang.org/x/sys/unix"

	"unotify-bench/abi"
	"unotify-bench/internal/notify"
)

// The race that all of this is about: somebody beside the caller changes the
// path while it is judged. The approved file is not there, and the other is,
// so that a descriptor tells of a call that nobody approved.

// racers are the mechanisms that are attacked. The first shows that the attack
// works, as it must lose; the others must not, ever.
var racers = []racer{
	{"continue-read", nil, 0, func(_ *T, a *attacked) func() {
		return func() {
			a.t.must(a.IDValid(&a.n.ID), "ID_VALID")
			a.resume(a.n.ID)
		}
	}},
	{"inject", []notify.Feature{notify.FeatureInject}, 0, func(t *T, a *attacked) func() {
		return func() {
			r := injectReq(&a.n, 1, a.approved)
			t.must(a.Inject(&r), "INJECT")
			t.must(a.send(abi.NotifResp{ID: a.n.ID, Flags: abi.SECCOMP_USER_NOTIF_FLAG_INJECTED}), "SEND with INJECTED")
		}
	}},
	{"target-call", needsCall, 0, func(t *T, a *attacked) func() {
		return func() {
			ret := a.openInTarget(0)
			t.must(a.send(passed(a.n.ID, ret)), "SEND")
		}
	}},
	{"target-call-send", needsCall, 0, func(_ *T, a *attacked) func() {
		return func() { a.openInTarget(flagSend) }
	}},
	{"redirect", needsPins, redirectFlag, func(t *T, a *attacked) func() {
		p := &pinned{caller: a.caller, pin: t.newPin(len(a.approved))}
		p.pin.Write(a.approved)
		return func() {
			if p.n = a.n; p.at == 0 {
				p.at = p.install(p.pin)
			}
			r := p.toPin(1, len(a.approved))
			t.must(a.SendRedirect(&r), "SEND_REDIRECT")
		}
	}},
}

type racer struct {
	name  string
	needs []notify.Feature
	flags uint
	// act makes what acts on a call whose path has been approved.
	act func(*T, *attacked) func()
}

func findRacer(name string) *racer {
	for i := range racers {
		if racers[i].name == name {
			return &racers[i]
		}
	}
	return nil
}

// attackers are who changes the path: the flags of the clone that makes them.
var attackers = []struct {
	name  string
	flags uint64
}{
	{"thread", unix.CLONE_VM | unix.CLONE_FS | unix.CLONE_FILES | unix.CLONE_SIGHAND | unix.CLONE_THREAD | unix.CLONE_SYSVSEM},
	{"process", unix.CLONE_VM | uint64(unix.SIGCHLD)}, // another process, in the same memory
	{"shared", uint64(unix.SIGCHLD)},                  // and in its own, but for one mapping
}

// attacked is a target that opens a path, and somebody who changes it.
type attacked struct {
	*caller
	path     uint64 // where it is
	approved []byte // what it must be, with its NUL
	read     []byte // what it was
	n        abi.Notif
	mem      notify.Mem
}

func (t *T) attacked(attack string, flags uint) *attacked {
	a := &attacked{caller: t.start()}
	wrong := cstring(t.file("B", "never approved"))
	last := len(wrong) - 2 // the attacker knows one byte
	a.approved = bytes.Clone(wrong)
	a.approved[last] = 'A'
	a.read = make([]byte, len(wrong))
	a.mem.Of(a.PID())

	a.path = uint64(a.do(unix.SYS_MMAP, 0, uint64(os.Getpagesize()),
		unix.PROT_READ|unix.PROT_WRITE, unix.MAP_SHARED|unix.MAP_ANONYMOUS, ^uint64(0), 0))
	if n, e := a.mem.Write(a.path, wrong); e != 0 || n != len(wrong) {
		t.Unclear("write %d bytes of the target's memory: %d, %s", len(wrong), n, errName(e))
	}
	i := slices.Index(RaceAttacks(), attack)
	if i < 0 {
		t.Unclear("make an attacker: nobody is called %s", attack)
	}
	a.tell(order{Op: opFlip, Args: [6]uint64{a.path + uint64(last), 'A', 'B', attackers[i].flags}})
	if e := a.report().Errno; e != 0 {
		t.Unclear("make an attacker: %s", errName(e))
	}
	// The attacker has no filter: it was there before.
	a.filter(filterSpec{Nr: unix.SYS_OPENAT, Action: abi.SECCOMP_RET_USER_NOTIF, Flags: flags | notifyFlag})
	return a
}

// race approves calls until the attack has won often enough, tries of them at
// the most. It allocates nothing for a try, as nobody collects it. Now and
// then, and in the end, it says how far it is.
func (a *attacked) race(tries, enough int, act func(), seen func(tried, won, denied int)) {
	const often = 500
	every := max(often, tries/1000)
	a.tell(order{Op: opOpen, Args: [6]uint64{a.path}})
	var tried, won, denied int
	for {
		if e := a.Next(&a.n, nil); e != 0 {
			a.t.Fatalf("receive a notification: %s", errName(e))
		}
		won = int(a.n.Data.Args[4]) // see openAll
		if odd := unix.Errno(a.n.Data.Args[5]); odd != 0 {
			a.t.Fatalf("an openat of the approved path returned %s, want ENOENT", errName(odd))
		}
		if tried >= tries || won >= enough {
			break
		}
		if n, e := a.mem.Read(a.path, a.read); e != 0 || n != len(a.read) {
			a.t.Unclear("read %d bytes of the target's memory: %d, %s", len(a.read), n, errName(e))
		}
		if !bytes.Equal(a.read, a.approved) {
			denied++
			a.t.must(a.send(abi.NotifResp{ID: a.n.ID, Error: -int32(unix.EPERM)}), "SEND")
			continue
		}
		act()
		if tried++; tried%every == 0 {
			seen(tried, won, denied)
		}
	}
	a.t.must(a.send(abi.NotifResp{ID: a.n.ID, Error: -int32(unix.ECANCELED)}), "SEND")
	a.report()
	seen(tried, won, denied)
}

// openInTarget has the target open the approved path by TARGET_CALL.
func (a *attacked) openInTarget(flags uint32) int64 {
	args := a.n.Data.Args
	args[1] = addressOf(a.approved)
	return a.targetCall(a.n.ID, flags, unix.SYS_OPENAT, args, a.approved)
}

// passed answers with what a call gave.
func passed(id uint64, ret int64) abi.NotifResp {
	if ret < 0 {
		return abi.NotifResp{ID: id, Error: int32(ret)}
	}
	return abi.NotifResp{ID: id, Val: ret}
}
