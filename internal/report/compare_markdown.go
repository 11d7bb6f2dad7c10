package report

import (
	"fmt"
	"io"
	"strings"
)

// Markdown writes the comparison for a pull request: what differs first, and
// what does not folded away, as GitHub shows it.
func (c *Comparison) Markdown(w io.Writer) error {
	var out strings.Builder
	if c.Gate != nil {
		lines := c.Gate.Lines(false)
		fmt.Fprintf(&out, "**%s**\n\n", markdown(lines[0]))
		for _, s := range lines[1:] {
			fmt.Fprintf(&out, "- %s\n", markdown(s))
		}
		if len(lines) > 1 {
			out.WriteString("\n")
		}
	}
	for _, p := range c.Pairings {
		fmt.Fprintf(&out, "### %s\n\n", markdown(p.title()))
		if len(p.Pairs) > 0 {
			c.markdownTables(&out, p)
		}
		for _, s := range p.only() {
			fmt.Fprintf(&out, "- %s\n", markdown(s))
		}
		out.WriteString("\n")
	}
	for _, warning := range c.Warnings {
		fmt.Fprintf(&out, "> [!WARNING]\n> %s\n\n", markdown(clean(warning.Error())))
	}
	_, err := io.WriteString(w, strings.TrimRight(out.String(), "\n")+"\n")
	return err
}

func (c *Comparison) markdownTables(out *strings.Builder, p *Pairing) {
	lines, notes := p.lines(true)
	shown, folded := split(lines)
	fmt.Fprintf(out, "%s\n\n", markdown(p.counted()))
	if len(shown) > 0 {
		p.markdownTable(out, shown, len(folded) == 0)
	}
	if len(folded) > 0 {
		fmt.Fprintf(out, "<details><summary>%s without a significant difference</summary>\n\n", plural(rowsIn(folded), "row"))
		p.markdownTable(out, folded, true)
		out.WriteString("</details>\n\n")
	}
	facts := c.facts(p)
	for _, s := range append(append(facts[:], notes...), p.legend()...) {
		fmt.Fprintf(out, "- %s\n", markdown(s))
	}
}

// split parts what differs significantly from what does not; a mean stays
// with its median.
func split(lines []figures) (differ, rest []figures) {
	for i := 0; i < len(lines); i++ {
		to := &rest
		if v := lines[i].Verdict; v != Noise && v != Unchanged {
			to = &differ
		}
		*to = append(*to, lines[i])
		if i+1 < len(lines) && lines[i+1].second {
			i++
			*to = append(*to, lines[i])
		}
	}
	return differ, rest
}

func rowsIn(lines []figures) (n int) {
	for _, f := range lines {
		if !f.second {
			n++
		}
	}
	return n
}

func (p *Pairing) markdownTable(out *strings.Builder, lines []figures, last bool) {
	heads := "| " + markdown(p.Unit) + " | old | new | change | p |"
	ruler := "|:--|--:|--:|--:|:--|"
	if p.Exact {
		heads, ruler = heads+" exactly |", ruler+"--:|"
	}
	fmt.Fprintf(out, "%s\n%s\n", heads, ruler)
	if f, ok := p.geomean(); ok && last {
		lines = append(lines[:len(lines):len(lines)], f)
	}
	for _, f := range lines {
		label := markdown(strings.TrimSpace(f.Label))
		switch {
		case f.second:
			label = "*" + label + "*"
		case f.Verdict == Slower || f.Verdict == Faster || f.Verdict == Changed:
			label = "**" + label + "** " + f.Verdict.String()
		}
		cells := []string{label, withCI(f.Old, f.OldCI), withCI(f.New, f.NewCI), f.Delta, strings.TrimSpace(f.P + " " + f.Note)}
		if p.Exact {
			cells = append(cells, f.Exact)
		}
		for i := 1; i < len(cells); i++ {
			cells[i] = markdown(cells[i])
		}
		fmt.Fprintf(out, "| %s |\n", strings.Join(cells, " | "))
	}
	out.WriteString("\n")
}

// withCI adds an interval where there is one.
func withCI(center, ci string) string {
	if ci == "" || ci == "∞" {
		return center
	}
	return center + " ± " + ci
}

// markdown makes text mean itself in a table of GitHub's: results come from
// guests, and a name must not become a link or a tag.
func markdown(s string) string {
	var out strings.Builder
	for _, r := range s {
		switch r {
		case '<':
			out.WriteString("&lt;")
		case '&':
			out.WriteString("&amp;")
		case '@': // would call the person of that name
			out.WriteString("&#64;")
		case '\\', '|', '*', '_', '`', '[', ']', '~', '#', '!':
			out.WriteString(`\` + string(r))
		default:
			out.WriteRune(r)
		}
	}
	return out.String()
}
