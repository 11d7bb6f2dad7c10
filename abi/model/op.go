package model

import (
	"fmt"
	"slices"
	"strconv"
	"strings"
)

// Do is what an operation does.
type Do uint8

const (
	Trap Do = iota // a task calls
	Signal
	Fork    // a task that is in no call has a child, which ends at once
	Child   // one that is in no call has a child that makes one, and waits for its end
	Map     // one that is in no call does something to what is mapped where redirects point to
	Install // one that is in no call installs another filter
	Recv
	Poll
	Send
	IDValid
	SetFlags
	AddFD
	DoInject
	DoTargetCall
	PinInstall
	SendRedirect
	Memory  // the supervisor does something to the memory of pins
	Kill    // the target
	Close   // the listener
	Unknown // an ioctl that no kernel knows
	dos
)

// Op is one operation.
type Op struct {
	Do   Do
	Task uint8 // of Trap, Signal, and what else a task does
	// Ref is whose id it is for: 0 is the newest notification, 1 the one before;
	// NextID is the one that comes next, NoID one that never comes.
	Ref  int8
	Call Call // what traps, or is to run
	How  uint8
}

// Values of Op.Ref.
const (
	NextID int8 = -1
	NoID   int8 = -2
	refs        = 3 // of those that have been
)

// what is used of an Op.
type parts struct {
	name      string
	task, ref bool
	calls     Call     // below this one, 0 if there is none
	how       []string // the first is the plain one
}

// Values of Op.How: its place in the list.
const (
	MapUnmap uint8 = iota
	MapWritable
	MapNothing // to be read or written any more
	MapMove
	MapOver
	MapDiscard // what is there is to be read from the file anew
)

const (
	MemoryWrite uint8 = iota
	MemoryShrink
	MemoryGrow
	MemoryPunch // a hole
	MemoryMap   // to be written to
	MemorySeal  // against writes through mappings that there are
)

const (
	RecvPlain uint8 = iota
	RecvDirty
	RecvNull
	RecvReadOnly
)

const (
	SendValue uint8 = iota
	SendError
	SendContinue
	SendInjected
	SendEvent // CONTINUE, with an exec event
	SendContinueValue
	SendInjectedValue
	SendBoth
	SendUnknown
	SendNull
	SendNothing // neither value nor error: what ends an exec event
)

const (
	IDPlain uint8 = iota
	IDOldNumber
	IDNull
)

const (
	FlagsNone uint8 = iota
	FlagsSync
	FlagsUnknown
)

const (
	FDPlain uint8 = iota
	FDSend
	FDSet
	FDSetSend
	FDCloexec
	FDBad
	FDNewWithoutSet
	FDFlags
	FDNewFlags
	FDShort
	FDNull
)

const (
	InjectPlain uint8 = iota
	InjectLarge
	InjectUnterminated // no NUL, or longer than the buffer
	InjectUnmarked
	InjectNr
	InjectMask
	InjectTooBig
	InjectNoBuffer
	InjectOffset
	InjectFault
	InjectNull
)

const (
	CallPlain uint8 = iota
	CallSend
	CallBadFD // close(2) of no descriptor
	CallFlags
	CallReserved
	CallNr
	CallTooBig
	CallFault
	CallNull
	// These make another call, whatever Call is.
	CallRead // of ReadSize bytes
	CallFstat
	CallConnect // to nobody
	CallReadFault
	CallReadTooBig
	CallFstatFault
)

// ReadSize is how many bytes CallRead reads: all are 0.
const ReadSize = 16

const (
	PinPlain uint8 = iota // where redirects point to
	PinAnywhere
	PinOverlap
	PinFlags
	PinMisaligned
	PinEmpty
	PinBadFD
	PinUnsealed
	PinNull
)

const (
	RedirectPtr uint8 = iota
	RedirectScalar
	RedirectBeyond // the pin's end
	RedirectNoFlags
	RedirectNoLength
	RedirectNotInMask
	RedirectOverflow
	RedirectBadFD
	RedirectUnsealed
	RedirectNull
)

// Values of Op.How of Signal.
const (
	SignalRestart uint8 = iota // its handler was installed with SA_RESTART
	SignalInterrupt
)

var table = [dos]parts{
	Trap:         {name: "trap", task: true, calls: Calls},
	Signal:       {name: "signal", task: true, how: []string{"restart", "interrupt"}},
	Fork:         {name: "fork", task: true},
	Child:        {name: "child", task: true, calls: Program},
	Map:          {name: "map", task: true, how: []string{"unmap", "writable", "nothing", "move", "over", "discard"}},
	Install:      {name: "filter", task: true, how: filterHow},
	Recv:         {name: "recv", how: []string{"plain", "dirty", "null", "read-only"}},
	Poll:         {name: "poll"},
	Send:         {name: "send", ref: true, how: []string{"value", "error", "continue", "injected", "event", "continue-value", "injected-value", "both", "unknown", "null", "nothing"}},
	IDValid:      {name: "id-valid", ref: true, how: []string{"plain", "old-number", "null"}},
	SetFlags:     {name: "set-flags", how: []string{"none", "sync", "unknown"}},
	AddFD:        {name: "addfd", ref: true, how: []string{"plain", "send", "setfd", "setfd-send", "cloexec", "bad-fd", "new-without-setfd", "flags", "new-flags", "short", "null"}},
	DoInject:     {name: "inject", ref: true, calls: Program, how: []string{"plain", "large", "unterminated", "unmarked", "nr", "mask", "too-big", "no-buffer", "offset", "fault", "null"}},
	DoTargetCall: {name: "target-call", ref: true, calls: Program, how: []string{"plain", "send", "bad-fd", "flags", "reserved", "nr", "too-big", "fault", "null", "read", "fstat", "connect", "read-fault", "read-too-big", "fstat-fault"}},
	PinInstall:   {name: "pin", ref: true, how: []string{"plain", "anywhere", "overlap", "flags", "misaligned", "empty", "bad-fd", "unsealed", "null"}},
	SendRedirect: {name: "redirect", ref: true, how: []string{"pointer", "scalar", "beyond", "no-flags", "no-length", "not-in-mask", "overflow", "bad-fd", "unsealed", "null"}},
	Memory:       {name: "memory", how: []string{"write", "shrink", "grow", "punch", "map", "seal"}},
	Kill:         {name: "kill"},
	Close:        {name: "close"},
	Unknown:      {name: "ioctl", ref: true},
}

var callNames = [...]string{"getppid", "openat", "write", "bind", "execve", "program", Execed: "exec event"}

// String is the call's name.
func (c Call) String() string { return callNames[c] }

func refName(r int8) string {
	switch r {
	case NextID:
		return "next"
	case NoID:
		return "none"
	case 0:
		return "newest"
	}
	return fmt.Sprintf("newest-%d", r)
}

// String is the operation as ParseOp reads it.
func (o Op) String() string {
	p := &table[o.Do]
	words := []string{p.name}
	if p.task {
		words = append(words, fmt.Sprint(o.Task))
	}
	if p.ref {
		words = append(words, refName(o.Ref))
	}
	if p.calls > 0 {
		words = append(words, o.Call.String())
	}
	if p.how != nil {
		words = append(words, p.how[o.How])
	}
	return strings.Join(words, " ")
}

// ParseOp reads what String writes. The error says what is wrong.
func ParseOp(text string) (Op, error) {
	words := strings.Fields(text)
	bad := func(what string, known any) (Op, error) {
		return Op{}, fmt.Errorf("operation %.80q: %s; known: %v", text, what, known)
	}
	var o Op
	next := func() string {
		if len(words) == 0 {
			return ""
		}
		w := words[0]
		words = words[1:]
		return w
	}
	do := slices.IndexFunc(table[:], func(p parts) bool { return len(words) > 0 && p.name == words[0] })
	if do < 0 {
		return bad("no such thing can be done", Names())
	}
	next()
	o.Do = Do(do)
	p := &table[do]
	if p.task {
		n, err := strconv.ParseUint(next(), 10, 8)
		if err != nil || n >= Tasks {
			return bad("no such task", fmt.Sprintf("0 to %d", Tasks-1))
		}
		o.Task = uint8(n)
	}
	if p.ref {
		w := next()
		i := slices.IndexFunc([]int8{NoID, NextID, 0, 1, 2}, func(r int8) bool { return refName(r) == w })
		if i < 0 {
			return bad("no such notification", "none, next, newest, newest-1, newest-2")
		}
		o.Ref = int8(i) + NoID
	}
	if p.calls > 0 {
		known := callNames[:p.calls]
		i := slices.Index(known, next())
		if i < 0 {
			return bad("no such call", known)
		}
		o.Call = Call(i)
	}
	if p.how != nil {
		i := slices.Index(p.how, next())
		if i < 0 {
			return bad("no such way", p.how)
		}
		o.How = uint8(i)
	}
	if len(words) > 0 {
		return Op{}, fmt.Errorf("operation %.80q: %.40q is more than it has", text, strings.Join(words, " "))
	}
	return o, nil
}

// Names lists what can be done.
func Names() []string {
	var names []string
	for _, p := range table {
		names = append(names, p.name)
	}
	return names
}

// All lists every operation: each task, reference, call and way.
func All() []Op {
	var all []Op
	for do := range dos {
		p := &table[do]
		for task := range count(p.task, Tasks) {
			for ref := range count(p.ref, refs+2) {
				for call := range count(p.calls > 0, int(p.calls)) {
					for how := range max(1, len(p.how)) {
						o := Op{Do: do, Task: uint8(task), Call: Call(call), How: uint8(how)}
						if p.ref {
							o.Ref = int8(ref) + NoID
						}
						if o == o.Bare() {
							all = append(all, o)
						}
					}
				}
			}
		}
	}
	return all
}

// Bare is o without a call that does not matter.
func (o Op) Bare() Op {
	if o.Do == DoTargetCall && (o.How == CallBadFD || o.How >= CallRead) {
		o.Call = 0
	}
	return o
}

func count(used bool, n int) int {
	if used {
		return n
	}
	return 1
}

// Core is the alphabet of which every short sequence is tried: one task, one
// call, the newest notification, and what changes its state.
func Core() []Op {
	return []Op{
		{Do: Trap, Call: Openat},
		{Do: Recv},
		{Do: Send, How: SendValue},
		{Do: Send, How: SendContinue},
		{Do: Send, How: SendInjected},
		{Do: IDValid},
		{Do: AddFD},
		{Do: AddFD, How: FDSend},
		{Do: DoInject, Call: Openat},
		{Do: DoTargetCall, Call: Openat},
		{Do: DoTargetCall, Call: Openat, How: CallSend},
		{Do: PinInstall},
		{Do: SendRedirect},
		{Do: Signal},
	}
}
