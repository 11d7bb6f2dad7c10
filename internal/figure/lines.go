package figure

import (
	"cmp"
	"math"
	"slices"
)

// Lines follows values over steps.
type Lines struct {
	Head
	X, Y  Axis
	Lines []Line
}

// A Line is one thing's values.
type Line struct {
	Label  string // at its end
	Title  string
	Tone   Tone
	Dashed bool
	Shape  Shape
	Points []Point
}

// A Point is a value at a step.
type Point struct{ X, Y float64 }

const (
	linesHeight = 250.0
	labelGap    = 12.5
)

func (l *Lines) plotHeight() float64 { return math.Max(linesHeight, float64(len(l.Lines))*labelGap+10) }

func (l *Lines) size() (w, h float64) { return width, l.topHeight() + l.plotHeight() + bottom }

func (l *Lines) draw(c canvas) {
	top := l.top(c)
	below := top + l.plotHeight()
	left, right := 46.0, 20.0
	var xs, ys []float64
	for _, line := range l.Lines {
		right = max(right, textWidth(line.Label, mutedStyle)+26)
		for _, p := range line.Points {
			xs, ys = append(xs, p.X), append(ys, p.Y)
		}
	}
	x, y := l.steps(xs, left, width-right), l.Y.fit(ys, below, top)
	y.grid(c, left, width-right, false)
	for _, t := range y.ticks() {
		if t.label != "" {
			c.text(left-6, y.at(t.value)+4, t.label, end, mutedStyle)
		}
	}
	c.line(left, below, width-right, below, axisStyle)
	format := l.X.Format
	if format == nil {
		format = short
	}
	for _, v := range x.values {
		c.line(x.at(v), below, x.at(v), below+4, axisStyle)
		c.text(x.at(v), below+16, format(v), middle, mutedStyle)
	}
	c.text(width-right, below+32, l.X.Label, end, mutedStyle)
	c.text(0, below+32, l.Y.Label, start, mutedStyle)
	for _, line := range l.Lines {
		line.draw(c, x, y)
	}
	l.names(c, x, y, top, below)
}

func (l *Line) draw(c canvas, x steps, y scale) {
	c.group(l.Title, l.Tone.full())
	defer c.end()
	var px, py []float64
	for _, p := range l.Points {
		px, py = append(px, x.at(p.X)), append(py, y.at(p.Y))
	}
	c.path(px, py, l.Tone.stroke())
	for i := range px {
		c.mark(px[i], py[i], l.Shape, l.Tone.full())
	}
}

// names writes each line's at its end, and moves them where they would lie on
// each other.
func (l *Lines) names(c canvas, x steps, y scale, top, below float64) {
	type name struct {
		*Line
		end, at float64
	}
	var names []name
	for i := range l.Lines {
		line := &l.Lines[i]
		if len(line.Points) == 0 {
			continue
		}
		last := line.Points[len(line.Points)-1]
		names = append(names, name{line, y.at(last.Y), y.at(last.Y)})
	}
	slices.SortStableFunc(names, func(a, b name) int { return cmp.Compare(a.end, b.end) })
	at := top
	for i := range names {
		names[i].at = max(names[i].at, at)
		at = names[i].at + labelGap
	}
	at = below
	for i := range slices.Backward(names) {
		names[i].at = min(names[i].at, at)
		at = names[i].at - labelGap
	}
	for _, n := range names {
		from := x.at(n.Points[len(n.Points)-1].X) + 5
		c.path([]float64{from, x.to + 12, x.to + 20}, []float64{n.end, n.at, n.at}, gridStyle)
		c.text(x.to+22, n.at+4, n.Label, start, n.Tone.name())
	}
}

// steps are the values that an X axis has, each as far from the next: what is
// swept grows by factors, and begins at nothing.
type steps struct {
	values   []float64
	from, to float64
}

func (l *Lines) steps(xs []float64, from, to float64) steps {
	xs = slices.Clone(xs)
	slices.Sort(xs)
	return steps{slices.Compact(xs), from + 8, to - 4}
}

func (s steps) at(v float64) float64 {
	i := slices.Index(s.values, v)
	if len(s.values) < 2 {
		return (s.from + s.to) / 2
	}
	return s.from + float64(i)/float64(len(s.values)-1)*(s.to-s.from)
}
