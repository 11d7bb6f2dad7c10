package suite

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"unsafe"

	"golang.org/x/sys/unix"
)

// auditRule and auditStatus are audit_rule_data and the part of audit_status
// that every kernel has: linux/audit.h.
type auditRule struct {
	Flags, Action, FieldCount uint32
	Mask                      [unix.AUDIT_BITMASK_SIZE]uint32
	Fields                    [unix.AUDIT_MAX_FIELDS]uint32
	Values                    [unix.AUDIT_MAX_FIELDS]uint32
	FieldFlags                [unix.AUDIT_MAX_FIELDS]uint32
	BufLen                    uint32
}

type auditStatus struct{ Mask, Enabled, Failure, PID, RateLimit, BacklogLimit, Lost, Backlog uint32 }

// audit is the kernel's record of syscalls.
type audit struct {
	t            *T
	control, log int // sockets
}

// bytesOf is a message's payload.
func bytesOf[M any](m *M) []byte { return unsafe.Slice((*byte)(unsafe.Pointer(m)), unsafe.Sizeof(*m)) }

// audited has the kernel record syscalls, until the func is called. A task that
// is older has none recorded. Where that is not possible the check is about
// nothing.
func (t *T) audited() (*audit, func()) {
	a := &audit{t: t, control: t.auditSocket(0), log: t.auditSocket(1 << (unix.AUDIT_NLGRP_READLOG - 1))}
	var was auditStatus
	answer, err := a.ask(unix.AUDIT_GET, nil)
	if err != nil {
		t.Without(fmt.Sprintf("audit that can be asked (%v)", err))
	}
	copy(bytesOf(&was), answer)
	a.enable(1)
	return a, func() { a.enable(was.Enabled) }
}

func (t *T) auditSocket(groups uint32) int {
	fd, err := unix.Socket(unix.AF_NETLINK, unix.SOCK_RAW|unix.SOCK_CLOEXEC, unix.NETLINK_AUDIT)
	if err == nil {
		err = unix.Bind(fd, &unix.SockaddrNetlink{Family: unix.AF_NETLINK, Groups: groups})
	}
	if err != nil {
		t.Without(fmt.Sprintf("audit that can be read (%v)", err))
	}
	return fd
}

func (a *audit) enable(on uint32) {
	_, err := a.ask(unix.AUDIT_SET, bytesOf(&auditStatus{Mask: unix.AUDIT_STATUS_ENABLED, Enabled: on}))
	a.t.ok(err, "switch audit")
}

// watch records all calls of nr that a process makes, until the func is called.
func (a *audit) watch(pid, nr int) func() {
	r := auditRule{Flags: unix.AUDIT_FILTER_EXIT, Action: unix.AUDIT_ALWAYS, FieldCount: 1}
	r.Mask[nr/32] = 1 << (nr % 32)
	r.Fields[0], r.Values[0], r.FieldFlags[0] = unix.AUDIT_PID, uint32(pid), unix.AUDIT_EQUAL
	_, err := a.ask(unix.AUDIT_ADD_RULE, bytesOf(&r))
	a.t.ok(err, "add a rule to audit")
	return func() {
		_, err := a.ask(unix.AUDIT_DEL_RULE, bytesOf(&r))
		a.t.ok(err, "remove audit's rule")
	}
}

// ask sends a message, and returns what is answered before the acknowledgement.
func (a *audit) ask(kind uint16, payload []byte) (answer []byte, err error) {
	h := unix.NlMsghdr{Len: uint32(unix.SizeofNlMsghdr + len(payload)), Type: kind, Flags: unix.NLM_F_REQUEST | unix.NLM_F_ACK}
	to := &unix.SockaddrNetlink{Family: unix.AF_NETLINK}
	if err := unix.Sendto(a.control, slices.Concat(bytesOf(&h), payload), 0, to); err != nil {
		return nil, err
	}
	for {
		kind, body, err := receive(a.control)
		switch {
		case err != nil:
			return nil, err
		case kind == unix.NLMSG_ERROR && len(body) >= 4:
			if e := -int32(binary.NativeEndian.Uint32(body)); e != 0 {
				return nil, unix.Errno(e)
			}
			return answer, nil
		default:
			answer = body
		}
	}
}

// receive returns a message's type and payload. Audit sends one at a time.
func receive(fd int) (uint16, []byte, error) {
	buf := make([]byte, 16<<10)
	n, _, err := unix.Recvfrom(fd, buf, 0)
	if err != nil {
		return 0, nil, err
	}
	var h unix.NlMsghdr
	if n < unix.SizeofNlMsghdr {
		return 0, nil, fmt.Errorf("audit has sent %d bytes", n)
	}
	copy(bytesOf(&h), buf)
	return h.Type, buf[unix.SizeofNlMsghdr:n], nil
}

// wants compares the next record with a call, and its result.
func (a *audit) wants(what string, args [6]uint64, result int64) {
	got, exit, text := a.next()
	if want := [4]uint64(args[:4]); got != want || exit != result {
		a.t.Errorf("audit has recorded %s as %s; it had the arguments %#x, and its result was %d", what, text, want, result)
	}
}

// next is what the next record of a syscall says: of its arguments audit looks
// at four.
func (a *audit) next() (args [4]uint64, exit int64, text string) {
	for {
		kind, body, err := receive(a.log)
		a.t.ok(err, "read audit's log")
		if kind != unix.AUDIT_SYSCALL {
			continue
		}
		text = string(bytes.TrimRight(body, "\x00\n"))
		for f := range strings.FieldsSeq(text) {
			switch key, val, _ := strings.Cut(f, "="); key {
			case "a0", "a1", "a2", "a3":
				args[key[1]-'0'], err = strconv.ParseUint(val, 16, 64)
			case "exit":
				exit, err = strconv.ParseInt(val, 10, 64)
			}
			a.t.ok(err, "understand audit: "+text)
		}
		return args, exit, text
	}
}

var _ = add(Check{ID: "redirect.audit-record", Level: Ours, Source: "kernel.md, dragon 9: audit shows what really ran", Needs: needsRedirect,
	Doc: "audit records a redirected call once, with the arguments that it had and what it gave; the next one with the caller's",
	run: func(t *T) {
		a, off := t.audited()
		defer off()
		o, path, _ := t.wrongOpen()
		p := t.withPin(o, len(path))
		defer a.watch(p.PID(), o.Nr)()
		p.pin.Write(path)
		r := p.toPin(1, len(path))
		t.must(p.SendRedirect(&r), "SEND_REDIRECT")
		want := p.n.Data.Args
		want[1] = p.at
		a.wants("the redirected call", want, p.result())
		n := p.trap(o)
		p.resume(n.ID)
		a.wants("the next", n.Data.Args, p.result())
	}})
