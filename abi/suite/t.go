package suite

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"

	"golang.org/x/sys/unix"
)

// T is what a check reports with, in the manner of testing.T. EXPECT goes on
// (Errorf), ASSERT stops (Fatalf); what is the harness' own trouble is neither
// (Unclear).
type T struct {
	dir    string // for files, removed with what is in it
	broken []string
	notes  []string
}

// stop ends a check's func from anywhere below it.
type stop struct {
	outcome Outcome
	text    string
}

// perform runs the check in this process.
func (t *T) perform(c *Check) (r Result) {
	r = Result{ID: c.ID, Outcome: Held}
	defer func() {
		switch s := recover().(type) {
		case nil:
		case stop:
			r.Outcome, r.Text = s.outcome, s.text
		default:
			r.Outcome, r.Text = Unclear, fmt.Sprintf("panic: %v", s)
		}
		if len(t.broken) > 0 && r.Outcome != Absent && r.Outcome != Without {
			// What was found to be wrong stays wrong, whatever came after.
			r.Outcome, r.Text = Broken, strings.Join(t.broken, "\n")
		} else if r.Outcome == Held {
			r.Text = strings.Join(t.notes, "\n")
		}
		const most = 16 << 10 // of a message
		if len(r.Text) > most {
			r.Text = r.Text[:most] + " …"
		}
	}()
	c.run(t)
	return r
}

// Errorf says what does not hold, and goes on.
func (t *T) Errorf(format string, args ...any) {
	const most = 20
	if len(t.broken) < most {
		t.broken = append(t.broken, fmt.Sprintf(format, args...))
	} else if len(t.broken) == most {
		t.broken = append(t.broken, "and more")
	}
}

// Fatalf says what does not hold, and ends the check.
func (t *T) Fatalf(format string, args ...any) {
	t.Errorf(format, args...)
	panic(stop{Broken, ""})
}

// Unclear ends the check without a verdict on the kernel: the harness failed.
func (t *T) Unclear(format string, args ...any) {
	panic(stop{Unclear, fmt.Sprintf(format, args...)})
}

// Absent ends the check: the kernel lacks what it is about.
func (t *T) Absent(what string) { panic(stop{Absent, what}) }

// Without ends the check: the kernel lacks what it happens on, and nobody can
// expect that of it.
func (t *T) Without(what string) { panic(stop{Without, what}) }

// Logf adds to what a check that holds says.
func (t *T) Logf(format string, args ...any) { t.notes = append(t.notes, fmt.Sprintf(format, args...)) }

// ok ends the check if what the harness does for itself fails.
func (t *T) ok(err error, what string) {
	if err != nil {
		t.Unclear("%s: %v", what, err)
	}
}

// errno wants this very answer of the kernel.
func (t *T) errno(what string, got, want unix.Errno) {
	if got != want {
		t.Errorf("%s: %s, want %s", what, errName(got), errName(want))
	}
}

// must wants an ioctl to succeed; without, the check cannot go on.
func (t *T) must(e unix.Errno, what string) {
	if e != 0 {
		t.Fatalf("%s: %s, want success", what, errName(e))
	}
}

// errName is how the manuals call an error.
func errName(e unix.Errno) string {
	if e == 0 {
		return "success"
	}
	if n := unix.ErrnoName(e); n != "" {
		return n
	}
	return fmt.Sprintf("errno %d", int(e))
}

// file makes a file for a target to open.
func (t *T) file(name, content string) string {
	path := filepath.Join(t.dir, name)
	t.ok(os.WriteFile(path, []byte(content), 0o600), "write a file")
	return path
}

// content is what a file holds by now.
func (t *T) content(path string) string {
	b, err := os.ReadFile(path)
	t.ok(err, "read a file back")
	return string(b)
}
