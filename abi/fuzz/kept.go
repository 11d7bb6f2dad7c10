package fuzz

import (
	"errors"
	"fmt"
	"strings"

	"unotify-bench/abi/model"
)

// Kept is a program of a corpus, which was worth keeping under a filter.
type Kept struct {
	Program Program
	Filter  Filter
}

// String is what ParseKept reads.
func (k Kept) String() string { return filterLine(k.Filter) + k.Program.String() }

// Kept is the finding's program as ParseKept reads it.
func (f *Finding) Kept() string { return filterLine(f.Filter) + f.Program }

// filterLine says what a program's filter is, to Parse in a comment.
func filterLine(f Filter) string { return strings.TrimSpace("# filter "+FilterNames(f)) + "\n" }

// FilterOf reads the filter that a program's first line names, if it names one.
func FilterOf(text string) (f Filter, ok bool, err error) {
	first, _, _ := strings.Cut(text, "\n")
	words := strings.Fields(first)
	if len(words) < 2 || words[0] != "#" || words[1] != "filter" {
		return 0, false, nil
	}
	if f, err = ParseFilter(strings.Join(words[2:], " ")); err != nil {
		return 0, false, fmt.Errorf("line 1: %w", err)
	}
	return f, true, nil
}

// ParseKept reads a program of a corpus. One that says nothing of a filter is for one that
// has every flag. An error says which line is wrong, or that there is no operation.
func ParseKept(text string) (k Kept, err error) {
	f, ok, err := FilterOf(text)
	if err != nil {
		return k, err
	}
	if k.Filter = f; !ok {
		k.Filter = model.Redirect | model.Killable
	}
	if k.Program, err = Parse(text); err == nil && len(k.Program) == 0 {
		err = errors.New("it has no operation")
	}
	return k, err
}
