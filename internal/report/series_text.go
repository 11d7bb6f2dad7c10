package report

import (
	"fmt"
	"io"
	"strings"
)

// Text writes the table for a terminal or a mail: for each place, what every
// step did to how many rows, and then the rows one by one.
func (s *SeriesTable) Text(w io.Writer, color bool) error {
	var out strings.Builder
	paint := painter(color)
	for i, l := range s.lanes {
		if i > 0 {
			out.WriteString("\n")
		}
		out.WriteString(wrap("", l.title(), 80) + wrap("", l.facts(), 80) + "\n")
		out.WriteString(strings.Join(s.overview(l, paint), "\n") + "\n")
		var same []string
		for _, row := range l.rows {
			if row.same {
				same = append(same, row.label)
				continue
			}
			out.WriteString("\n" + strings.Join(s.rowTable(l, row, paint), "\n") + "\n")
		}
		out.WriteString("\n")
		if len(same) > 0 {
			out.WriteString(wrap("", "the same number in every step: "+strings.Join(same, ", "), 80))
		}
		for _, line := range l.legend() {
			out.WriteString(wrap("", line, 80))
		}
	}
	for _, line := range s.failures() {
		out.WriteString("\n" + line + "\n")
	}
	_, err := io.WriteString(w, out.String())
	return err
}

// facts are what all steps have in common.
func (l *seriesLane) facts() string {
	return fmt.Sprintf("%s: the first step; %s of each row", "Linux "+l.Kernels[0], plural(l.Runs[0], "run"))
}

// overview is a line for each step.
func (s *SeriesTable) overview(l *seriesLane, paint painter) []string {
	g := pane{seps: []string{"", "  "}, paint: -1}
	g.add(none, "step", "against the step before")
	for i, step := range s.Steps {
		says := l.counts[i]
		if lack := step.lacks(l.Goarch); lack != nil {
			says = clean(lack.Why)
		} else if i == 0 {
			says = plural(len(l.rows), "row")
		}
		g.add(none, cut(clean(step.Name), 44), says)
	}
	return g.lines(g.widths(), paint, 1)
}

// rowTable is a line for each step that has the row.
func (s *SeriesTable) rowTable(l *seriesLane, row *seriesRow, paint painter) []string {
	g := pane{seps: []string{"", "  ", "  ", "  "}, paint: 2}
	g.add(none, cut(row.label, 36), l.Unit, "over the step before", "over the first")
	for i, step := range s.Steps {
		cell := row.cells[i]
		if step.lacks(l.Goarch) != nil {
			cell.value = "-"
		}
		g.add(cell.verdict.style(), "  "+cut(clean(step.Name), 34), cell.value, cell.step, cell.all)
	}
	return g.lines(g.widths(), paint)
}

// legend explains what of the figures does not explain itself.
func (l *seriesLane) legend() []string {
	if l.Exact {
		return l.Pairing.legend()
	}
	return append([]string{"~: not significant by the test of benchstat."}, l.Pairing.legend()...)
}

// failures are the steps without results, with what was said about each.
func (s *SeriesTable) failures() []string {
	var out []string
	for _, step := range s.Steps {
		for _, lack := range step.Failed {
			line := clean(step.Name)
			if lack.Where != "" {
				line += ", " + lack.Where
			}
			line += ": " + clean(lack.Why)
			for more := range strings.Lines(lack.More) {
				line += "\n  " + clean(strings.TrimRight(more, "\n"))
			}
			out = append(out, line)
		}
	}
	return out
}

// Markdown writes the table for a pull request: rows that no step changed are
// folded away.
func (s *SeriesTable) Markdown(w io.Writer) error {
	var out strings.Builder
	for _, l := range s.lanes {
		fmt.Fprintf(&out, "### %s\n\n| step | against the step before |\n|:--|:--|\n", markdown(l.title()))
		for i, step := range s.Steps {
			says := l.counts[i]
			if lack := step.lacks(l.Goarch); lack != nil {
				says = "**" + markdown(clean(lack.Why)) + "**"
			} else if i == 0 {
				says = plural(len(l.rows), "row")
			}
			fmt.Fprintf(&out, "| %s | %s |\n", markdown(clean(step.Name)), says)
		}
		out.WriteString("\n")
		shown := 0
		for _, row := range l.rows {
			if row.changed {
				s.markdownRow(&out, l, row)
				shown++
			}
		}
		if rest := len(l.rows) - shown; rest > 0 {
			fmt.Fprintf(&out, "<details><summary>%s that no step changed significantly</summary>\n\n", plural(rest, "row"))
			for _, row := range l.rows[shown:] {
				s.markdownRow(&out, l, row)
			}
			out.WriteString("</details>\n\n")
		}
		for _, line := range append([]string{l.facts()}, l.legend()...) {
			fmt.Fprintf(&out, "- %s\n", markdown(line))
		}
		out.WriteString("\n")
	}
	for _, line := range s.failures() {
		first, more, _ := strings.Cut(line, "\n")
		fmt.Fprintf(&out, "> [!WARNING]\n> %s\n", markdown(first))
		for m := range strings.Lines(more) {
			fmt.Fprintf(&out, "> %s\n", markdown(strings.TrimSpace(m)))
		}
		out.WriteString("\n")
	}
	_, err := io.WriteString(w, strings.TrimRight(out.String(), "\n")+"\n")
	return err
}

func (s *SeriesTable) markdownRow(out *strings.Builder, l *seriesLane, row *seriesRow) {
	fmt.Fprintf(out, "| %s | %s | over the step before | over the first |\n|:--|--:|--:|--:|\n", markdown(row.label), markdown(l.Unit))
	for i, step := range s.Steps {
		cell := row.cells[i]
		if step.lacks(l.Goarch) != nil {
			cell.value = "-"
		}
		change := markdown(cell.step)
		if cell.verdict == Slower || cell.verdict == Faster {
			change = "**" + change + "**"
		}
		fmt.Fprintf(out, "| %s | %s | %s | %s |\n", markdown(clean(step.Name)), markdown(cell.value), change, markdown(cell.all))
	}
	out.WriteString("\n")
}
