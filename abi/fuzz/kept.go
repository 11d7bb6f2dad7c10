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

// keptUnder begins the line of a program's filter, which to Parse is a comment.
const keptUnder = "# filter"

// String is what ParseKept reads.
func (k Kept) String() string {
	return strings.TrimSpace(keptUnder+" "+FilterNames(k.Filter)) + "\n" + k.Program.String()
}

// ParseKept reads a program of a corpus. One that says nothing of a filter is for one that
// has every flag. An error says which line is wrong, or that there is no operation.
func ParseKept(text string) (k Kept, err error) {
	k.Filter = model.Redirect | model.Killable
	if first, _, _ := strings.Cut(text, "\n"); strings.HasPrefix(first, keptUnder) {
		names := strings.TrimSpace(strings.TrimPrefix(first, keptUnder))
		if k.Filter, err = ParseFilter(names); err != nil {
			return k, fmt.Errorf("line 1: %w", err)
		}
	}
	if k.Program, err = Parse(text); err == nil && len(k.Program) == 0 {
		err = errors.New("it has no operation")
	}
	return k, err
}
