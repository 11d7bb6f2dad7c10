package figure

import (
	"bytes"
	"encoding/xml"
	"fmt"
	"math"
	"strings"

	svg "github.com/ajstarks/svgo/float"

	"unotify-bench/internal/lazy"
)

// SVG draws p for a file of its own, which has its style sheet with it.
func SVG(p Picture) []byte {
	return drawSVG(p, true)
}

// InlineSVG draws p for a page that has CSS in it.
func InlineSVG(p Picture) []byte { return drawSVG(p, false) }

func drawSVG(p Picture, alone bool) []byte {
	var out bytes.Buffer
	w, h := p.size()
	c := &svgCanvas{SVG: svg.New(&out)}
	c.Decimals = 1
	c.Startraw(fmt.Sprintf(`width="%.0f" height="%.0f" viewBox="0 0 %.0f %.0f" role="img" aria-label="%s"`,
		w, math.Ceil(h), w, math.Ceil(h), escape(p.head().Title)))
	if alone {
		c.Style("text/css", "\n"+CSS(""))
		c.rect(0, 0, w, math.Ceil(h), backStyle)
	}
	p.draw(c)
	c.End()
	return compact(out.Bytes())
}

func escape(s string) string {
	var out strings.Builder
	_ = xml.EscapeText(&out, []byte(s)) // a Builder takes all
	return out.String()
}

var (
	wholePoint = lazy.Regexp(`\.0([", MVH])`)
	points     = lazy.Regexp(`(?:points|d)="[^"]*"`)
)

// compact leaves out what svgo writes and nobody reads: a head for files, blanks
// before brackets, decimals of whole numbers. A page has thousands of marks. In
// texts there is none of it, as quotation marks are escaped there.
func compact(text []byte) []byte {
	text = text[bytes.Index(text, []byte("<svg")):]
	text = points().ReplaceAllFunc(text, func(p []byte) []byte { return wholePoint().ReplaceAll(p, []byte("$1")) })
	for _, r := range [][2]string{
		{"<svg\n     ", "<svg "}, {"\n     xmlns", " xmlns"}, {` xmlns:xlink="http://www.w3.org/1999/xlink"`, ""},
		{` class=""`, ""}, {"\" />\n", "\"/>"}, {"\"/>\n", "\"/>"}, {"\" >", "\">"}, {".0\"", "\""}, {"</text>\n", "</text>"}, {"</title>\n", "</title>"}, {"</g>\n", "</g>\n"},
		{"\" >\n", "\">"}, {"\">\n<", "\"><"},
	} {
		text = bytes.ReplaceAll(text, []byte(r[0]), []byte(r[1]))
	}
	return append(bytes.TrimSpace(text), '\n')
}

// svgCanvas styles by class.
type svgCanvas struct {
	*svg.SVG
	inherited style // of the group
}

// class is the attribute, where the group's is not meant.
func (c *svgCanvas) class(s style) string {
	if s == c.inherited {
		return `class=""` // which compact drops
	}
	return `class="` + string(s) + `"`
}

func (c *svgCanvas) group(title string, s style) {
	c.Group(c.class(s))
	c.inherited = s
	if title != "" {
		c.Title(title)
	}
}

func (c *svgCanvas) end() {
	c.Gend()
	c.inherited = ""
}

func (c *svgCanvas) line(x1, y1, x2, y2 float64, s style) { c.Line(x1, y1, x2, y2, c.class(s)) }
func (c *svgCanvas) rect(x, y, w, h float64, s style)     { c.Rect(x, y, w, h, c.class(s)) }

func (c *svgCanvas) path(xs, ys []float64, s style) {
	if len(xs) > 0 {
		c.Polyline(xs, ys, c.class(s))
	}
}

// lines are one path, as most of a picture's elements would be lines otherwise.
func (c *svgCanvas) lines(at []float64, lo, hi float64, upright bool, s style) {
	if len(at) == 0 {
		return
	}
	var d strings.Builder
	for _, v := range at {
		if upright {
			fmt.Fprintf(&d, "M%.1f %.1fV%.1f", v, lo, hi)
		} else {
			fmt.Fprintf(&d, "M%.1f %.1fH%.1f", lo, v, hi)
		}
	}
	c.Path(d.String(), c.class(s))
}

func (c *svgCanvas) text(x, y float64, t string, a anchor, s style) {
	attr := c.class(s)
	if a != start {
		attr += ` text-anchor="` + [...]string{"start", "middle", "end"}[a] + `"`
	}
	c.Text(x, y, t, attr)
}

func (c *svgCanvas) mark(x, y float64, shape Shape, s style) {
	xs, ys := outline(x, y, shape)
	switch {
	case xs == nil:
		c.Circle(x, y, markSize, c.class(s))
	case len(xs) == 2:
		c.Line(xs[0], ys[0], xs[1], ys[1], c.class(s))
	default:
		c.Polygon(xs, ys, c.class(s))
	}
}

// outline is the shape's corners; a circle has none.
func outline(x, y float64, shape Shape) (xs, ys []float64) {
	const r = markSize
	switch shape {
	case Triangle:
		return []float64{x - r, x, x + r}, []float64{y + r, y - r, y + r}
	case Square:
		const q = r * 0.87
		return []float64{x - q, x + q, x + q, x - q}, []float64{y - q, y - q, y + q, y + q}
	case Diamond:
		const d = r * 1.25
		return []float64{x, x + d, x, x - d}, []float64{y - d, y, y + d, y}
	case Tick:
		return []float64{x, x}, []float64{y - r - 2.2, y + r + 2.2}
	}
	return nil, nil
}
