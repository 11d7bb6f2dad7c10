package report

import (
	_ "embed"
	"html/template"
	"io"
	"strings"
	"sync"
)

//go:embed compare.html.tmpl
var compareHTML string

// comparePage is parsed when it is first needed: see package lazy.
var comparePage = sync.OnceValue(func() *template.Template {
	return template.Must(template.New("compare").Parse(compareHTML))
})

// htmlPairing is a Pairing as the page shows it.
type htmlPairing struct {
	Title, Counted string
	Facts, Notes   []string
	Exact          bool
	Unit           string
	Lines          []htmlLine
	Geomean        *figures
}

type htmlLine struct {
	figures
	Class string
}

// HTML writes the comparison as one page that needs nothing else: no script,
// no network.
func (c *Comparison) HTML(w io.Writer) error {
	var page struct {
		Names    [2]string
		Gate     []string
		Closed   bool
		Warnings []string
		Pairings []htmlPairing
	}
	page.Names = [2]string{c.name(0), c.name(1)}
	if c.Gate != nil {
		page.Gate, page.Closed = c.Gate.Lines(true), c.Gate.Closed() || len(c.Gate.Undecided) > 0
	}
	for _, warning := range c.Warnings {
		page.Warnings = append(page.Warnings, clean(warning.Error()))
	}
	for _, p := range c.Pairings {
		h := htmlPairing{Title: p.title(), Exact: p.Exact, Unit: p.Unit}
		if len(p.Pairs) > 0 {
			facts := c.facts(p)
			h.Counted, h.Facts = p.counted(), facts[:]
			var lines []figures
			lines, h.Notes = p.lines(true)
			for _, f := range lines {
				f.OldCI, f.NewCI = finite(f.OldCI), finite(f.NewCI)
				class := strings.ReplaceAll(f.Verdict.String(), "within ", "")
				if f.second {
					class += " mean"
				}
				h.Lines = append(h.Lines, htmlLine{f, class})
			}
			if f, ok := p.geomean(); ok {
				h.Geomean = &f
			}
			h.Notes = append(h.Notes, p.legend()...)
		}
		h.Notes = append(h.Notes, p.only()...)
		page.Pairings = append(page.Pairings, h)
	}
	return comparePage().Execute(w, page)
}

// finite drops an interval that is none.
func finite(ci string) string {
	if ci == "∞" {
		return ""
	}
	return ci
}
