package workload

import (
	"fmt"
	"slices"
	"strings"

	"golang.org/x/sys/unix"

	"unotify-bench/abi"
	"unotify-bench/internal/notify"
)

// Mechanism is a way to enforce the policy. Its name is that of the mechanism
// in package bench which it is made of.
type Mechanism struct {
	Name string
	Doc  string

	verdict uint32 // of the filter; KILL_THREAD, which is 0, is none
	flags   uint   // of its installation, beside NEW_LISTENER
	needs   []notify.Feature

	// carries are the calls that it lets happen in its own way. The others go
	// by CONTINUE, and are as racy as with continue-read.
	carries []kind
	act     func(*listener, *abi.Notif, kind, []byte) (unix.Errno, error)

	traced, freezes bool
}

// Baseline is the mechanism that the others are compared with.
const Baseline = "native"

var mechanisms = []*Mechanism{
	{Name: Baseline, Doc: "no filter and no supervisor: every call is allowed"},
	{Name: "allow", Doc: "the filter alone, which allows every call", verdict: abi.SECCOMP_RET_ALLOW},
	{
		Name: "continue-read", Doc: "read, judge, ID_VALID, CONTINUE: racy", verdict: abi.SECCOMP_RET_USER_NOTIF,
		act: (*listener).proceed,
	},
	{Name: "ptrace-seccomp", Doc: "RET_TRACE stop, read, judge, go on: racy", verdict: abi.SECCOMP_RET_TRACE, traced: true},
	{
		Name: "ptrace-freeze", Doc: "the same, with all who share the memory stopped until the call is over",
		verdict: abi.SECCOMP_RET_TRACE, traced: true, freezes: true,
	},
	{
		Name: "addfd", Doc: "the supervisor opens the file itself, ADDFD with SEND", verdict: abi.SECCOMP_RET_USER_NOTIF,
		carries: []kind{kindOpen}, act: (*listener).openFor,
	},
	{
		Name: "inject", Doc: "INJECT what was judged, SEND with INJECTED", verdict: abi.SECCOMP_RET_USER_NOTIF,
		needs:   []notify.Feature{notify.FeatureInject},
		carries: []kind{kindOpen, kindBind, kindWrite}, act: (*listener).injectCall,
	},
	{
		Name: "target-call", Doc: "TARGET_CALL of what was judged, SEND with its result", verdict: abi.SECCOMP_RET_USER_NOTIF,
		needs:   []notify.Feature{notify.FeatureTargetCall},
		carries: []kind{kindOpen, kindBind, kindConnect, kindWrite}, act: (*listener).callAndSend,
	},
	{
		Name: "target-call-send", Doc: "TARGET_CALL whose result is the answer", verdict: abi.SECCOMP_RET_USER_NOTIF,
		needs:   []notify.Feature{notify.FeatureTargetCall},
		carries: []kind{kindOpen, kindBind, kindConnect, kindWrite}, act: (*listener).callSending,
	},
	{
		Name: "redirect", Doc: "what was judged to the pin, SEND_REDIRECT", verdict: abi.SECCOMP_RET_USER_NOTIF,
		flags:   abi.SECCOMP_FILTER_FLAG_REDIRECT,
		needs:   []notify.Feature{notify.FeatureRedirectFlag, notify.FeaturePinInstall, notify.FeatureSendRedirect},
		carries: []kind{kindOpen, kindExec, kindBind, kindConnect, kindWrite}, act: (*listener).redirectCall,
	},
}

// Mechanisms lists all, the baseline first.
func Mechanisms() []*Mechanism { return mechanisms }

func findMechanism(name string) *Mechanism {
	for _, m := range mechanisms {
		if m.Name == name {
			return m
		}
	}
	return nil
}

// SelectMechanisms returns the names of those named, in table order; none
// named is all. The baseline is always among them.
func SelectMechanisms(names []string) ([]string, error) {
	var known, out []string
	for _, m := range mechanisms {
		known = append(known, m.Name)
		if len(names) == 0 || m.Name == Baseline || slices.Contains(names, m.Name) {
			out = append(out, m.Name)
		}
	}
	for _, n := range names {
		if !slices.Contains(known, n) {
			return nil, fmt.Errorf("no policy can be enforced through mechanism %q; known: %s", n, strings.Join(known, ", "))
		}
	}
	return out, nil
}

func (m *Mechanism) listens() bool { return m.verdict == abi.SECCOMP_RET_USER_NOTIF }

// decides reports whether somebody judges calls.
func (m *Mechanism) decides() bool { return m.listens() || m.traced }
