package profile

import (
	"bytes"
	"cmp"
	"fmt"
	"io"
	"slices"

	svg "github.com/ajstarks/svgo"
)

const (
	flameWidth  = 1200
	flameMargin = 10
	flameRow    = 18
	flameHead   = 48
	flameFont   = 7 // pixels of a letter, about
)

// flame is a box: a function, as called by the box below it.
type flame struct {
	name  string
	color string
	value uint64
	above map[string]*flame
}

// The tasks are told apart without seeing all colours (Okabe and Ito, lighter);
// user mode is grey.
var flameColors = map[string]string{Target: "#f0c878", Supervisor: "#9ccdea", Others: "#b8dcc8"}

const flameUser = "#dddddd"

// Flame draws the call in the middle as a flame graph (after Brendan Gregg): a
// box is as wide as the instructions of its function and of all that this
// called. It is a picture alone: each box tells its figures where a browser
// shows titles, and a profile to walk about in is go tool pprof -http.
func (p *Profile) Flame(w io.Writer) error {
	root := &flame{name: fmt.Sprintf("%s %s", p.Arch, p.Name), color: "#eeeeee"}
	deep := 0
	for _, s := range p.Stacks {
		if s.Call == 0 {
			continue
		}
		deep = max(deep, len(s.Frames)+2)
		root.value += s.Call
		at := root.child(s.Task, flameColors[s.Task], s.Call)
		for i, name := range s.Frames {
			color := flameColors[s.Task]
			if s.User && i == len(s.Frames)-1 {
				color = flameUser
			}
			at = at.child(name, color, s.Call)
		}
	}
	var b bytes.Buffer
	height := flameHead + deep*flameRow + flameMargin
	c := svg.New(&b)
	c.Startview(flameWidth, height, 0, 0, flameWidth, height)
	c.Title(root.name)
	c.Rect(0, 0, flameWidth, height, "fill:white")
	c.Gstyle("font-family:monospace;font-size:11px;fill:black")
	c.Text(flameMargin, 20, fmt.Sprintf("%s: one call, %d instructions (the call in the middle of %d)", root.name, p.Median, p.Calls), "font-size:13px")
	c.Text(flameMargin, 36, fmt.Sprintf("Linux %s, instructions of QEMU %s, seed %s. Inlined functions are part of their callers.", p.Kernel, p.QEMU, p.Seed))
	if root.value > 0 {
		root.draw(c, root.value, 0, height-flameMargin-flameRow)
	}
	c.Gend()
	c.End()
	_, err := w.Write(b.Bytes())
	return err
}

func (f *flame) child(name, color string, value uint64) *flame {
	c := f.above[name]
	if c == nil {
		if f.above == nil {
			f.above = map[string]*flame{}
		}
		c = &flame{name: name, color: color}
		f.above[name] = c
	}
	c.value += value
	return c
}

// draw draws f, which begins so many instructions from the left, and what is
// above it, the widest first.
func (f *flame) draw(c *svg.SVG, total, from uint64, y int) {
	x := func(at uint64) int {
		return flameMargin + int(float64(at)/float64(total)*(flameWidth-2*flameMargin)+0.5)
	}
	left, right := x(from), x(from+f.value)
	if right == left {
		return // too narrow to be seen, as all above it
	}
	c.Group()
	c.Title(fmt.Sprintf("%s: %d instructions, %.1f %%", f.name, f.value, 100*float64(f.value)/float64(total)))
	c.Rect(left, y, right-left, flameRow-1, "fill:"+f.color+";stroke:white;stroke-width:0.5")
	if room := (right - left - 6) / flameFont; room >= 3 {
		name := f.name
		if len(name) > room {
			name = name[:room-2] + ".."
		}
		c.Text(left+3, y+13, name)
	}
	c.Gend()
	var above []*flame
	for _, a := range f.above {
		above = append(above, a)
	}
	slices.SortFunc(above, func(a, b *flame) int { return cmp.Or(cmp.Compare(b.value, a.value), cmp.Compare(a.name, b.name)) })
	for _, a := range above {
		a.draw(c, total, from, y-flameRow)
		from += a.value
	}
}
