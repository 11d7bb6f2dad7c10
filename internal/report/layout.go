package report

import (
	"fmt"
	"slices"
	"strings"
)

// A part is one figure of a cell.
type part struct {
	head string // "" is the column's unit
	get  func(t *table, column int, c tcell) string
}

var (
	valuePart = part{"", func(t *table, column int, c tcell) string {
		s := amount(c.center, t.columns[column].Lane.headline())
		if c.modes > 0 {
			s += "²"
		}
		if c.odd != "" {
			s += "*"
		}
		return s
	}}
	addedPart = part{"added", func(t *table, column int, c tcell) string {
		if !c.hasOver {
			return ""
		}
		return added(c.overhead, t.columns[column].Lane.headline())
	}}
	ratioPart = part{"×cont", func(_ *table, _ int, c tcell) string {
		if c.ratio == 0 {
			return ""
		}
		return ratio(c.ratio)
	}}
	spreadPart = part{"±", func(_ *table, _ int, c tcell) string {
		if c.n < 2 {
			return ""
		}
		return percent(c.spread)
	}}
)

// layouts are tried in order: the first that fits all columns is taken. If
// even the last does not fit, its columns fold into several tables.
var layouts = [][]part{
	{valuePart, addedPart, ratioPart, spreadPart},
	{valuePart, ratioPart, spreadPart},
	{valuePart, ratioPart},
}

// A grid is a table in one layout.
type grid struct {
	*table
	parts  []part
	label  int     // width of the row labels
	room   int     // the most they may have
	widths [][]int // by column and part
	paint  painter
}

const (
	gap      = 2 // between columns
	maxLabel = 22
)

// labelRoom is maxLabel, and more where the table may be so wide: the steps of
// some sweeps need it.
func labelRoom(width int) int { return min(max(maxLabel, width-40), 40) }

func (t *table) grid(parts []part, room int, p painter) *grid {
	g := &grid{table: t, parts: parts, room: room, paint: p}
	for _, b := range t.blocks {
		g.label = max(g.label, runes(cut(b.title(), room)))
		for _, r := range b.rows {
			g.label = max(g.label, runes(r.label(room)))
		}
	}
	for i := range t.columns {
		widths := make([]int, len(parts))
		for j := range parts {
			widths[j] = runes(g.head(i, j))
		}
		for _, b := range t.blocks {
			for _, r := range b.rows {
				if r.heading {
					continue
				}
				for j, s := range g.cell(i, r.cells[i]) {
					widths[j] = max(widths[j], runes(s))
				}
			}
		}
		// The place's name stands above, between at least a dash each side.
		if missing := runes(t.labels[i]) + 4 - g.sum(widths); missing > 0 {
			widths[0] += missing
		}
		g.widths = append(g.widths, widths)
	}
	return g
}

func (g *grid) sum(widths []int) int {
	n := len(widths) - 1
	for _, w := range widths {
		n += w
	}
	return n
}

// total is the width of the table with those columns.
func (g *grid) total(columns []int) int {
	n := g.label
	for _, i := range columns {
		n += gap + g.sum(g.widths[i])
	}
	return n
}

// fold splits the columns into what fits beside each other.
func (g *grid) fold(width int) [][]int {
	var folds [][]int
	for i := range g.columns {
		last := len(folds) - 1
		if last >= 0 && g.total(append(slices.Clone(folds[last]), i)) <= width {
			folds[last] = append(folds[last], i)
			continue
		}
		folds = append(folds, []int{i})
	}
	return folds
}

func (g *grid) head(column, part int) string {
	if h := g.parts[part].head; h != "" {
		return h
	}
	return strings.TrimSuffix(g.columns[column].Lane.headline(), "/op")
}

// cell is the text of each part.
func (g *grid) cell(column int, c tcell) []string {
	out := make([]string, len(g.parts))
	switch {
	case c.note > 0:
		out[0], out[1] = "n/a", fmt.Sprintf("[%d]", c.note)
	case c.n == 0:
		out[0] = "-"
	default:
		for i, p := range g.parts {
			out[i] = p.get(g.table, column, c)
		}
	}
	return out
}

func (r *row) label(room int) string {
	if r.indent {
		return cut("    "+clean(r.variant), room)
	}
	label := SafetyOf(r.mech).mark() + " " + clean(r.mech)
	if r.odd {
		label += "*"
	}
	return cut(label, room)
}

func (t *table) layout(o TableOptions) string {
	p := painter(o.Color)
	if len(t.columns) == 0 {
		return t.facts(o.Width, p) + "No results.\n"
	}
	var g *grid
	full := 0 // width of the fullest layout
	for i, parts := range layouts {
		g = t.grid(parts, labelRoom(o.Width), p)
		folds := g.fold(o.Width)
		if i == 0 {
			all := make([]int, len(t.columns))
			for j := range all {
				all[j] = j
			}
			full = g.total(all)
		}
		if len(folds) == 1 {
			break
		}
	}
	var out strings.Builder
	out.WriteString(t.facts(o.Width, p))
	for _, columns := range g.fold(o.Width) {
		out.WriteString("\n")
		g.columnHeads(&out, columns)
		for i, b := range t.blocks {
			if i > 0 {
				out.WriteString("\n")
			}
			g.block(&out, b, columns, o.Width)
		}
	}
	out.WriteString("\n")
	out.WriteString(t.footnotes(o.Width))
	out.WriteString(t.legend(o, len(g.parts) < len(layouts[0]), full))
	return out.String()
}

func (g *grid) line(out *strings.Builder, pieces ...string) {
	out.WriteString(strings.TrimRight(strings.Join(pieces, ""), " ") + "\n")
}

func (g *grid) columnHeads(out *strings.Builder, columns []int) {
	names := []string{strings.Repeat(" ", g.label)}
	emulated := []string{names[0]}
	for _, i := range columns {
		width := g.sum(g.widths[i])
		names = append(names, strings.Repeat(" ", gap), g.paint.paint(bold, rule(g.labels[i], width)))
		word := ""
		if g.columns[i].Emulated() {
			word = "emulated"
		}
		emulated = append(emulated, strings.Repeat(" ", gap), left(word, width))
	}
	g.line(out, names...)
	if strings.TrimSpace(strings.Join(emulated, "")) != "" {
		g.line(out, emulated...)
	}
}

func (g *grid) block(out *strings.Builder, b *block, columns []int, width int) {
	title := cut(b.title(), g.room)
	pieces := []string{g.paint.paint(bold, title), strings.Repeat(" ", g.label-runes(title))}
	for _, i := range columns {
		pieces = append(pieces, strings.Repeat(" ", gap))
		for j, w := range g.widths[i] {
			if j > 0 {
				pieces = append(pieces, " ")
			}
			pieces = append(pieces, g.paint.paint(dim, right(g.head(i, j), w)))
		}
	}
	g.line(out, pieces...)
	for _, r := range b.rows {
		g.row(out, r, columns)
	}
	if len(b.never) > 0 {
		var items []string
		for _, n := range b.never {
			items = append(items, fmt.Sprintf("%s [%d]", clean(n.mech), n.note))
		}
		out.WriteString(wrap("  n/a: ", strings.Join(items, ", "), width))
	}
}

func (g *grid) row(out *strings.Builder, r *row, columns []int) {
	label := r.label(g.room)
	pieces := []string{label}
	if !r.indent {
		mark := SafetyOf(r.mech).mark()
		pieces = []string{g.paint.paint(SafetyOf(r.mech).style(), mark), strings.TrimPrefix(label, mark)}
	}
	if !r.heading {
		pieces = append(pieces, strings.Repeat(" ", g.label-runes(label)))
		for _, i := range columns {
			pieces = append(pieces, strings.Repeat(" ", gap))
			st := none
			if r.cells[i].n == 0 {
				st = dim
			}
			for j, s := range g.cell(i, r.cells[i]) {
				if j > 0 {
					pieces = append(pieces, " ")
				}
				s = right(s, g.widths[i][j])
				blank := strings.Repeat(" ", len(s)-len(strings.TrimLeft(s, " ")))
				pieces = append(pieces, blank, g.paint.paint(st, strings.TrimLeft(s, " ")))
			}
		}
	}
	g.line(out, pieces...)
}
