package figure

import "unicode/utf8"

// A Picture is something that can be drawn.
type Picture interface {
	head() *Head
	size() (width, height float64)
	draw(canvas)
}

// Head is what every picture has.
type Head struct {
	Name  string // for files and links: letters, digits and dashes
	Title string
	Note  string // below it, smaller
	Key   []Key
}

func (h *Head) head() *Head { return h }

// NameOf is a picture's name.
func NameOf(p Picture) string { return p.head().Name }

// TitleOf is a picture's title.
func TitleOf(p Picture) string { return p.head().Title }

// A Key explains a mark.
type Key struct {
	Label  string
	Shape  Shape
	Tone   Tone
	Hollow bool
}

// A Shape tells marks of one tone apart.
type Shape int

// Shapes that stay apart when they are small. There is none above shapes-1.
const (
	Circle Shape = iota
	Triangle
	Square
	Diamond
	Tick
	shapes
)

// ShapeOf is the shape of the i-th thing; from the sixth on they repeat.
func ShapeOf(i int) Shape { return Shape(i % int(shapes)) }

// A canvas is what pictures are drawn on: y grows downwards.
type canvas interface {
	// group says what all that follows, until end, is about, and how most of it
	// is drawn.
	group(title string, s style)
	end()
	line(x1, y1, x2, y2 float64, s style)
	// lines are parallel: at each of at, from lo to hi on the other axis.
	lines(at []float64, lo, hi float64, upright bool, s style)
	rect(x, y, w, h float64, s style)
	path(xs, ys []float64, s style)
	mark(x, y float64, shape Shape, s style)
	text(x, y float64, t string, a anchor, s style)
}

type anchor int

const (
	start anchor = iota
	middle
	end
)

const (
	width      = 430.0
	margin     = 14.0 // to the right
	bottom     = 38.0 // for the ticks' and the axis' names
	rowHeight  = 17.0
	markSize   = 3.4
	titleY     = 16.0
	lineHeight = 16.0
)

// textWidth is about what t takes: exact enough to leave room for it, as the
// reader's font is not known.
func textWidth(t string, s style) float64 {
	return float64(utf8.RuneCountInString(t)) * styles()[s].size * 0.62
}

// top draws the head and returns the y at which it ends.
func (h *Head) top(c canvas) float64 {
	c.text(0, titleY, h.Title, start, titleStyle)
	y := titleY
	if h.Note != "" {
		y += lineHeight
		c.text(0, y, h.Note, start, mutedStyle)
	}
	for _, k := range h.places() {
		s := k.Tone.full()
		if k.Hollow {
			s = k.Tone.hollow()
		}
		c.mark(k.x+5, k.y+y-4, k.Shape, s)
		c.text(k.x+13, k.y+y, k.Label, start, labelStyle)
	}
	return y + h.keyHeight() + 10
}

// topHeight is what top will return.
func (h *Head) topHeight() float64 {
	y := titleY + h.keyHeight() + 10
	if h.Note != "" {
		y += lineHeight
	}
	return y
}

type placedKey struct {
	Key
	x, y float64
}

// places breaks the keys into lines.
func (h *Head) places() []placedKey {
	var out []placedKey
	x, y := 0.0, lineHeight+2
	for _, k := range h.Key {
		w := 13 + textWidth(k.Label, labelStyle) + 16
		if x > 0 && x+w > width {
			x, y = 0, y+lineHeight
		}
		out = append(out, placedKey{k, x, y})
		x += w
	}
	return out
}

func (h *Head) keyHeight() float64 {
	if len(h.Key) == 0 {
		return 0
	}
	p := h.places()
	return p[len(p)-1].y
}
