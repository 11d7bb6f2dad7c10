package report

import (
	"fmt"
	"html/template"
	"strconv"
	"strings"

	"unotify-bench/internal/figure"
)

// maxBlocks bounds the calls that a page shows of one clock: who sends more has
// no picture to show.
const maxBlocks = 40

// maxRows bounds those of a picture.
const maxRows = 60

func (g *group) blocks() []*block {
	b := g.table().blocks
	return b[:min(len(b), maxBlocks)]
}

// latency shows what each call takes, in all and over the native call.
func (g *group) latency() *Section {
	t := g.table()
	if len(t.columns) == 0 {
		return nil
	}
	s := &Section{
		ID: "latency-" + g.id(), Title: "Latency, in " + g.title(),
		Commands: []string{g.command(t.columns, "")},
		Text:     []template.HTML{g.explain()},
	}
	for _, b := range g.blocks() {
		s.Parts = append(s.Parts, g.latencyOf(b))
	}
	for i, why := range t.notes {
		s.Notes = append(s.Notes, "["+strconv.Itoa(i+1)+"] "+clean(why))
	}
	for _, o := range t.oddities() {
		s.Notes = append(s.Notes, "* "+o)
	}
	s.Notes = append(s.Notes, "² calls cluster at two values: the median can flip between them, so compare means")
	return s
}

func (g *group) explain() template.HTML {
	switch g.clock {
	case instructions:
		return "What one call takes, as its caller sees it: the median over runs of the median over calls. Guest instructions repeat exactly, " +
			"on any machine, and are not time: they know nothing of caches, or of what a context switch stalls."
	case realTime:
		return "What one call takes, as its caller sees it, in ns of a real CPU: the median over runs of the median over calls. " +
			"The noise is that of the machine."
	}
	return "Time that an emulator took. It tells nothing of a CPU."
}

func (g *group) latencyOf(b *block) *Section {
	t := g.table()
	id := slug(g.id(), b.title())
	total := &figure.Rows{
		Head: figure.Head{Name: "latency-" + id + "-total", Title: b.title() + ": a call", Key: placeKeys(t.labels)},
		Axis: figure.Axis{Label: g.unit() + " (log)", Log: true},
	}
	over := &figure.Rows{
		Head: figure.Head{Name: "latency-" + id + "-added", Title: b.title() + ": added to the native call", Key: placeKeys(t.labels)},
		Axis: figure.Axis{Label: g.unit() + " (log)", Log: true},
	}
	table := &PageTable{Caption: b.title() + ", " + g.title(), Head: []string{"mechanism"}, Text: 1, Groups: []PageGroup{{"", 1}}}
	for _, l := range t.labels {
		table.Groups = append(table.Groups, PageGroup{l, 4})
		table.Head = append(table.Head, strings.TrimSuffix(g.headline(), "/op"), "added", "×cont", "±")
	}
	for _, r := range b.rows {
		label := clean(r.mech)
		fr := figure.Row{Label: cut(label, 24), Tone: SafetyOf(r.mech).tone()}
		fo := fr
		var totals, overs []string
		row := PageRow{Cells: []PageCell{mechCell(r.mech)}}
		if r.odd {
			row.Cells[0].Text += "*"
		}
		for i, c := range r.cells {
			row.Cells = append(row.Cells, g.latencyCells(t, i, c)...)
			if c.n == 0 {
				continue
			}
			fr.Marks = append(fr.Marks, figure.Mark{Value: c.center, Shape: figure.ShapeOf(i)})
			totals = append(totals, t.labels[i]+" "+amount(c.center, g.headline()))
			if c.hasOver {
				fo.Marks = append(fo.Marks, figure.Mark{Value: c.overhead, Shape: figure.ShapeOf(i)})
				overs = append(overs, t.labels[i]+" "+added(c.overhead, g.headline()))
				if c.overhead <= 0 {
					over.Note = "←: takes no more than the native call"
				}
			}
		}
		table.Rows = append(table.Rows, row)
		if len(total.Rows) == maxRows {
			continue // the table has it
		}
		fr.Title, fo.Title = label+": "+strings.Join(totals, ", "), label+": "+strings.Join(overs, ", ")
		total.Rows = append(total.Rows, fr)
		if r.mech != "native" {
			over.Rows = append(over.Rows, fo)
		}
	}
	s := &Section{
		ID: "latency-" + id, Title: b.title(), Commands: []string{g.command(t.columns, b.flags())},
		Pictures: []figure.Picture{total, over}, Tables: []*PageTable{table},
	}
	var never []string
	for _, n := range b.never {
		never = append(never, fmt.Sprintf("%s [%d]", clean(n.mech), n.note))
	}
	if len(never) > 0 {
		s.Notes = append(s.Notes, "n/a everywhere: "+strings.Join(never, ", "))
	}
	return s
}

// latencyCells are what a table has of one place.
func (g *group) latencyCells(t *table, column int, c tcell) []PageCell {
	switch {
	case c.note > 0:
		return []PageCell{{Text: "n/a [" + strconv.Itoa(c.note) + "]", Class: "na", Title: clean(t.notes[c.note-1])}, {}, {}, {}}
	case c.n == 0:
		return words("–", "", "", "")
	}
	var cells []PageCell
	for _, p := range layouts[0] {
		cells = append(cells, PageCell{Text: p.get(t, column, c)})
	}
	return cells
}
