package workload

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"strings"
)

// report fills in the row, after it has been made sure that target and
// supervisor have seen the same.
func (s *session) report(row *Row) error {
	row.Elapsed = float64(s.done.Elapsed)
	row.Calls, row.Tries, row.Breaches = s.done.Calls, s.done.Tries, s.done.Breaches
	if s.m.decides() {
		s.verdicts(row)
	}
	if len(s.Config.Program) > 0 {
		row.Elapsed = float64(s.ended - s.begun)
		if err := s.programEnded(row); err != nil {
			return err
		}
	} else {
		switch {
		case s.done.Err != "":
			return fmt.Errorf("target: %s", s.done.Err)
		case s.done.Refused != row.Denied:
			return fmt.Errorf("the target was denied %d calls, the supervisor denied %d", s.done.Refused, row.Denied)
		}
	}
	h := sha256.New()
	fmt.Fprintln(h, row.Elapsed, row.Calls, row.Notified, row.Denied, row.Racy, row.Tries, row.Breaches, row.Verdicts, row.Status)
	row.SHA256 = hex.EncodeToString(h.Sum(nil))
	return nil
}

// maxRefusals is how many denials a row names.
const maxRefusals = 20

func (s *session) verdicts(row *Row) {
	row.Notified, row.Denied, row.Racy = len(s.book.entries), s.book.denied(), s.book.racy
	if w := Find(s.Cell.Workload); w != nil && len(s.Config.Program) == 0 && w.attacks {
		return // nobody knows what an attacker does next
	}
	lines := s.book.lines(s.Config.Dir, len(s.Config.Program) > 0)
	row.Verdicts = hashLines(lines)
	before := ""
	for _, l := range lines {
		if len(row.Refusals) < maxRefusals && l != before && strings.Contains(l, " "+verdictNames[denied]+" ") {
			row.Refusals = append(row.Refusals, l[:min(len(l), 200)])
		}
		before = l
	}
}

// loaderFails is what a dynamic loader ends with that finds a library missing,
// and a shell that cannot find a program.
const loaderFails = 127

// programEnded says what was wrong with a program's end. Other statuses than 0
// are its own business under a policy that denied it something.
func (s *session) programEnded(row *Row) error {
	var exit *exec.ExitError
	switch {
	case s.done.Err != "":
		return fmt.Errorf("%s%s", s.done.Err, hint(row))
	case errors.As(s.exit, &exit) && exit.ExitCode() < 0:
		return fmt.Errorf("%s ended: %w%s%s", s.Config.Program[0], exit, s.lastWords(), hint(row))
	case errors.As(s.exit, &exit):
		row.Status = exit.ExitCode()
	case s.exit != nil:
		return s.exit
	}
	if row.Status != 0 && (row.Denied == 0 || row.Status == loaderFails) {
		return fmt.Errorf("%s ended with status %d%s%s", s.Config.Program[0], row.Status, s.lastWords(), hint(row))
	}
	return nil
}

// lastWords is the end of what a program wrote to its standard error.
func (s *session) lastWords() string {
	b, err := os.ReadFile(s.words())
	if b = bytes.TrimSpace(b); err != nil || len(b) == 0 {
		return ""
	}
	return fmt.Sprintf(", its last words: %q", b[max(0, len(b)-300):])
}

// hint tells what the policy has to do with it.
func hint(row *Row) string {
	if len(row.Refusals) == 0 {
		return ""
	}
	return fmt.Sprintf("; the policy denied %s: allow more with --allow-path or --allow-bind", strings.Join(row.Refusals[:min(len(row.Refusals), 3)], ", "))
}
