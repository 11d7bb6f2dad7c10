package fuzz

import (
	"bytes"
	"errors"
	"fmt"
	"strings"
	"time"

	"golang.org/x/sys/unix"

	"unotify-bench/internal/complaint"
)

// health is what a kernel says of itself: see Order.Alone. Of one that others use, too,
// nothing is asked, and all of it is silent.
type health struct {
	log      int // /dev/kmsg; -1 without
	kmemleak int // -1 where the kernel has none
	since    []tried
}

// tried is a program that was done since kmemleak was last asked.
type tried struct {
	program Program
	filter  Filter
}

const (
	logFile      = "/dev/kmsg"                  // Documentation/ABI/testing/dev-kmsg
	kmemleakFile = "/sys/kernel/debug/kmemleak" // Documentation/dev-tools/kmemleak.rst
	recordMax    = 8192                         // bytes of one of the log's, with its prefix: PRINTK_MESSAGE_MAX is 2048
	saidMax      = 4096                         // bytes of what a kernel says that are kept
	leakAge      = 5500 * time.Millisecond      // no object is looked at that is younger: jiffies_min_age of mm/kmemleak.c is 5 s
	leakText     = 16 << 10                     // bytes of objects that are read: a thousand of them take half an hour to leave a slow machine
	leakEvery    = 30_000                       // programs, of which each that is remembered takes a few hundred bytes
)

// newHealth asks a kernel that is ours alone, and of what it loses only with leaks. One that
// has complained before anything was done is no kernel to find anything in.
func newHealth(alone, leaks bool) (*health, error) {
	h := &health{log: -1, kmemleak: -1}
	if !alone {
		return h, nil
	}
	var err error
	if h.log, err = unix.Open(logFile, unix.O_RDONLY|unix.O_NONBLOCK|unix.O_CLOEXEC, 0); err != nil {
		return h, fmt.Errorf("read the kernel's log: %w", err)
	}
	if said := h.complaint(); said != "" {
		return h, fmt.Errorf("the kernel has complained before anything was done to it: %s", cut(said))
	}
	if !leaks {
		return h, nil
	}
	if h.kmemleak, err = unix.Open(kmemleakFile, unix.O_RDWR|unix.O_CLOEXEC, 0); err != nil && !errors.Is(err, unix.ENOENT) {
		return h, fmt.Errorf("ask kmemleak: %w", err)
	}
	return h, nil
}

func (h *health) close() {
	for _, fd := range []int{h.log, h.kmemleak} {
		if fd >= 0 {
			unix.Close(fd)
		}
	}
}

// complaint is what the kernel has said since it was last asked that something is wrong, and
// where; "" if it has not.
func (h *health) complaint() string {
	if h.log < 0 {
		return ""
	}
	var said strings.Builder
	record := make([]byte, recordMax)
	for {
		n, err := unix.Read(h.log, record)
		switch {
		case errors.Is(err, unix.EINTR), errors.Is(err, unix.EPIPE): // some were overwritten
			continue
		case err != nil: // EAGAIN: there is no more
			return said.String()
		}
		// "level,number,microseconds,flags;text", and lines with more about a device.
		_, text, _ := bytes.Cut(record[:n], []byte(";"))
		text, _, _ = bytes.Cut(text, []byte("\n"))
		// What it has lost is found out by lost, which says whose it was.
		if said.Len() == 0 && (!complaint.Line().Match(text) || bytes.HasPrefix(text, []byte("kmemleak: "))) {
			continue
		}
		// Then come registers, which nobody reads without the kernel, and functions.
		if said.Len() == 0 || said.Len() < saidMax && bytes.Contains(text, []byte("+0x")) {
			said.Write(append(bytes.TrimSpace(text), "; "...))
		}
	}
}

// lost is what kmemleak says that nobody points to any more, and how many that is at least.
func (h *health) lost() (text string, n int, err error) {
	if h.kmemleak < 0 {
		return "", 0, nil
	}
	// The first scan learns what new objects hold, the second can find them unchanged:
	// update_checksum() of mm/kmemleak.c.
	for range 2 {
		_ = unix.Nanosleep(&unix.Timespec{Sec: int64(leakAge / time.Second), Nsec: int64(leakAge % time.Second)}, nil)
		if err := h.tellKmemleak("scan"); err != nil {
			return "", 0, err
		}
	}
	if _, err := unix.Seek(h.kmemleak, 0, unix.SEEK_SET); err != nil {
		return "", 0, fmt.Errorf("hear kmemleak: %w", err)
	}
	var said bytes.Buffer
	for b := make([]byte, 4<<10); ; {
		switch k, err := unix.Read(h.kmemleak, b); {
		case errors.Is(err, unix.EINTR):
			continue
		case err != nil:
			return "", 0, fmt.Errorf("hear kmemleak: %w", err)
		case k == 0, said.Len() > leakText:
			n = bytes.Count(said.Bytes(), []byte("unreferenced object"))
			return firstLost(said.String()), n, nil
		default:
			said.Write(b[:k])
		}
	}
}

// firstLost is what kmemleak says of the first object, in one line: which it is, and who has
// allocated it.
func firstLost(text string) string {
	var parts []string
	for line := range strings.Lines(text) {
		if strings.HasPrefix(line, "unreferenced") && parts != nil {
			break
		}
		// Of what is in it come 16 bytes a line, as numbers and as characters.
		if !strings.HasPrefix(line, "    ") || strings.Contains(line, "+0x") {
			parts = append(parts, strings.TrimSpace(line))
		}
	}
	return cut(strings.Join(parts, "; "))
}

// cut is what there is room for in a finding.
func cut(text string) string { return strings.TrimSuffix(text[:min(len(text), saidMax)], "; ") }

// forget has kmemleak say nothing more of what it has found.
func (h *health) forget() error { return h.tellKmemleak("clear") }

func (h *health) tellKmemleak(what string) error {
	for {
		_, err := unix.Write(h.kmemleak, []byte(what))
		if err == nil || !errors.Is(err, unix.EINTR) {
			if err != nil {
				return fmt.Errorf("tell kmemleak to %s: %w", what, err)
			}
			return nil
		}
	}
}

// errComplained ends all: of a kernel that has complained there is nothing more to learn.
var errComplained = errors.New("the kernel complains")

// heed tells a finding, and ends all, if the kernel has complained of the program that was done
// last.
func (r *runner) heed(filter Filter, p Program) error {
	said := r.health.complaint()
	if said == "" {
		return nil
	}
	f := &Finding{What: Complaints, At: len(p) - 1, Program: p.String(), Filter: filter, Want: "a log that is silent", Got: cut(said)}
	return errors.Join(r.emit(Event{Finding: f}), r.tell(), errComplained)
}

// leaks tells what programs have lost since kmemleak was last asked: of all these it looks
// for one, by halves, and makes that shorter.
func (r *runner) leaks() (err error) {
	all := r.health.since
	r.health.since = nil
	if r.health.kmemleak < 0 || len(all) == 0 {
		return nil
	}
	r.leave() // what a target has is lost with it, or not at all
	text, n, err := r.health.lost()
	if err == nil && n > 0 {
		text, n, err = r.health.lost() // a pointer may have been on its way when it was looked for
	}
	if err != nil || n == 0 {
		return err
	}
	defer func() { err = errors.Join(err, r.health.forget()) }() // it is told once
	last := all[len(all)-1]
	f := &Finding{What: Leaks, At: len(last.program) - 1, Program: last.program.String(), Filter: last.filter, Want: "nothing lost"}
	f.Got = fmt.Sprintf("%d lost in %d programs: %s", n, len(all), text)
	if err := r.emit(Event{Finding: f}); err != nil {
		return err
	}
	for len(all) > 1 {
		half := all[:len(all)/2]
		loses, err := r.loses(half, 1)
		if err != nil {
			return err
		}
		if all = all[len(half):]; loses != nil {
			all = half
		}
	}
	p, filter := all[0].program, all[0].filter
	again, err := r.loses(all, leakTries)
	if err != nil {
		return err
	}
	if again == nil {
		f.Got += " (no program loses anything alone)"
		return r.emit(Event{Shorter: f})
	}
	if again, err = r.shorten(p, again, func(q Program) (*Finding, error) { return r.loses([]tried{{q, filter}}, leakTries) }); err != nil {
		return err
	}
	return r.emit(Event{Shorter: again})
}

// leakTries is how often a program has a chance to lose something. A pointer that is left
// somewhere by chance hides what is lost; not each time.
const leakTries = 10

// loses does programs, each so often, and is the last one's finding if anything is lost: one
// that depends on no chance loses something half of the times at least, or it is what another
// one had lost before, and was hidden.
func (r *runner) loses(all []tried, times int) (*Finding, error) {
	if err := r.health.forget(); err != nil {
		return nil, err
	}
	for range times {
		for _, p := range all {
			if _, err := r.try(p.filter, p.program); err != nil {
				return nil, err
			}
			if err := errors.Join(r.heed(p.filter, p.program), r.tellNowAndThen()); err != nil {
				return nil, err
			}
		}
	}
	r.leave()
	p := all[len(all)-1]
	least := 1
	if !p.program.races() {
		least = (times + 1) / 2
	}
	text, n, err := r.health.lost()
	if err != nil || n < least {
		return nil, err
	}
	return &Finding{
		What: Leaks, At: len(p.program) - 1, Program: p.program.String(), Filter: p.filter, Want: "nothing lost",
		Got: fmt.Sprintf("%d lost in %d times: %s", n, times, text),
	}, nil
}

// less does programs that are one without some of its steps, until the kernel complains
// of one, or there are no more.
func (r *runner) less(filter Filter, p Program) error {
	_, err := r.shorten(p, nil, func(q Program) (*Finding, error) {
		for range (&Finding{Program: q.String()}).Times() {
			if err := r.emit(Event{Begins: &Begins{q.String(), filter}}); err != nil {
				return nil, err
			}
			if _, err := r.try(filter, q); err != nil {
				return nil, err
			}
			if err := r.heed(filter, q); err != nil {
				return nil, err
			}
		}
		return nil, nil //nolint:nilnil // it does not complain
	})
	return err
}
