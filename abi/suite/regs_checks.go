package suite

import (
	"fmt"

	"golang.org/x/sys/unix"

	"unotify-bench/abi"
	"unotify-bench/internal/notify"
)

const (
	srcRegs = "psABI of each architecture, as in abi.Arch.Regs; conformance.md, C"

	notifyFlag   = abi.SECCOMP_FILTER_FLAG_NEW_LISTENER
	redirectFlag = abi.SECCOMP_FILTER_FLAG_REDIRECT
	flagContinue = abi.SECCOMP_USER_NOTIF_FLAG_CONTINUE
)

// needsRedirect are the features of SEND_REDIRECT without pointers.
var needsRedirect = []notify.Feature{notify.FeatureRedirectFlag, notify.FeatureSendRedirect}

// needsPins are those with pointers.
var needsPins = append([]notify.Feature{notify.FeaturePinInstall}, needsRedirect...)

// harmless are syscalls that do nothing when given callerArg, or otherArg, but
// for returning a result; and getppid, which looks at no argument.
var harmless = []string{
	"getppid", "read", "write", "openat", "close", "execve", "execveat", "connect", "bind", "sendto", "recvmsg",
	"ppoll", "futex", "nanosleep", "clock_nanosleep", "mmap", "mprotect", "munmap", "ioctl", "fcntl", "lseek",
	"statx", "wait4", "prctl", "mkdirat", "unlinkat",
}

// plain are mechanisms that look at no memory: each must leave the caller's
// registers alone whatever the syscall. Without the mechanism the same call is
// the control.
var plain = []struct {
	name   string
	action uint32
	answer func(c *caller, n *abi.Notif)
	// same says that the result is that of the control.
	same bool
}{
	{"native", 0, nil, true},
	{"allow", abi.SECCOMP_RET_ALLOW, nil, true},
	{"errno", abi.SECCOMP_RET_ERRNO | uint32(unix.EXDEV), nil, false},
	{"continue", abi.SECCOMP_RET_USER_NOTIF, func(c *caller, n *abi.Notif) { c.resume(n.ID) }, true},
	{"reply", abi.SECCOMP_RET_USER_NOTIF, func(c *caller, n *abi.Notif) {
		c.t.must(c.send(abi.NotifResp{ID: n.ID, Error: -int32(unix.EXDEV)}), "SEND")
	}, false},
}

var _ = later(plainChecks)

func plainChecks() struct{} {
	for _, m := range plain {
		for _, name := range []string{"getppid", "read", "write", "openat", "execve", "connect", "ppoll"} {
			add(Check{ID: m.name + ".regs-" + name, Level: Must, Source: srcRegs,
				Doc: fmt.Sprintf("around %s under %s every preserved register keeps its value", name, m.name),
				run: func(t *T) {
					c := t.start()
					nr := notify.Native.Syscalls[name]
					o := order{Op: opCall, Nr: nr, Args: six(callerArg)}
					c.tell(o)
					control := c.report()
					t.preserved("native", &control.Call, substitutes{})
					if m.action != 0 {
						f := filterSpec{Nr: nr, Action: m.action, OfArg: true, Value: uint32(callerArg(0))}
						if m.answer != nil {
							f.Flags = notifyFlag
						}
						c.filter(f)
					}
					for range 3 { // the first call may be the one that is special
						c.tell(o)
						if m.answer != nil {
							n := c.next()
							m.answer(c, &n)
						}
						r := c.report()
						t.preserved(name, &r.Call, substitutes{})
						want := -int64(unix.EXDEV)
						if m.same {
							want = resultOf(control)
						}
						if got := resultOf(r); got != want {
							t.Errorf("%s returned %d, want %d", name, got, want)
						}
					}
				}})
		}
	}
	return struct{}{}
}

// redirected makes a call with arguments of the caller's and has it redirected.
// It returns the call's report.
func (c *caller) redirected(o order, r abi.NotifRespRedirect) report {
	n := c.trap(o)
	r.ID, r.Flags = n.ID, r.Flags|abi.SECCOMP_REDIRECT_FLAG_CONTINUE
	c.t.must(c.SendRedirect(&r), "SEND_REDIRECT")
	return c.ended()
}

// scalarMasks redirects scalars of one syscall by each mask, and compares with
// the call that has them from the start.
func scalarMasks(name string, masks []uint32) func(*T) {
	return func(t *T) {
		c := t.start()
		nr := notify.Native.Syscalls[name]
		s := substitutes{args: six(otherArg)}
		mixed := func(mask uint32) (a [6]uint64) {
			for i := range a {
				if a[i] = callerArg(i); mask&(1<<i) != 0 {
					a[i] = otherArg(i)
				}
			}
			return a
		}
		want := map[uint32]int64{}
		for _, mask := range masks {
			c.tell(order{Op: opCall, Nr: nr, Args: mixed(mask)})
			control := c.report()
			t.preserved("native", &control.Call, substitutes{})
			want[mask] = resultOf(control)
		}
		// The target makes some of these calls for itself, too.
		c.filter(filterSpec{Nr: nr, Action: abi.SECCOMP_RET_USER_NOTIF, Flags: notifyFlag | redirectFlag, OfArg: true, Value: uint32(callerArg(0))})
		for _, s.mask = range masks {
			r := c.redirected(order{Op: opCall, Nr: nr, Args: six(callerArg)}, abi.NotifRespRedirect{ArgsMask: s.mask, Args: s.args})
			t.preserved(fmt.Sprintf("%s, mask %#x", name, s.mask), &r.Call, s)
			if got := resultOf(r); got != want[s.mask] {
				t.Errorf("%s, mask %#x: returned %d, and with these arguments from the start %d", name, s.mask, got, want[s.mask])
			}
		}
	}
}

var _ = later(redirectRegs)

func redirectRegs() struct{} {
	source := "uapi.md, Proposed 4; " + srcRegs
	families := map[int][]uint32{}
	for mask := uint32(1); mask < 64; mask++ {
		bits := 0
		for i := range 6 {
			bits += int(mask >> i & 1)
		}
		families[bits] = append(families[bits], mask)
	}
	for n := 1; n <= 6; n++ {
		add(Check{ID: fmt.Sprintf("redirect.regs-masks-%d", n), Level: Must, Source: source, Needs: needsRedirect,
			Doc: fmt.Sprintf("any %d arguments of getppid are replaced for the call, and no register for the caller", n),
			run: scalarMasks("getppid", families[n])})
	}
	single := []uint32{0, 1, 2, 4, 8, 16, 32, 63}
	for _, name := range harmless[1:] {
		add(Check{ID: "redirect.regs-" + idOf(name), Level: Must, Source: source, Needs: needsRedirect,
			Doc: fmt.Sprintf("each argument of %s, all and none, is replaced for the call, and no register for the caller", name),
			run: scalarMasks(name, single)})
	}
	return struct{}{}
}

// idOf spells a syscall in an ID.
func idOf(syscall string) string {
	b := []byte(syscall)
	for i := range b {
		if b[i] == '_' {
			b[i] = '-'
		}
	}
	return string(b)
}
