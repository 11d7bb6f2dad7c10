package figure

import "math"

// Rows is a dot plot: rows of marks.
type Rows struct {
	Head
	Axis Axis
	Rows []Row
}

// A Row is one thing.
type Row struct {
	Label string
	Title string // all of its values, in words
	Tone  Tone
	Marks []Mark
	Span  bool // a line from the first mark to the last
	Bar   bool // a bar from nothing to the last mark, in place of marks
	Gap   bool // some room above: another group begins
}

// A Mark is one value. For those that a logarithmic axis cannot show, an arrow
// stands on its edge.
type Mark struct {
	Value  float64
	Shape  Shape
	Hollow bool
}

func (r *Rows) size() (w, h float64) {
	h = r.topHeight() + bottom
	for _, row := range r.Rows {
		h += row.height()
	}
	return width, h
}

func (r *Row) height() float64 {
	if r.Gap {
		return rowHeight + 7
	}
	return rowHeight
}

func (r *Rows) draw(c canvas) {
	top := r.top(c)
	left := 40.0
	var values []float64
	for _, row := range r.Rows {
		left = max(left, textWidth(row.Label, labelStyle)+10)
		for _, m := range row.Marks {
			values = append(values, m.Value)
		}
	}
	_, height := r.size()
	s := r.Axis.fit(values, left, width-margin)
	below := height - bottom
	s.across(c, top-4, below+2)

	y := top
	for _, row := range r.Rows {
		h := row.height()
		row.draw(c, s, left, y+h-rowHeight/2)
		y += h
	}
}

// across draws the ticks of a horizontal axis.
func (s scale) across(c canvas, top, bottom float64) {
	s.grid(c, top, bottom, true)
	for _, t := range s.ticks() {
		if t.label != "" {
			c.text(s.at(t.value), bottom+13, t.label, middle, mutedStyle)
		}
	}
	c.line(s.from, bottom, s.to, bottom, axisStyle)
	c.text(s.to, bottom+29, s.Label, end, mutedStyle)
}

func (r *Row) draw(c canvas, s scale, left, y float64) {
	c.text(left-8, y+4, r.Label, end, labelStyle)
	c.group(r.Title, r.Tone.full())
	defer c.end()
	if len(r.Marks) == 0 {
		return
	}
	first, last := r.Marks[0], r.Marks[len(r.Marks)-1]
	if r.Bar {
		c.rect(s.from, y-5, math.Max(s.at(last.Value)-s.from, 1), 10, r.Tone.bar())
		return
	}
	if r.Span && s.shows(first.Value) && s.shows(last.Value) {
		c.line(s.at(first.Value), y, s.at(last.Value), y, r.Tone.stroke())
	}
	low := false
	for i, m := range r.Marks {
		if !s.shows(m.Value) {
			low = true
			continue
		}
		st := r.Tone.full()
		if m.Hollow {
			st = r.Tone.hollow()
		}
		dy := 0.0
		if !r.Span { // marks of near values stay apart
			dy = (float64(i) - float64(len(r.Marks)-1)/2) * math.Min(3, 9/float64(len(r.Marks)))
		}
		c.mark(s.at(m.Value), y+dy, m.Shape, st)
	}
	if low {
		c.path([]float64{s.from + 12, s.from + 2, s.from + 6}, []float64{y, y, y - 3}, r.Tone.stroke())
		c.path([]float64{s.from + 2, s.from + 6}, []float64{y, y + 3}, r.Tone.stroke())
	}
}
