package report

import "strings"

// A PageTable is a table of the page.
type PageTable struct {
	Caption string
	Groups  []PageGroup // heads above the heads, none if there are none
	Head    []string
	Rows    []PageRow
	Text    int  // how many columns at the left are text
	Wrap    bool // texts may take several lines
}

// A PageGroup stands above some columns.
type PageGroup struct {
	Label string
	Span  int
}

// A PageRow is a line of a PageTable.
type PageRow struct {
	Class string
	Cells []PageCell
}

// A PageCell is one figure or word.
type PageCell struct {
	Text  string
	Title string // more, for who points at it
	Class string
}

func words(texts ...string) []PageCell {
	var cells []PageCell
	for _, t := range texts {
		cells = append(cells, PageCell{Text: t})
	}
	return cells
}

// class is the promise's.
func (s Safety) class() string { return strings.ReplaceAll(s.String(), " ", "-") }

// mechCell names a mechanism, with the mark of its promise.
func mechCell(mech string) PageCell {
	s := SafetyOf(mech)
	return PageCell{Text: s.mark() + " " + clean(mech), Class: s.class()}
}
