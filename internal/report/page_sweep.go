package report

import (
	"fmt"
	"html/template"
	"slices"
	"strconv"
	"strings"

	"unotify-bench/internal/figure"
)

// swept is what is said of a sweep by its key. The names are those of run's
// --sweep.
var swept = map[string]struct{ flag, title, axis string }{
	"bytes":   {"payload", "Payload", "bytes written"},
	"peers":   {"peers", "Peers", "threads beside the caller"},
	"filters": {"filters", "Filters", "further filters, which allow the call"},
	"targets": {"targets", "Targets", "processes on one listener"},
}

func (g *group) sweepSection() *Section {
	s := &Section{ID: "sweeps-" + g.id(), Title: "What grows, in " + g.title(), Text: []template.HTML{
		"How the latency of a call changes with what it carries, and with what is around it. Steps lie at equal distances, whatever lies between them.",
	}}
	var all []*column
	for _, key := range sweepKeys {
		set := g.sweeps[key]
		if set == nil {
			continue
		}
		part := &Section{
			ID: "sweep-" + slug(g.id(), key), Title: swept[key].title + ": " + swept[key].axis,
			Commands: []string{g.command(set.columns, " --sweep "+swept[key].flag)},
		}
		if key == "targets" {
			part.Notes = append(part.Notes, "what passes while so many processes make so many calls, for each call")
		}
		labels := labels(set.columns)
		for i, c := range set.columns {
			all = append(all, c)
			for _, sw := range c.sweeps(key) {
				part.Tables = append(part.Tables, g.sweepTable(sw, labels[i]))
				for _, alike := range sw.split() {
					part.Pictures = append(part.Pictures, g.sweepPicture(alike, labels[i]))
				}
			}
		}
		s.Parts = append(s.Parts, part)
	}
	if len(s.Parts) == 0 {
		return nil
	}
	s.Commands = []string{g.command(all, " --sweep all")}
	return s
}

// split gives each variant a sweep of its own, as the lines of all of them are
// too many for one picture.
func (s *sweep) split() []*sweep {
	var all []*sweep
	for _, l := range s.lines {
		i := slices.IndexFunc(all, func(o *sweep) bool { return o.lines[0].variant == l.variant })
		if i < 0 {
			i = len(all)
			all = append(all, &sweep{key: s.key, block: s.block})
		}
		all[i].lines = append(all[i].lines, l)
	}
	return all
}

func (s *sweep) title() string {
	base, keys, _ := splitName(s.block)
	return (&block{base: base, keys: keys}).title()
}

// sweepPicture draws lines of one variant.
func (g *group) sweepPicture(sw *sweep, place string) figure.Picture {
	title := sw.title() + " on " + place
	if v := clean(sw.lines[0].variant); v != "" {
		title += ", " + v
	}
	pic := &figure.Lines{
		Head: figure.Head{Name: "sweep-" + slug(g.id(), sw.key, title), Title: title, Note: g.unit() + " (log)"},
		X:    figure.Axis{Label: swept[sw.key].axis, Format: step(sw.key)},
		Y:    figure.Axis{Log: true},
	}
	for _, l := range sw.lines {
		line := figure.Line{Label: cut(clean(l.mech), 24), Tone: SafetyOf(l.mech).tone()}
		var said []string
		for _, v := range sw.values() {
			if c := l.steps[v]; c != nil {
				center := summarize(c, g.headline()).center
				line.Points = append(line.Points, figure.Point{X: float64(v), Y: center})
				said = append(said, step(sw.key)(float64(v))+": "+amount(center, g.headline()))
			}
		}
		line.Title = l.name() + ": " + strings.Join(said, ", ")
		pic.Lines = append(pic.Lines, line)
	}
	return pic
}

func (g *group) sweepTable(sw *sweep, place string) *PageTable {
	table := &PageTable{Caption: sw.title() + " on " + place + ", " + g.title() + ", by " + swept[sw.key].axis, Head: []string{"mechanism"}, Text: 1}
	values := sw.values()
	for _, v := range values {
		table.Head = append(table.Head, step(sw.key)(float64(v)))
	}
	for _, l := range sw.lines {
		row := PageRow{Cells: []PageCell{mechCell(l.mech)}}
		row.Cells[0].Text = strings.TrimSpace(row.Cells[0].Text + " " + clean(l.variant))
		for _, v := range values {
			text := "–"
			if c := l.steps[v]; c != nil {
				text = amount(summarize(c, g.headline()).center, g.headline())
			}
			row.Cells = append(row.Cells, PageCell{Text: text})
		}
		table.Rows = append(table.Rows, row)
	}
	return table
}

// step prints a step of a sweep.
func step(key string) func(float64) string {
	return func(v float64) string {
		if key != "bytes" {
			return fmt.Sprintf("%.0f", v)
		}
		return strings.NewReplacer(" B", "", " KiB", "K", " MiB", "M", " GiB", "G").Replace(size(strconv.Itoa(int(v))))
	}
}
