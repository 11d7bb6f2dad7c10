package workload

import (
	"bytes"
	"fmt"
	"path"

	"golang.org/x/sys/unix"

	"unotify-bench/internal/notify"
)

// verdict is what becomes of a call.
type verdict uint8

const (
	allowed verdict = iota
	denied          // EACCES
	faulty          // what it names cannot be read: the errno that the kernel would give
	gone            // its caller is no more
)

// judge reads what calls name, and decides. It is the supervisor's part that
// is the same in all mechanisms.
type judge struct {
	rules *rules
	book  book
	mem   notify.Mem
	buf   []byte // room for what a call names, and a NUL
	text  []byte // how the list spells it
}

// maxNamed bounds what a call may name. PATH_MAX is longer than any sockaddr,
// and a line of the log is short.
const maxNamed = 4096

func newJudge(r *rules) *judge {
	return &judge{rules: r, buf: make([]byte, maxNamed+1), text: make([]byte, 0, 2*maxNamed)}
}

// look reads what a call of thread tid names, once, and judges that. raw is
// what a mechanism hands to the kernel in its place: a path has its NUL.
func (j *judge) look(tid int, k kind, args *[6]uint64) (raw []byte, v verdict, errno unix.Errno) {
	if tid == 0 {
		return nil, denied, unix.EACCES // of another PID namespace: nobody can look
	}
	raw, errno = j.read(tid, k, args)
	switch errno {
	case 0:
	case unix.ESRCH:
		return nil, gone, 0
	case unix.EPERM: // a program that nobody may look into
		j.text = append(j.text[:0], "(unreadable)"...)
		return nil, denied, unix.EACCES
	default:
		j.text = append(j.text[:0], unix.ErrnoName(errno)...)
		return nil, faulty, errno
	}
	if j.approves(tid, k, raw, args) {
		return raw, allowed, 0
	}
	return nil, denied, unix.EACCES
}

func (j *judge) read(tid int, k kind, args *[6]uint64) ([]byte, unix.Errno) {
	j.mem.Of(tid)
	addr := args[kinds[k].pointer]
	if k == kindOpen || k == kindExec {
		p, e := j.mem.ReadPath(addr, j.buf[:maxNamed])
		if e != 0 {
			return nil, e
		}
		return append(p, 0), 0
	}
	size := args[2]
	if size > maxNamed {
		return nil, unix.EINVAL
	}
	n, e := j.mem.Read(addr, j.buf[:size])
	if e == 0 && n < int(size) {
		e = unix.EFAULT
	}
	return j.buf[:n], e
}

func (j *judge) approves(tid int, k kind, raw []byte, args *[6]uint64) bool {
	switch k {
	case kindOpen, kindExec:
		dir := int32(unix.AT_FDCWD)
		if k == kindOpen {
			dir = int32(args[0])
		}
		p, known := absolute(tid, dir, raw[:len(raw)-1])
		j.text = append(j.text[:0], p...)
		return known && j.rules.allowsPath(p)
	case kindBind, kindConnect:
		a := readAddr(raw)
		j.text = a.append(j.text[:0])
		return j.rules.allowsAddr(a)
	}
	j.text = append(j.text[:0], raw[:min(len(raw), 32)]...)
	return !bytes.HasPrefix(raw, j.rules.line)
}

// absolute is the path that thread tid means, as it is spelled. It is not known
// when its directory cannot be told.
func absolute(tid int, dir int32, p []byte) (abs []byte, known bool) {
	if len(p) > 0 && p[0] == '/' {
		return clean(p), true
	}
	link := fmt.Sprintf("/proc/%d/cwd", tid)
	if dir != unix.AT_FDCWD {
		link = fmt.Sprintf("/proc/%d/fd/%d", tid, dir)
	}
	var base [maxNamed]byte
	n, err := unix.Readlink(link, base[:])
	if err != nil || n == 0 || base[0] != '/' {
		return p, false
	}
	return []byte(path.Join(string(base[:n]), string(p))), true
}
