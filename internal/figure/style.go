package figure

import (
	"fmt"
	"strings"
	"sync"
)

// A Tone is a kind of thing.
type Tone int

// Tones. Their colours differ in lightness, too.
const (
	Neutral Tone = iota
	Warn
	Good
	Other
)

// style names how something is drawn: a class in SVG.
type style string

const (
	textStyle  style = "t"
	titleStyle style = "b"
	labelStyle style = "l"
	mutedStyle style = "m"
	gridStyle  style = "g"
	minorStyle style = "n"
	axisStyle  style = "a"
	backStyle  style = "bg" // of a picture by itself
)

func (t Tone) full() style   { return style("f" + string(rune('0'+t))) }
func (t Tone) hollow() style { return style("h" + string(rune('0'+t))) }
func (t Tone) stroke() style { return style("s" + string(rune('0'+t))) }
func (t Tone) bar() style    { return style("r" + string(rune('0'+t))) }
func (t Tone) name() style   { return style("x" + string(rune('0'+t))) }

// tones are the colours in light and in dark surroundings. The blue and the
// orange are Okabe and Ito's, darkened or lightened to 4.5 to 1 on the ground.
var tones = [...][2]string{
	Neutral: {"#6a7078", "#9aa2ab"},
	Warn:    {"#b84a00", "#f5924e"},
	Good:    {"#0065a3", "#5db3f0"},
	Other:   {"#7b4b94", "#c39adb"},
}

// ground is what pictures stand on.
var ground = [2]string{"#ffffff", "#14171a"}

type look struct {
	fill, stroke [2]string // "" is none
	width        float64   // of the stroke
	size         float64   // of text
	bold         bool
	opacity      float64 // of the fill, 0 is full
}

// styles are made when they are first needed: see package lazy.
var styles = sync.OnceValue(makeStyles)

func makeStyles() map[style]look {
	ink, muted := [2]string{"#1c1f23", "#e4e7ea"}, [2]string{"#5c636b", "#a3abb3"}
	m := map[style]look{
		textStyle:  {fill: ink, size: 12},
		titleStyle: {fill: ink, size: 13, bold: true},
		labelStyle: {fill: ink, size: 11.5},
		mutedStyle: {fill: muted, size: 11},
		gridStyle:  {stroke: [2]string{"#dfe2e6", "#353a40"}, width: 1},
		minorStyle: {stroke: [2]string{"#eff1f3", "#24282d"}, width: 1},
		axisStyle:  {stroke: [2]string{"#8a9199", "#757d86"}, width: 1},
		backStyle:  {fill: ground},
	}
	for i, c := range tones {
		t := Tone(i)
		m[t.full()] = look{fill: c, stroke: c, width: 1.2}
		m[t.hollow()] = look{fill: ground, stroke: c, width: 1.4}
		m[t.stroke()] = look{stroke: c, width: 1.4}
		m[t.bar()] = look{fill: c, opacity: 0.75}
		m[t.name()] = look{fill: c, size: 11}
	}
	return m
}

// order is that of the style sheet.
func order() []style {
	all := []style{textStyle, titleStyle, labelStyle, mutedStyle, gridStyle, minorStyle, axisStyle, backStyle}
	for i := range tones {
		all = append(all, Tone(i).full(), Tone(i).hollow(), Tone(i).stroke(), Tone(i).bar(), Tone(i).name())
	}
	return all
}

// CSS is the style sheet of what SVG draws, for light and dark surroundings.
// Every rule begins with scope.
func CSS(scope string) string {
	var out strings.Builder
	fmt.Fprintf(&out, "%stext{font-family:system-ui,-apple-system,\"Segoe UI\",Roboto,\"DejaVu Sans\",sans-serif}\n", scope)
	sheet := func(theme int) {
		for _, s := range order() {
			l := styles()[s]
			var p []string
			if l.fill[theme] != "" {
				p = append(p, "fill:"+l.fill[theme])
			} else {
				p = append(p, "fill:none")
			}
			if l.stroke[theme] != "" {
				p = append(p, "stroke:"+l.stroke[theme])
			} else if l.size == 0 {
				p = append(p, "stroke:none")
			}
			if theme == 0 {
				if l.width > 0 {
					p = append(p, fmt.Sprintf("stroke-width:%g", l.width))
				}
				if l.size > 0 {
					p = append(p, fmt.Sprintf("font-size:%gpx", l.size))
				}
				if l.bold {
					p = append(p, "font-weight:600")
				}
				if l.opacity > 0 {
					p = append(p, fmt.Sprintf("fill-opacity:%g", l.opacity))
				}
			}
			fmt.Fprintf(&out, "%s.%s{%s}\n", scope, s, strings.Join(p, ";"))
		}
	}
	sheet(0)
	out.WriteString("@media screen and (prefers-color-scheme:dark){\n")
	sheet(1)
	out.WriteString("}\n")
	return out.String()
}
