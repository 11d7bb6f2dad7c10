package report

import (
	"html/template"
	"strings"

	"golang.org/x/perf/benchmath"

	"unotify-bench/internal/figure"
)

// quantiles are those that rows carry, by the prefix of their unit.
var quantiles = []struct {
	label, prefix string
	shape         figure.Shape
}{
	{"p50", "", figure.Circle},
	{"p90", "p90-", figure.Triangle},
	{"p99", "p99-", figure.Square},
	{"p99.9", "p99.9-", figure.Diamond},
	{"max", "max-", figure.Tick},
}

func quantileKeys() []figure.Key {
	var keys []figure.Key
	for _, q := range quantiles {
		keys = append(keys, figure.Key{Label: q.label, Shape: q.shape})
	}
	return keys
}

// distribution shows how far from the median calls can be.
func (g *group) distribution() *Section {
	t := g.table()
	s := &Section{
		ID: "distribution-" + g.id(), Title: "Distribution, in " + g.title(),
		Text: []template.HTML{"From the median to the slowest call of a run: of each quantile the median over runs."},
	}
	for _, b := range g.blocks() {
		if part := g.distributionOf(b); len(part.Pictures) > 0 {
			s.Parts = append(s.Parts, part)
			part.Open = b.keys["syscall"] == "openat"
		}
	}
	if len(s.Parts) == 0 {
		return nil
	}
	s.Commands = []string{g.command(t.columns, "")}
	return s
}

func (g *group) distributionOf(b *block) *Section {
	t := g.table()
	s := &Section{ID: "distribution-" + slug(g.id(), b.title()), Title: b.title(), Folded: true, Commands: []string{g.command(t.columns, b.flags())}}
	table := &PageTable{Caption: b.title() + ", " + g.title() + ", quantiles", Groups: []PageGroup{{"", 1}}, Head: []string{"mechanism"}, Text: 1}
	lines := map[string]*PageRow{}
	for i, c := range t.columns {
		p := &figure.Rows{
			Head: figure.Head{Name: "distribution-" + slug(g.id(), b.title(), t.labels[i]), Title: b.title() + " on " + t.labels[i], Key: quantileKeys()},
			Axis: figure.Axis{Label: g.unit() + " (log)", Log: true},
		}
		table.Groups = append(table.Groups, PageGroup{t.labels[i], len(quantiles)})
		for _, q := range quantiles {
			table.Head = append(table.Head, q.label)
		}
		for _, r := range b.rows {
			row := lines[r.mech]
			if row == nil {
				row = &PageRow{Cells: []PageCell{mechCell(r.mech)}}
				lines[r.mech] = row
			}
			fr, cells := g.quantilesOf(c, b, r.mech)
			row.Cells = append(row.Cells, cells...)
			if len(fr.Marks) > 0 && len(p.Rows) < maxRows {
				p.Rows = append(p.Rows, fr)
			}
		}
		if len(p.Rows) > 0 {
			s.Pictures = append(s.Pictures, p)
		}
	}
	for _, r := range b.rows {
		table.Rows = append(table.Rows, *lines[r.mech])
	}
	s.Tables = []*PageTable{table}
	return s
}

// quantilesOf is a row of the picture, and its part of the table's.
func (g *group) quantilesOf(c *column, b *block, mech string) (figure.Row, []PageCell) {
	fr := figure.Row{Label: cut(clean(mech), 24), Tone: SafetyOf(mech).tone(), Span: true}
	cells := make([]PageCell, len(quantiles))
	cl := c.headline(b.name, mech)
	if cl == nil {
		return fr, cells
	}
	var said []string
	for i, q := range quantiles {
		v, ok := cl.center(q.prefix + g.headline())
		if !ok {
			continue
		}
		fr.Marks = append(fr.Marks, figure.Mark{Value: v, Shape: q.shape})
		cells[i].Text = amount(v, g.headline())
		said = append(said, q.label+" "+cells[i].Text)
	}
	fr.Title = clean(mech) + ": " + strings.Join(said, ", ")
	return fr, cells
}

// center is the median over runs of a metric.
func (c *cell) center(unit string) (float64, bool) {
	var values []float64
	for _, row := range c.lines {
		if v, ok := row.Metrics[unit]; ok {
			values = append(values, v)
		}
	}
	if len(values) == 0 {
		return 0, false
	}
	sample := benchmath.NewSample(values, &benchmath.DefaultThresholds)
	return benchmath.AssumeNothing.Summary(sample, 0.95).Center, true
}
