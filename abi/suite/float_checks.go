package suite

import (
	"fmt"
	"strings"

	"golang.org/x/sys/unix"

	"unotify-bench/abi"
	"unotify-bench/asmstubs"
	"unotify-bench/internal/notify"
)

// What is in no general register belongs to the caller as well. A mechanism has
// no business there; but whoever makes a call on a task's behalf, or restores
// its registers, is near enough to get it wrong.

const srcFloat = "System V psABI amd64, 3.2.3; AAPCS64, 6.1.2; RISC-V calling convention: a syscall keeps them; Documentation/arch/arm64/sve.rst and riscv/vector.rst on what it does not"

// floated says what a call changed of the state that is in no general
// register: of thread pointers, or of all else.
func floated(r *report, thread bool) string {
	var wrong []string
	for _, reg := range asmstubs.FPRegs() {
		if in, out := reg.In(&r.Float[0]), reg.In(&r.Float[1]); in != out && reg.Thread == thread {
			wrong = append(wrong, fmt.Sprintf("%s was %#x, is %#x", reg.Name, in, out))
		}
	}
	return strings.Join(wrong, "\n")
}

// floating are the mechanisms, each with a call that it lets through.
var floating = []struct {
	name  string
	nr    int
	flags uint
	needs []notify.Feature
	act   func(c *caller, n abi.Notif) // nil: nothing is trapped
}{
	{"native", unix.SYS_GETPPID, 0, nil, nil},
	{"continue", unix.SYS_GETPPID, 0, nil, func(c *caller, n abi.Notif) { c.resume(n.ID) }},
	{"reply", unix.SYS_GETPPID, 0, nil, func(c *caller, n abi.Notif) {
		c.t.must(c.send(abi.NotifResp{ID: n.ID, Val: 7}), "SEND")
	}},
	{"addfd", unix.SYS_GETPPID, 0, nil, func(c *caller, n abi.Notif) {
		_, e := c.AddFD(&abi.NotifAddFD{ID: n.ID, Flags: addSend, SrcFD: 2})
		c.t.must(e, "ADDFD with SEND")
	}},
	{"inject", unix.SYS_OPENAT, 0, needsInject, func(c *caller, n abi.Notif) {
		path := cstring(c.t.dir)
		i := injectReq(&n, 1, path)
		i.Args = [6]uint64{atFDCWD}
		c.t.must(c.Inject(&i), "INJECT")
		c.t.must(c.send(abi.NotifResp{ID: n.ID, Flags: flagInjected}), "SEND with INJECTED")
	}},
	{"target-call", unix.SYS_GETPPID, 0, needsCall, func(c *caller, n abi.Notif) {
		path := cstring(c.t.dir)
		c.targetCall(n.ID, flagSend, unix.SYS_OPENAT, [6]uint64{atFDCWD, addressOf(path)}, path)
	}},
	{"redirect", unix.SYS_GETPPID, redirectFlag, needsRedirect, func(c *caller, n abi.Notif) {
		r := abi.NotifRespRedirect{ID: n.ID, Flags: abi.SECCOMP_REDIRECT_FLAG_CONTINUE, ArgsMask: 63, Args: six(otherArg)}
		c.t.must(c.SendRedirect(&r), "SEND_REDIRECT")
	}},
}

var _ = later(floatChecks)

func floatChecks() struct{} {
	for _, m := range floating {
		for _, kind := range []struct {
			id, what string
			thread   bool
		}{
			{"float", "floating point and vector register, with control and status,", false},
			{"thread-pointer", "thread pointer", true},
		} {
			add(Check{ID: m.name + "." + kind.id, Level: Must, Source: srcFloat, Needs: m.needs,
				Doc: fmt.Sprintf("around a call under %s every %s keeps its value", m.name, kind.what),
				run: func(t *T) {
					c := t.start()
					o := order{Op: opFloat, Nr: m.nr, Args: six(callerArg)}
					c.tell(o)
					control := c.report()
					if text := floated(&control, kind.thread); text != "" {
						t.Errorf("native: the caller's state changed\n%s", text)
					}
					if m.act == nil {
						return
					}
					c.filter(filterSpec{Nr: m.nr, Action: abi.SECCOMP_RET_USER_NOTIF, Flags: notifyFlag | m.flags, OfArg: true, Value: uint32(callerArg(0))})
					for range 3 { // to sleep can mean another CPU, and a state that is loaded again
						c.tell(o)
						m.act(c, c.next())
						r := c.report()
						if text := floated(&r, kind.thread); text != "" {
							t.Errorf("%s: the caller's state changed\n%s", m.name, text)
						}
					}
				}})
		}
	}
	return struct{}{}
}
