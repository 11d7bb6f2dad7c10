package report

import (
	"cmp"
	"errors"
	"fmt"
	"slices"
	"strings"
	"unicode"
	"unicode/utf8"
)

// An NA is a row that did not run because it cannot exist.
type NA struct {
	Where string // "host" or an architecture; "" is everywhere
	Name  string // as a result's; "" is everything there, absent keys are any value
	Why   string
}

// naPrefix begins the comment that keeps an NA in a results file. benchfmt's
// readers skip it; Read understands it. No file key can do this: it would be
// in force for every later line, and benchstat would call that a difference.
const naPrefix = "# n/a "

// formatNA spells an empty place or name as "*".
func formatNA(na NA) (string, error) {
	if err := checkNA(na); err != nil {
		return "", err
	}
	star := func(s string) string {
		if s == "" {
			return "*"
		}
		return s
	}
	return naPrefix + star(na.Where) + " " + star(na.Name) + " " + strings.TrimSpace(na.Why) + "\n", nil
}

func parseNA(line string) (NA, error) {
	f := strings.SplitN(strings.TrimPrefix(line, naPrefix), " ", 3)
	if len(f) != 3 {
		return NA{}, fmt.Errorf("%q: want %sWHERE NAME REASON", line, naPrefix)
	}
	unstar := func(s string) string {
		if s == "*" {
			return ""
		}
		return s
	}
	na := NA{Where: unstar(f[0]), Name: unstar(f[1]), Why: strings.TrimSpace(f[2])}
	return na, checkNA(na)
}

func checkNA(na NA) error {
	for _, s := range []string{na.Where, na.Name} {
		if s == "" {
			continue
		}
		if err := checkWord("n/a place or name", s); err != nil {
			return err
		}
	}
	if na.Why == "" {
		return errors.New("n/a without a reason")
	}
	if !utf8.ValidString(na.Why) || strings.ContainsFunc(na.Why, unicode.IsControl) {
		return fmt.Errorf("reason %q of an n/a has a control character", na.Why)
	}
	return nil
}

// An exclusion is an NA with its name taken apart.
type exclusion struct {
	NA
	base string
	keys map[string]string
}

// at reports whether x speaks of the column.
func (x exclusion) at(c *column) bool { return x.Where == "" || x.Where == c.Where() }

// covers reports whether x speaks of the block.
func (x exclusion) covers(b *block) bool {
	if x.base == "" {
		return true
	}
	for k, v := range x.keys {
		if k != "mech" && !slices.Contains(variantKeys, k) && b.keys[k] != v {
			return false
		}
	}
	return x.base == b.base
}

// reason finds why mech has no cell in c. With keys, an exclusion must not
// contradict their variant; without, one that speaks of every variant is the
// better answer.
func reason(b *block, c *column, mech string, keys map[string]string, nas []exclusion) string {
	second := ""
	for _, x := range nas {
		if !x.at(c) || !x.covers(b) {
			continue
		}
		if m, ok := x.keys["mech"]; ok && m != mech {
			continue
		}
		special, contradicts := false, false
		for _, k := range variantKeys {
			if v, ok := x.keys[k]; ok {
				special = true
				contradicts = contradicts || keys != nil && v != keys[k]
			}
		}
		why := strings.TrimSpace(x.Why)
		switch {
		case contradicts:
		case special && keys == nil:
			second = cmp.Or(second, why)
		default:
			return why
		}
	}
	return second
}
