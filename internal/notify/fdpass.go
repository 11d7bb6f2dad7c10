package notify

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"syscall"

	"golang.org/x/sys/unix"
)

// Conn is one end of the control channel between a supervisor and its
// target: JSON messages over a SOCK_SEQPACKET pair, each with at most one
// descriptor (SCM_RIGHTS).
type Conn struct {
	fd     int
	poller syscall.RawConn // see Poll
	file   *os.File        // which the poller waits for
	buf    []byte          // of Recv, which one at a time calls
}

// maxMessage bounds one message, in bytes.
const maxMessage = 64 << 10

// ErrPeerGone is returned when the other end was closed: its process ended.
var ErrPeerGone = errors.New("peer has gone")

// NewConn wraps the descriptor of one end.
func NewConn(fd int) *Conn { return &Conn{fd: fd} }

// Pair returns two connected ends, both close-on-exec.
func Pair() (a, b *Conn, err error) {
	fds, err := unix.Socketpair(unix.AF_UNIX, unix.SOCK_SEQPACKET|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		return nil, nil, fmt.Errorf("create socket pair: %w", err)
	}
	return NewConn(fds[0]), NewConn(fds[1]), nil
}

// FD is the descriptor below.
func (c *Conn) FD() int { return c.fd }

// Poll has Recv wait in the runtime's poller from here on. In a syscall a wait of more
// than 10 ms has the runtime look, some fifty times each 20 µs, whether there is more to
// take away from a thread that waits: for who hears something now and then, that is
// most of what it does. Nothing is to be sent any more that there may be no room for.
func (c *Conn) Poll() error {
	fd, err := unix.FcntlInt(uintptr(c.fd), unix.F_DUPFD_CLOEXEC, 0)
	if err != nil {
		return fmt.Errorf("duplicate a control channel: %w", err)
	}
	if err := unix.SetNonblock(fd, true); err != nil {
		unix.Close(fd)
		return fmt.Errorf("have a control channel polled: %w", err)
	}
	c.file = os.NewFile(uintptr(fd), "control channel")
	c.poller, err = c.file.SyscallConn()
	return err
}

// Close closes this end.
func (c *Conn) Close() error {
	if c.file != nil {
		c.file.Close()
	}
	return unix.Close(c.fd)
}

// Send sends v, and fd when it is not negative. It uses sendmsg(2), never
// write(2): the sender may be a thread on which write is trapped.
func (c *Conn) Send(v any, fd int) error {
	b, err := json.Marshal(v)
	if err != nil {
		return fmt.Errorf("encode message: %w", err)
	}
	if len(b) > maxMessage {
		return fmt.Errorf("message of %d bytes is over the limit of %d", len(b), maxMessage)
	}
	var oob []byte
	if fd >= 0 {
		oob = unix.UnixRights(fd)
	}
	for {
		err := unix.Sendmsg(c.fd, b, oob, nil, unix.MSG_NOSIGNAL)
		if err == unix.EINTR {
			continue
		}
		if err == unix.EPIPE || err == unix.ECONNRESET {
			return ErrPeerGone
		}
		if err != nil {
			return fmt.Errorf("send message: %w", err)
		}
		return nil
	}
}

// Recv receives one message into v and returns the descriptor that came with
// it, or -1. A closed peer gives ErrPeerGone.
func (c *Conn) Recv(v any) (fd int, err error) {
	if c.buf == nil {
		c.buf = make([]byte, maxMessage+1)
	}
	buf := c.buf
	oob := make([]byte, unix.CmsgSpace(4))
	var n, oobn int
	read := func(uintptr) (there bool) {
		for err = unix.EINTR; err == unix.EINTR; {
			n, oobn, _, _, err = unix.Recvmsg(c.fd, buf, oob, unix.MSG_CMSG_CLOEXEC)
		}
		return err != unix.EAGAIN
	}
	if c.poller == nil {
		read(0)
	} else if e := c.poller.Read(read); e != nil {
		return -1, fmt.Errorf("receive message: %w", e)
	}
	if err == unix.ECONNRESET || err == nil && n == 0 {
		return -1, ErrPeerGone
	}
	if err != nil {
		return -1, fmt.Errorf("receive message: %w", err)
	}
	fd = -1
	if oobn > 0 {
		msgs, err := unix.ParseSocketControlMessage(oob[:oobn])
		if err != nil {
			return -1, fmt.Errorf("parse control message: %w", err)
		}
		for _, m := range msgs {
			fds, err := unix.ParseUnixRights(&m)
			if err != nil {
				continue
			}
			// The kernel fills the buffer's padding with a second one.
			for _, more := range fds {
				if fd >= 0 {
					unix.Close(more)
				} else {
					fd = more
				}
			}
		}
	}
	if err := json.Unmarshal(buf[:n], v); err != nil {
		if fd >= 0 {
			unix.Close(fd)
		}
		return -1, fmt.Errorf("decode message %.80q: %w", buf[:n], errors.Join(err, io.ErrUnexpectedEOF))
	}
	return fd, nil
}
