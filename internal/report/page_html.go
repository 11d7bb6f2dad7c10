package report

import (
	"bytes"
	_ "embed"
	"fmt"
	"html/template"
	"io"
	"sync"

	"unotify-bench/internal/figure"
)

var (
	//go:embed page.html.tmpl
	pageHTML string
	//go:embed page.css
	pageCSS string
	//go:embed page.js
	pageJS string
)

// pageTemplate is parsed when it is first needed: see package lazy.
var pageTemplate = sync.OnceValue(func() *template.Template {
	return template.Must(template.New("page").Funcs(template.FuncMap{
		"svg":    func(p figure.Picture) template.HTML { return template.HTML(figure.InlineSVG(p)) }, //nolint:gosec // it escapes its texts
		"name":   figure.NameOf,
		"css":    func() template.CSS { return template.CSS(pageCSS + figure.CSS("svg ")) },
		"script": func() template.JS { return template.JS(pageJS) },
		"part":   func(s *Section) sectionAt { return sectionAt{s, 3} },
		"top":    func(s *Section) sectionAt { return sectionAt{s, 2} },
	}).Parse(pageHTML))
})

// sectionAt is a section and the level of its heading.
type sectionAt struct {
	*Section
	Level int
}

// Starts reports whether column i is the first of a group.
func (t *PageTable) Starts(i int) bool {
	at := 0
	for _, g := range t.Groups {
		if i == at && i > 0 {
			return true
		}
		at += g.Span
	}
	return false
}

// Last is the class of column i's cells, for the template.
func (t *PageTable) class(i int, c PageCell) string {
	if !t.Starts(i) {
		return c.Class
	}
	if c.Class == "" {
		return "g"
	}
	return "g " + c.Class
}

// Cells are a row's, with the classes that their columns give them.
func (t *PageTable) Cells(r PageRow) []PageCell {
	cells := make([]PageCell, len(r.Cells))
	for i, c := range r.Cells {
		c.Class = t.class(i, c)
		cells[i] = c
	}
	return cells
}

// Classes are the table's.
func (t *PageTable) Classes() string {
	s := fmt.Sprintf("t%d", t.Text)
	if t.Wrap {
		s += " wrap"
	}
	return s
}

// HTML writes the page, which needs nothing else: no network, and scripts only
// to sort tables.
func (p *Page) HTML(w io.Writer) error {
	var out bytes.Buffer
	if err := pageTemplate().Execute(&out, p); err != nil {
		return fmt.Errorf("make the page: %w", err)
	}
	_, err := w.Write(out.Bytes())
	return err
}
