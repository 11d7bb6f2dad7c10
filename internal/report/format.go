package report

import (
	"fmt"
	"math"
	"strings"
	"unicode"

	"golang.org/x/perf/benchunit"
)

// Figures stay below six characters and a sign, and comparable at a glance in
// a column of one unit: plain up to a million, then as benchunit prints them.
// Rounding decides, not the value: 9.996 is 10.0 and not 10.00.

// amount formats a headline: instructions, or ns.
func amount(v float64, unit string) string {
	if v < 999999.5 {
		return plain(v)
	}
	if unit == "ns/op" {
		return benchunit.Scale(v*1e-9, benchunit.Decimal) + "s"
	}
	return benchunit.Scale(v, benchunit.Decimal)
}

// plain keeps three significant digits and drops no whole one.
func plain(v float64) string {
	switch {
	case v == 0:
		return "0"
	case v < 9.995:
		return fmt.Sprintf("%.2f", v)
	case v < 99.95:
		return fmt.Sprintf("%.1f", v)
	}
	return fmt.Sprintf("%.0f", v)
}

// added formats an overhead, with its sign.
func added(v float64, unit string) string {
	sign, v := "+", v
	if v < 0 {
		sign, v = "-", -v
	}
	if v < 99999.5 {
		return sign + plain(v)
	}
	suffix := ""
	if unit == "ns/op" {
		v, suffix = v*1e-9, "s"
	}
	scale := benchunit.CommonScale([]float64{v}, benchunit.Decimal)
	scale.Prec = max(scale.Prec-1, 0)
	return sign + scale.Format(v) + suffix
}

func ratio(v float64) string {
	if v > 99999 {
		return benchunit.Scale(v, benchunit.Decimal) + "×"
	}
	return plain(v) + "×"
}

// percent formats a spread. Identical and nearly so are different findings on
// a clock that repeats to the instruction.
func percent(v float64) string {
	switch {
	case v == 0:
		return "±0%"
	case v < 0.005:
		return "±<1%"
	}
	return fmt.Sprintf("±%.0f%%", math.Round(v*100))
}

// clean makes text from a result safe for a terminal.
func clean(s string) string {
	return strings.Map(func(r rune) rune {
		if !unicode.IsPrint(r) || r == unicode.ReplacementChar {
			return '?'
		}
		return r
	}, s)
}

// title is what a block is called: "write 64 KiB", "bind unix".
func (b *block) title() string {
	var parts []string
	if b.base != "Notify" && b.base != "" {
		parts = append(parts, b.base)
	}
	parts = append(parts, b.keys["syscall"])
	for _, k := range sortedKeys(b.keys) {
		switch k {
		case "syscall":
		case "bytes":
			parts = append(parts, size(b.keys[k]))
		case "addr":
			parts = append(parts, b.keys[k])
		default:
			parts = append(parts, strings.TrimSuffix(k+"="+b.keys[k], "="))
		}
	}
	return clean(strings.TrimSpace(strings.Join(parts, " ")))
}

func size(bytes string) string {
	var n int64
	if _, err := fmt.Sscanf(bytes, "%d", &n); err != nil || fmt.Sprint(n) != bytes {
		return "bytes=" + bytes
	}
	unit := 0
	for unit < 3 && n >= 1024 && n%1024 == 0 {
		n /= 1024
		unit++
	}
	return fmt.Sprint(n) + " " + []string{"B", "KiB", "MiB", "GiB"}[unit]
}
