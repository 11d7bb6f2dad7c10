package report

import (
	"fmt"
	"math"
	"strings"
	"unicode"
	"unicode/utf8"

	"golang.org/x/perf/benchfmt"
)

// maxValue is above anything that can have been measured: 11 days in ns.
const maxValue = 1e15

// check says what makes r impossible: a number that cannot have been
// measured, or text that would not come back from a file as it went in.
// Results come from guests, too, and those are not trusted.
func check(r *benchfmt.Result) error {
	if err := checkWord("name", string(r.Name)); err != nil {
		return err
	}
	if r.Iters <= 0 {
		return fmt.Errorf("%s: %d iterations", r.Name, r.Iters)
	}
	if len(r.Values) == 0 {
		return fmt.Errorf("%s: no measurements", r.Name)
	}
	seen := make(map[string]float64, len(r.Values))
	for _, v := range r.Values {
		value, unit := measured(v)
		if err := checkWord("unit", unit); err != nil {
			return fmt.Errorf("%s: %w", r.Name, err)
		}
		if math.IsNaN(value) || value < 0 || value > maxValue {
			return fmt.Errorf("%s: %s is %v", r.Name, unit, value)
		}
		if _, twice := seen[unit]; twice {
			return fmt.Errorf("%s: %s is there twice", r.Name, unit)
		}
		seen[unit] = value
	}
	for _, c := range r.Config {
		if !exported(c) {
			continue
		}
		if err := checkConfig(c.Key, string(c.Value)); err != nil {
			return fmt.Errorf("%s: %w", r.Name, err)
		}
	}
	return checkOrder(string(r.Name), seen)
}

// checkOrder demands that the quantiles of each clock ascend.
func checkOrder(name string, metrics map[string]float64) error {
	for _, base := range []string{"insns/op", "ns/op"} {
		last, lastUnit := 0.0, ""
		for _, prefix := range []string{"p10-", "", "p90-", "p99-", "p99.9-", "max-"} {
			v, ok := metrics[prefix+base]
			if !ok {
				continue
			}
			if v < last {
				return fmt.Errorf("%s: %s %v is below %s %v", name, prefix+base, v, lastUnit, last)
			}
			last, lastUnit = v, prefix+base
		}
	}
	return nil
}

func checkWord(what, s string) error {
	switch {
	case s == "":
		return fmt.Errorf("empty %s", what)
	case !utf8.ValidString(s) || strings.ContainsFunc(s, func(r rune) bool { return !unicode.IsGraphic(r) || unicode.IsSpace(r) }):
		return fmt.Errorf("%s %q has a character that no %s can have", what, s, what)
	}
	return nil
}

// checkConfig holds key to the grammar of golang.org/design/14313-benchmark-format.
func checkConfig(key, value string) error {
	first, _ := utf8.DecodeRuneInString(key)
	if !unicode.IsLower(first) || strings.ContainsRune(key, ':') || strings.ContainsFunc(key, unicode.IsUpper) {
		return fmt.Errorf("%q is no file key: it must begin with a lower case letter and have no capitals and no colon", key)
	}
	if err := checkWord("key", key); err != nil {
		return err
	}
	if !utf8.ValidString(value) || strings.ContainsFunc(value, unicode.IsControl) {
		return fmt.Errorf("key %s: value %q has a control character", key, value)
	}
	return nil
}
