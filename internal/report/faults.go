package report

import (
	"fmt"
	"strings"
)

// Faults is the table of `abi --mutants`: which check finds which bug that was
// seeded into a kernel.
type Faults struct {
	Places []string
	Rows   []Fault
	Sums   []string // a line a place, as they stand below the table
}

// A Fault is one seeded bug.
type Fault struct {
	Name, Section string
	Found         []string // by which check, one a place; "" is by none
}

// maxPlaces bounds the columns of a table: nobody reads more.
const maxPlaces = 16

const (
	faultsHead  = "fault "
	faultsFound = "found on "
)

// readFaults reads the table. Its columns are where their heads are.
func readFaults(text, name string) (*Faults, []error) {
	lines := strings.Split(strings.TrimRight(text, "\n"), "\n")
	head := lines[0]
	f := &Faults{}
	section := strings.Index(head, "section")
	var columns []int
	for at := 0; len(columns) < maxPlaces; {
		i := strings.Index(head[at:], faultsFound)
		if i < 0 {
			break
		}
		columns = append(columns, at+i)
		at += i + len(faultsFound)
		place, _, _ := strings.Cut(head[at:], " ")
		f.Places = append(f.Places, clean(place))
	}
	if section < 0 || len(columns) == 0 || columns[0] < section {
		return nil, []error{fmt.Errorf("%s: a table of faults without its columns", name)}
	}
	cell := func(line string, from, to int) string {
		if from >= len(line) {
			return ""
		}
		return clean(strings.TrimSpace(line[from:min(to, len(line))]))
	}
	var warnings []error
	for n, line := range lines[1:] {
		first, _, _ := strings.Cut(line, " ")
		switch {
		case strings.TrimSpace(line) == "":
			continue
		case strings.Contains(line, " (Linux ") && strings.Contains(line, " found"):
			f.Sums = append(f.Sums, clean(line))
			continue
		case len(line) <= section || len(first) >= section:
			warnings = append(warnings, fmt.Errorf("%s:%d: left out: no row of a table of faults", name, n+2))
			continue
		}
		row := Fault{Name: cell(line, 0, section), Section: cell(line, section, columns[0])}
		for i, from := range columns {
			to := len(line)
			if i+1 < len(columns) {
				to = columns[i+1]
			}
			row.Found = append(row.Found, cell(line, from, max(from, to)))
		}
		f.Rows = append(f.Rows, row)
	}
	return f, warnings
}
