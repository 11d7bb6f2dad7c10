package report

import (
	"io"
	"slices"
	"strings"
)

// Text writes the comparison for a terminal, as benchstat does, and with the
// exact difference where the unit has one.
func (c *Comparison) Text(w io.Writer, color bool) error {
	return c.plain(w, painter(color), 80, (*Pairing).benchstatTable)
}

// mailWidth is what a line of a mail may have, quoted once or twice.
const mailWidth = 72

// Mail writes the comparison for a mail: lines of 72 columns and no frames.
func (c *Comparison) Mail(w io.Writer) error {
	return c.plain(w, painter(false), mailWidth, (*Pairing).mailTable)
}

// plain writes text; only tables may be wider than width.
func (c *Comparison) plain(w io.Writer, paint painter, width int, table func(*Pairing, painter) ([]string, []string)) error {
	var out strings.Builder
	say := func(head string, texts ...string) {
		for _, s := range texts {
			out.WriteString(wrap(head, s, width))
		}
	}
	for i, p := range c.Pairings {
		if i > 0 {
			out.WriteString("\n")
		}
		say("", p.title())
		if len(p.Pairs) == 0 {
			say("", p.only()...)
			continue
		}
		facts := c.facts(p)
		say("", facts[:]...)
		rows, notes := table(p, paint)
		out.WriteString("\n" + strings.Join(rows, "\n") + "\n\n")
		say("", p.counted())
		say("", notes...)
		say("", p.legend()...)
		say("", p.only()...)
	}
	if c.Gate != nil {
		out.WriteString("\n")
		lines := c.Gate.Lines(false)
		say("", lines[0])
		say("  ", lines[1:]...)
	}
	_, err := io.WriteString(w, out.String())
	return err
}

// A pane is text in columns.
type pane struct {
	seps  []string // before each column
	rows  [][]string
	style []style // of the rows, in the column paint
	paint int
}

func (p *pane) add(st style, cells ...string) {
	p.rows = append(p.rows, cells)
	p.style = append(p.style, st)
}

func (p *pane) widths() []int {
	widths := make([]int, len(p.seps))
	for _, r := range p.rows {
		for i, s := range r {
			widths[i] = max(widths[i], runes(s))
		}
	}
	return widths
}

// lines aligns the first column and those in text left, the others right.
func (p *pane) lines(widths []int, paint painter, text ...int) []string {
	var out []string
	for n, r := range p.rows {
		var line strings.Builder
		for i, s := range r {
			sep := p.seps[i]
			if s == "" && strings.Contains(sep, "±") {
				sep = strings.Repeat(" ", runes(sep))
			}
			pad := strings.Repeat(" ", widths[i]-runes(s))
			if i == p.paint {
				s = paint.paint(p.style[n], s)
			}
			if i == 0 || slices.Contains(text, i) {
				s += pad
			} else {
				s = pad + s
			}
			line.WriteString(sep + s)
		}
		out = append(out, strings.TrimRight(line.String(), " "))
	}
	return out
}

// style of a verdict, on a terminal.
func (v Verdict) style() style {
	switch v {
	case Slower:
		return yellow
	case Faster:
		return green
	}
	return none
}

// benchstatTable is a table with benchstat's columns and frames.
func (p *Pairing) benchstatTable(paint painter) (rows, notes []string) {
	g := pane{seps: []string{"", " │ ", " ± ", " │ ", " ± ", "  ", " "}, paint: 5}
	groups := []span{{1, 3, [2]string{"old", p.Unit}}, {3, 7, [2]string{"new", p.Unit + ", against old"}}}
	if p.Exact {
		g.seps, g.paint = append(g.seps, " │ "), 7
		groups = append(groups, span{7, 8, [2]string{"exactly", strings.TrimSuffix(p.Unit, "/op")}})
	}
	add := func(f figures, pn string) {
		cells := []string{f.Label, f.Old, f.OldCI, f.New, f.NewCI, f.Delta, pn}
		if p.Exact {
			cells = append(cells, f.Exact)
		}
		g.add(f.Verdict.style(), cells...)
	}
	lines, notes := p.lines(true)
	for _, f := range lines {
		add(f, strings.TrimSpace("("+f.P+") "+f.Note))
	}
	if f, ok := p.geomean(); ok {
		add(f, "")
	}
	widths := g.widths()
	rows = append(spans(groups, g.seps, widths), g.lines(widths, paint, 6, 7)...)
	return rows, notes
}

// A span is the two heads over columns from to to.
type span struct {
	from, to int
	heads    [2]string
}

// spans are the two lines above a framed table. A head that is wider than its
// columns widens the last of them.
func spans(groups []span, seps []string, widths []int) []string {
	lines := [2]string{strings.Repeat(" ", widths[0]), strings.Repeat(" ", widths[0])}
	for _, g := range groups {
		room := widths[g.from]
		for i := g.from + 1; i < g.to; i++ {
			room += runes(seps[i]) + widths[i]
		}
		wide := max(runes(g.heads[0]), runes(g.heads[1]))
		if wide > room {
			widths[g.to-1] += wide - room
			room = wide
		}
		for i, head := range g.heads {
			free := room - runes(head)
			lines[i] += " │ " + strings.Repeat(" ", free/2) + head + strings.Repeat(" ", free-free/2)
		}
	}
	return []string{lines[0] + " │", lines[1] + " │"}
}
