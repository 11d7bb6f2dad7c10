package report

import (
	"html/template"
	"slices"
	"strconv"
	"strings"

	"unotify-bench/internal/figure"
)

// workloadSection shows what whole programs pay, nil if none was measured.
func (g *group) workloadSection() *Section {
	columns := g.programs.columns
	if len(columns) == 0 {
		return nil
	}
	for _, c := range columns {
		c.sort()
	}
	t := &table{columns: columns, labels: labels(columns)}
	s := &Section{
		ID: "programs-" + g.id(), Title: "What a program pays, in " + g.title(),
		Commands: []string{g.command(columns, " --workload all")},
		Text: []template.HTML{"Whole programs under a small policy of paths and addresses, which each mechanism enforces. Traps: calls that " +
			"somebody judged; racy: of those that were allowed, how many the kernel read from the program's memory again; each: what every trap adds; " +
			"won: how often an attack got around the policy."},
	}
	for i, c := range columns {
		l := &workloadLane{table: t, column: c, nas: g.programs.nas, label: t.labels[i]}
		s.Parts = append(s.Parts, g.workloadsOf(l))
	}
	for i, why := range t.notes {
		s.Notes = append(s.Notes, "["+strconv.Itoa(i+1)+"] "+clean(why))
	}
	return s
}

// workloadsOf shows those of one place.
func (g *group) workloadsOf(l *workloadLane) *Section {
	place := clean(l.label)
	s := &Section{
		ID: "programs-" + slug(g.id(), place), Title: place,
		Commands: []string{g.command([]*column{l.column}, " --workload all")},
	}
	cost := &figure.Rows{
		Head: figure.Head{Name: "programs-" + slug(g.id(), place), Title: "Programs on " + place + ", under a policy"},
		Axis: figure.Axis{Label: "× the program without a supervisor (log)", Log: true},
	}
	names := l.workloads()
	for n, name := range names[:min(len(names), maxBlocks)] {
		lines, never := l.rows(name)
		head := slices.Clone(workloadHeads)
		head[0], head[1] = "mechanism", strings.TrimSuffix(g.headline(), "/op")
		if name == "attack" {
			head[2] = "won"
		}
		table := &PageTable{Caption: clean(name) + " on " + place, Head: head, Text: 1}
		native := 0.0
		for _, line := range lines {
			mark, mech, _ := strings.Cut(line.cells[0], " ")
			table.Rows = append(table.Rows, PageRow{Cells: words(line.cells...)})
			if mech == "native" {
				native = line.center
			}
			if native > 0 && mech != "native" {
				addMark(cost, mark, mech, figure.Mark{Value: line.center / native, Shape: figure.ShapeOf(n)})
			}
		}
		if native > 0 {
			cost.Head.Key = append(cost.Head.Key, figure.Key{Label: cut(clean(name), 24), Shape: figure.ShapeOf(n), Tone: figure.Neutral})
		}
		s.Tables = append(s.Tables, table)
		if never != "" {
			s.Notes = append(s.Notes, clean(name)+", n/a: "+never)
		}
	}
	if len(cost.Rows) > 0 {
		s.Pictures = []figure.Picture{cost}
	}
	return s
}

// addMark puts a mark into the row of a mechanism.
func addMark(p *figure.Rows, mark, mech string, m figure.Mark) {
	label := cut(mech, 24)
	i := slices.IndexFunc(p.Rows, func(r figure.Row) bool { return r.Label == label })
	if i < 0 {
		if len(p.Rows) == maxRows {
			return // the table has it
		}
		i = len(p.Rows)
		tone := map[string]figure.Tone{Racy.mark(): figure.Warn, RaceFree.mark(): figure.Good}[mark]
		p.Rows = append(p.Rows, figure.Row{Label: label, Tone: tone, Title: mech})
	}
	// One that is racy with any program is shown so.
	if mark == Racy.mark() {
		p.Rows[i].Tone = figure.Warn
	}
	p.Rows[i].Marks = append(p.Rows[i].Marks, m)
}
