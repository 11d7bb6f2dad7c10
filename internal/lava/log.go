package lava

import (
	"errors"
	"fmt"
	"strconv"
	"strings"
	"time"
	"unicode/utf8"
)

// A Line is one of a job's log.
type Line struct {
	Time  time.Time // zero if it has none
	Level string    // target is the device's console; "" if the line could not be read
	// A map, as of level results, is as it was written. The console's lines are
	// what LAVA makes of them: 2023.01 takes escape characters out, puts a backslash
	// before quotes, and throws away what is longer than 10⁶ bytes.
	Text string
}

const (
	maxLines = 1 << 18
	maxDepth = 32 // of maps in maps: a result with its metadata has four
)

// readLog reads a log, which is a YAML list of maps, one a line, in flow style:
//
//   - {"dt": "2026-11-26T08:00:00.123456", "lvl": "target", "msg": "[\e[32m OK\e[0m ]"}
//
// Only that much of YAML is read. A library would do it, too, but they compile
// expressions and fill tables when a program starts, and every measured process
// is this program; and one line that is no YAML would cost the whole log. JSON is not
// enough: \xFC and tags occur. A line that cannot be read is there as it is; if
// that is all of them, it is no log.
func readLog(b []byte) ([]Line, error) {
	var lines []Line
	understood := false
	for raw := range strings.SplitSeq(string(b), "\n") {
		raw = strings.TrimSuffix(raw, "\r")
		if strings.TrimSpace(raw) == "" {
			continue
		}
		if len(lines) == maxLines {
			return nil, fmt.Errorf("the log has more than %d lines", maxLines)
		}
		line, err := readLine(raw)
		if err != nil {
			line = Line{Text: raw}
		}
		understood = understood || err == nil
		lines = append(lines, line)
	}
	if len(lines) > 0 && !understood {
		return nil, fmt.Errorf("this is no job's log: %q", excerpt([]byte(lines[0].Text)))
	}
	return lines, nil
}

// readLine reads one line's map.
func readLine(raw string) (Line, error) {
	rest, ok := strings.CutPrefix(raw, "- {")
	if !ok {
		return Line{}, errors.New("no map of a list")
	}
	f := &flow{s: rest}
	line, leveled := Line{}, false
	err := f.pairs(1, func(key, value string) {
		switch key {
		case "dt": // UTC, without saying so
			line.Time, _ = time.Parse("2006-01-02T15:04:05", value)
		case "lvl":
			line.Level, leveled = value, true
		case "msg":
			line.Text = value
		}
	})
	if err == nil && (!leveled || strings.TrimSpace(f.s) != "") {
		err = errors.New("no line of a log")
	}
	return line, err
}

const errFlow = sentinel("not read as YAML")

// A flow reads a value in YAML's flow style, of which s is what is left.
type flow struct{ s string }

func (f *flow) space() { f.s = strings.TrimLeft(f.s, " \t") }

func (f *flow) next(c byte) bool {
	f.space()
	if f.s == "" || f.s[0] != c {
		return false
	}
	f.s = f.s[1:]
	return true
}

// pairs reads a map, whose { has been read.
func (f *flow) pairs(depth int, pair func(key, value string)) error {
	for !f.next('}') {
		key, err := f.value(depth + 1)
		if err != nil {
			return err
		}
		value := ""
		if f.next(':') {
			if value, err = f.value(depth + 1); err != nil {
				return err
			}
		}
		pair(key, value)
		if !f.next(',') && !strings.HasPrefix(f.s, "}") {
			return errFlow
		}
	}
	return nil
}

// value reads any value: a string as what it means, a list or map as it is written.
func (f *flow) value(depth int) (string, error) {
	if depth > maxDepth {
		return "", errFlow
	}
	f.space()
	if strings.HasPrefix(f.s, "!") { // a tag, as in ! "6319.25"
		_, after, ok := strings.Cut(f.s, " ")
		if !ok {
			return "", errFlow
		}
		f.s = after
		f.space()
	}
	all := f.s
	switch {
	case f.next('{'):
		err := f.pairs(depth, func(string, string) {})
		return all[:len(all)-len(f.s)], err
	case f.next('['):
		for !f.next(']') {
			if _, err := f.value(depth + 1); err != nil {
				return "", err
			}
			if !f.next(',') && !strings.HasPrefix(f.s, "]") {
				return "", errFlow
			}
		}
		return all[:len(all)-len(f.s)], nil
	case f.next('"'):
		return f.double()
	case f.next('\''):
		return f.single()
	}
	return f.plain()
}

// plain reads a value without quotes: a number, true, null, a word.
func (f *flow) plain() (string, error) {
	end := strings.IndexAny(f.s, ",[]{}")
	if colon := strings.Index(f.s, ": "); colon >= 0 && (end < 0 || colon < end) {
		end = colon
	}
	if end <= 0 {
		return "", errFlow
	}
	s := f.s[:end]
	f.s = f.s[end:]
	return strings.TrimSpace(s), nil
}

// single reads up to the ' that is not doubled.
func (f *flow) single() (string, error) {
	var b strings.Builder
	for {
		before, after, ok := strings.Cut(f.s, "'")
		if !ok {
			return "", errFlow
		}
		b.WriteString(before)
		f.s = after
		if !strings.HasPrefix(f.s, "'") {
			return b.String(), nil
		}
		b.WriteByte('\'')
		f.s = f.s[1:]
	}
}

// double reads up to the closing ", with the escapes of YAML 1.2, section 5.7.
func (f *flow) double() (string, error) {
	var b strings.Builder
	for {
		i := strings.IndexAny(f.s, `"\`)
		if i < 0 {
			return "", errFlow
		}
		b.WriteString(f.s[:i])
		quote := f.s[i] == '"'
		f.s = f.s[i+1:]
		if quote {
			return b.String(), nil
		}
		r, err := f.escape()
		if err != nil {
			return "", err
		}
		b.WriteRune(r)
	}
}

// escapes are those of one letter; their runes stand in the same place.
const escapes = "0abtnvfre \"/\\N_LP"

var escaped = [...]rune{0, 7, 8, 9, 10, 11, 12, 13, 27, ' ', '"', '/', '\\', 0x85, 0xa0, 0x2028, 0x2029}

// escape reads what follows a backslash.
func (f *flow) escape() (rune, error) {
	if f.s == "" {
		return 0, errFlow
	}
	kind := f.s[0]
	f.s = f.s[1:]
	if i := strings.IndexByte(escapes, kind); i >= 0 {
		return escaped[i], nil
	}
	digits := map[byte]int{'x': 2, 'u': 4, 'U': 8}[kind]
	if digits == 0 || len(f.s) < digits {
		return 0, errFlow
	}
	n, err := strconv.ParseUint(f.s[:digits], 16, 32)
	if err != nil || n > utf8.MaxRune {
		return 0, errFlow
	}
	f.s = f.s[digits:]
	return rune(n), nil
}
