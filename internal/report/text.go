package report

import (
	"maps"
	"slices"
	"strings"
	"unicode/utf8"
)

func sortedKeys[V any](m map[string]V) []string { return slices.Sorted(maps.Keys(m)) }

func runes(s string) int { return utf8.RuneCountInString(s) }

func left(s string, width int) string  { return s + strings.Repeat(" ", max(width-runes(s), 0)) }
func right(s string, width int) string { return strings.Repeat(" ", max(width-runes(s), 0)) + s }

// cut shortens s to width.
func cut(s string, width int) string {
	if runes(s) <= width {
		return s
	}
	return string([]rune(s)[:max(width-1, 0)]) + "…"
}

// rule is s in the middle of a line.
func rule(s string, width int) string {
	s = cut(s, width)
	free := width - runes(s) - 2
	if free < 2 {
		return left(s, width)
	}
	return strings.Repeat("─", free/2) + " " + s + " " + strings.Repeat("─", free-free/2)
}

// wrap breaks text into lines of at most width, the first after head, the
// others below it.
func wrap(head, text string, width int) string {
	var out strings.Builder
	indent := strings.Repeat(" ", runes(head))
	line, empty := head, true
	for word := range strings.FieldsSeq(text) {
		word = cut(word, max(width-runes(head), 1))
		if !empty && runes(line)+1+runes(word) > width {
			out.WriteString(strings.TrimRight(line, " ") + "\n")
			line, empty = indent, true
		}
		if !empty {
			line += " "
		}
		line, empty = line+word, false
	}
	out.WriteString(strings.TrimRight(line, " ") + "\n")
	return out.String()
}

// A style is an ANSI rendition, spelled only where colour is asked for.
type style string

const (
	none   style = ""
	bold   style = "1"
	dim    style = "2"
	green  style = "32"
	yellow style = "33"
)

type painter bool

func (p painter) paint(st style, s string) string {
	if !p || st == none || s == "" {
		return s
	}
	return "\x1b[" + string(st) + "m" + s + "\x1b[0m"
}

func (s Safety) style() style {
	switch s {
	case RaceFree:
		return green
	case Racy:
		return yellow
	}
	return dim
}
