package kernel

import (
	"bytes"
	"fmt"
	"io"
	"os"
	"strings"
	"sync"
	"unicode"

	"unotify-bench/internal/complaint"
	"unotify-bench/internal/lazy"
)

const (
	tailLines  = 60    // of a console that errors show: a panic's trace, and what led to it
	tailBytes  = 16384 // that they are taken from
	lineMax    = 400   // bytes of a line that are looked at or shown
	badMax     = 50    // bad lines kept
	splatLines = 50    // of a report that are kept: its first, and what follows
	splatMax   = 200   // lines of all reports
)

var panicLine = lazy.Regexp(`Kernel panic - not syncing: .*`)

// console follows what the guest prints.
type console struct {
	sink *sink
	log  *os.File // nil if none is wanted
	room int64    // for the head in log
	max  int64    // of log

	line  []byte // start of the current line
	bad   []string
	panic string // text of the kernel's panic
	// splat is what the kernel found wrong with itself, other than by a
	// panic, line for line.
	splat  []string
	follow int // lines to come that belong to the report
}

func newConsole(size, logMax int64, logPath string) (*console, error) {
	s, err := newSink("console", size)
	if err != nil {
		return nil, err
	}
	c := &console{sink: s, max: logMax, room: logMax / 2}
	if logPath != "" {
		if c.log, err = os.Create(logPath); err != nil {
			s.close()
			return nil, fmt.Errorf("keep the guest's console: %w", err)
		}
	}
	return c, nil
}

// poll takes in what was printed since the last poll.
func (c *console) poll() (bool, error) {
	heard, err := c.sink.poll(func(p []byte) error {
		c.scan(p)
		return c.logHead(p)
	})
	if err == nil && c.sink.full() {
		err = fmt.Errorf("%w: more than %d bytes on the console", ErrFlood, c.sink.size-slack)
	}
	return heard, err
}

func (c *console) scan(p []byte) {
	for len(p) > 0 {
		i := bytes.IndexByte(p, '\n')
		if i < 0 {
			c.keep(p)
			return
		}
		c.keep(p[:i])
		p = p[i+1:]
		c.judge()
		c.line = c.line[:0]
	}
}

func (c *console) keep(p []byte) {
	c.line = append(c.line, p[:min(len(p), lineMax-len(c.line))]...)
}

func (c *console) judge() {
	bad := complaint.Line().Match(c.line)
	if bad && len(c.bad) < badMax {
		c.bad = append(c.bad, printable(c.line))
	}
	if c.panic == "" {
		if p := panicLine().Find(c.line); p != nil {
			c.panic = printable(p)
		}
	}
	c.report(bad)
}

// endOfReport is print_oops_end_marker()'s line.
var endOfReport = lazy.Regexp(`---\[ end `)

// report keeps the lines of reports. A panic is an error of its own and dumps
// the stack by itself: no report begins after it.
func (c *console) report(bad bool) {
	if bad && c.panic == "" {
		c.follow = splatLines
	}
	if c.follow == 0 || len(c.splat) >= splatMax {
		return
	}
	c.follow--
	if endOfReport().Match(c.line) {
		c.follow = 0
	}
	if line := printable(c.line); line != "" {
		c.splat = append(c.splat, line)
	}
}

// logHead writes at once, so that a crash of the host tool loses nothing.
func (c *console) logHead(p []byte) error {
	p = p[:min(int64(len(p)), c.room)]
	if c.log == nil || len(p) == 0 {
		return nil
	}
	c.room -= int64(len(p))
	if _, err := c.log.Write(p); err != nil {
		return fmt.Errorf("keep the guest's console: %w", err)
	}
	return nil
}

// finish completes the log with the tail of a console that was too long for it.
func (c *console) finish() error {
	if c.log == nil {
		return nil
	}
	from := c.max/2 - c.room // end of the head
	if rest := c.sink.pos - from; rest > 0 {
		if left := rest - c.max/2; left > 0 {
			from += left
			fmt.Fprintf(c.log, "\n[… %d bytes left out …]\n", left)
		}
		if _, err := io.Copy(c.log, io.NewSectionReader(c.sink.mem, from, c.sink.pos-from)); err != nil {
			return fmt.Errorf("keep the guest's console: %w", err)
		}
	}
	if err := c.log.Close(); err != nil {
		return fmt.Errorf("keep the guest's console: %w", err)
	}
	c.log = nil
	return nil
}

// tail returns the last lines, fit for a terminal.
func (c *console) tail() []string {
	from := max(0, c.sink.pos-tailBytes)
	p := make([]byte, c.sink.pos-from)
	n, _ := c.sink.mem.ReadAt(p, from)
	var lines []string
	for l := range bytes.Lines(p[:n]) {
		if s := printable(l); s != "" {
			lines = append(lines, s)
		}
	}
	return lines[max(0, len(lines)-tailLines):]
}

func (c *console) close() {
	c.sink.close()
	if c.log != nil {
		c.log.Close()
	}
}

// printable cuts a line and drops what could steer a terminal.
func printable(line []byte) string {
	line = line[:min(len(line), lineMax)]
	return strings.TrimSpace(strings.Map(func(r rune) rune {
		if r == '\t' {
			return ' '
		}
		if !unicode.IsPrint(r) { // what reorders text is none, nor is another line's end
			return -1
		}
		return r
	}, strings.ToValidUTF8(string(line), "?")))
}

// complaints keeps what QEMU itself prints. It refuses to take much, which
// makes vmtest stop reading, so that its own copy of it is bounded too.
type complaints struct {
	mu sync.Mutex
	b  []byte
}

func (c *complaints) Write(p []byte) (int, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if len(c.b) > tailBytes {
		return 0, io.ErrShortWrite
	}
	c.b = append(c.b, p...)
	return len(p), nil
}

func (c *complaints) Close() error { return nil }

func (c *complaints) String() string {
	c.mu.Lock()
	defer c.mu.Unlock()
	return printable(bytes.ReplaceAll(c.b, []byte("\n"), []byte("; ")))
}
