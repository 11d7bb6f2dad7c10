package kernel

import (
	"bytes"
	"encoding/json"
	"fmt"
)

// The wire format is that of vmtest's qevent: a JSON object a line over a
// virtio-serial port. Its host side is not used. It reads a pty, which fills
// when the host is slow, and then the guest spins: under icount that is
// virtual time which depends on the host. And it trusts the guest: events
// after "done", or two of these, make it panic on a closed channel, the
// number and total size of events have no bound, and an error in a line is
// told only after the guest has ended.
const (
	actionEvent = "guestevent"
	actionDone  = "done"

	portName = "unotify"
	maxEvent = 1 << 20 // bytes of a line
)

type message struct {
	Action string `json:"hugelgupf_vmtest_guest_action"`
	Actual Event
}

// doneData is what goes with actionDone.
type doneData struct {
	Code int `json:"code"`
}

// channel parses and checks what a guest sends.
type channel struct {
	run string
	lim limits

	line []byte // start of a line whose end has not come
	seq  uint64 // of the last event
	done bool
	code int
}

// feed takes the next bytes, and calls deliver with every event in them. Its
// error is final.
func (c *channel) feed(p []byte, deliver func(Event) error) error {
	for len(p) > 0 {
		if c.done {
			return fmt.Errorf("%w: %s after it had said done", ErrProtocol, quote(p))
		}
		i := bytes.IndexByte(p, '\n')
		end := i
		if i < 0 {
			end = len(p)
		}
		if len(c.line)+end > c.lim.line {
			return fmt.Errorf("%w: longer than %d bytes, starts %s", ErrProtocol, c.lim.line, quote(append(c.line, p[:end]...)))
		}
		c.line = append(c.line, p[:end]...)
		if i < 0 {
			return nil
		}
		p = p[i+1:]
		if err := c.message(c.line, deliver); err != nil {
			return err
		}
		c.line = c.line[:0]
	}
	return nil
}

func (c *channel) message(line []byte, deliver func(Event) error) error {
	var m message
	if err := json.Unmarshal(line, &m); err != nil {
		return fmt.Errorf("%w: %w: %s", ErrProtocol, err, quote(line))
	}
	e := m.Actual
	switch {
	case m.Action != actionEvent && m.Action != actionDone:
		return fmt.Errorf("%w: unknown action %q: %s", ErrProtocol, m.Action, quote(line))
	case e.Run != c.run:
		return fmt.Errorf("%w: it is of run %q, this is run %q: %s", ErrProtocol, e.Run, c.run, quote(line))
	case e.Seq != c.seq+1:
		return fmt.Errorf("%w: number %d follows number %d: %s", ErrProtocol, e.Seq, c.seq, quote(line))
	case c.seq >= uint64(c.lim.events):
		return fmt.Errorf("%w: more than %d events", ErrFlood, c.lim.events)
	}
	c.seq++
	if m.Action == actionEvent {
		if deliver == nil {
			return nil
		}
		return deliver(e)
	}
	var d doneData
	if err := json.Unmarshal(e.Data, &d); err != nil {
		return fmt.Errorf("%w: done: %w: %s", ErrProtocol, err, quote(line))
	}
	c.done, c.code = true, d.Code
	return nil
}

// partial is the start of an event whose end never came.
func (c *channel) partial() string { return string(head(c.line)) }

const quoted = 120 // bytes of bad input that an error shows

func head(p []byte) []byte { return p[:min(len(p), quoted)] }

// quote shows the start of bad input, safe for a terminal.
func quote(p []byte) string {
	if len(p) > quoted {
		return fmt.Sprintf("%q…", head(p))
	}
	return fmt.Sprintf("%q", p)
}
