package figure

import (
	"bytes"
	"encoding/xml"
	"errors"
	"image"
	"image/color"
	"image/png"
	"io"
	"math"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

const hostile = `</title><script>alert("1")</script> & 'x' .0" > ü`

func examples() []Picture {
	return []Picture{
		&Rows{
			Head: Head{Name: "rows", Title: "Rows", Note: "a note", Key: []Key{{Label: "one", Shape: Circle}, {Label: "two", Shape: Triangle, Tone: Good, Hollow: true}}},
			Axis: Axis{Label: "ns (log)", Log: true},
			Rows: []Row{
				{Label: "first", Tone: Warn, Title: "first: 1, 20", Marks: []Mark{{Value: 1}, {Value: 20, Shape: Square, Hollow: true}}},
				{Label: "below", Tone: Good, Gap: true, Marks: []Mark{{Value: -5}, {Value: 300, Shape: Diamond}}},
				{Label: "spread", Span: true, Marks: []Mark{{Value: 2}, {Value: 900, Shape: Tick}}},
				{Label: "nothing"},
			},
		},
		&Rows{Head: Head{Name: "bars", Title: "Bars"}, Axis: Axis{Label: "lines"}, Rows: []Row{{Label: "a", Bar: true, Marks: []Mark{{Value: 12}}}}},
		&Lines{
			Head: Head{Name: "lines", Title: "Lines"}, X: Axis{Label: "steps"}, Y: Axis{Label: "ns", Log: true},
			Lines: []Line{
				{Label: "near", Tone: Good, Points: []Point{{0, 10}, {1, 20}, {16, 40}}},
				{Label: "nearer", Tone: Warn, Points: []Point{{0, 10}, {1, 20.1}, {16, 40.1}}},
				{Label: "one step", Points: []Point{{1, 3}}},
				{Label: "none"},
			},
		},
		&Rows{Head: Head{Name: "hostile", Title: hostile, Note: hostile}, Axis: Axis{Label: hostile, Log: true},
			Rows: []Row{{Label: hostile, Title: hostile, Marks: []Mark{{Value: math.Inf(1)}, {Value: math.NaN()}, {Value: 0}}}}},
		&Rows{Head: Head{Name: "empty"}},
		&Lines{Head: Head{Name: "empty-lines"}},
	}
}

// texts are those of an SVG, which must be well-formed, and its elements.
func texts(t *testing.T, svg []byte) (found, elements []string) {
	t.Helper()
	d := xml.NewDecoder(bytes.NewReader(svg))
	for {
		token, err := d.Token()
		if errors.Is(err, io.EOF) {
			return found, elements
		}
		if err != nil {
			t.Fatalf("%v in:\n%s", err, svg)
		}
		switch e := token.(type) {
		case xml.StartElement:
			elements = append(elements, e.Name.Local)
		case xml.CharData:
			if s := strings.TrimSpace(string(e)); s != "" {
				found = append(found, s)
			}
		}
	}
}

func TestSVG(t *testing.T) {
	for _, p := range examples() {
		t.Run(NameOf(p), func(t *testing.T) {
			for _, svg := range [][]byte{SVG(p), InlineSVG(p)} {
				_, elements := texts(t, svg)
				if slices.Contains(elements, "script") {
					t.Errorf("a text became an element:\n%s", svg)
				}
				for _, bad := range []string{"NaN", "Inf", "xlink", "<?xml", "<!--"} {
					if bytes.Contains(svg, []byte(bad)) {
						t.Errorf("%s in:\n%s", bad, svg)
					}
				}
			}
			if !bytes.Equal(SVG(p), SVG(p)) {
				t.Error("drawn again, it differs")
			}
		})
	}
	got, _ := texts(t, InlineSVG(examples()[3]))
	got = slices.DeleteFunc(got, func(s string) bool { return len(s) < 4 }) // ticks
	want := []string{hostile, hostile, hostile, hostile, hostile}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("texts (-want +got):\n%s", diff)
	}
}

func TestPNG(t *testing.T) {
	for _, p := range examples() {
		t.Run(NameOf(p), func(t *testing.T) {
			text, err := PNG(p)
			if err != nil {
				t.Fatal(err)
			}
			img, err := png.Decode(bytes.NewReader(text))
			if err != nil {
				t.Fatal(err)
			}
			w, h := p.size()
			if want := image.Rect(0, 0, int(w)*pngScale, int(math.Ceil(h))*pngScale); img.Bounds() != want {
				t.Errorf("%v, want %v", img.Bounds(), want)
			}
			if NameOf(p) == "rows" {
				for _, tone := range []Tone{Neutral, Warn, Good} {
					if !hasColour(img, rgb(tones[tone][0], 0)) {
						t.Errorf("no pixel has the colour of tone %d", tone)
					}
				}
			}
		})
	}
}

func hasColour(img image.Image, c color.Color) bool {
	b := img.Bounds()
	r, g, bl, _ := c.RGBA()
	for y := b.Min.Y; y < b.Max.Y; y++ {
		for x := b.Min.X; x < b.Max.X; x++ {
			if r2, g2, b2, _ := img.At(x, y).RGBA(); r == r2 && g == g2 && bl == b2 {
				return true
			}
		}
	}
	return false
}

func TestTicks(t *testing.T) {
	for _, tt := range []struct {
		name   string
		axis   Axis
		values []float64
		want   string // labels
	}{
		{"decades", Axis{Log: true}, []float64{1, 1e5}, "1 10 100 1k 10k 100k"},
		{"parts of decades", Axis{Log: true}, []float64{300, 9000}, "500 1k 2k 5k 10k"},
		{"nearly one value", Axis{Log: true}, []float64{1000, 1001}, "600 700 800 900 1k 2k"},
		{"rates", Axis{Log: true}, []float64{1e-5, 0.5}, "1e-05 0.0001 0.001 0.01 0.1"},
		{"what has no place", Axis{Log: true}, []float64{0, -3, math.NaN(), 100}, "50 60 70 80 90 100 200"},
		{"linear", Axis{}, []float64{7, 1040}, "0 200 400 600 800 1k 1.2k"},
		{"linear, little", Axis{}, []float64{3}, "0 0.5 1 1.5 2 2.5 3"},
		{"nothing", Axis{}, nil, "0 0.2 0.4 0.6 0.8 1"},
	} {
		s := tt.axis.fit(tt.values, 0, 100)
		var labels []string
		for _, tick := range s.ticks() {
			if tick.label != "" {
				labels = append(labels, tick.label)
			}
			if at := s.at(tick.value); at < 0 || at > 100 {
				t.Errorf("%s: %v is at %v", tt.name, tick.value, at)
			}
		}
		if got := strings.Join(labels, " "); got != tt.want {
			t.Errorf("%s: ticks %s, want %s", tt.name, got, tt.want)
		}
	}
}

// luminance is that of WCAG 2.2, "relative luminance".
func luminance(hex string) float64 {
	c := rgb(hex, 0).(color.NRGBA)
	part := func(v uint8) float64 {
		f := float64(v) / 255
		if f <= 0.04045 {
			return f / 12.92
		}
		return math.Pow((f+0.055)/1.055, 2.4)
	}
	return 0.2126*part(c.R) + 0.7152*part(c.G) + 0.0722*part(c.B)
}

// TestStyles: every style is in the sheet, and texts and marks stand out from
// the ground, light and dark (WCAG 2.2, 1.4.3 and 1.4.11).
func TestStyles(t *testing.T) {
	sheet := CSS("svg ")
	for s, l := range styles() {
		if strings.Count(sheet, "\nsvg ."+string(s)+"{") != 2 {
			t.Errorf("%s is not in the sheet twice:\n%s", s, sheet)
		}
		for theme := range ground {
			colour, want := l.fill[theme], 3.0
			switch {
			case s == gridStyle || s == minorStyle || s == axisStyle || s == backStyle:
				continue
			case l.size > 0:
				want = 4.5
			case l.stroke[theme] != "":
				colour = l.stroke[theme]
			}
			a, b := luminance(colour), luminance(ground[theme])
			if ratio := (max(a, b) + 0.05) / (min(a, b) + 0.05); ratio < want {
				t.Errorf("%s, theme %d: %s on %s has a contrast of %.1f, want %v", s, theme, colour, ground[theme], ratio, want)
			}
		}
	}
}

// spy keeps where texts are.
type spy struct {
	pngCanvas
	at map[string]float64
}

func (s *spy) text(_, y float64, t string, _ anchor, _ style) { s.at[t] = y }
func (s *spy) mark(float64, float64, Shape, style)            {}
func (s *spy) path([]float64, []float64, style)               {}
func (s *spy) line(float64, float64, float64, float64, style) {}
func (s *spy) lines([]float64, float64, float64, bool, style) {}
func (s *spy) rect(float64, float64, float64, float64, style) {}

// TestNamesStayApart: lines that end at one place have names at several.
func TestNamesStayApart(t *testing.T) {
	l := &Lines{Y: Axis{Log: true}}
	for i := range 20 {
		l.Lines = append(l.Lines, Line{Label: string(rune('a' + i)), Points: []Point{{1, 100}, {2, 100 + float64(i)/100}}})
	}
	s := &spy{at: map[string]float64{}}
	l.draw(s)
	var ys []float64
	for i := range 20 {
		ys = append(ys, s.at[string(rune('a'+i))])
	}
	slices.Sort(ys)
	_, height := l.size()
	for i, y := range ys {
		if y < 0 || y > height || i > 0 && y-ys[i-1] < labelGap-0.01 {
			t.Errorf("names are at %v, of %v", ys, height)
			break
		}
	}
}

// FuzzSVG: whatever a text holds, the picture stays well-formed and is about it.
func FuzzSVG(f *testing.F) {
	f.Add(hostile, 1.0)
	f.Add(" .0,", -1e300)
	f.Fuzz(func(t *testing.T, text string, v float64) {
		p := &Rows{Head: Head{Name: "f", Title: text}, Axis: Axis{Log: true}, Rows: []Row{{Label: text, Title: text, Marks: []Mark{{Value: v}, {Value: 1}}}}}
		_, elements := texts(t, InlineSVG(p))
		if slices.Contains(elements, "script") {
			t.Errorf("%q", text)
		}
	})
}
