package fuzz

import (
	"fmt"
	"strings"

	"unotify-bench/abi/model"
)

// Step is what is done at once: one operation, or two that race.
type Step []model.Op

// Program is what is done to a listener whose target has trapped nothing yet.
type Program []Step

// String is a step a line, with " | " between operations that race.
func (p Program) String() string {
	var b strings.Builder
	for _, step := range p {
		b.WriteString(step.String() + "\n")
	}
	return b.String()
}

// String is the step's line.
func (s Step) String() string {
	var ops []string
	for _, o := range s {
		ops = append(ops, o.String())
	}
	return strings.Join(ops, " | ")
}

// Parse reads what String writes; empty lines, and lines that begin with #, are
// nothing. An error names its line.
func Parse(text string) (Program, error) {
	var p Program
	n := 0
	for line := range strings.Lines(text) {
		n++
		if line = strings.TrimSpace(line); line == "" || line[0] == '#' {
			continue
		}
		var step Step
		for op := range strings.SplitSeq(line, "|") {
			o, err := model.ParseOp(op)
			if err != nil {
				return nil, fmt.Errorf("line %d: %w", n, err)
			}
			step = append(step, o)
		}
		if len(step) > hands {
			return nil, fmt.Errorf("line %d: %d operations at once; %d can race", n, len(step), hands)
		}
		p = append(p, step)
	}
	return p, nil
}

// FilterNames are what ParseFilter reads: "redirect,killable", "" for a plain filter.
func FilterNames(f Filter) string {
	var names []string
	for _, n := range filterNames {
		if f.Has(n.f) {
			names = append(names, n.name)
		}
	}
	return strings.Join(names, ",")
}

var filterNames = []struct {
	name string
	f    Filter
}{{"redirect", model.Redirect}, {"killable", model.Killable}}

// ParseFilter reads what FilterNames writes.
func ParseFilter(text string) (f Filter, err error) {
	if text == "" {
		return 0, nil
	}
names:
	for word := range strings.SplitSeq(text, ",") {
		for _, n := range filterNames {
			if n.name == word {
				f |= n.f
				continue names
			}
		}
		return 0, fmt.Errorf("%.40q is no flag of a filter; known: redirect, killable", word)
	}
	return f, nil
}
