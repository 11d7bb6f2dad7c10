package figure

import (
	"bytes"
	"fmt"
	"image/color"
	"image/png"
	"math"
	"strconv"
	"sync"

	"git.sr.ht/~sbinet/gg"
	"golang.org/x/image/font"
	"golang.org/x/image/font/gofont/gobold"
	"golang.org/x/image/font/gofont/goregular"
	"golang.org/x/image/font/opentype"
)

// pngScale is how many pixels one unit is: legible in print.
const pngScale = 2

// PNG draws p for light surroundings.
func PNG(p Picture) ([]byte, error) {
	w, h := p.size()
	c := &pngCanvas{Context: gg.NewContext(int(w*pngScale), int(math.Ceil(h)*pngScale)), faces: map[look]font.Face{}}
	c.rect(0, 0, w, math.Ceil(h), backStyle)
	p.draw(c)
	if c.err != nil {
		return nil, fmt.Errorf("draw %s: %w", p.head().Name, c.err)
	}
	var out bytes.Buffer
	e := png.Encoder{CompressionLevel: png.BestSpeed}
	if err := e.Encode(&out, c.Image()); err != nil {
		return nil, fmt.Errorf("draw %s: %w", p.head().Name, err)
	}
	return out.Bytes(), nil
}

// fonts are read when the first text is drawn, and not when the program
// starts: most of its processes draw nothing.
var fonts = sync.OnceValues(func() (f [2]*opentype.Font, err error) {
	for i, ttf := range [][]byte{goregular.TTF, gobold.TTF} {
		if f[i], err = opentype.Parse(ttf); err != nil {
			return f, fmt.Errorf("read the font of the pictures: %w", err)
		}
	}
	return f, nil
})

// pngCanvas keeps its first error.
type pngCanvas struct {
	*gg.Context
	faces map[look]font.Face
	err   error
}

func (c *pngCanvas) group(string, style) {}
func (c *pngCanvas) end()                {}

func (c *pngCanvas) lines(at []float64, lo, hi float64, upright bool, s style) {
	for _, v := range at {
		if upright {
			c.line(v, lo, v, hi, s)
		} else {
			c.line(lo, v, hi, v, s)
		}
	}
}

func (c *pngCanvas) line(x1, y1, x2, y2 float64, s style) {
	c.path([]float64{x1, x2}, []float64{y1, y2}, s)
}

func (c *pngCanvas) rect(x, y, w, h float64, s style) {
	c.DrawRectangle(x*pngScale, y*pngScale, w*pngScale, h*pngScale)
	c.ink(s)
}

func (c *pngCanvas) path(xs, ys []float64, s style) {
	for i := range xs {
		c.LineTo(xs[i]*pngScale, ys[i]*pngScale)
	}
	c.ink(s)
}

func (c *pngCanvas) mark(x, y float64, shape Shape, s style) {
	xs, ys := outline(x, y, shape)
	if xs == nil {
		c.DrawCircle(x*pngScale, y*pngScale, markSize*pngScale)
		c.ink(s)
		return
	}
	c.NewSubPath()
	for i := range xs {
		c.LineTo(xs[i]*pngScale, ys[i]*pngScale)
	}
	c.ClosePath()
	c.ink(s)
}

// ink fills and strokes what was outlined.
func (c *pngCanvas) ink(s style) {
	l := styles()[s]
	if l.fill[0] != "" {
		c.SetColor(rgb(l.fill[0], l.opacity))
		c.FillPreserve()
	}
	if l.stroke[0] != "" {
		c.SetColor(rgb(l.stroke[0], 0))
		c.SetLineWidth(l.width * pngScale)
		c.StrokePreserve()
	}
	c.ClearPath()
}

func (c *pngCanvas) text(x, y float64, t string, a anchor, s style) {
	l := styles()[s]
	face := c.faces[l]
	if face == nil {
		f, err := fonts()
		if err == nil {
			weight := f[0]
			if l.bold {
				weight = f[1]
			}
			face, err = opentype.NewFace(weight, &opentype.FaceOptions{Size: l.size * pngScale, DPI: 72})
		}
		if err != nil {
			c.err = err
			return
		}
		c.faces[l] = face
	}
	c.SetFontFace(face)
	c.SetColor(rgb(l.fill[0], 0))
	c.DrawStringAnchored(t, x*pngScale, y*pngScale, float64(a)/2, 0)
}

// rgb is the colour of "#rrggbb"; an opacity of 0 is full.
func rgb(hex string, opacity float64) color.Color {
	n, _ := strconv.ParseUint(hex[1:], 16, 24) // the table has no other, says its test
	alpha := uint8(255)
	if opacity > 0 {
		alpha = uint8(opacity * 255)
	}
	return color.NRGBA{R: uint8(n >> 16), G: uint8(n >> 8), B: uint8(n), A: alpha}
}
