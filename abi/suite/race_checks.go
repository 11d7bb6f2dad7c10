package suite

import (
	"strings"

	"golang.org/x/sys/unix"

	"unotify-bench/abi"
	"unotify-bench/internal/notify"
)

// The race that all of this is about: a thread beside the caller changes the
// path while it is judged. The approved file is not there, and the other is,
// so that a descriptor tells of a call that nobody approved.

const (
	srcRace = "seccomp_unotify(2), on CONTINUE; conformance.md, G"

	// The attack has to win this often against CONTINUE, in so many tries. A
	// mechanism then has to stand as many tries as that took: one that is no
	// better than CONTINUE would pass once in e^5 = 148 times.
	raceWins  = 5
	raceTries = 20000
)

// attacked is a target with an openat and a thread that changes its path.
type attacked struct {
	*caller
	order    order
	approved []byte // the path, with its NUL
}

func (t *T) attacked(flags uint) *attacked {
	c := t.notified(unix.SYS_OPENAT, flags)
	path := t.file("B", "never approved")
	a := &attacked{caller: c, approved: cstring(strings.TrimSuffix(path, "B") + "A")}
	// Once a call has put the path there, it stays; the thread knows one byte.
	o := call(unix.SYS_GETPPID)
	o.Data[1] = a.approved
	c.tell(o)
	c.report()
	c.tell(order{Op: opFlip, Args: [6]uint64{c.slot(1) - c.Scratch + uint64(len(path)-1), 'A', 'B'}})
	c.report()
	a.order = call(unix.SYS_OPENAT, atFDCWD, c.slot(1), unix.O_RDONLY)
	return a
}

// race lets the supervisor approve calls until the attack has won often enough,
// tries of them at the most, and returns how many it won of how many.
func (a *attacked) race(tries, enough int, act func(n *abi.Notif)) (won, approved int) {
	for approved < tries && won < enough {
		n := a.trap(a.order)
		if path := a.peek(n.Data.Args[1], len(a.approved)); string(path) != string(a.approved) {
			a.answer(n.ID, -int64(unix.EPERM))
			continue
		}
		approved++
		act(&n)
		switch got := a.result(); {
		case got >= 0:
			won++
			a.do(unix.SYS_CLOSE, uint64(got))
		case got != -int64(unix.ENOENT):
			a.t.Fatalf("the call returned %s, want ENOENT of the approved path", errName(unix.Errno(-got)))
		}
	}
	return won, approved
}

// raceContinue attacks CONTINUE, and returns how many tries it took.
func (t *T) raceContinue() int {
	a := t.attacked(0)
	won, tries := a.race(raceTries, raceWins, func(n *abi.Notif) { a.resume(n.ID) })
	if won < raceWins {
		t.Unclear("the attack is too weak: CONTINUE lost %d of %d tries", won, tries)
	}
	t.Logf("CONTINUE opened another file than the approved one in %d of %d tries", won, tries)
	a.Kill() // its thread would go on
	return tries
}

// safe are the mechanisms that must never lose the race.
var safe = []struct {
	id    string
	needs []notify.Feature
	flags uint
	act   func(t *T, a *attacked) func(n *abi.Notif)
}{
	{"inject.race", []notify.Feature{notify.FeatureInject}, 0, func(t *T, a *attacked) func(*abi.Notif) {
		return func(n *abi.Notif) {
			r := injectReq(n, 1, a.approved)
			t.must(a.Inject(&r), "INJECT")
			t.must(a.send(abi.NotifResp{ID: n.ID, Flags: abi.SECCOMP_USER_NOTIF_FLAG_INJECTED}), "SEND with INJECTED")
		}
	}},
	{"target-call.race", needsCall, 0, func(t *T, a *attacked) func(*abi.Notif) {
		return func(n *abi.Notif) {
			args := n.Data.Args
			args[1] = addressOf(a.approved)
			ret := a.targetCall(n.ID, 0, unix.SYS_OPENAT, args, a.approved)
			t.must(a.send(passed(n.ID, ret)), "SEND")
		}
	}},
	{"target-call.race-send", needsCall, 0, func(t *T, a *attacked) func(*abi.Notif) {
		return func(n *abi.Notif) {
			args := n.Data.Args
			args[1] = addressOf(a.approved)
			a.targetCall(n.ID, flagSend, unix.SYS_OPENAT, args, a.approved)
		}
	}},
	{"redirect.race", needsPins, redirectFlag, func(t *T, a *attacked) func(*abi.Notif) {
		p := &pinned{caller: a.caller, pin: t.newPin(len(a.approved))}
		p.pin.Write(a.approved)
		return func(n *abi.Notif) {
			if p.n = *n; p.at == 0 {
				p.at = p.install(p.pin)
			}
			r := p.toPin(1, len(a.approved))
			t.must(a.SendRedirect(&r), "SEND_REDIRECT")
		}
	}},
}

// passed answers with what a call gave.
func passed(id uint64, ret int64) abi.NotifResp {
	if ret < 0 {
		return abi.NotifResp{ID: id, Error: int32(ret)}
	}
	return abi.NotifResp{ID: id, Val: ret}
}

var _ = raceChecks()

func raceChecks() struct{} {
	add(Check{ID: "continue.race", Level: Info, Source: srcRace,
		Doc: "a thread that changes the path after the check gets another file opened: this is what the others must not let it",
		run: func(t *T) { t.raceContinue() }})
	for _, m := range safe {
		add(Check{ID: m.id, Level: Must, Source: srcRace, Needs: m.needs,
			Doc: "a thread that changes the path all the time never gets another file opened than the approved one",
			run: func(t *T) {
				tries := t.raceContinue()
				a := t.attacked(m.flags)
				won, n := a.race(tries, 1, m.act(t, a))
				if won > 0 {
					t.Errorf("at the latest in try %d a file was opened that nobody approved", n)
				}
				t.Logf("here it is none of %d, so below %.2g with 95 %%", n, 3/float64(n))
			}})
	}
	return struct{}{}
}
