package report

import "strings"

// mailTable has what fits into a mail: labels give way first, and then the
// intervals.
func (p *Pairing) mailTable(paint painter) (rows, notes []string) {
	lines, notes := p.lines(!p.Exact)
	if f, ok := p.geomean(); ok {
		lines = append(lines, f)
	}
	for _, intervals := range []bool{true, false} {
		for _, label := range []int{40, 30, 24, 18} {
			g := p.mailPane(lines, label, intervals && !p.Exact)
			widths := g.widths()
			rows = g.lines(widths, paint)
			total := 0
			for i, w := range widths {
				total += runes(g.seps[i]) + w
			}
			if total <= mailWidth {
				return rows, notes
			}
		}
	}
	for i := range rows { // numbers of another world
		rows[i] = cut(rows[i], mailWidth)
	}
	return rows, notes
}

func (p *Pairing) mailPane(lines []figures, label int, intervals bool) *pane {
	g := &pane{seps: []string{"", "  ", "  ", "  ", "  "}, paint: -1}
	heads := []string{p.Unit, "old", "new", "change", "p"}
	if intervals {
		g.seps = []string{"", "  ", " ± ", "  ", " ± ", "  ", "  "}
		heads = []string{p.Unit, "old", "", "new", "", "change", "p"}
	}
	g.add(none, heads...)
	for _, f := range lines {
		change, chance := f.Delta, f.P
		chance, _, _ = strings.Cut(strings.TrimPrefix(chance, "p="), " ")
		if strings.HasPrefix(chance, "n=") {
			chance = ""
		}
		if p.Exact && f.Exact != "" {
			change = f.Exact
			if f.Verdict == Noise && f.Exact != "±0" {
				change = "~ " + change
			}
		}
		if f.Verdict == Unchanged {
			chance = ""
		}
		cells := []string{cut(f.Label, label), f.Old, f.New, change, chance}
		if intervals {
			cells = []string{cut(f.Label, label), f.Old, f.OldCI, f.New, f.NewCI, change, chance}
		}
		g.add(none, cells...)
	}
	return g
}
